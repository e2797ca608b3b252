// What an app on Node sends with Segment's own client.
import { Analytics } from '@segment/analytics-node'

const client = new Analytics({ writeKey: 'APP_KEY', host: process.env.HOST, flushAt: 8, flushInterval: 100, maxRetries: 5 })
client.on('error', (e) => { console.error(e); process.exitCode = 1 })
const timestamp = new Date('2026-03-01T12:00:00.250Z')
client.identify({ userId: 'n-1', traits: { email: 'n@example.com', plan: null, name: 'Zoë' }, timestamp })
client.track({ userId: 'n-1', event: 'Order Completed', properties: { order_id: 'o-1', revenue: 12.5, products: [{ sku: 'a', price: 0.1 }] }, context: { ip: '198.51.100.7' }, integrations: { All: false, Amplitude: true }, timestamp })
client.track({ anonymousId: 'n-anon', event: 'Seen', messageId: 'own-id', timestamp })
client.page({ userId: 'n-1', category: 'Docs', name: 'Install', properties: { url: 'https://example.com/?a=1&b=<2>' }, timestamp })
client.screen({ userId: 'n-1', name: 'Home', timestamp })
client.group({ userId: 'n-1', groupId: 'g-1', traits: { name: 'ACME' }, timestamp })
client.alias({ userId: 'n-1', previousId: 'n-old', timestamp })
client.track({ userId: 'n-1', event: 'As large as may be', properties: { text: 'x'.repeat(32_300) }, timestamp })
await client.closeAndFlush()
