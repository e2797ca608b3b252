package letter

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Mask hides the payload of an excerpt and keeps its shape (I9): letters become x,
// digits 9, punctuation stays, so that "12,50" still shows the comma that was
// wrong. Names of fields stay where they look like names; null stays.
func Mask(excerpt string) string {
	var b strings.Builder
	for i := 0; i < len(excerpt); {
		switch c := excerpt[i]; {
		case c == '"':
			end := textEnd(excerpt, i)
			text := excerpt[i:end]
			if isKey(excerpt, end) && looksLikeName(text) {
				b.WriteString(text)
			} else {
				maskInto(&b, text)
			}
			i = end
		case strings.HasPrefix(excerpt[i:], "null") && (i == 0 || !wordByte(excerpt[i-1])) && (i+4 == len(excerpt) || !wordByte(excerpt[i+4])):
			b.WriteString("null")
			i += 4
		default:
			_, n := utf8.DecodeRuneInString(excerpt[i:])
			maskInto(&b, excerpt[i:i+n])
			i += n
		}
	}
	return b.String()
}

// textEnd is the end of the JSON text that begins at i; an excerpt may end inside.
func textEnd(s string, i int) int {
	for j := i + 1; j < len(s); j++ {
		switch s[j] {
		case '\\':
			j++
		case '"':
			return j + 1
		}
	}
	return len(s)
}

// isKey tells whether a colon follows: the text is the name of a field.
func isKey(s string, end int) bool {
	return strings.HasPrefix(strings.TrimLeft(s[end:], " "), ":")
}

// maxName is the longest text that counts as a name, in bytes: an object may be
// keyed by e-mail addresses or tokens.
const maxName = 42

func looksLikeName(quoted string) bool {
	name := strings.Trim(quoted, `"`)
	if name == "" || len(name) > maxName || name[0] >= '0' && name[0] <= '9' {
		return false
	}
	digits := 0
	for i := 0; i < len(name); i++ {
		if !wordByte(name[i]) {
			return false
		}
		if name[i] >= '0' && name[i] <= '9' {
			digits++
		}
	}
	return digits <= 2
}

func wordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func maskInto(b *strings.Builder, s string) {
	for _, r := range s {
		switch {
		case unicode.IsDigit(r):
			b.WriteByte('9')
		case unicode.IsLetter(r) || unicode.IsMark(r):
			b.WriteByte('x')
		default:
			b.WriteRune(r)
		}
	}
}

// MaskEcho hides what a sink's answer repeats of the output it was sent (I9): a
// word of the answer that stands in the body, other than as the name of a field,
// is masked, and so is what looks like an e-mail address, wherever the sink has it from.
// The sink's other words stay: they say why.
func MaskEcho(answer string, body []byte) string {
	var b strings.Builder
	for i := 0; i < len(answer); {
		j := i
		for j < len(answer) && echoByte(answer[j]) {
			j++
		}
		if j == i {
			b.WriteByte(answer[i])
			i++
			continue
		}
		word := answer[i:j]
		if address(word) || echoed(word, body) {
			maskInto(&b, word)
		} else {
			b.WriteString(word)
		}
		i = j
	}
	return b.String()
}

// address tells whether a word looks like an e-mail address.
func address(word string) bool {
	i := strings.IndexByte(word, '@')
	return i > 0 && strings.IndexByte(word[i+1:], '.') > 0
}

// echoByte belongs to a word that could be a value: an address, a number, an id.
func echoByte(c byte) bool {
	return wordByte(c) || c >= 0x80 || strings.IndexByte("@.+-", c) >= 0
}

// minEcho is the shortest word taken for an echo, in bytes.
const minEcho = 3

func echoed(word string, body []byte) bool {
	word = strings.Trim(word, ".-+")
	if len(word) < minEcho {
		return false
	}
	for rest := body; ; {
		i := bytes.Index(rest, []byte(word))
		if i < 0 {
			return false
		}
		after := rest[i+len(word):]
		name := i > 0 && rest[i-1] == '"' && bytes.HasPrefix(after, []byte(`":`))
		if !name {
			return true
		}
		rest = after
	}
}
