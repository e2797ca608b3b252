package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/engine"
)

// environment is where env() and secret() look: the variables of --env-file, then
// those of the process. Secrets come from NAME or from the file that NAME_FILE
// names, never from a flag, which every user of the machine could read.
type environment struct {
	file map[string]string
	// placeholder: what is not set gives its own name (dev and test).
	placeholder bool
}

// readEnvFile reads NAME=value lines; # begins a comment line, quotes around a
// value are taken off.
func readEnvFile(path string) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	out := map[string]string{}
	s := bufio.NewScanner(f)
	for n := 1; s.Scan(); n++ {
		l := strings.TrimSpace(s.Text())
		if l == "" || l[0] == '#' {
			continue
		}
		name, v, ok := strings.Cut(strings.TrimPrefix(l, "export "), "=")
		if !ok {
			return nil, fmt.Errorf("%s:%d: expected NAME=value", path, n)
		}
		v = strings.TrimSpace(v)
		if len(v) >= 2 && (v[0] == '"' || v[0] == '\'') && v[len(v)-1] == v[0] {
			v = v[1 : len(v)-1]
		}
		out[strings.TrimSpace(name)] = v
	}
	return out, s.Err()
}

func newEnvironment(envFile string) (*environment, error) {
	e := &environment{}
	if envFile != "" {
		var err error
		if e.file, err = readEnvFile(envFile); err != nil {
			return nil, fail(exitUsage, fmt.Errorf("--env-file: %w", err))
		}
	}
	return e, nil
}

func (e *environment) get(name string) (string, bool) {
	if v, ok := e.file[name]; ok {
		return v, true
	}
	return os.LookupEnv(name)
}

// lookup gives what the engine asks.
func (e *environment) lookup() engine.Lookup {
	return engine.Lookup{
		Env: func(name string) (string, bool) {
			v, ok := e.get(name)
			if !ok && e.placeholder {
				return name, true
			}
			return v, ok
		},
		Secret: e.secret,
	}
}

func (e *environment) secret(name string) (value.Secret, error) {
	text, direct := e.get(name)
	path, file := e.get(name + "_FILE")
	switch {
	case direct && file:
		return "", fmt.Errorf("%s is given twice: unset %s or %s_FILE", name, name, name)
	case file:
		b, err := os.ReadFile(path)
		if err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
		text = strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
		if text == "" {
			return "", fmt.Errorf("%s is empty in the file %s", name, path)
		}
	case direct && text == "":
		return "", fmt.Errorf("%s is empty", name)
	case !direct && e.placeholder:
		text = name
	case !direct:
		return "", fmt.Errorf("%s is not set: set the variable %s, or %s_FILE to the name of a file that holds it", name, name, name)
	}
	return value.Secret(text), nil
}
