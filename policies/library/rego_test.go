package library_test

import (
	"strings"
	"testing"

	"github.com/manoward/manoward/policies"
	"github.com/manoward/manoward/policies/library"
)

// schemasOf returns the schemas of the inputs.
func schemasOf(t testing.TB) *policies.Schemas {
	t.Helper()
	s, err := policies.OwnSchemas()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// load loads the library as a Security Manager does: strict, typed against the
// schemas, with its samples, and without as much as a warning.
func load(t testing.TB) *policies.Set {
	t.Helper()
	set, problems := policies.Load(t.Context(), library.FS(), policies.Options{Schemas: schemasOf(t)})
	for _, p := range problems {
		t.Error(p)
	}
	if set == nil {
		t.Fatal("the library does not load")
	}
	return set
}

// TestRego runs the tests that stand beside the policies, and asks that they
// reach every line of the policies and of what these share.
func TestRego(t *testing.T) {
	report, problems := policies.Test(t.Context(), library.FS(), policies.TestOptions{Options: policies.Options{Schemas: schemasOf(t)}})
	for _, p := range problems {
		t.Error(p)
	}
	if report == nil {
		t.Fatal("nothing was tested")
	}
	passed := map[string]int{}
	for _, r := range report.Results {
		if r.Outcome != policies.Pass {
			t.Errorf("%s:%d: %s: %s %s %s", r.File, r.Line, r.Name, r.Outcome, r.Error, r.Output)
			continue
		}
		passed[r.File]++
	}
	for _, c := range report.Coverage {
		if len(c.Uncovered) > 0 {
			t.Errorf("%s: no test reaches the lines %v", c.File, c.Uncovered)
		}
		if tests := strings.TrimSuffix(c.File, ".rego") + "_test.rego"; passed[tests] < 2 {
			t.Errorf("%s: %d tests pass in %s", c.File, passed[tests], tests)
		}
	}
	if len(report.Coverage) < 30 || report.Percent() != 100 {
		t.Errorf("coverage of %d files is %.1f %%", len(report.Coverage), report.Percent())
	}
}

// TestCheck asks that "policy check" has nothing to say of the library: not of
// its format, and not of tests or controls that a policy lacks.
func TestCheck(t *testing.T) {
	for _, p := range policies.Check(t.Context(), library.FS(), policies.Options{Schemas: schemasOf(t)}) {
		t.Error(p)
	}
}
