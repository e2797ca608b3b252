package fn

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// onText declares a function of one text that gives a text.
func onText(name, doc string, examples []types.Example, f func(string) string) *types.Func {
	return &types.Func{
		Name: name, Doc: doc, Params: params{param("s", types.StringT, "text")}, Result: types.StringT, Examples: examples,
		Call: func(_ *types.Context, a args) (value.Value, error) { return text(f(a[0].(string))) },
	}
}

var upper = onText("upper", "The text in upper case.",
	ex(`upper("é")`, `"É"`, `upper("")`, `""`, `upper("straße")`, `"STRAßE"`), strings.ToUpper)

var lower = onText("lower", "The text in lower case.",
	ex(`lower("ÉCOLE")`, `"école"`, `lower("")`, `""`), strings.ToLower)

var title = onText("title", "The text with the first letter of every word in upper case; the other letters stay.",
	ex(`title("two words")`, `"Two Words"`, `title("o'neil jean-luc")`, `"O'neil Jean-Luc"`, `title("SQL notes")`, `"SQL Notes"`),
	func(s string) string {
		inWord := false
		return strings.Map(func(r rune) rune {
			start := !inWord
			inWord = unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || (r == '\'' || r == '’') && inWord
			if start && inWord {
				return unicode.ToTitle(r)
			}
			return r
		}, s)
	})

var trim = onText("trim", "The text without white space at both ends.",
	ex(`trim("  a b\n")`, `"a b"`, `trim("   ")`, `""`), strings.TrimSpace)

// onTwoTexts declares a function of a text and another one that gives a text.
func onTwoTexts(name, doc, second string, examples []types.Example, f func(s, t string) string) *types.Func {
	return &types.Func{
		Name: name, Doc: doc, Params: params{param("s", types.StringT, "text"), param(second, types.StringT, "plain text")}, Result: types.StringT, Examples: examples,
		Call: func(_ *types.Context, a args) (value.Value, error) { return text(f(a[0].(string), a[1].(string))) },
	}
}

var trimPrefix = onTwoTexts("trim_prefix", "The text without the prefix, if it has it.", "prefix",
	ex(`trim_prefix("www.example.com", "www.")`, `"example.com"`, `trim_prefix("example.com", "www.")`, `"example.com"`), strings.TrimPrefix)

var trimSuffix = onTwoTexts("trim_suffix", "The text without the suffix, if it has it.", "suffix",
	ex(`trim_suffix("orders.csv", ".csv")`, `"orders"`, `trim_suffix("orders", ".csv")`, `"orders"`), strings.TrimSuffix)

var replace = &types.Func{
	Name: "replace",
	Doc:  "The text with every occurrence of old replaced by new; plain text, no pattern. An empty old replaces nothing.",
	Params: params{param("s", types.StringT, "text"), param("old", types.StringT, "what to look for"),
		param("new", types.StringT, "what to put there")},
	Result:   types.StringT,
	Examples: ex(`replace("a-b-c", "-", "_")`, `"a_b_c"`, `replace("abc", "", "_")`, `"abc"`, `replace("a.b", ".", "")`, `"ab"`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		s, old, with := a[0].(string), a[1].(string), a[2].(string)
		if old == "" {
			return s, nil
		}
		// Counted first: a thousand letters replaced by a megabyte each must fail
		// before anyone asks for a gigabyte.
		if n := strings.Count(s, old); n > 0 && len(s)+n*(len(with)-len(old)) > maxText {
			return nil, tooLarge()
		}
		return text(strings.ReplaceAll(s, old, with))
	},
}

var split = &types.Func{
	Name:     "split",
	Doc:      "The parts of the text between separators; with an empty separator its characters.",
	Params:   params{param("s", types.StringT, "text"), param("sep", types.StringT, "separator")},
	Result:   texts,
	Examples: ex(`split("a,b,,c", ",")`, `["a", "b", "", "c"]`, `split("", ",")`, `[""]`, `split("añ", "")`, `["a", "ñ"]`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		s, sep := a[0].(string), a[1].(string)
		return list(strings.SplitN(s, sep, maxElems+1))
	},
}

