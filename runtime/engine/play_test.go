package engine_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/lang/program"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/engine"
	"github.com/sluice-dev/sluice/runtime/task"
	"github.com/sluice-dev/sluice/stdlib"
)

// What tells the test binary which process it is to be, and how.
const (
	roleVar   = "SLUICE_ENGINE_TEST_ROLE"
	configVar = "SLUICE_ENGINE_TEST_CONFIG"
)

// play is the main function of those processes.
func play(role string) int {
	var err error
	switch role {
	case "engine":
		err = playEngine()
	case "broker":
		err = playBroker()
	case "receiver":
		err = playReceiver()
	case "path":
		err = playPath()
	default:
		err = fmt.Errorf("unknown role %s", role)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// engineRole is an engine in a process of its own.
type engineRole struct {
	Script  string
	State   string // its state directory
	Dir     string // of the program's files
	Env     map[string]string
	Session time.Duration
}

// playEngine runs it until SIGTERM, prints "ready" when it reads and its account
// at the end.
func playEngine() error {
	var c engineRole
	if err := json.Unmarshal([]byte(os.Getenv(configVar)), &c); err != nil {
		return err
	}
	p := program.Compile([]*token.File{token.NewFile("test.route", c.Script)}, stdlib.Env(), program.Options{})
	if !p.OK() {
		return fmt.Errorf("the script does not check: %v", p.Diags)
	}
	s, err := engine.Resolve(p.Plan, engine.Lookup{
		Env: func(name string) (string, bool) { v, ok := c.Env[name]; return v, ok },
		Secret: func(name string) (value.Secret, error) {
			v, ok := c.Env[name]
			if !ok {
				return "", errors.New("not set")
			}
			return value.Secret(v), nil
		},
	})
	if err != nil {
		return err
	}
	dir, err := engine.OpenState(c.State)
	if err != nil {
		return err
	}
	defer dir.Close()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	e := engine.New(engine.Config{
		Plan: p.Plan, Settings: s, StoreID: dir.ID, State: dir.Store(), Dir: c.Dir, Wait: 30 * time.Second, Session: c.Session, Version: "test",
		Log:   slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Ready: func() { fmt.Println("ready") },
	})
	if err := e.Run(ctx); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(e.Account())
}

// process is a process that a test started.
type process struct {
	cmd   *exec.Cmd
	in    io.WriteCloser // closed: it should end, where its role says so
	lines chan string    // of its stdout; closed at its end
	ended chan struct{}
	mu    sync.Mutex
	words strings.Builder // stderr
}

// Write keeps stderr.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.words.Write(b)
}

func (p *process) stderr() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.words.String()
	return s[max(0, len(s)-8<<10):]
}

// spawn starts the test binary in a role; it is killed at the end of the test at
// the latest.
func spawn(t testing.TB, role string, config any) *process {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{lines: make(chan string, 16), ended: make(chan struct{})}
	p.cmd = exec.Command(exe)
	p.cmd.Env = append(os.Environ(), roleVar+"="+role, configVar+"="+string(b))
	p.cmd.Stderr = p
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		defer close(p.lines)
		s := bufio.NewScanner(out)
		s.Buffer(nil, 1<<20)
		for s.Scan() {
			p.lines <- s.Text()
		}
		_ = p.cmd.Wait() // what became of it is in what it printed
	}()
	t.Cleanup(p.kill)
	return p
}

// line gives its next line, "" when it has ended.
func (p *process) line(t testing.TB) string { return p.lineIn(t, time.Minute) }

func (p *process) lineIn(t testing.TB, d time.Duration) string {
	t.Helper()
	select {
	case l := <-p.lines:
		return l
	case <-time.After(d):
		t.Fatalf("process says nothing\n%s", p.stderr())
		return ""
	}
}

// kill is SIGKILL; it returns when the process is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	for range p.lines {
	}
	<-p.ended
}

func (p *process) signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// account ends an engine gracefully and gives its account.
func (p *process) account(t testing.TB) *task.Report {
	t.Helper()
	p.signal(t, syscall.SIGTERM)
	var r task.Report
	l := p.line(t)
	if err := json.Unmarshal([]byte(l), &r); err != nil {
		t.Fatalf("account %q: %v\n%s", l, err, p.stderr())
	}
	return &r
}
