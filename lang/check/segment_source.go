package check

import (
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
)

// secretsSetting takes a secret or a list of them.
var secretsSetting = types.UnionOf(types.SecretT, textSetting, types.ListOf(types.UnionOf(types.SecretT, textSetting)))

// The options of `from segment` and of `from segment webhook`.
var (
	segmentOptions = []option{
		{name: "write_keys", kind: settingOption, t: secretsSetting, help: "write_keys: secret(\"APP_WRITE_KEY\"); a list takes any of several"},
		{name: "within", kind: durationOption},
		{name: "max_future", kind: durationOption},
		{name: "quiet", kind: durationOption},
	}
	segmentWebhookOptions = []option{
		{name: "signature", kind: settingOption, t: secretsSetting, help: "signature: secret(\"SHARED_SECRET\"), the key that the destination signs with; a list takes any of several"},
		{name: "secret", kind: settingOption, t: secretsSetting},
		{name: "max_future", kind: durationOption},
		{name: "quiet", kind: durationOption},
	}
)

// webhookMethods are those by which Segment's webhook destination sends.
var webhookMethods = []string{"POST", "PUT", "PATCH"}

// fromSegment is a source of Segment's calls: of SDKs, as its own API takes them, or of
// its webhook destination.
func (w *walker) fromSegment(f *syntax.From, s *syntax.FromSegment) *ir.Source {
	t := w.c.env.Events().PassType()
	h := &ir.Hook{Path: s.Path.Value, Segment: "sdk", Methods: []string{"POST"}}
	metas := map[string]*types.Type{"write_key": types.StringT, "timestamp": types.TimeT}
	if s.Webhook {
		h.Segment, h.Methods, metas = "webhook", webhookMethods, hookMetas()
	}
	out := &ir.Source{At: head(f.Span()), Kind: "segment", Hook: h, Type: viewOf(t), Topics: []ir.Topic{{Type: t}}}
	w.hookPath(h, s.Path)
	w.src = &source{t: out.Type, metas: metas, hook: s.Webhook}
	return out
}

// segmentOptions checks the options of a source of Segment's calls, and that all routes
// of one path say the same.
func (w *walker) segmentOptions(out *ir.Source, s *syntax.FromSegment) {
	out.Start, out.MaxFutureMS, out.Via = "earliest", defaultMaxFuture, "main"
	list, of := segmentOptions, "a source of Segment's calls"
	if s.Webhook {
		list, of = segmentWebhookOptions, "a webhook of Segment"
	}
	h := out.Hook
	for _, opt := range w.options(s.Options, list, of) {
		switch opt.Name {
		case "write_keys":
			h.WriteKeys = opt.X
			w.plainSecret(opt.X)
		case "signature":
			h.Verify = opt.X
			w.plainSecret(opt.X)
		case "secret":
			h.Secret = opt.X
			w.plainSecret(opt.X)
		case "within":
			h.WithinMS = durationMS(&opt)
		case "max_future":
			out.MaxFutureMS = durationMS(&opt)
		case "quiet":
			h.QuietMS = durationMS(&opt)
		}
	}
	if !s.Webhook {
		w.onceSent(out)
	}
	w.sameHook(out, s.Path, s.Options)
}

// onceSent makes the stage that drops a call which was sent before: SDKs send again
// what they have no answer for. It goes by when calls came: what somebody brings in may
// have happened long before all that is remembered.
func (w *walker) onceSent(out *ir.Source) {
	h := out.Hook
	if h.WithinMS == 0 {
		h.WithinMS = defaultWithin
	}
	at := token.Span{}
	cur := &ir.Current{Node: w.node(out.Type, at)}
	h.ID = &ir.Field{Node: w.node(types.StringT, at), X: cur, Name: "messageId"}
	h.By = []ir.Expr{&ir.Meta{Node: w.node(types.StringT, at), Name: "write_key"}, h.ID}
	m := &ir.State{Kind: ir.DedupeState, Name: "dedupe " + w.route.IDName() + " segment", At: out.At, Keys: []*types.Type{types.StringT, types.StringT}, SpanMS: h.WithinMS}
	w.c.states[m.Name] = m
	w.taken = &ir.Dedupe{StageInfo: w.info("dedupe", "dedupe segment", out.At), Memory: m, Keys: h.By, WithinMS: h.WithinMS, Logged: true}
}
