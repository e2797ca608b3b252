package identity

import (
	"strings"
	"unicode/utf8"
)

// maxValue bounds an identifier, in bytes.
const maxValue = 400

// Canon gives the form in which a value of a type is compared, or why it has none. What
// operators blocked is not asked: that is in the cells.
func (s *Space) Canon(typ int, v string) (string, Reason) {
	t := &s.cfg.Types[typ]
	trimmed := strings.TrimSpace(v)
	if len(trimmed) > maxValue {
		return "", TooLong
	}
	if meansNobody(trimmed) {
		return "", Blocked
	}
	ok := utf8.ValidString(v)
	if t.Canon != ExactText {
		v = trimmed
	}
	switch {
	case !ok:
	case t.Canon == EmailText:
		v, ok = s.cfg.Email(v)
	case t.Canon == PhoneText:
		v, ok = s.cfg.Phone(v, t.Country)
	case t.Canon == UpperUUID:
		v = strings.ToUpper(v)
		ok = isUUID(v, upperDigits)
	case t.Canon == LowerUUID:
		v = strings.ToLower(v)
		ok = isUUID(v, lowerDigits)
	case t.Canon == LowerHex:
		v = strings.ToLower(v)
		ok = strings.Trim(v, lowerDigits) == ""
	}
	switch {
	case !ok:
		return "", NoForm
	case len(v) > maxValue:
		return "", TooLong
	case v == "" || t.Canon == EmailText && isRole(v):
		return "", Blocked
	}
	for _, re := range t.Blocked {
		if re.MatchString(v) {
			return "", Blocked
		}
	}
	return v, ""
}

func isUUID(v, digits string) bool {
	if len(v) != 36 {
		return false
	}
	for i := range len(v) {
		switch i {
		case 8, 13, 18, 23:
			if v[i] != '-' {
				return false
			}
		default:
			if !isDigit(v[i], digits) {
				return false
			}
		}
	}
	return true
}

// nobody are values that broken clients send for everybody, in small letters.
var nobody = map[string]bool{
	"anonymous": true, "guest": true, "distinctid": true, "distinct_id": true, "id": true, "not_authenticated": true, "email": true,
	"undefined": true, "true": true, "false": true, "[object object]": true, "nan": true, "none": true, "null": true, "-1": true,
	"invalid": true, "unknown": true, "n/a": true, "test": true, "void": true, "anonymousid": true,
	"9774d56d682e549c": true, // android_id of a whole series of phones
}

const longestNobody = 17

// meansNobody tells whether a trimmed value is none: empty, zeros, a word for nothing,
// or a macro that no sender replaced; plain or in quotes.
func meansNobody(v string) bool {
	if n := len(v); n >= 2 && (v[0] == '"' || v[0] == '\'') && v[n-1] == v[0] {
		v = strings.TrimSpace(v[1 : n-1])
	}
	if strings.Trim(v, "0-") == "" || isMacro(v) {
		return true
	}
	if len(v) > longestNobody {
		return false
	}
	var low [longestNobody]byte
	for i := range len(v) {
		b := v[i]
		if b >= 'A' && b <= 'Z' {
			b += 'a' - 'A'
		}
		low[i] = b
	}
	return nobody[string(low[:len(v)])]
}

// isMacro tells whether a value, which is not empty, is a macro: {x}, [x], $x$, %%x%%,
// ${x}, <x>, %7Bx%7D, __X__.
func isMacro(v string) bool {
	switch v[0] {
	case '[', '{', '$', '%', '<':
		if len(v) < 2 {
			return false
		}
		if strings.IndexByte("]}%>", v[len(v)-1]) >= 0 {
			return true
		}
		return len(v) >= 6 && strings.EqualFold(v[:3], "%7b") && strings.EqualFold(v[len(v)-3:], "%7d")
	case '_':
		return len(v) > 4 && strings.HasPrefix(v, "__") && strings.HasSuffix(v, "__") && strings.ToUpper(v) == v
	}
	return false
}

// roles are mailboxes that stand for a task and not for one person, without signs.
var roles = map[string]bool{
	"abuse": true, "hostmaster": true, "noc": true, "postmaster": true, "security": true, "webmaster": true, "news": true, "usenet": true, "www": true, "ftp": true, "uucp": true,
	"info": true, "marketing": true, "sales": true, "support": true, "admin": true, "administrator": true, "root": true, "billing": true, "contact": true, "feedback": true,
	"hello": true, "help": true, "helpdesk": true, "hr": true, "jobs": true, "careers": true, "legal": true, "mailerdaemon": true, "newsletter": true, "office": true,
	"orders": true, "press": true, "privacy": true, "returns": true, "service": true, "customerservice": true, "team": true, "noreply": true, "donotreply": true, "bounce": true, "bounces": true,
}

// isRole tells whether an address is that of a task: many people write from it.
func isRole(email string) bool {
	name, _, _ := strings.Cut(email, "@")
	name, _, _ = strings.Cut(name, "+")
	if strings.ContainsAny(name, ".-_") {
		name = strings.NewReplacer(".", "", "-", "", "_", "").Replace(name)
	}
	return roles[strings.ToLower(name)]
}
