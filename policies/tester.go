package policies

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/tester"

	"github.com/manoward/manoward/internal/hub"
)

// TestOptions say which tests to run and how.
type TestOptions struct {
	Options

	Filter  string        // regular expression over data.package.test_name; empty: all
	Timeout time.Duration // of one test; 0: five seconds
}

// Outcome is how a test ended.
type Outcome string

// The outcomes.
const (
	Pass Outcome = "pass"
	Fail Outcome = "fail"  // it is not true
	Err  Outcome = "error" // it could not be evaluated, or took too long
	Skip Outcome = "skip"  // its name begins with todo_
)

// TestResult is how one test ended.
type TestResult struct {
	File     string        `json:"file"`
	Line     int           `json:"line"`
	Package  string        `json:"package"`
	Name     string        `json:"name"`
	Outcome  Outcome       `json:"outcome"`
	Error    string        `json:"error,omitempty"`
	Output   string        `json:"output,omitempty"` // what it printed
	Duration time.Duration `json:"duration"`
}

// Coverage is how much of a file the tests have evaluated.
type Coverage struct {
	File      string `json:"file"`
	Covered   int    `json:"covered"` // lines with rules or expressions
	Uncovered []int  `json:"uncovered,omitempty"`
}

// TestReport is what the tests of a set say.
type TestReport struct {
	Results  []TestResult `json:"results"`  // by file and line
	Coverage []Coverage   `json:"coverage"` // of files that are no tests, by name
	Samples  int          `json:"samples"`  // that were evaluated too; the set does not load unless all do what they say
}

// Passed reports whether all tests passed. No test at all is no pass.
func (r *TestReport) Passed() bool {
	for _, t := range r.Results {
		if t.Outcome != Pass {
			return false
		}
	}
	return len(r.Results) > 0
}

// Percent is the share of lines that the tests have evaluated.
func (r *TestReport) Percent() float64 {
	covered, all := 0, 0
	for _, c := range r.Coverage {
		covered, all = covered+c.Covered, all+c.Covered+len(c.Uncovered)
	}
	if all == 0 {
		return 0
	}
	return 100 * float64(covered) / float64(all)
}

// Test runs the rules test_... in the files *_test.rego over the policies, with
// the default parameters as data; "with data.manoward.parameters[...] as" sets
// others. A set that does not load is not tested: then the report is nil.
func Test(ctx context.Context, files fs.FS, o TestOptions) (*TestReport, []Problem) {
	set, ps := load(ctx, files, o.Options)
	sources, err := readSources(files, isTest)
	if err != nil {
		ps.fault("", 0, 0, hub.SafeText(err), "")
	}
	tests := parseAll(ps, sources, true)
	if o.Filter != "" {
		if _, err := regexp.Compile(o.Filter); err != nil {
			ps.fault("", 0, 0, fmt.Sprintf("the filter %q is no regular expression", clip(o.Filter)), "see https://pkg.go.dev/regexp/syntax")
		}
	}
	if ps.bad() {
		return nil, ps.sorted()
	}
	modules := set.reparse(ps)
	maps.Copy(modules, tests)
	report, err := set.runTests(ctx, modules, o)
	if err != nil {
		addErrors(ps, "", err)
		return nil, ps.sorted()
	}
	return report, ps.sorted()
}

// reparse returns the set's modules as their authors wrote them.
func (s *Set) reparse(ps *problems) map[string]*ast.Module { return parseAll(ps, s.sources, false) }

func (s *Set) runTests(ctx context.Context, modules map[string]*ast.Module, o TestOptions) (*TestReport, error) {
	snapshot, err := s.Snapshot(nil)
	if err != nil {
		return nil, err
	}
	txn, err := snapshot.store.NewTransaction(ctx, storage.TransactionParams{})
	if err != nil {
		return nil, err
	}
	defer snapshot.store.Abort(ctx, txn)
	covered := cover.New()
	runner := tester.NewRunner().SetCompiler(newCompiler(capabilities(true)).WithEnablePrintStatements(true)).
		SetStore(snapshot.store).SetModules(modules).CapturePrintOutput(true).RaiseBuiltinErrors(true).
		SetTimeout(cmp.Or(o.Timeout, 5*time.Second)).Filter(o.Filter).
		SetCoverageQueryTracer(covered).SetCoverageRuns(nil)
	results, err := runner.RunTests(ctx, txn)
	if err != nil {
		return nil, err
	}
	report := &TestReport{}
	for _, p := range s.policies {
		report.Samples += len(p.samples)
	}
	for r := range results {
		report.Results = append(report.Results, resultOf(r))
	}
	if err := ctx.Err(); err != nil {
		return nil, hub.E(hub.Unavailable, "test policies", "the tests were given up by their caller; run them again", err)
	}
	slices.SortFunc(report.Results, func(a, b TestResult) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Name, b.Name))
	})
	lines := covered.Report(modules)
	for _, file := range slices.Sorted(maps.Keys(modules)) {
		if !isTest(file) {
			report.Coverage = append(report.Coverage, coverageOf(file, lines.Files[file]))
		}
	}
	return report, nil
}

func resultOf(r *tester.Result) TestResult {
	t := TestResult{
		File: r.Location.File, Line: r.Location.Row, Package: strings.TrimPrefix(r.Package, "data."), Name: r.Name,
		Outcome: Pass, Output: string(r.Output), Duration: r.Duration,
	}
	switch {
	case r.Skip:
		t.Outcome = Skip
	case r.Error != nil:
		t.Outcome, t.Error = Err, clip(strings.Join(strings.Fields(r.Error.Error()), " "))
	case r.Fail:
		t.Outcome = Fail
	}
	return t
}

// coverageOf counts lines: one on which something was evaluated and something
// was not is not covered.
func coverageOf(file string, r *cover.FileReport) Coverage {
	c := Coverage{File: file}
	if r == nil {
		return c
	}
	covered, open := map[int]bool{}, map[int]bool{}
	for _, x := range r.Covered {
		covered[x.Start.Row] = true
	}
	for _, x := range r.NotCovered {
		open[x.Start.Row] = true
	}
	for row := range covered {
		if !open[row] {
			c.Covered++
		}
	}
	c.Uncovered = slices.Sorted(maps.Keys(open))
	return c
}
