package fn

import (
	"errors"
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// locale says how numbers are written somewhere: the sign before the decimals,
// what is written between groups of three digits, and what else is read there.
type locale struct {
	decimal string
	group   string
	reads   []string // further group signs
}

// The ways to write numbers, by what stands before the decimals and between groups.
var (
	point      = locale{".", ",", nil}
	comma      = locale{",", ".", nil}
	spaced     = locale{",", "\u00a0", []string{" ", "\u202f", "."}}
	spacedThin = locale{",", "\u202f", []string{" ", "\u00a0", "."}}
	swiss      = locale{".", "’", []string{"'"}}
)

// locales by language, and by language and country where that differs (CLDR 45,
// Latin digits).
var locales = map[string]locale{
	"en": point, "ja": point, "zh": point, "ko": point, "th": point, "he": point, "ms": point, "fil": point, "sw": point, "ur": point,
	"de": comma, "es": comma, "it": comma, "nl": comma, "pt": comma, "id": comma, "tr": comma, "da": comma, "el": comma, "ro": comma,
	"hr": comma, "sl": comma, "sr": comma, "vi": comma, "ca": comma, "is": comma, "bs": comma, "mk": comma, "gl": comma,
	"fr": spacedThin,
	"ru": spaced, "uk": spaced, "pl": spaced, "cs": spaced, "sk": spaced, "bg": spaced, "sv": spaced, "nb": spaced, "nn": spaced, "no": spaced,
	"fi": spaced, "hu": spaced, "et": spaced, "lv": spaced, "lt": spaced, "kk": spaced, "be": spaced, "sq": spaced,
	"de-ch": swiss, "it-ch": swiss, "fr-ch": {",", "\u202f", []string{" ", "\u00a0", "'", "’"}}, "de-li": swiss, "de-at": {",", "\u00a0", []string{" ", "."}},
	"pt-pt": spaced, "en-za": spaced, "es-mx": point, "es-us": point, "es-pr": point, "es-gt": point, "es-hn": point, "es-ni": point,
	"es-pa": point, "es-pe": point, "es-sv": point, "es-do": point, "fr-ca": spaced,
}

var errLocale = errors.New("the locale is not known: language, or language and country, such as \"en\", \"de\" or \"de-CH\"")

// localeOf finds the way of a language, or of a language and country; a country
// that is not listed writes like its language.
func localeOf(name string) (locale, error) {
	key := strings.ToLower(strings.ReplaceAll(name, "_", "-"))
	if l, ok := locales[key]; ok {
		return l, nil
	}
	lang, _, _ := strings.Cut(key, "-")
	if l, ok := locales[lang]; ok {
		return l, nil
	}
	return locale{}, errLocale
}

// checkLocale refuses a constant that names no locale.
func checkLocale(t *types.Type) error {
	if t.Kind == types.Literal {
		_, err := localeOf(t.Lit.(string))
		return err
	}
	return nil
}

var errNumberText = errors.New("the text is not a number as it is written there")

// parse reads a number; white space around it is skipped.
func (l locale) parse(s string) (value.Value, error) {
	s = strings.ReplaceAll(strings.TrimSpace(s), "−", "-")
	rest, neg := strings.CutPrefix(s, "-")
	if !neg {
		rest = strings.TrimPrefix(rest, "+")
	}
	whole, decimals, pointed := strings.Cut(rest, l.decimal)
	digits, ok := l.ungroup(whole)
	if !ok || pointed && !allDigits(decimals) {
		return nil, errNumberText
	}
	if digits = strings.TrimLeft(digits, "0"); digits == "" {
		digits = "0"
	}
	if pointed {
		digits += "." + decimals
	}
	if neg {
		digits = "-" + digits
	}
	n, _ := value.ParseNumber(digits)
	return n, nil
}

// ungroup takes the group signs out of the digits before the decimals: one sign
// throughout, groups of three.
func (l locale) ungroup(s string) (string, bool) {
	if allDigits(s) {
		return s, true
	}
	for _, sign := range append([]string{l.group}, l.reads...) {
		groups := strings.Split(s, sign)
		if len(groups) < 2 {
			continue
		}
		first := len(groups[0])
		wrong := slices.ContainsFunc(groups[1:], func(g string) bool { return len(g) != 3 })
		if first < 1 || first > 3 || wrong || slices.ContainsFunc(groups, func(g string) bool { return !allDigits(g) }) {
			return "", false
		}
		return strings.Join(groups, ""), true
	}
	return "", false
}

func allDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// format writes a rounded number with so many decimals.
func (l locale) format(n value.Number, digits int) string {
	plain, neg := strings.CutPrefix(n.Plain(), "-")
	whole, decimals, _ := strings.Cut(plain, ".")
	var b strings.Builder
	if neg {
		b.WriteByte('-')
	}
	for i := range len(whole) {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteString(l.group)
		}
		b.WriteByte(whole[i])
	}
	if digits > 0 {
		b.WriteString(l.decimal + decimals + strings.Repeat("0", digits-len(decimals)))
	}
	return b.String()
}
