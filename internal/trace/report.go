package trace

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// Test is a test that names a requirement.
type Test struct {
	Name   string `json:"name"`
	File   string `json:"file"`
	Line   int    `json:"line"`
	Result Result `json:"result,omitempty"` // empty without a run log
}

// Row is a requirement with the tests that name it.
type Row struct {
	Requirement
	Tests []Test `json:"tests"`
}

// Report is the register with its tests.
type Report struct {
	Rows     []Row    `json:"requirements"`
	Problems []string `json:"problems"` // claims that name nothing or stand in no test, rows whose tests do not bear their state out
}

// Join makes the report. module is the path of the module that the claims' files
// are in. log may be nil; with one, each test of a row that is not open must have
// passed in it.
func Join(register []Requirement, claims []Claim, module string, log *RunLog) Report {
	report := Report{Rows: make([]Row, len(register)), Problems: []string{}}
	index := map[string]int{}
	for i, req := range register {
		report.Rows[i] = Row{Requirement: req, Tests: []Test{}}
		index[req.ID] = i
	}
	for _, c := range claims {
		i, known := index[c.ID]
		switch {
		case !known:
			report.problem(c, fmt.Sprintf("covers %q, which is not in the register; mend the id or add its row", c.ID))
			continue
		case c.Test == "":
			report.problem(c, fmt.Sprintf("covers %s outside any test; move the line into the test that proves it", c.ID))
			continue
		}
		test := Test{Name: c.Test, File: c.File, Line: c.Line}
		if log != nil {
			test.Result = log.result(module, c)
		}
		row := &report.Rows[i]
		same := func(t Test) bool { return t.Name == test.Name && t.File == test.File }
		if !slices.ContainsFunc(row.Tests, same) {
			row.Tests = append(row.Tests, test)
		}
	}
	for _, row := range report.Rows {
		report.Problems = append(report.Problems, row.problems()...)
	}
	return report
}

// problems says what about the tests of a row does not bear its state out.
func (r Row) problems() (list []string) {
	switch {
	case r.State == Open && len(r.Tests) > 0:
		return []string{fmt.Sprintf("%s is listed as open, and %s proves it; take it off the list, or list it as in part", r.ID, r.Tests[0].Name)}
	case r.State != Open && len(r.Tests) == 0:
		return []string{fmt.Sprintf("%s has no test; write one through the real interface with \"// Covers: %s\"", r.ID, r.ID)}
	}
	for _, t := range r.Tests {
		if t.Result != "" && t.Result != Passed {
			list = append(list, fmt.Sprintf("%s: its test %s (%s): %s", r.ID, t.Name, t.File, t.Result))
		}
	}
	return list
}

func (r *Report) problem(c Claim, text string) {
	r.Problems = append(r.Problems, fmt.Sprintf("%s:%d: %s", c.File, c.Line, text))
}

// WriteJSON writes the report as one JSON object.
func (r Report) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(r)
}

// WriteTable writes one line per requirement and test, then the requirements
// of which not all is built, then the counts.
func (r Report) WriteTable(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	ran, proved := false, 0
	for _, row := range r.Rows {
		good := len(row.Tests) > 0
		for _, t := range row.Tests {
			ran = ran || t.Result != ""
			good = good && t.Result == Passed
			fmt.Fprintln(table, strings.TrimRight(fmt.Sprintf("%s\t%s\t%s:%d\t%s", row.ID, t.Name, t.File, t.Line, t.Result), "\t"))
		}
		if good {
			proved++
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, state := range []State{InPart, Open} {
		if ids := r.ids(state); len(ids) > 0 {
			fmt.Fprintf(w, "\n%s:\n", state)
			for _, group := range inLines(ids, 100) {
				fmt.Fprintf(w, "  %s\n", group)
			}
		}
	}
	summary := "\n" + r.counts()
	if ran {
		summary += fmt.Sprintf("; in this run all tests of %d passed", proved)
	}
	_, err := fmt.Fprintln(w, summary)
	return err
}

// ids lists the rows of a state.
func (r Report) ids(state State) (list []string) {
	for _, row := range r.Rows {
		if row.State == state {
			list = append(list, row.ID)
		}
	}
	return list
}

// counts says how many rows are in which state.
func (r Report) counts() string {
	return fmt.Sprintf("%d requirements: %d built, %d in part, %d open", len(r.Rows), len(r.ids(Built)), len(r.ids(InPart)), len(r.ids(Open)))
}

// inLines joins words into lines of at most width bytes, or one longer word.
func inLines(words []string, width int) []string {
	var lines []string
	for _, word := range words {
		if last := len(lines) - 1; last >= 0 && len(lines[last])+1+len(word) <= width {
			lines[last] += " " + word
		} else {
			lines = append(lines, word)
		}
	}
	return lines
}
