package check

import (
	"strings"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// httpOptions are those of `connection http`.
var httpOptions = []option{
	{name: "url", kind: settingOption, t: types.UnionOf(textSetting, types.SecretT)},
	{name: "headers", kind: settingOption, t: types.MapOf(plainSetting)},
	{name: "query", kind: settingOption, t: types.MapOf(plainSetting)},
	{name: "body", kind: settingOption, t: types.ObjectT},
	{name: "rate", kind: rateOption},
	{name: "batch", kind: limitOption},
	{name: "timeout", kind: durationOption},
	{name: "retry", kind: durationOption},
	{name: "max_retry_after", kind: durationOption},
	{name: "hold_after", kind: durationOption},
	{name: "private", kind: settingOption, t: types.BoolT},
	{name: "auth", kind: settingOption, t: types.OpaqueOf("auth"), help: `oauth2("https://id.example.com/token", "client", secret("CLIENT_SECRET"))`},
}

// plainSetting is what has one text, secret or not.
var plainSetting = types.UnionOf(types.StringT, types.NumberT, types.BoolT, types.SecretT)

// httpSettings looks at what a connection says itself, as far as it is known here.
func (e *ex) httpSettings(n *conn) {
	for i := range n.own {
		o := &n.own[i]
		var en *syntax.Option
		for _, x := range n.decl.Options.List {
			if x.Key.Text == o.Name && en == nil {
				en = x
			}
		}
		switch o.Name {
		case "url":
			e.urlSetting(o.X)
		case "headers":
			for _, name := range types.FieldNames(o.X.Type()) {
				if why := ir.HeaderName(name); why != "" {
					e.errorf(diag.HeaderText, fieldAt(en.Value, name, o.X.Span()), "%q is no header of a request", name).WithLabel("%s", why)
				}
			}
			e.plainSecrets(o.X, en.Value)
		case "query", "body":
			e.plainSecrets(o.X, en.Value)
		}
	}
}

// urlSetting judges the `url` of a connection by what of it is written out.
func (e *ex) urlSetting(x ir.Expr) {
	first, whole := "", false
	switch x := x.(type) {
	case *ir.Const:
		first, whole = x.Value.(string), true
	case *ir.Text:
		first = x.Parts[0]
	}
	if first == "" && !whole {
		return // it shows at start
	}
	low := strings.ToLower(first)
	switch {
	case !strings.HasPrefix(low, "https://") && !strings.HasPrefix(low, "http://"):
		e.errorf(diag.BadOption, x.Span(), "`url` begins with https:// or http://")
	case strings.ContainsAny(first, "?#"):
		e.errorf(diag.BadOption, x.Span(), "`url` has neither ? nor #").WithHelp("query: { … } puts something into the query of each request")
	case whole:
		if _, why := ir.ReadAddress(first, true, true); why != "" {
			e.errorf(diag.BadOption, x.Span(), "`url` %s", why)
		}
	}
}

// plainSecrets warns of a text that stands under the name of a secret.
func (e *ex) plainSecrets(x ir.Expr, src syntax.Expr) {
	told := func(name string, v value.Value) {
		if s, ok := v.(string); !ok || s == "" || !namesSecret(name) {
			return
		}
		e.errorf(diag.PlainSecret, fieldAt(src, name, x.Span()), "a secret in the text of a script").
			WithHelp("secret(\"NAME\") takes it from the environment or a file; \"Bearer ${secret(\"NAME\")}\" puts it into a text")
	}
	switch x := x.(type) {
	case *ir.Const:
		if o, ok := x.Value.(*value.Object); ok {
			for i := range o.Len() {
				told(o.At(i).Key, o.At(i).Value)
			}
		}
	case *ir.Object:
		for _, en := range x.Entries {
			if k, ok := en.X.(*ir.Const); ok && en.Kind == ir.Named {
				told(en.Key, k.Value)
			}
		}
	}
}

// namesSecret tells whether what stands under a name is mostly a secret.
func namesSecret(name string) bool {
	name = strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(name))
	for _, end := range []string{"authorization", "apikey", "accesskey", "authenticationkey", "token", "secret", "password"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}
