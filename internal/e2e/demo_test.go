package e2e_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// demoEvent is a line of "manoward demo -o json".
type demoEvent struct {
	Kind, Scenario, Text, ID, Command string
	Step, Of                          int
	Elapsed                           float64 // seconds
}

// demoRun is a demonstration that a test runs.
type demoRun struct {
	t      *testing.T
	cmd    *exec.Cmd
	home   string // of its user
	events chan demoEvent
	errs   buffer
	seen   []demoEvent
	limit  time.Duration // for each thing that is waited for
}

// startDemo starts a demonstration with flags. Its PATH is that of the test, or path.
func startDemo(t *testing.T, path string, flags ...string) *demoRun {
	t.Helper()
	program, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	h := &hubProcess{t: t, home: t.TempDir()}
	d := &demoRun{t: t, home: h.home, events: make(chan demoEvent, 1000), limit: 4 * patience}
	d.cmd = h.command(context.Background(), append([]string{program, "demo", "-o", "json"}, flags...)...)
	if path != "" {
		d.cmd.Env = append(d.cmd.Env, "PATH="+path)
	}
	d.cmd.Stderr = &d.errs
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(d.events)
		for scan := bufio.NewScanner(out); scan.Scan(); {
			e := demoEvent{}
			if json.Unmarshal(scan.Bytes(), &e) != nil {
				e = demoEvent{Kind: "no JSON", Text: scan.Text()}
			}
			d.events <- e
		}
	}()
	t.Cleanup(func() {
		if d.cmd.ProcessState == nil {
			_ = d.cmd.Process.Signal(syscall.SIGTERM) // it ends its hub
			_ = d.cmd.Wait()
		}
	})
	return d
}

// until reads events up to the first one that ok takes.
func (d *demoRun) until(what string, ok func(demoEvent) bool) demoEvent {
	d.t.Helper()
	late := time.After(d.limit)
	for {
		select {
		case e, more := <-d.events:
			if !more {
				d.t.Fatalf("the demonstration ended before %s: %+v\n%s", what, d.seen, &d.errs)
			}
			if d.seen = append(d.seen, e); ok(e) {
				return e
			}
		case <-late:
			d.t.Fatalf("no %s: %+v\n%s", what, d.seen, &d.errs)
		}
	}
}

// ends reads all events and returns the exit code.
func (d *demoRun) ends() int {
	d.t.Helper()
	for e := range d.events {
		d.seen = append(d.seen, e)
	}
	var exit *exec.ExitError
	if err := d.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		d.t.Fatal(err)
	}
	return d.cmd.ProcessState.ExitCode()
}

func (d *demoRun) of(kind string) (all []demoEvent) {
	for _, e := range d.seen {
		if e.Kind == kind {
			all = append(all, e)
		}
	}
	return all
}

// hub waits until the hub runs, and returns its process.
func (d *demoRun) hub() int {
	d.t.Helper()
	e := d.until("the hub's start", func(e demoEvent) bool { return strings.Contains(e.Text, "A hub with all roles is process") })
	pid, err := strconv.Atoi(regexp.MustCompile(`process (\d+);`).FindStringSubmatch(e.Text)[1])
	if err != nil {
		d.t.Fatal(err)
	}
	return pid
}

// processEnds waits until a process that is no child of the test has ended, whether or
// not its parent has taken note.
func processEnds(t *testing.T, pid int) {
	t.Helper()
	eventually(t, "process "+strconv.Itoa(pid)+" ends", patience, func() bool {
		raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		return err != nil || strings.Contains(string(raw), ") Z ")
	})
}

