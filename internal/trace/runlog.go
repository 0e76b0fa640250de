package trace

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"strings"
)

// Result is what came of a test in a run.
type Result string

// The results. A test that both passed and failed in a run (-count, several
// packages of one name) has failed.
const (
	Passed  Result = "passed"
	Failed  Result = "failed"
	Skipped Result = "skipped"
	NotRun  Result = "not run"
)

// RunLog is what a run of `go test -json` said of its tests.
type RunLog struct{ results map[testName]Result }

type testName struct{ pkg, test string }

// ReadRunLog reads the output of go test -json. Lines that are no events are
// passed over; a log without the end of any test is an error.
func ReadRunLog(r io.Reader) (*RunLog, error) {
	log := &RunLog{results: map[testName]Result{}}
	verdicts := map[string]Result{"pass": Passed, "fail": Failed, "skip": Skipped}
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		var e struct{ Action, Package, Test string }
		if json.Unmarshal(bytes.TrimSpace(line), &e) == nil && e.Test != "" && verdicts[e.Action] != "" {
			name := testName{e.Package, e.Test}
			log.results[name] = worse(log.results[name], verdicts[e.Action])
		}
		if e.Action == "again" { // testsum: the second try counts, not the first
			maps.DeleteFunc(log.results, func(name testName, _ Result) bool {
				return name.pkg == e.Package && (name.test == e.Test || strings.HasPrefix(name.test, e.Test+"/"))
			})
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read run log: %w", err)
		}
	}
	if len(log.results) == 0 {
		return nil, errors.New("read run log: it holds no test; make it with go test -json, or make test")
	}
	return log, nil
}

// result returns what came of the test behind a claim of the module.
//
// A Go test is looked up by package and name, a test script by the name of its
// subtest (TestScript/<script>) in the package that holds its testdata.
func (l *RunLog) result(module string, c Claim) Result {
	dir, script := path.Dir(c.File), path.Ext(c.File) == ".txtar"
	if script {
		dir, _, _ = strings.Cut(dir+"/", "/testdata/")
	}
	pkg := path.Join(module, dir)
	if !script {
		return worse(NotRun, l.results[testName{pkg, c.Test}])
	}
	found := NotRun
	for name, result := range l.results {
		if name.pkg == pkg && strings.HasSuffix(name.test, "/"+c.Test) {
			found = worse(found, result)
		}
	}
	return found
}

// worse returns the result that says more against the test; "" says nothing.
func worse(a, b Result) Result {
	order := map[Result]int{"": 0, NotRun: 1, Passed: 2, Skipped: 3, Failed: 4}
	if order[b] > order[a] {
		return b
	}
	return a
}
