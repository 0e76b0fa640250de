// Package e2e_test tests the hub as its operators and Security Managers meet it:
// the built program, as a process of its own, over real TLS.
package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/manoward/manoward/cmd/manoward/cli"
)

// The limits of docs/architecture.md, "What it is measured by".
const (
	readyWithin = 2 * time.Second
	emptyRSS    = 120 << 20 // bytes, of a hub without Security Managers; most of it are pages of the program
)

// patience bounds the waits that have no bound of their own; only a defect or a
// machine that is far too slow meets it.
const patience = 60 * time.Second

// binary builds the program once for all tests, without the race detector
// whatever the tests run with: it is what users run, and its start-up time and
// memory are measured.
var binary = sync.OnceValues(func() (string, error) { return build("manoward", "CGO_ENABLED=1") })

// binaryNoCgo is the program without cgo, and so without PKCS#11.
var binaryNoCgo = sync.OnceValues(func() (string, error) { return build("manoward-nocgo", "CGO_ENABLED=0") })

func build(name, env string) (string, error) {
	path, err := filepath.Abs(filepath.Join("..", "..", ".cache", "e2e", name))
	if err != nil {
		return "", err
	}
	cmd := exec.Command("go", "build", "-trimpath", "-o", path, "../../cmd/manoward")
	cmd.Env = append(os.Environ(), env)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build manoward: %w\n%s", err, out)
	}
	return path, nil
}

// buffer keeps what a process writes, for a test that reads it meanwhile.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// hubProcess is a hub, or a process of one, that a test starts, ends and starts
// again on one data directory. A copy of it is another process on the same one.
type hubProcess struct {
	t       testing.TB
	binary  string
	args    []string // of the command line, besides --data and --json; up is the verb when there is no serve
	prefix  []string // command in front of the hub's, but not of the verbs'
	home    string   // of its user, who runs the verbs here too
	data    string   // data directory
	context string   // context file of the verbs; empty: they find the one of the last start

	cmd   *exec.Cmd     // of the last start
	done  chan struct{} // closed when cmd has ended
	took  time.Duration // from the start of the process to the line that says ready
	ready cli.Ready
	log   *buffer // standard error of all starts
}

// newHub makes a hub that is not started.
func newHub(t testing.TB, args ...string) *hubProcess {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	h := &hubProcess{t: t, binary: path, args: args, home: home, data: filepath.Join(home, "data"), log: &buffer{}}
	t.Cleanup(func() {
		if t.Failed() {
			text := h.log.String()
			t.Logf("the hub's last words:\n%s", text[max(0, len(text)-8000):])
		}
	})
	return h
}

// startHub starts a hub, which must become ready.
func startHub(t testing.TB, args ...string) *hubProcess {
	t.Helper()
	return newHub(t, args...).start()
}

// file returns the path of a file in the data directory.
func (h *hubProcess) file(name ...string) string {
	return filepath.Join(append([]string{h.data}, name...)...)
}

// command is a command of the hub's user. What the tests themselves are told by
// MANOWARD_ variables does not reach it.
func (h *hubProcess) command(ctx context.Context, line ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Dir = h.home
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "MANOWARD_") })
	cmd.Env = append(cmd.Env, "HOME="+h.home, "TMPDIR="+h.home, "XDG_CONFIG_HOME=", "MANOWARD_CONTEXT="+h.context)
	return cmd
}

// startLine is the command line that starts the hub.
func (h *hubProcess) startLine() []string {
	line := append(slices.Clone(h.prefix), h.binary)
	if len(h.args) == 0 || h.args[0] != "serve" {
		line = append(line, "up")
	}
	return append(append(line, h.args...), "--json", "--data", h.data)
}

// launch starts the process and returns at once; the channel gets the line that
// says that it is ready, or is closed without one when the process ended. It is
// killed at the end of the test unless it ended before.
func (h *hubProcess) launch() (<-chan []byte, error) {
	cmd := h.command(context.Background(), h.startLine()...)
	cmd.Stderr = h.log
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	lines, done := make(chan []byte, 1), make(chan struct{})
	go func() {
		scan := bufio.NewScanner(out)
		if scan.Scan() {
			lines <- bytes.Clone(scan.Bytes())
		}
		_, _ = io.Copy(io.Discard, out) // to its end, as Wait wants it
		_ = cmd.Wait()                  // its outcome is in ProcessState
		close(done)
		close(lines)
	}()
	h.cmd, h.done = cmd, done
	h.t.Cleanup(func() { end(cmd, done) })
	return lines, nil
}

// startRefusal is a start that ended before the hub was ready.
type startRefusal struct {
	code int
	text string // standard error
}

func (r *startRefusal) Error() string {
	return fmt.Sprintf("the hub ended before it was ready: exit code %d\n%s", r.code, r.text)
}