var join = &types.Func{
	Name:     "join",
	Doc:      "The elements of a list as one text with a separator between them. Fails on objects, lists and null inside; `compact` takes nulls out.",
	Params:   params{param("list", anyList, "texts, numbers, times, bools"), param("sep", types.StringT, "separator")},
	Result:   types.StringT,
	Fails:    true,
	Examples: ex(`join(["a", 1.0, true], ", ")`, `"a, 1, true"`, `join([], ",")`, `""`, `join([[1]], ",")`, `fails`, `join(["a", null], ",")`, `fails`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		sep := a[1].(string)
		var b strings.Builder
		for i, e := range a[0].(value.List) {
			s, err := value.Plain(e)
			if err != nil {
				return nil, err
			}
			if b.Len()+len(s)+len(sep) > maxText {
				return nil, tooLarge()
			}
			if i > 0 {
				b.WriteString(sep)
			}
			b.WriteString(s)
		}
		return b.String(), nil
	},
}

var contains = &types.Func{
	Name:   "contains",
	Sign:   "contains(x: string | [T], y: T) -> bool",
	Doc:    "Whether a text has the other as a part, or a list has an element that equals it.",
	Params: params{param("x", types.Declared(types.StringT, anyList), "text or list"), param("y", nil, "text, or an element")},
	Infer: func(a []*types.Type) (*types.Type, error) {
		if types.Assignable(a[0], anyList) {
			if elem, _ := types.ElemType(a[0]); types.Disjoint(elem, a[1]) && elem.Kind != types.Never {
				return nil, errors.New("the list never has such an element")
			}
		} else if !types.Assignable(a[1], types.StringT) {
			return nil, errors.New("of a text only another text can be a part")
		}
		return types.BoolT, nil
	},
	Result:   types.BoolT,
	Examples: ex(`contains("checkout", "out")`, `true`, `contains([1, 2], 1.0)`, `true`, `contains([], "a")`, `false`, `contains("", "")`, `true`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		if s, ok := a[0].(string); ok {
			return strings.Contains(s, a[1].(string)), nil
		}
		for _, e := range a[0].(value.List) {
			if value.Equal(e, a[1]) {
				return true, nil
			}
		}
		return false, nil
	},
}

// testText declares a test of a text by another one.
func testText(name, doc, second string, examples []types.Example, f func(s, t string) bool) *types.Func {
	return &types.Func{
		Name: name, Doc: doc, Params: params{param("s", types.StringT, "text"), param(second, types.StringT, "plain text")}, Result: types.BoolT, Examples: examples,
		Call: func(_ *types.Context, a args) (value.Value, error) { return f(a[0].(string), a[1].(string)), nil },
	}
}

var startsWith = testText("starts_with", "Whether the text begins with the other.", "prefix",
	ex(`starts_with("/products/1", "/products")`, `true`, `starts_with("a", "")`, `true`), strings.HasPrefix)

var endsWith = testText("ends_with", "Whether the text ends with the other.", "suffix",
	ex(`ends_with("a@example.com", "example.com")`, `true`, `ends_with("a", "A")`, `false`), strings.HasSuffix)

// part declares a function that gives a part of a text, or null.
func part(name, doc, second string, examples []types.Example, f func(s, t string) (string, bool)) *types.Func {
	return &types.Func{
		Name: name, Doc: doc, Params: params{param("s", types.StringT, "text"), param(second, types.StringT, "plain text")},
		Result: types.Nullable(types.StringT), Examples: examples,
		Call: func(_ *types.Context, a args) (value.Value, error) {
			if s, ok := f(a[0].(string), a[1].(string)); ok {
				return s, nil
			}
			return nil, nil
		},
	}
}

var before = part("before", "The text before the first separator; null when there is none.", "sep",
	ex(`before("a@b@c", "@")`, `"a"`, `before("abc", "@")`, `null`),
	func(s, sep string) (string, bool) { b, _, ok := strings.Cut(s, sep); return b, ok })

var after = part("after", "The text after the first separator; null when there is none.", "sep",
	ex(`after("a@b@c", "@")`, `"b@c"`, `after("abc", "@")`, `null`),
	func(s, sep string) (string, bool) { _, b, ok := strings.Cut(s, sep); return b, ok })

var between = &types.Func{
	Name:     "between",
	Doc:      "The text between the first a and the next b; null when one of them is missing.",
	Params:   params{param("s", types.StringT, "text"), param("a", types.StringT, "what stands before"), param("b", types.StringT, "what stands behind")},
	Result:   types.Nullable(types.StringT),
	Examples: ex(`between("id=<42>", "<", ">")`, `"42"`, `between("a)b(c", "(", ")")`, `null`, `between("()", "(", ")")`, `""`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		_, rest, ok := strings.Cut(a[0].(string), a[1].(string))
		if !ok {
			return nil, nil
		}
		if s, _, ok := strings.Cut(rest, a[2].(string)); ok {
			return s, nil
		}
		return nil, nil
	},
}

