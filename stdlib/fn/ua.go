package fn

import (
	"strings"

	"github.com/mileusna/useragent"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

var agentRow = types.Row(nil,
	types.Field{Name: "browser", Type: maybeText}, types.Field{Name: "browser_version", Type: maybeText},
	types.Field{Name: "os", Type: maybeText}, types.Field{Name: "os_version", Type: maybeText},
	types.Field{Name: "device", Type: maybeText}, types.Field{Name: "mobile", Type: types.BoolT}, types.Field{Name: "bot", Type: types.BoolT})

// maxAgent is more than any browser sends; what follows tells nothing.
const maxAgent = 2048

var uaParse = &types.Func{
	Name: "ua.parse", Doc: "What a user agent says of browser, system and device. Mobile are telephones and tablets.",
	Params: params{param("s", types.StringT, "user agent")}, Result: agentRow,
	Examples: ex(`ua.parse("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1")`,
		`{ browser: "Safari", browser_version: "17.5", os: "iOS", os_version: "17.5", device: "iPhone", mobile: true, bot: false }`,
		`ua.parse("Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8 Build/AP2A.240805.005)").device`, `"Pixel 8"`,
		`ua.parse("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)").bot`, `true`, `ua.parse("").os`, `null`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		s := a[0].(string)
		if len(s) > maxAgent {
			s = strings.ToValidUTF8(s[:maxAgent], "")
		}
		u := useragent.Parse(s)
		word := func(s string) value.Value {
			if s = strings.TrimSpace(strings.ToValidUTF8(s, "\ufffd")); s == "" {
				return nil
			}
			return s
		}
		return value.NewObject(
			value.Field{Key: "browser", Value: word(u.Name)}, value.Field{Key: "browser_version", Value: word(u.Version)},
			value.Field{Key: "os", Value: word(u.OS)}, value.Field{Key: "os_version", Value: word(u.OSVersion)},
			value.Field{Key: "device", Value: word(u.Device)},
			value.Field{Key: "mobile", Value: u.Mobile || u.Tablet}, value.Field{Key: "bot", Value: u.Bot},
		), nil
	},
}
