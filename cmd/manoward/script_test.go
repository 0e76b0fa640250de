package main

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/manoward/manoward/internal/testkit/nskit"
)

// The scripts below testdata/script are the specification of the command line:
// what each verb prints, refuses and exits with. They run the real main, as a
// process of its own, against a real hub. UPDATE_SCRIPTS=1 writes the golden files
// in them anew.

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"manoward": main})
}

func TestScripts(t *testing.T) {
	kits := func(ts *testscript.TestScript, _ bool, args []string) { kitCommand(t, ts, args) }
	tpms := func(ts *testscript.TestScript, _ bool, args []string) { swtpmCommand(t, ts, args) }
	tokens := func(ts *testscript.TestScript, _ bool, args []string) { softhsmCommand(t, ts, args) }
	makers := func(ts *testscript.TestScript, _ bool, args []string) { makerCommand(t, ts, args) }
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(e *testscript.Env) error {
			// The home of the scripts is their own, and so is the hub that they find.
			e.Setenv("HOME", filepath.Join(e.WorkDir, "home"))
			e.Setenv("TZ", "America/New_York") // what is printed must not depend on it
			// With -race each process would sleep for a second before it ends.
			e.Setenv("GORACE", "atexit_sleep_ms=0")
			e.Values[hubKey{}] = &runningHub{}
			return os.Mkdir(e.Getenv("HOME"), 0o700)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"hub":      hubCommand,
			"fails":    failsCommand,
			"scrub":    scrubCommand,
			"mode":     modeCommand,
			"kit":      kits,
			"id":       idCommand,
			"envsubst": envsubstCommand,
			"status":   statusCommand,
			"huge":     hugeCommand,
			"keys":     keysCommand,
			"ports":    portsCommand,
			"until":    untilCommand,
			"appears":  appearsCommand,
			"swtpm":    tpms,
			"softhsm":  tokens,
			"registry": registryCommand,

			"maker":     makers,
			"published": publishedCommand,
		},
	})
}

// kitCommand writes the packages of a network service and an inventory to a
// folder: kit NAME gives NAME/anchor.pem, web.csar, guard.csar, box.csar, ns.csar
// and inventory.yaml, besides forged.csar, which is web.csar with two files
// changed.
func kitCommand(t testing.TB, ts *testscript.TestScript, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: kit NAME")
	}
	k := nskit.New(t, args[0])
	ts.Check(os.Mkdir(ts.MkAbs(args[0]), 0o700))
	for name, raw := range map[string][]byte{
		"anchor.pem": []byte(k.Anchor), "web.csar": k.Web, "guard.csar": k.Guard, "box.csar": k.PNF, "ns.csar": k.NSD,
		"inventory.yaml": []byte(nskit.Inventory(1)), "forged.csar": forged(t, k.Web),
	} {
		ts.Check(os.WriteFile(ts.MkAbs(filepath.Join(args[0], name)), raw, 0o600))
	}
}

