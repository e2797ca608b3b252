package value

import (
	"encoding/json"
	"testing"
)

func TestAppendString(t *testing.T) {
	tests := map[string]string{
		"":                       `""`,
		`say "hi" \o/`:           `"say \"hi\" \\o/"`,
		"a\b\f\n\r\tb":           `"a\b\f\n\r\tb"`,
		"\x00\x1f\x7f":           "\"\\u0000\\u001f\x7f\"",
		"<é & \u2028 😀>":         "\"<é & \u2028 😀>\"",
		"\"":                     `"\""`,
		"ends in a backslash \\": `"ends in a backslash \\"`,
	}
	for in, want := range tests {
		if got := string(AppendString(nil, in)); got != want {
			t.Errorf("AppendString(%q) = %s, want %s", in, got, want)
		}
		if got := string(AppendString([]byte("x"), []byte(in))); got != "x"+want {
			t.Errorf("AppendString([]byte(%q)) = %s, want x%s", in, got, want)
		}
		var back string
		if err := json.Unmarshal(AppendString(nil, in), &back); err != nil || back != in {
			t.Errorf("%q comes back as %q, %v", in, back, err)
		}
	}
}
