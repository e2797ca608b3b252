package value

import "strings"

// Nonblank gives a text trimmed; false for what only looks like a value: "",
// "null" and its kin, and macros that no sender replaced ("{idfa}").
func Nonblank(s string) (string, bool) {
	s = strings.TrimSpace(s)
	switch s {
	case "", "null", "NULL", "undefined", "N/A", "n/a":
		return "", false
	}
	return s, !isMacro(s)
}

// IsMacro tells whether a text is a macro that no sender replaced.
func IsMacro(s string) bool {
	s = strings.TrimSpace(s)
	return s == "undefined" || isMacro(s)
}

// IsMacroOf tells whether a text is a macro of a name, which its sender should have
// replaced: {campaign_name} and %%CAMPAIGN_NAME%% of campaign_name.
func IsMacroOf(s, name string) bool {
	s = strings.TrimSpace(s)
	for _, m := range macros {
		if len(s) <= len(m.open)+len(m.close) || !strings.HasPrefix(s, m.open) || !strings.HasSuffix(s, m.close) {
			continue
		}
		if strings.EqualFold(oneWord.Replace(s[len(m.open):len(s)-len(m.close)]), oneWord.Replace(name)) {
			return true
		}
	}
	return false
}

// oneWord takes away the signs that part the words of a name.
var oneWord = strings.NewReplacer("_", "", "-", "", ".", "", " ", "")

// macros are the marks around a name that a sender's template should have
// replaced.
var macros = []struct{ open, close string }{
	{"{{", "}}"}, {"${", "}"}, {"{", "}"}, {"[", "]"}, {"<", ">"}, {"%%", "%%"}, {"__", "__"}, {"%7B", "%7D"}, {"%7b", "%7d"}, {"%5B", "%5D"}, {"%5b", "%5d"},
}

// isMacro tells whether all of a text is one macro: marks around a name. A JSON
// text in braces is none, and neither is [1].
func isMacro(s string) bool {
	for _, m := range macros {
		if len(s) > len(m.open)+len(m.close) && strings.HasPrefix(s, m.open) && strings.HasSuffix(s, m.close) &&
			isMacroName(s[len(m.open):len(s)-len(m.close)]) {
			return true
		}
	}
	return s == "[object Object]"
}

func isMacroName(s string) bool {
	letters := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c|0x20 >= 'a' && c|0x20 <= 'z':
			letters = true
		case c >= '0' && c <= '9', c == '_', c == '.', c == '-', c == ':':
		default:
			return false
		}
	}
	return letters
}