var substring = &types.Func{
	Name: "substring",
	Doc:  "The characters from one position up to another, counted from 0; negative ones count from the end. Without `to` all that follows.",
	Params: params{param("s", types.StringT, "text"), param("from", types.IntT, "first character"),
		optional("to", types.Nullable(types.IntT), nil, "the one behind the last; the length by default")},
	Result:   types.StringT,
	Examples: ex(`substring("Zürich", 1, 3)`, `"ür"`, `substring("Zürich", -4)`, `"rich"`, `substring("ab", 5)`, `""`, `substring("abc", 0, -1)`, `"ab"`, `substring("abc", 2, 1)`, `""`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		s := a[0].(string)
		n := utf8.RuneCountInString(s)
		from, to := position(small(a[1]), n), n
		if a[2] != nil {
			to = position(small(a[2]), n)
		}
		if from >= to {
			return "", nil
		}
		return s[byteOf(s, from):byteOf(s, to)], nil
	},
}

// position is a place in a text of n characters, counted from its end when negative.
func position(i, n int) int {
	if i < 0 {
		i += n
	}
	return min(max(i, 0), n)
}

// byteOf is where the i-th character begins.
func byteOf(s string, i int) int {
	for b := range s {
		if i == 0 {
			return b
		}
		i--
	}
	return len(s)
}

var truncate = &types.Func{
	Name:     "truncate",
	Doc:      "At most so many characters of the text, from its beginning.",
	Params:   params{param("s", types.StringT, "text"), param("max", types.IntT, "characters")},
	Result:   types.StringT,
	Examples: ex(`truncate("Zürich", 2)`, `"Zü"`, `truncate("a", 5)`, `"a"`, `truncate("abc", -1)`, `""`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		s := a[0].(string)
		return s[:byteOf(s, max(small(a[1]), 0))], nil
	},
}

var pad = &types.Func{
	Name:     "pad",
	Doc:      "The text filled up on the left to a width: for order numbers. A longer text stays as it is.",
	Params:   params{param("s", types.StringT, "text"), param("width", types.IntT, "characters"), param("fill", types.StringT, "what to fill with")},
	Result:   types.StringT,
	Examples: ex(`pad("42", 5, "0")`, `"00042"`, `pad("12345", 3, "0")`, `"12345"`, `pad("7", 4, "ab")`, `"aba7"`, `pad("7", 4, "")`, `"7"`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		s, fill := a[0].(string), a[2].(string)
		gap := small(a[1]) - utf8.RuneCountInString(s)
		if gap <= 0 || fill == "" {
			return s, nil
		}
		runes := utf8.RuneCountInString(fill)
		whole, rest := gap/runes, fill[:byteOf(fill, gap%runes)]
		if whole > maxText || whole*len(fill)+len(rest)+len(s) > maxText {
			return nil, tooLarge()
		}
		return strings.Repeat(fill, whole) + rest + s, nil
	},
}

var length = &types.Func{
	Name:     "length",
	Doc:      "How many characters a text has, how many bytes, elements or fields the others have.",
	Params:   params{param("x", types.Declared(types.StringT, types.BytesT, anyList, types.ObjectT), "text, bytes, list or object")},
	Result:   types.IntT,
	Examples: ex(`length("Zürich")`, `6`, `length([1, null])`, `2`, `length({})`, `0`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		switch x := a[0].(type) {
		case string:
			return num(utf8.RuneCountInString(x)), nil
		case value.Bytes:
			return num(len(x)), nil
		case value.List:
			return num(len(x)), nil
		}
		return num(a[0].(*value.Object).Len()), nil
	},
}

var linesFn = &types.Func{
	Name:     "lines",
	Doc:      "The lines of a text without their ends; one at the very end of the text begins no further line.",
	Params:   params{param("s", types.StringT, "text")},
	Result:   texts,
	Examples: ex(`lines("a\r\nb\n")`, `["a", "b"]`, `lines("")`, `[]`, `lines("a\n\nb")`, `["a", "", "b"]`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		s := strings.TrimSuffix(a[0].(string), "\n")
		if s == "" && a[0] == "" {
			return value.List{}, nil
		}
		parts := strings.SplitN(s, "\n", maxElems+1)
		for i := range parts {
			parts[i] = strings.TrimSuffix(parts[i], "\r")
		}
		return list(parts)
	},
}

