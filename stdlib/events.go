package stdlib

import (
	"github.com/sluice-dev/sluice/lang/check"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/stdlib/currency"
	"github.com/sluice-dev/sluice/stdlib/segment"
	"github.com/sluice-dev/sluice/stdlib/trackingplan"
)

// events are Segment's rules as the checker asks for them.
type events struct{}

// The fields that every call has.
var (
	idFields   = []check.CallField{{Name: "userId", Type: types.StringT}, {Name: "anonymousId", Type: types.StringT}}
	tailFields = []check.CallField{
		{Name: "timestamp", Type: types.TimeT}, {Name: "messageId", Type: types.StringT},
		{Name: "context", Type: types.ObjectT}, {Name: "integrations", Type: types.ObjectT},
	}
	anyID = []string{"userId", "anonymousId"}
)

// fields puts a call together: ids, its own fields, what every call has.
func fields(own ...check.CallField) []check.CallField {
	return append(append(append([]check.CallField(nil), idFields...), own...), tailFields...)
}

func (events) Call(keyword string) (check.Call, bool) {
	switch keyword {
	case "track":
		return check.Call{
			Fields: fields(check.CallField{Name: "event", Type: types.StringT, Required: true}, check.CallField{Name: "properties", Type: types.ObjectT}),
			Name:   "event", Body: "properties", AnyOf: anyID,
		}, true
	case "identify":
		return check.Call{Fields: fields(check.CallField{Name: "traits", Type: types.ObjectT}), Body: "traits", AnyOf: anyID}, true
	case "group":
		return check.Call{
			Fields: fields(check.CallField{Name: "groupId", Type: types.StringT, Required: true, NonEmpty: true, Max: 500}, check.CallField{Name: "traits", Type: types.ObjectT}),
			Body:   "traits", AnyOf: anyID,
		}, true
	case "page", "screen":
		own := []check.CallField{{Name: "category", Type: types.StringT, NonEmpty: true}, {Name: "name", Type: types.StringT}, {Name: "properties", Type: types.ObjectT}}
		return check.Call{Fields: fields(own...), Name: "name", Body: "properties", AnyOf: anyID}, true
	case "alias":
		return check.Call{Fields: append([]check.CallField{
			{Name: "userId", Type: types.StringT, Required: true}, {Name: "previousId", Type: types.StringT, Required: true, NonEmpty: true},
		}, tailFields...)}, true
	}
	return check.Call{}, false
}

func (events) Plan(data []byte) (check.Plan, error) {
	p, err := trackingplan.Read(data)
	if err != nil {
		return nil, err // and no plan that is nil
	}
	return p, nil
}

func (events) PassType() *types.Type { return segment.Call() }

func (events) Currency(code string) bool { return currency.Valid(code) }

func (events) Reserved(keyword, event string) *types.Type { return segment.Reserved(keyword, event) }

func (events) Names() []string { return segment.Events() }

func (events) Nearest(event string) string { return segment.Nearest(event) }