// forged is a package with two files that are not those that were signed.
func forged(t testing.TB, archive []byte) []byte {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range r.File {
		to, err := w.Create(f.Name)
		if err != nil {
			t.Fatal(err)
		}
		from, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(to, from); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(f.Name, "Files/") || strings.HasPrefix(f.Name, "Scripts/") {
			if _, err := to.Write([]byte("forged\n")); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// idCommand takes the first identifier that the last command printed, after a
// word if one is given, as a variable: id NAME [WORD].
func idCommand(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: id NAME [WORD]")
	}
	text := ts.ReadFile("stdout")
	if len(args) == 2 {
		_, after, found := strings.Cut(text, args[1])
		if !found {
			ts.Fatalf("%q is not in:\n%s", args[1], text)
		}
		text = after
	}
	id := regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`).FindString(text)
	if id == "" {
		ts.Fatalf("no identifier in:\n%s", text)
	}
	ts.Setenv(args[0], id)
}

// envsubstCommand puts the script's variables into a file: envsubst FILE.
func envsubstCommand(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: envsubst FILE")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(os.Expand(ts.ReadFile(args[0]), ts.Getenv)), 0o600))
}

// modeCommand changes the permissions of a file: mode 0644 FILE.
func modeCommand(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: mode OCTAL FILE")
	}
	perm, err := strconv.ParseUint(args[0], 8, 32)
	ts.Check(err)
	ts.Check(os.Chmod(ts.MkAbs(args[1]), os.FileMode(perm)))
}

// leaks are what no message to a user may hold: names of Go's types and
// packages, addresses in memory, traces.
var leaks = regexp.MustCompile(`goroutine |0x[0-9a-f]{6,}|panic|runtime\.|\*?(fs|net|os|json|hub|tls|x509|errors|cli|wire|trust|natsbus)\.[A-Z]\w+|%!|<nil>`)

// failsCommand runs a command line that must be refused: fails CODE ARG... The
// exit code must be CODE, nothing may be printed to standard output, and the
// last line on standard error is the only one that says manoward.
func failsCommand(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: fails CODE ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec("manoward", args[1:]...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		ts.Fatalf("it did not fail: %v", err)
	}
	if code := exit.ExitCode(); code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
	if out := ts.ReadFile("stdout"); out != "" {
		ts.Fatalf("a failure goes to standard error only; standard output has:\n%s", out)
	}
	text := ts.ReadFile("stderr")
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	at := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "manoward: ") })
	manyProblems := at >= 0 && strings.HasSuffix(lines[at], " problems:") // a line each
	if at < 0 || at != len(lines)-1 && !manyProblems {
		ts.Fatalf("a failure is one line that begins with the program's name:\n%s", text)
	}
	if leak := leaks.FindString(text); leak != "" {
		ts.Fatalf("%q is nothing for a user:\n%s", leak, text)
	}
}

// volatile are the parts of an output that differ from run to run, and the names
// that stand for them.
var volatile = []struct {
	what *regexp.Regexp
	name string
}{
	{regexp.MustCompile(`(?s)-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----(\\n|\n\s*)?`), "PEM$1"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`), "TIME"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?Z`), "TIME"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "HOST:PORT"},
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "SHA256"},
	{regexp.MustCompile(`\b[0-9a-f]{30,32}\b`), "SERIAL"},
	{regexp.MustCompile(`\b[0-9a-f]{16}-[0-9a-f]{6}\b`), "POSITION"},
	{regexp.MustCompile(`\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`), "ID"},
	// Columns are as wide as their cells, which are not always equally wide.
	{regexp.MustCompile(`(?m) +$`), ""},
	{regexp.MustCompile(`(\S)   +`), "$1  "},
}

// scrubCommand writes stdout or stderr of the last command to a file, with names
// in place of what differs from run to run: scrub stdout FILE.
func scrubCommand(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: scrub stdout|stderr FILE")
	}
	text := strings.ReplaceAll(ts.ReadFile(args[0]), ts.Getenv("WORK"), "$WORK")
	for _, v := range volatile {
		text = v.what.ReplaceAllString(text, v.name)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o600))
}

type hubKey struct{}

// runningHub is the hub of one script.
type runningHub struct {
	cmd  *exec.Cmd
	done chan error
}

// hubCommand starts and ends the hub of a script. "hub start ARG..." runs
// "manoward up --json ARG..." with its data in $WORK/data and returns when it is
// ready; "hub stop" ends it with SIGTERM, and it must exit with 0 within 5 s.
func hubCommand(ts *testscript.TestScript, _ bool, args []string) {
	h := ts.Value(hubKey{}).(*runningHub)
	switch {
	case len(args) > 0 && args[0] == "start" && h.cmd == nil:
		h.start(ts, args[1:])
		ts.Defer(func() { h.kill() })
	case len(args) == 1 && args[0] == "stop" && h.cmd != nil:
		h.stop(ts)
	default:
		ts.Fatalf("usage: hub start ARG..., then hub stop")
	}
}

func (h *runningHub) start(ts *testscript.TestScript, args []string) {
	path, err := exec.LookPath("manoward")
	ts.Check(err)
	ready, log := ts.MkAbs("hub.ready"), ts.MkAbs("hub.log")
	out, err := os.Create(ready)
	ts.Check(err)
	defer out.Close()
	errs, err := os.Create(log)
	ts.Check(err)
	defer errs.Close()
	h.cmd = exec.Command(path, append([]string{"up", "--json", "--data", ts.MkAbs("data")}, args...)...)
	h.cmd.Dir, h.cmd.Stdout, h.cmd.Stderr = ts.MkAbs("."), out, errs
	h.cmd.Env = append(os.Environ(), "HOME="+ts.Getenv("HOME"), "TZ="+ts.Getenv("TZ"), "GORACE="+ts.Getenv("GORACE"))
	ts.Check(h.cmd.Start())
	h.done = make(chan error, 1)
	go func() { h.done <- h.cmd.Wait() }()
	deadline := time.After(30 * time.Second)
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for {
		if raw, err := os.ReadFile(ready); err == nil && strings.HasSuffix(string(raw), "\n") {
			return
		}
		select {
		case err := <-h.done:
			h.cmd = nil
			ts.Fatalf("the hub ended before it was ready: %v\n%s", err, ts.ReadFile(log))
		case <-deadline:
			ts.Fatalf("the hub is not ready after 30 s:\n%s", ts.ReadFile(log))
		case <-look.C:
		}
	}
}

func (h *runningHub) stop(ts *testscript.TestScript) {
	ts.Check(h.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case err := <-h.done:
		h.cmd = nil
		if err != nil {
			ts.Fatalf("the hub did not end in order: %v\n%s", err, ts.ReadFile("hub.log"))
		}
	case <-time.After(10 * time.Second): // 5 s are its own limit; a test machine may be slow
		ts.Fatalf("the hub goes on 10 s after SIGTERM")
	}
}

// kill ends a hub that a failed script left behind.
func (h *runningHub) kill() {
	if h.cmd != nil {
		_ = h.cmd.Process.Kill() // it may have ended by itself
		<-h.done
		h.cmd = nil
	}
}
