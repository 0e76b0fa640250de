package demo

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/attestation/attester"
	"github.com/manoward/manoward/examples"
	"github.com/manoward/manoward/internal/hub"
)

// Each folder of examples has a scenario with steps, and each scenario a folder.
func TestScenarios(t *testing.T) {
	t.Parallel()
	var names []string
	for _, s := range Scenarios() {
		names = append(names, s.Name)
		if title, err := s.title(); err != nil || title == "" || strings.HasPrefix(title, "#") {
			t.Errorf("%s: its title is %q (%v)", s.Name, title, err)
		}
		if len(s.Steps) == 0 {
			t.Errorf("%s has no steps", s.Name)
		}
	}
	slices.Sort(names)
	if !slices.Equal(names, examples.Names()) {
		t.Errorf("scenarios %q, folders %q", names, examples.Names())
	}
	if _, err := (Scenario{Name: "none"}).title(); err == nil {
		t.Error("a scenario without a folder has a title")
	}
}

func TestPick(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ ask, want string }{
		{"", "rogue-package delegated-certificates"},
		{"delegated-certificates", "delegated-certificates"},
		{"delegated-certificates rogue-package", "rogue-package delegated-certificates"},
	} {
		got, err := pick(strings.Fields(c.ask))
		var names []string
		for _, s := range got {
			names = append(names, s.Name)
		}
		if err != nil || strings.Join(names, " ") != c.want {
			t.Errorf("pick(%s) = %q, %v; want %s", c.ask, names, err, c.want)
		}
	}
	if _, err := pick([]string{"x"}); hub.CodeOf(err) != hub.Invalid || !strings.Contains(hub.SafeText(err), "rogue-package, delegated-certificates") {
		t.Errorf("pick(x): %v", err)
	}
}

// A hub that cannot be started is told with what it said, and nothing is left running.
func TestRun_HubDoesNotStart(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	script := filepath.Join(t.TempDir(), "hub")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho 'manoward: the disk is full; make room' >&2\nexit 6\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for program, want := range map[string]string{script: "the disk is full; make room", home: "cannot be started"} {
		var out, errs bytes.Buffer
		o := Options{Scenarios: []string{"delegated-certificates"}, Home: filepath.Join(home, filepath.Base(program)), Exit: true, Program: "manoward", Executable: program, Stdout: &out, Stderr: &errs, Now: time.Now}
		err := Run(t.Context(), o)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error that says %q", program, err, want)
		}
	}
}

func TestStage_Verbs(t *testing.T) {
	t.Parallel()
	script := filepath.Join(t.TempDir(), "verb")
	if err := os.WriteFile(script, []byte("#!/bin/sh\ncase $1 in\nfine) echo '{\"id\": \"x\"}';;\nbad) echo '{';;\nno) echo 'told meanwhile' >&2; echo 'manoward: refused; ask' >&2; exit 3;;\n*) echo 'manoward: gone' >&2; exit 4;;\nesac\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	line, out := newTimeline(0, false, false)
	s := &Stage{Dir: t.TempDir(), o: &Options{Program: "bin/manoward", Executable: script}, line: line, proofs: new([]string)}
	var got struct{ ID string }
	if err := s.DoGet(t.Context(), &got, "fine", "it's"); err != nil || got.ID != "x" {
		t.Errorf("fine: %+v, %v", got, err)
	}
	if err := s.Get(t.Context(), &got, "bad"); err == nil || !strings.Contains(err.Error(), "read what") {
		t.Errorf("bad: %v", err)
	}
	if reason, err := s.Refused(t.Context(), "no"); err != nil || reason != "refused; ask" {
		t.Errorf("no: %q, %v", reason, err)
	}
	if _, err := s.Refused(t.Context(), "fine"); err == nil {
		t.Error("what succeeds counts as refused")
	}
	var r *refusal
	if _, err := s.Refused(t.Context(), "gone", "thing"); !errors.As(err, &r) || r.code != 4 || err.Error() != "gone thing: gone" {
		t.Errorf("gone: %v", err)
	}
	s.Proof("thing", "x", "thing", "show")
	s.Proof("thing", "x", "thing", "show")
	if !slices.Equal(*s.proofs, []string{"bin/manoward thing show x"}) {
		t.Errorf("to try: %q", *s.proofs)
	}
	if !strings.Contains(out.String(), `$ manoward fine 'it'\''s'`) {
		t.Errorf("a command is not shown as a shell takes it:\n%s", out)
	}
}

func TestProcess(t *testing.T) {
	t.Parallel()
	obeys, err := start(exec.Command("sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.01; done"))
	if err != nil {
		t.Fatal(err)
	}
	if !obeys.running() {
		t.Error("it does not run")
	}
	obeys.stop(time.Minute) // it may not have come to its trap yet
	deaf, err := start(exec.Command("sh", "-c", "trap '' TERM; while :; do sleep 0.01; done"))
	if err != nil {
		t.Fatal(err)
	}
	if deaf.stop(0) || deaf.running() || obeys.running() {
		t.Error("a process goes on, or one that was killed counts as ended in order")
	}
	if _, err := start(exec.Command("/nonexistent")); err == nil {
		t.Error("a program that is not there was started")
	}
}

// The statement of one request is read, and a request without one is told.
func TestStatementOf(t *testing.T) {
	t.Parallel()
	soft, dir := softToken{}, t.TempDir()
	if err := soft.describe(t.Context(), filepath.Join(dir, "a.json")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "a.csr")
	if err := soft.request(t.Context(), "vnfc", file, time.Now()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := statementOf(text); err != nil || !bytes.Contains(s.DER, []byte("SOFTWARE ATTESTER")) {
		t.Errorf("the statement of a software attester does not say so: %v", err)
	}
	if _, err := soft.Signer(t.Context(), "other"); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("a key that was never made: %v", err)
	}
	if _, err := statementOf([]byte("no PEM")); err == nil {
		t.Error("a statement was read out of nothing")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeCSR(key, attester.CSR{}, filepath.Join(dir, "no", "such.csr")); err == nil {
		t.Error("a request was written where no folder is")
	}
}

func TestVerifyChain_Refuses(t *testing.T) {
	t.Parallel()
	d := &devices{home: t.TempDir(), now: time.Now}
	file, err := d.roots()
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	other := &devices{home: t.TempDir(), now: time.Now}
	if file, err = other.roots(); err != nil {
		t.Fatal(err)
	}
	foreign, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		chain, root []byte
		want        string
	}{
		"no root":        {root, nil, "root certificate cannot be read"},
		"no PEM":         {nil, root, "holds no PEM"},
		"another root":   {foreign, root, "verify the certificate"},
		"another's name": {root, root, "must be for VNFC v1"},
	} {
		if err := verifyChain(c.chain, c.root, "v1", time.Now()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error that says %q", name, err, c.want)
		}
	}
}
