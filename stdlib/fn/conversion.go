package fn

import (
	"errors"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

var stringFn = &types.Func{
	Name:     "string",
	Doc:      "The text of a value: numbers plain (3146.0 is \"3146\"), times in RFC 3339. Fails on objects and lists.",
	Params:   params{param("x", types.SomeT, "the value")},
	Result:   types.StringT,
	Fails:    true,
	Examples: ex(`string(3146.0)`, `"3146"`, `string(true)`, `"true"`, `string(90m)`, `"1h30m"`, `string([1])`, `fails`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		s, err := value.Plain(a[0])
		if err != nil {
			return nil, err
		}
		return text(s)
	},
}

var numberFn = &types.Func{
	Name:     "number",
	Doc:      "The number that a text holds in JSON's syntax; true is 1 and false is 0. `number.parse` reads other ways to write numbers.",
	Params:   params{param("x", types.Declared(types.StringT, types.NumberT, types.BoolT), "text, number or bool")},
	Result:   types.NumberT,
	Fails:    true,
	Examples: ex(`number("12.50")`, `12.50`, `number("1,299.50")`, `fails`, `number(" 1")`, `fails`, `number(true)`, `1`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		switch x := a[0].(type) {
		case string:
			n, ok := value.ParseNumber(x)
			if !ok {
				return nil, errNotNumber
			}
			return n, nil
		case bool:
			if x {
				return num(1), nil
			}
			return num(0), nil
		}
		return a[0], nil
	},
}

var errNotNumber = errors.New("the text is not a number")

var intFn = &types.Func{
	Name:     "int",
	Doc:      "The whole number that a number or text is. Fails on 1.5, so that no digit is lost in silence; `round` and `floor` lose them.",
	Params:   params{param("x", types.Declared(types.StringT, types.NumberT), "text or number")},
	Result:   types.IntT,
	Fails:    true,
	Examples: ex(`int("42")`, `42`, `int(42.0)`, `42`, `int(1.5)`, `fails`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		n, isNumber := a[0].(value.Number)
		if !isNumber {
			var ok bool
			if n, ok = value.ParseNumber(a[0].(string)); !ok {
				return nil, errNotNumber
			}
		}
		if !n.IsInt() {
			return nil, errors.New("not a whole number")
		}
		return n, nil
	},
}

var boolFn = &types.Func{
	Name:     "bool",
	Doc:      "The bool that a text or number stands for: true or false, yes or no (in any case), 1 or 0.",
	Params:   params{param("x", types.Declared(types.StringT, types.NumberT, types.BoolT), "text, number or bool")},
	Result:   types.BoolT,
	Fails:    true,
	Examples: ex(`bool("yes")`, `true`, `bool(0)`, `false`, `bool("FALSE")`, `false`, `bool("on")`, `fails`, `bool(2)`, `fails`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		switch x := a[0].(type) {
		case bool:
			return x, nil
		case value.Number:
			if b := x.Cmp(num(1)) == 0; b || x.Sign() == 0 {
				return b, nil
			}
		case string:
			switch strings.ToLower(x) {
			case "true", "yes", "1":
				return true, nil
			case "false", "no", "0":
				return false, nil
			}
		}
		return nil, errors.New("neither true nor false, yes nor no, 1 nor 0")
	},
}

var timeFn = &types.Func{
	Name:     "time",
	Doc:      "The time that a text in RFC 3339 or an epoch number stands for: seconds below 1e11, else milliseconds. Where you know the unit, write `time.from_unix_ms` and its kin.",
	Params:   params{param("x", types.Declared(types.StringT, types.NumberT, types.TimeT), "text, number or time")},
	Result:   types.TimeT,
	Fails:    true,
	Examples: ex(`time("2026-03-01T13:00:00+01:00")`, `time("2026-03-01T12:00:00Z")`, `time(1773480413250)`, `time("2026-03-14T09:26:53.25Z")`, `time("2026-02-30T00:00:00Z")`, `fails`, `time("1773480413")`, `fails`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		var t time.Time
		var err error
		switch x := a[0].(type) {
		case string:
			t, err = value.ParseTime(x)
		case value.Number:
			t, err = value.TimeFromEpoch(x)
		case time.Time:
			return x, nil
		}
		return timeOr(t, err)
	},
}

// timeOr gives a time, or its error with the help it carries.
func timeOr(t time.Time, err error) (value.Value, error) {
	if err == nil {
		return t, nil
	}
	var te *value.TimeError
	if !errors.As(err, &te) || te.Help == "" {
		return nil, err
	}
	f := diag.Failf(diag.FuncFailed, token.Span{}, "%s", te.Reason)
	f.Help = te.Help
	return nil, f
}

var durationFn = &types.Func{
	Name:     "duration",
	Doc:      "The duration that a text stands for: \"90m\", \"1h30m\", \"P1DT2H\". A day is 24 hours.",
	Params:   params{param("x", types.StringT, "text")},
	Result:   types.DurationT,
	Fails:    true,
	Examples: ex(`duration("1h30m")`, `90m`, `duration("P1DT2H")`, `26h`, `duration("90")`, `fails`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		d, err := value.ParseDuration(a[0].(string))
		if err != nil {
			return nil, err
		}
		return d, nil
	},
}

var typeFn = &types.Func{
	Name:      "type",
	Doc:       "The kind of a value: \"null\", \"bool\", \"number\", \"string\", \"time\", \"duration\", \"bytes\", \"list\" or \"object\". In conditions prefer `x is string`.",
	Params:    params{param("x", types.AnyT, "the value")},
	Result:    types.StringT,
	TakesNull: true,
	Examples:  ex(`type(1.5)`, `"number"`, `type(null)`, `"null"`, `type([])`, `"list"`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		return value.KindOf(a[0]).String(), nil
	},
}

var nonblank = &types.Func{
	Name: "nonblank",
	Doc:  "The text trimmed, and null for what only looks like a value: \"\", \"null\", \"undefined\", \"N/A\", and macros that nobody replaced, as in \"{idfa}\" \"[idfa]\" \"%%IDFA%%\" \"${IDFA}\" \"__IDFA__\".",
	Params: params{
		param("s", types.StringT, "text"),
	},
	Result:   types.Nullable(types.StringT),
	Examples: ex(`nonblank(" a ")`, `"a"`, `nonblank("  ")`, `null`, `nonblank("{idfa}")`, `null`, `nonblank("%7Bidfa%7D")`, `null`, `nonblank("{\"a\":1}")`, `"{\"a\":1}"`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		if s, ok := value.Nonblank(a[0].(string)); ok {
			return s, nil
		}
		return nil, nil
	},
}

var defaultFn = &types.Func{
	Name:      "default",
	Sign:      "default(x: T?, y: T) -> T",
	Doc:       "y when x is null, \"\", [] or {}, else x; `??` looks at null only.",
	Params:    params{param("x", nil, "the value"), param("y", nil, "what stands in for it")},
	Result:    types.AnyT,
	TakesNull: true,
	Infer: func(a []*types.Type) (*types.Type, error) {
		return types.UnionOf(types.NonNull(a[0]), a[1]), nil
	},
	Examples: ex(`default("", "USD")`, `"USD"`, `default(null, 1)`, `1`, `default(0, 1)`, `0`, `default([], [1])`, `[1]`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		if isEmpty(a[0]) {
			return a[1], nil
		}
		return a[0], nil
	},
}

// isEmpty tells whether a value is null, "", [] or {}.
func isEmpty(v value.Value) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case value.List:
		return len(v) == 0
	case *value.Object:
		return v.Len() == 0
	}
	return false
}

var failFn = &types.Func{
	Name:     "fail",
	Doc:      "Fails with the reason given: for the `else =>` of a `match` expression.",
	Params:   params{param("why", types.StringT, "the reason, as it stands in the dead letter")},
	Result:   types.NeverT,
	Fails:    true,
	Codes:    []*diag.Code{diag.FailStage},
	Examples: ex(`fail("no price")`, `fails`, `fail("")`, `fails`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		return nil, diag.Failf(diag.FailStage, token.Span{}, "%s", a[0])
	},
}

var nowFn = &types.Func{
	Name:     "now",
	Doc:      "The processing time of the event, the same wherever it is asked for while the event is processed; under test the clock of the case.",
	Result:   types.TimeT,
	Impure:   true,
	Examples: ex(`now() == now()`, `true`, `type(now())`, `"time"`),
	Call: func(c *types.Context, _ args) (value.Value, error) {
		return c.Now(), nil
	},
}
