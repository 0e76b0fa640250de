package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/policies"
)

// TestDraft proves what "policy new" writes for each kind of event alone and
// for all of a Security Manager's: good, tested, covered in every line.
func TestDraft(t *testing.T) {
	managers := slices.DeleteFunc(hub.EventKinds(), func(k hub.EventKind) bool { return k == hub.EventCertificateRequest })
	sets := [][]hub.EventKind{managers}
	for _, k := range hub.EventKinds() {
		sets = append(sets, []hub.EventKind{k})
	}
	for _, events := range sets {
		d := draft{ID: "banned-vendor", Title: `A "title": with # signs` + "\nand lines", Owner: "a: b", Severity: hub.SeverityLow, Events: events}
		files, err := d.files()
		if err != nil || len(files) != 3 {
			t.Fatal(len(files), err)
		}
		if err := d.prove(t.Context(), files); err != nil {
			t.Errorf("%v: %v\n%s", events, err, files["banned_vendor.samples.yaml"])
		}
	}
}

func TestRanges(t *testing.T) {
	for want, lines := range map[string][]int{"": nil, "7": {7}, "3-5, 9": {3, 4, 5, 9}, "1, 3, 5-6": {1, 3, 5, 6}} {
		if got := ranges(lines); got != want {
			t.Errorf("%v: %q, want %q", lines, got, want)
		}
	}
}

// What is not whole is never called 100%.
func TestShare(t *testing.T) {
	for want, percent := range map[string]float64{"100%": 100, "99.9%": 99.99, "0.0%": 0, "33.3%": 100.0 / 3} {
		if got := share(percent); got != want {
			t.Errorf("%v: %s, want %s", percent, got, want)
		}
	}
}

func TestRefusalOfPolicies(t *testing.T) {
	f := &policyFiles{name: "here", shown: func(file string) string { return filepath.Join("here", file) }}
	warning := policies.Problem{File: "a.rego", Line: 1, Level: policies.LevelWarning, Text: "odd"}
	fault := policies.Problem{Level: policies.LevelError, Text: "wrong", Mend: "mend it"}
	if err := f.refusal([]policies.Problem{warning}, 10); err != nil {
		t.Errorf("a warning refuses: %v", err)
	}
	for want, problems := range map[string][]policies.Problem{
		"here: error: wrong; mend it":                                                                      {fault},
		"2 problems:\nhere/a.rego:1: warning: odd\nhere: error: wrong; mend it":                            {warning, fault},
		"3 problems:\nhere: error: wrong; mend it\nand 2 more; list them with: manoward policy check here": {fault, fault, fault},
	} {
		err := f.refusal(f.show(problems), max(1, 4-len(problems)))
		if hub.CodeOf(err) != hub.Unprocessable || message(err) != want {
			t.Errorf("%q, want %q", message(err), want)
		}
	}
}

// TestFilesAsOneSet names files of several folders, two of them through a link
// and with characters that patterns give a meaning.
func TestFilesAsOneSet(t *testing.T) {
	top := t.TempDir()
	odd := filepath.Join(top, "a[1]*?")
	run := func(want int, args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		if got := Run(t.Context(), Parts{}, Env{Stdout: &out, Stderr: &errs}, append([]string{"policy"}, args...)); got != want {
			t.Fatalf("%v: exit code %d, want %d: %s", args, got, want, errs.String())
		}
		return out.String() + errs.String()
	}
	run(0, "new", "one", "--events", "review", "--dir", odd)
	run(0, "new", "two", "--events", "alarm,review", "--dir", filepath.Join(top, "b"))
	run(0, "check", filepath.Join(odd, "one.rego"), filepath.Join(top, "b", "two.rego"))
	if out := run(0, "list", "--policies", filepath.Join(odd, "one.rego"), "-o", "json"); !strings.Contains(out, `"id": "one"`) || strings.Contains(out, `"two"`) {
		t.Errorf("the list of one file: %s", out)
	}
	out := run(2, "test", filepath.Join(odd, "one.rego"))
	if !strings.Contains(out, "there is no test") {
		t.Errorf("the file of tests was not named: %s", out)
	}
	out = run(0, "test", filepath.Join(odd, "one.rego"), filepath.Join(odd, "one_test.rego"), "--min-coverage", "100")
	if !strings.Contains(out, "3 of 3 tests passed") || !strings.Contains(out, filepath.Join(odd, "one.rego")) {
		t.Error(out)
	}
	if err := os.WriteFile(filepath.Join(top, "b", "two.samples.yaml"), []byte("- name: x\n  kind: [\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out = run(2, "check", filepath.Join(odd, "one.rego"), filepath.Join(top, "b", "two.rego"))
	if !strings.Contains(out, filepath.Join(top, "b", "two.samples.yaml")+": error: the samples are no YAML: yaml: line ") {
		t.Error(out)
	}
}
