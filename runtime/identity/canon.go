package identity

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// maxValue bounds an identifier, in bytes.
const maxValue = 400

// nobody are values that name nobody, in any case, plain or in quotes (facts: values
// that broken clients send for everybody).
var nobody = map[string]bool{
	"anonymous": true, "guest": true, "distinctid": true, "distinct_id": true, "id": true, "not_authenticated": true, "email": true,
	"undefined": true, "true": true, "false": true, "nan": true, "none": true, "null": true, "invalid": true, "unknown": true,
	"n/a": true, "test": true, "void": true, "anonymousid": true, "[object object]": true, "-1": true,
}

// macro is a placeholder that nobody filled in.
var macro = regexp.MustCompile(`^([\[{$%<].*[\]}%>]|%7[Bb].*%7[Dd]|__[A-Za-z0-9_]+__)$`)

// roles are mailboxes that many people read: they never make two people one.
var roles = map[string]bool{
	"noreply": true, "no-reply": true, "donotreply": true, "do-not-reply": true, "info": true, "admin": true, "support": true, "sales": true,
	"contact": true, "hello": true, "help": true, "office": true, "billing": true, "postmaster": true, "webmaster": true, "abuse": true, "root": true,
}

// empty tells whether a value means nobody.
func empty(s string) bool {
	if n := len(s); n >= 2 && (s[0] == '"' || s[0] == '\'') && s[n-1] == s[0] {
		s = strings.TrimSpace(s[1 : n-1])
	}
	if strings.Trim(s, "0-") == "" {
		return true
	}
	if len(s) <= 24 && nobody[strings.ToLower(s)] {
		return true
	}
	switch s[0] {
	case '[', '{', '$', '%', '<', '_':
		return macro.MatchString(s)
	}
	return false
}

// Canon gives the form in which a value of a type is compared, or why it has none.
func (s *Space) Canon(typ int, v string) (string, Reason) {
	t := &s.cfg.Types[typ]
	if len(v) > 4*maxValue {
		return "", TooLong
	}
	v = strings.TrimSpace(v)
	switch {
	case v == "" || empty(v):
		return "", Blocked
	case !utf8.ValidString(v):
		return "", NoForm
	}
	ok := true
	switch t.Canon {
	case EmailText:
		if s.cfg.Email == nil {
			return "", NoForm
		}
		v, ok = s.cfg.Email(v)
	case PhoneText:
		if s.cfg.Phone == nil {
			return "", NoForm
		}
		v, ok = s.cfg.Phone(v, t.Country)
	case UpperUUID:
		v, ok = uuidForm(strings.ToUpper(v), 'A')
	case LowerUUID:
		v, ok = uuidForm(strings.ToLower(v), 'a')
	case LowerHex:
		v, ok = hexForm(strings.ToLower(v))
	}
	switch {
	case !ok:
		return "", NoForm
	case len(v) > maxValue:
		return "", TooLong
	case v == "":
		return "", Blocked
	}
	if t.Canon == EmailText {
		if name, _, _ := strings.Cut(v, "@"); roles[name] {
			return "", Blocked
		}
	}
	for _, re := range t.Blocked {
		if re.MatchString(v) {
			return "", Blocked
		}
	}
	return v, ""
}

func uuidForm(v string, a byte) (string, bool) {
	if len(v) != 36 {
		return "", false
	}
	for i := range len(v) {
		switch b := v[i]; {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if b != '-' {
				return "", false
			}
		case b >= '0' && b <= '9' || b >= a && b <= a+5:
		default:
			return "", false
		}
	}
	return v, true
}

func hexForm(v string) (string, bool) {
	for i := range len(v) {
		if b := v[i]; (b < '0' || b > '9') && (b < 'a' || b > 'f') {
			return "", false
		}
	}
	return v, v != ""
}