// tryStart starts the hub and waits until it is ready or has ended, which is a
// [*startRefusal].
func (h *hubProcess) tryStart() error {
	before, began := len(h.log.String()), time.Now()
	lines, err := h.launch()
	if err != nil {
		return err
	}
	select {
	case line, ok := <-lines:
		h.took = time.Since(began)
		if !ok {
			return &startRefusal{h.cmd.ProcessState.ExitCode(), h.log.String()[before:]}
		}
		h.ready = cli.Ready{}
		return json.Unmarshal(line, &h.ready)
	case <-time.After(patience):
		h.kill()
		return fmt.Errorf("the hub is not ready after %s: %s", patience, h.log.String()[before:])
	}
}

// start starts the hub, which must become ready, and returns it. While it was dead
// another test's hub may have chosen one of its ports: until that one has ended it is
// started again; and so is one that a cluster under load did not answer in time.
func (h *hubProcess) start() *hubProcess {
	h.t.Helper()
	err := h.tryStart()
	for deadline := time.Now().Add(2 * patience); (portTaken(err) || h.clusterBusy(err)) && time.Now().Before(deadline); {
		h.t.Logf("it is started again, as whoever supervises it does: %v", err)
		<-time.After(time.Second) // nothing tells when the other one ends
		err = h.tryStart()
	}
	if err != nil {
		h.t.Fatal(err)
	}
	return h
}

func portTaken(err error) bool {
	var r *startRefusal
	return errors.As(err, &r) && (strings.Contains(r.text, "the port that was chosen at the first start is in use") || strings.Contains(r.text, "the port is in use; stop what uses it"))
}

// clusterBusy says whether an outside cluster did not answer a start in time, which may
// be repeated.
func (h *hubProcess) clusterBusy(err error) bool {
	var r *startRefusal
	return errors.As(err, &r) && r.code == 6 && slices.Contains(h.args, "--nats") && strings.Contains(r.text, "the bus did not answer in time")
}

// refusesStart starts the hub, which must refuse with an exit code and one last
// line that holds all of want.
func (h *hubProcess) refusesStart(code int, want ...string) {
	h.t.Helper()
	err := h.tryStart()
	var r *startRefusal
	switch {
	case err == nil:
		h.kill()
		h.t.Fatalf("the hub started; want a refusal that says %q", want)
	case !errors.As(err, &r):
		h.t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(r.text, "\n"), "\n")
	last := lines[len(lines)-1]
	if r.code != code || !strings.HasPrefix(last, "manoward: ") {
		h.t.Errorf("exit code %d, want %d, and one line of manoward:\n%s", r.code, code, r.text)
	}
	for _, w := range want {
		if !strings.Contains(last, w) {
			h.t.Errorf("the last line does not say %q:\n%s", w, r.text)
		}
	}
	for _, leak := range []string{"goroutine ", "panic", "0xc0", "%!"} {
		if strings.Contains(r.text, leak) {
			h.t.Errorf("%q is nothing for a user:\n%s", leak, r.text)
		}
	}
}

// stop ends the hub with SIGTERM and returns how long that took. It must exit
// with 0.
func (h *hubProcess) stop() time.Duration {
	h.t.Helper()
	began := time.Now()
	if err := h.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		h.t.Fatal(err)
	}
	select {
	case <-h.done:
	case <-time.After(20 * time.Second):
		h.t.Fatalf("the hub goes on 20 s after SIGTERM:\n%s", h.log)
	}
	if code := h.cmd.ProcessState.ExitCode(); code != 0 {
		h.t.Fatalf("exit code %d after SIGTERM, want 0:\n%s", code, h.log)
	}
	return time.Since(began)
}

// kill ends the process as a power cut would, and waits for its end.
func (h *hubProcess) kill() { end(h.cmd, h.done) }

func end(cmd *exec.Cmd, done <-chan struct{}) {
	_ = cmd.Process.Kill() // it may have ended by itself
	<-done
}

// rss returns the resident memory of the process, in bytes.
func (h *hubProcess) rss() int64 {
	h.t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", h.cmd.Process.Pid))
	if err != nil {
		h.t.Fatal(err)
	}
	m := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindStringSubmatch(string(raw))
	if m == nil {
		h.t.Fatalf("no VmRSS in\n%s", raw)
	}
	kb, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		h.t.Fatal(err)
	}
	return kb << 10
}

// soak returns how much a soak test does: n, which takes seconds, or ten times as
// much when MANOWARD_SOAK is set.
func soak(n int) int {
	if os.Getenv("MANOWARD_SOAK") != "" {
		return 10 * n
	}
	return n
}

// eventually waits for a condition that others bring about and returns how long
// that took.
func eventually(t testing.TB, what string, within time.Duration, ok func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Since(began) > within {
			t.Fatalf("waited %s in vain: %s", within, what)
		}
		<-tick.C
	}
	return time.Since(began)
}
