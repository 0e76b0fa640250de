package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// event is one line of `go test -json`; see `go doc test2json` and, for the
// build events, `go help buildjson`.
type event struct {
	Action      string
	Package     string
	ImportPath  string // of a build event
	Test        string
	Output      string
	Elapsed     float64 // seconds
	FailedBuild string  // ImportPath of the build that failed a package
}

// summary counts tests, subtests included. A package that fails outside its
// tests (build, TestMain, a race seen at exit) counts as one failed test.
type summary struct {
	counts
	failures []failure
	slow     []slowTest
}

// slowTest is a top-level test that took more than [slowAfter].
type slowTest struct {
	pkg, test string
	seconds   float64 // without the time in which it waited for its turn
}

// slowAfter is from how many seconds on a test is worth a line, and slowMost how many
// lines there are at most: what a run of all tests is to be made shorter by.
const slowAfter, slowMost = 10, 20

// slowest returns the slowest tests, those first.
func (s summary) slowest() []slowTest {
	slices.SortFunc(s.slow, func(a, b slowTest) int {
		return cmp.Or(cmp.Compare(b.seconds, a.seconds), cmp.Compare(a.pkg+a.test, b.pkg+b.test))
	})
	return s.slow[:min(len(s.slow), slowMost)]
}

type counts struct{ passed, failed, skipped int }

func (c counts) line() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", c.passed, c.failed, c.skipped)
}

func (c *counts) add(more counts) {
	c.passed += more.passed
	c.failed += more.failed
	c.skipped += more.skipped
}

func (c *counts) subtract(less counts) {
	c.add(counts{-less.passed, -less.failed, -less.skipped})
}

// failure is a top-level test that failed, or a package that failed outside its
// tests.
type failure struct {
	pkg, test string // test is empty where the package failed
	counts           // of the test with its subtests
	reason    string // what it said last, with file and line
	hard      bool   // a data race or a panic, which no second run makes good
}

// collector holds what may still have to be shown of packages that run.
type collector struct {
	w      io.Writer
	sum    summary
	runs   map[string]*packageRun
	builds map[string]*strings.Builder // output of builds, by ImportPath
}

// packageRun is what is known of a package that has not ended.
type packageRun struct {
	summary
	tests  map[string]counts // of top-level tests that have not ended
	output map[string][]line // the same; "" is outside tests
	skips  []line            // tests skipped, with their reasons
}

// line is one line that a test or subtest printed.
type line struct{ test, text string }

// summarize reads the events of go test -json from r until its end and writes
// the page to w as packages end. Lines that are no events pass through.
func summarize(r io.Reader, w io.Writer) (summary, error) {
	c := &collector{w: w, runs: map[string]*packageRun{}, builds: map[string]*strings.Builder{}}
	lines := bufio.NewReader(r)
	for {
		raw, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(raw)) > 0 {
			c.event(raw)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return c.sum, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.runs)) { // cut off: go test itself was killed
		c.packageEnd(event{Action: "fail", Package: name}, c.runs[name])
	}
	return c.sum, nil
}

func (c *collector) event(raw []byte) {
	var e event
	if err := json.Unmarshal(raw, &e); err != nil || e.Action == "" {
		fmt.Fprintf(c.w, "%s\n", bytes.TrimRight(raw, "\n"))
		return
	}
	switch {
	case e.Action == "build-output":
		if c.builds[e.ImportPath] == nil {
			c.builds[e.ImportPath] = &strings.Builder{}
		}
		c.builds[e.ImportPath].WriteString(e.Output)
	case e.Package == "":
		return
	case e.Action == "output":
		run, top := c.run(e.Package), topLevel(e.Test)
		run.output[top] = append(run.output[top], line{e.Test, e.Output})
	case e.Test != "":
		c.testEnd(e)
	case e.Action == "pass" || e.Action == "fail" || e.Action == "skip":
		c.packageEnd(e, c.run(e.Package))
	}
}

