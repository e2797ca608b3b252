package fn

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strconv"
	"sync"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// patterns keeps what was compiled. Patterns are constants of scripts, so there are
// as many as somebody wrote; one that came with the data could be made to cost
// hundreds of megabytes.
var patterns sync.Map // text → *regexp.Regexp

func patternOf(text string) (*regexp.Regexp, error) {
	if re, ok := patterns.Load(text); ok {
		return re.(*regexp.Regexp), nil
	}
	re, err := regexp.Compile(text)
	if err != nil {
		var se *syntax.Error
		if errors.As(err, &se) {
			return nil, fmt.Errorf("the pattern is not in RE2: %s", se.Code)
		}
		return nil, err
	}
	patterns.Store(text, re)
	return re, nil
}

var patternParam = constant(param("pattern", types.StringT, "RE2, unanchored"))

// byPattern declares a function of a text and a pattern and more.
func byPattern(name, doc string, more params, result *types.Type, examples []types.Example, f func(re *regexp.Regexp, s string, a args) (value.Value, error)) *types.Func {
	return &types.Func{
		Name: name, Doc: doc, Params: append(params{param("s", types.StringT, "text"), patternParam}, more...), Result: result, Examples: examples,
		Infer: func(a []*types.Type) (*types.Type, error) {
			_, err := patternOf(a[1].Lit.(string))
			return result, err
		},
		Call: func(_ *types.Context, a args) (value.Value, error) {
			re, err := patternOf(a[1].(string))
			if err != nil {
				return nil, err
			}
			return f(re, a[0].(string), a[2:])
		},
	}
}

var regexFind = byPattern("regex.find", "The first match; null when there is none.", nil, types.Nullable(types.StringT),
	ex("regex.find(\"order 42, 43\", `\\d+`)", `"42"`, "regex.find(\"none\", `\\d+`)", `null`, `regex.find("a", "(")`, `error E0301`),
	func(re *regexp.Regexp, s string, _ args) (value.Value, error) {
		if at := re.FindStringIndex(s); at != nil {
			return s[at[0]:at[1]], nil
		}
		return nil, nil
	})

var regexFindAll = byPattern("regex.find_all", "All matches, at most max.", params{optional("max", types.IntT, num(100), "matches")}, texts,
	ex("regex.find_all(\"1, 22, 333\", `\\d+`, 2)", `["1", "22"]`, "regex.find_all(\"none\", `\\d+`)", `[]`),
	func(re *regexp.Regexp, s string, a args) (value.Value, error) {
		return list(re.FindAllString(s, min(max(small(a[0]), 0), maxElems+1)))
	})

var regexReplace = byPattern("regex.replace", "The text with every match replaced; `$1`, `$name` and `${name}` stand for groups, `$$` for a dollar.",
	params{param("new", types.StringT, "what to put there")}, types.StringT,
	ex("regex.replace(\"2026-03-14\", `(\\d+)-(\\d+)-(\\d+)`, \"\\$3.\\$2.\\$1\")", `"14.03.2026"`, "regex.replace(\"abc\", `x*`, \"-\")", `"-a-b-c-"`),
	func(re *regexp.Regexp, s string, a args) (value.Value, error) {
		var out []byte
		end := 0
		for _, at := range re.FindAllStringSubmatchIndex(s, -1) {
			out = append(out, s[end:at[0]]...)
			if out = re.ExpandString(out, a[0].(string), s, at); len(out) > maxText {
				return nil, tooLarge()
			}
			end = at[1]
		}
		return text(string(append(out, s[end:]...)))
	})

var regexSplit = byPattern("regex.split", "The parts between matches.", nil, texts,
	ex("regex.split(\"a, b;c\", `[,;] *`)", `["a", "b", "c"]`, `regex.split("", ",")`, `[""]`),
	func(re *regexp.Regexp, s string, _ args) (value.Value, error) {
		return list(re.Split(s, maxElems+1))
	})

var regexCapture = &types.Func{
	Name:   "regex.capture",
	Doc:    "The groups of the first match by their names, or \"1\", \"2\" …; null when there is no match. A group that took no part is left out.",
	Params: params{param("s", types.StringT, "text"), patternParam},
	Result: types.Nullable(types.MapOf(types.StringT)),
	Infer: func(a []*types.Type) (*types.Type, error) {
		re, err := patternOf(a[1].Lit.(string))
		if err != nil {
			return nil, err
		}
		return types.Nullable(captureType(re)), nil
	},
	Examples: ex("regex.capture(\"o-42/DE\", `(?P<id>\\d+)/(?P<country>[A-Z]+)`)", `{ id: "42", country: "DE" }`,
		"regex.capture(\"none\", `(\\d+)`)", `null`, "regex.capture(\"a\", `(a)(b)?`)", `{ "1": "a" }`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		re, err := patternOf(a[1].(string))
		if err != nil {
			return nil, err
		}
		s := a[0].(string)
		at := re.FindStringSubmatchIndex(s)
		if at == nil {
			return nil, nil
		}
		var fields []value.Field
		for i := 1; 2*i < len(at); i++ {
			if at[2*i] >= 0 {
				fields = append(fields, value.Field{Key: groupName(re, i), Value: s[at[2*i]:at[2*i+1]]})
			}
		}
		return value.NewObject(fields...), nil
	},
}

func groupName(re *regexp.Regexp, i int) string {
	if name := re.SubexpNames()[i]; name != "" {
		return name
	}
	return strconv.Itoa(i)
}

// captureType has a field for every group, which may be missing unless the group
// takes part in every match.
func captureType(re *regexp.Regexp) *types.Type {
	sure := make([]bool, re.NumSubexp()+1)
	tree, err := syntax.Parse(re.String(), syntax.Perl)
	if err != nil {
		return types.MapOf(types.StringT) // it was compiled before
	}
	sureGroups(tree, sure)
	var fields []types.Field
	for i := 1; i < len(sure); i++ {
		fields = append(fields, types.Field{Name: groupName(re, i), Type: types.StringT, Optional: !sure[i]})
	}
	return types.Obj(fields...)
}

// sureGroups marks the groups that every match goes through.
func sureGroups(re *syntax.Regexp, sure []bool) {
	switch re.Op {
	case syntax.OpCapture:
		sure[re.Cap] = true
	case syntax.OpConcat, syntax.OpPlus:
	case syntax.OpRepeat:
		if re.Min == 0 {
			return
		}
	default:
		return
	}
	for _, sub := range re.Sub {
		sureGroups(sub, sure)
	}
}
