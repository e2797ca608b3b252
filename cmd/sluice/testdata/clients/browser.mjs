// What a page sends with Segment's own client for browsers: it asks where to send, and
// sends call by call or in batches.
import { JSDOM } from 'jsdom'

const page = new JSDOM('<!doctype html><title>Shop</title><body><script src="x.js"></script>', { url: 'https://shop.example/cart?utm_source=news', pretendToBeVisual: true }).window
const names = ['document', 'navigator', 'location', 'localStorage', 'sessionStorage', 'Event', 'CustomEvent', 'HTMLElement', 'Element', 'Node', 'screen']
for (const name of names) Object.defineProperty(globalThis, name, { value: page[name], configurable: true, writable: true })
for (const name of ['window', 'self']) Object.defineProperty(globalThis, name, { value: page, configurable: true, writable: true })
page.fetch = globalThis.fetch

const { AnalyticsBrowser } = await import('@segment/analytics-next')
const strategy = process.env.BATCHES ? { strategy: 'batching', config: { size: 5, timeout: 200 } } : { strategy: 'standard' }
const [client] = await AnalyticsBrowser.load({ writeKey: 'APP_KEY', cdnURL: process.env.HOST }, { integrations: { 'Segment.io': { deliveryStrategy: strategy } } })
await client.identify('b-1', { email: 'b@example.com', plan: null })
await client.track('Order Completed', { order_id: 'o-1', revenue: 1.5, products: [{ sku: 'a', price: 0.1 }] }, { integrations: { All: false } })
await client.page('Docs', 'Install')
await client.group('g-1', { name: 'ACME' })
await client.alias('b-2', 'b-1')
setTimeout(() => process.exit(0), 1000) // what it has in hand goes in the meantime