// testEnd counts the end of a test or subtest. The output of a top-level test
// is shown when it failed and forgotten when it passed.
func (c *collector) testEnd(e event) {
	run, top := c.run(e.Package), topLevel(e.Test)
	lines, of := run.output[top], run.tests[top]
	switch e.Action {
	case "pass":
		of.passed++
	case "fail":
		of.failed++
	case "skip":
		of.skipped++
		run.skips = append(run.skips, line{e.Test, reason(lines, e.Test)})
	default:
		return // run, pause, cont, bench
	}
	if run.tests[top] = of; e.Test != top {
		return
	}
	if e.Elapsed >= slowAfter {
		c.sum.slow = append(c.sum.slow, slowTest{e.Package, top, e.Elapsed})
	}
	if e.Action == "fail" {
		c.show(lines)
		run.failures = append(run.failures, newFailure(e.Package, top, of, lines))
	}
	run.counts.add(of)
	delete(run.output, top)
	delete(run.tests, top)
}

// blame is a line that a test logged; the last one tells best why it failed.
var blame = regexp.MustCompile(`^\s+\w+_test\.go:\d+: `)

func newFailure(pkg, test string, of counts, lines []line) failure {
	f := failure{pkg: pkg, test: test, counts: of}
	for _, l := range lines {
		if blame.MatchString(l.text) && !strings.HasSuffix(strings.TrimSpace(l.text), ":") { // nor one that only leads in
			f.reason = strings.TrimSpace(l.text)
		}
		f.hard = f.hard || strings.HasPrefix(l.text, "WARNING: DATA RACE") || strings.HasPrefix(l.text, "panic: ")
	}
	return f
}

// packageEnd writes the line of a package, and before it what explains a
// failure: the build's output, what was printed outside tests, and all that a
// test printed which never ended.
func (c *collector) packageEnd(e event, run *packageRun) {
	if e.Action == "fail" {
		if out := c.builds[e.FailedBuild]; out != nil {
			fmt.Fprint(c.w, out)
		}
		for _, test := range slices.Sorted(maps.Keys(run.output)) {
			c.show(run.output[test])
		}
		for _, of := range run.tests { // cut off: their subtests may have ended
			run.counts.add(of)
		}
		if len(run.failures) == 0 || len(run.tests) > 0 {
			run.failures = append(run.failures, failure{pkg: e.Package, hard: true})
			run.failed = max(run.failed, 1)
		}
	}
	for _, skip := range run.skips {
		fmt.Fprintf(c.w, "skip  %s  %s\n%s", e.Package, skip.test, skip.text)
	}
	verdict := map[string]string{"pass": "ok", "fail": "FAIL", "skip": "none"}[e.Action]
	fmt.Fprintf(c.w, "%-4s %7.2fs  %4d tests  %s\n", verdict, e.Elapsed, run.passed+run.failed+run.skipped, e.Package)
	c.sum.counts.add(run.counts)
	c.sum.failures = append(c.sum.failures, run.failures...)
	delete(c.runs, e.Package)
}

func (c *collector) show(lines []line) {
	for _, l := range lines {
		fmt.Fprint(c.w, l.text)
	}
}

// reason returns what a skipped test logged, without the framework's own lines.
func reason(lines []line, test string) string {
	var b strings.Builder
	for _, l := range lines {
		text := strings.TrimSpace(l.text)
		if l.test == test && !strings.HasPrefix(text, "===") && !strings.HasPrefix(text, "---") {
			b.WriteString(l.text)
		}
	}
	return b.String()
}

func topLevel(test string) string {
	top, _, _ := strings.Cut(test, "/")
	return top
}

func (c *collector) run(pkg string) *packageRun {
	run := c.runs[pkg]
	if run == nil {
		run = &packageRun{output: map[string][]line{}, tests: map[string]counts{}}
		c.runs[pkg] = run
	}
	return run
}