var textASCII = onText("text.ascii", "The text in plain ASCII: letters without their accents, typographic signs as typed; what has no such form is left out.",
	ex(`text.ascii("Ünïcode")`, `"Unicode"`, `text.ascii("Łódź straße “x”…")`, `"Lodz strasse \"x\"..."`, `text.ascii("日本")`, `""`), ascii)

// ascii decomposes letters and drops their marks; those that do not decompose
// stand in a table.
func ascii(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(s) {
		switch {
		case r < utf8.RuneSelf:
			b.WriteRune(r)
		default:
			b.WriteString(asciiForms[r])
		}
	}
	return b.String()
}

var asciiForms = map[rune]string{
	'ß': "ss", 'ẞ': "SS", 'æ': "ae", 'Æ': "AE", 'œ': "oe", 'Œ': "OE", 'ø': "o", 'Ø': "O", 'ł': "l", 'Ł': "L", 'đ': "d", 'Đ': "D",
	'ð': "d", 'Ð': "D", 'þ': "th", 'Þ': "Th", 'ı': "i", 'ħ': "h", 'Ħ': "H", 'ŋ': "ng", 'Ŋ': "NG", 'ŧ': "t", 'Ŧ': "T", 'ĸ': "k",
	'‘': "'", '’': "'", '‚': "'", '′': "'", '“': "\"", '”': "\"", '„': "\"", '«': "\"", '»': "\"", '‹': "'", '›': "'",
	'‐': "-", '‑': "-", '‒': "-", '–': "-", '—': "-", '−': "-", '⁄': "/", '×': "x", '€': "EUR", '£': "GBP", '©': "(c)", '®': "(r)",
}

var textNormalize = onText("text.normalize", "The text in Unicode NFKC: one form for what looks alike.",
	ex(`text.normalize("ﬁ")`, `"fi"`, `text.normalize("")`, `""`, `text.normalize("①")`, `"1"`), norm.NFKC.String)

var textSlug = onText("text.slug", "The text as part of an address: ASCII letters and digits in lower case, everything else one hyphen.",
	ex(`text.slug("Hello World!")`, `"hello-world"`, `text.slug("¿?")`, `""`, `text.slug("Crème brûlée 2 go")`, `"creme-brulee-2-go"`),
	func(s string) string {
		var b strings.Builder
		gap := false
		for _, r := range strings.ToLower(ascii(s)) {
			if r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
				if gap && b.Len() > 0 {
					b.WriteByte('-')
				}
				b.WriteRune(r)
				gap = false
			} else if r != '\'' {
				gap = true
			}
		}
		return b.String()
	})

var textMask = &types.Func{
	Name:     "text.mask",
	Doc:      "The text with a dot for every character but the last ones. One that has no more than those is hidden whole.",
	Params:   params{param("s", types.StringT, "text"), optional("keep", types.IntT, num(4), "characters that stay")},
	Result:   types.StringT,
	Examples: ex(`text.mask("12344242")`, `"••••4242"`, `text.mask("4242")`, `"••••"`, `text.mask("abc", 0)`, `"•••"`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		s, keep := a[0].(string), max(small(a[1]), 0)
		n := utf8.RuneCountInString(s)
		if keep >= n {
			keep = 0
		}
		return text(strings.Repeat("•", n-keep) + s[byteOf(s, n-keep):])
	},
}

var textCount = &types.Func{
	Name:     "text.count",
	Doc:      "How often a part occurs in the text, without overlaps.",
	Params:   params{param("s", types.StringT, "text"), param("part", types.StringT, "plain text")},
	Result:   types.IntT,
	Examples: ex(`text.count("banana", "an")`, `2`, `text.count("aaa", "aa")`, `1`, `text.count("abc", "")`, `0`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		if a[1] == "" {
			return num(0), nil
		}
		return num(strings.Count(a[0].(string), a[1].(string))), nil
	},
}

var textClean = onText("text.clean", "The text without control and invisible characters, with one blank for every run of white space and none at the ends.",
	ex(`text.clean(" a \t\n b\u{0}c ")`, `"a bc"`, `text.clean("\u{feff}")`, `""`),
	func(s string) string {
		s = strings.Map(func(r rune) rune {
			switch {
			case unicode.IsSpace(r):
				return ' '
			case unicode.IsControl(r), r == '\ufeff', r == '\u200b', r == '\u2060', r == '\u00ad':
				return -1
			}
			return r
		}, s)
		return strings.Join(strings.Fields(s), " ")
	})
