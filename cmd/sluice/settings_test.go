package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSecret: language.md, "Secrets": a variable or the file of NAME_FILE, never both, never
// nothing, and of a file all but one line end. It is read anew each time.
func TestSecret(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "key")
	for _, tt := range []struct {
		name       string
		env        map[string]string
		in         string // the file
		want, fail string
	}{
		{name: "a variable", env: map[string]string{"OUT_KEY": "k\n"}, want: "k\n"},
		{name: "a file", env: map[string]string{"OUT_KEY_FILE": file}, in: "k", want: "k"},
		{name: "one line end is not part of it", env: map[string]string{"OUT_KEY_FILE": file}, in: "k\n", want: "k"},
		{name: "nor is one of Windows", env: map[string]string{"OUT_KEY_FILE": file}, in: "k\r\n", want: "k"},
		{name: "a second one is", env: map[string]string{"OUT_KEY_FILE": file}, in: "k\n\n", want: "k\n"},
		{name: "blanks are", env: map[string]string{"OUT_KEY_FILE": file}, in: " k \n", want: " k "},
		{name: "neither", fail: "OUT_KEY is not set: set the variable OUT_KEY, or OUT_KEY_FILE"},
		{name: "both", env: map[string]string{"OUT_KEY": "a", "OUT_KEY_FILE": file}, in: "b", fail: "OUT_KEY is given twice"},
		{name: "an empty variable", env: map[string]string{"OUT_KEY": ""}, fail: "OUT_KEY is empty"},
		{name: "an empty file", env: map[string]string{"OUT_KEY_FILE": file}, fail: "OUT_KEY is empty in the file " + file},
		{name: "a file of a line end", env: map[string]string{"OUT_KEY_FILE": file}, in: "\n", fail: "OUT_KEY is empty in the file " + file},
		{name: "no such file", env: map[string]string{"OUT_KEY_FILE": filepath.Join(dir, "none")}, fail: "no such file"},
		{name: "a folder", env: map[string]string{"OUT_KEY_FILE": dir}, fail: "OUT_KEY: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := os.WriteFile(file, []byte(tt.in), 0o600); err != nil {
				t.Fatal(err)
			}
			e := &environment{file: tt.env}
			got, err := e.secret("OUT_KEY")
			switch {
			case tt.fail == "" && (err != nil || string(got) != tt.want):
				t.Errorf("got %q, %v; want %q", string(got), err, tt.want)
			case tt.fail != "" && (err == nil || !strings.Contains(err.Error(), tt.fail)):
				t.Errorf("error %v, want %q", err, tt.fail)
			}
		})
	}
	e := &environment{file: map[string]string{"OUT_KEY_FILE": file}}
	for _, text := range []string{"old", "new"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := e.secret("OUT_KEY"); err != nil || string(got) != text {
			t.Errorf("got %q, %v; want %q", string(got), err, text)
		}
	}
	// dev and test: what is not set is its own name, and what is wrong is wrong all the same.
	e = &environment{placeholder: true}
	if got, err := e.secret("OUT_KEY"); err != nil || string(got) != "OUT_KEY" {
		t.Errorf("got %q, %v", string(got), err)
	}
	e.file = map[string]string{"OUT_KEY": ""}
	if _, err := e.secret("OUT_KEY"); err == nil {
		t.Error("an empty one is taken")
	}
}