// Both scenarios, with real devices, and at the same time once more without any: that
// run has directory and ports of its own, and says SOFTWARE.
func TestDemo(t *testing.T) {
	t.Parallel()
	bare := startDemo(t, t.TempDir(), "--exit")
	home := filepath.Join(t.TempDir(), "kept")
	d := startDemo(t, "", "--exit", "--home", home)
	pid := d.hub()
	if code := d.ends(); code != 0 || len(d.of("failed")) > 0 {
		t.Fatalf("exit code %d: %+v\n%s", code, d.seen, &d.errs)
	}
	steps := map[string]int{}
	for _, e := range d.of("step") {
		steps[e.Scenario]++
	}
	if steps["rogue-package"] != 7 || steps["delegated-certificates"] != 7 || len(d.of("journal")) != 3 || len(d.of("software")) != 0 {
		t.Errorf("steps %v, journals %+v, software %+v", steps, d.of("journal"), d.of("software"))
	}
	proofs := map[string]int{}
	for _, e := range d.of("proof") {
		proofs[e.Text]++
		if e.ID == "" || !strings.HasSuffix(e.Command, e.ID) {
			t.Errorf("a proof without ID or verb: %+v", e)
		}
	}
	if proofs["decision"] != 1 || proofs["order"] != 1 || proofs["package"] != 1 || proofs["attester"] != 2 || proofs["certificate"] != 4 {
		t.Errorf("proofs %v", proofs)
	}
	processEnds(t, pid)
	if _, err := os.Stat(filepath.Join(home, "data")); err != nil {
		t.Errorf("--home is not kept: %v", err)
	}
	if _, err := os.Stat(filepath.Join(d.home, ".config")); !os.IsNotExist(err) {
		t.Errorf("the hub of a demonstration is remembered as the one started last: %v", err)
	}
	if code := bare.ends(); code != 0 || len(bare.of("software")) < 4 || len(bare.of("failed")) > 0 {
		t.Errorf("without devices: exit code %d, %+v\n%s", code, bare.seen, &bare.errs)
	}
	if left, err := filepath.Glob(filepath.Join(bare.home, "manoward-demo-*")); err != nil || len(left) > 0 {
		t.Errorf("the directory of a demonstration that went well is left: %v, %v", left, err)
	}
}

// A hub that dies in the middle is told, with exit code 1, and its log is kept.
func TestDemo_HubDies(t *testing.T) {
	t.Parallel()
	d := startDemo(t, "", "--exit", "--scenario", "rogue-package")
	if err := syscall.Kill(d.hub(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if code := d.ends(); code != 1 || !strings.Contains(d.errs.String(), "manoward: the hub ended in the middle of the demonstration: signal: killed; its log is ") || len(d.of("failed")) == 0 {
		t.Errorf("exit code %d, %+v\n%s", code, d.seen, &d.errs)
	}
	if left, err := filepath.Glob(filepath.Join(d.home, "manoward-demo-*", "hub.log")); err != nil || len(left) != 1 {
		t.Errorf("the log is not left: %v, %v", left, err)
	}
}

// Ctrl-C ends the hub at any time: in the middle, which is a failure, and when it stays
// up after all is shown, which is none.
func TestDemo_Interrupt(t *testing.T) {
	t.Parallel()
	interrupt := func(d *demoRun, pid, want int) {
		t.Helper()
		if err := d.cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		if code := d.ends(); code != want {
			t.Errorf("exit code %d, want %d: %s", code, want, &d.errs)
		}
		processEnds(t, pid)
	}
	d := startDemo(t, "", "--scenario", "delegated-certificates")
	pid := d.hub()
	d.until("step 2", func(e demoEvent) bool { return e.Kind == "step" && e.Step == 2 })
	interrupt(d, pid, 1)
	if !strings.Contains(d.errs.String(), "stopped before the demonstration had ended") {
		t.Errorf("standard error is %s", &d.errs)
	}
	d = startDemo(t, "", "--scenario", "delegated-certificates")
	pid = d.hub()
	d.until("the commands to try", func(e demoEvent) bool { return e.Kind == "next" && strings.HasSuffix(e.Text, "audit verify") })
	interrupt(d, pid, 0)
}

// A demonstration that is killed takes its hub with it.
func TestDemo_Killed(t *testing.T) {
	t.Parallel()
	d := startDemo(t, "", "--scenario", "delegated-certificates")
	pid := d.hub()
	if err := d.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	d.ends()
	processEnds(t, pid)
}
