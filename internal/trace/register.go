// Package trace joins requirements to the tests that prove them: it reads the
// register (docs/requirements.md), finds the tests that name its identifiers,
// reports identifier -> tests and what does not fit together, and writes the
// part of the register that says which tests prove which row.
package trace

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Requirement is one row of the register.
type Requirement struct {
	ID    string `json:"id"`
	Text  string `json:"text"`  // what it asks, in Markdown
	Line  int    `json:"line"`  // in the register
	Group string `json:"group"` // heading above the table

	State State  `json:"state"`
	Lacks string `json:"lacks,omitempty"` // what is not built yet, unless all is
}

// State is how much of a row is built, as the register says.
type State string

// The states. A row that the register lists in no table of states is built.
const (
	Built  State = "built"   // a test proves it
	InPart State = "in part" // a test proves what is built of it
	Open   State = "open"    // nothing is built, and no test says so
)

// ReadRegister reads the rows of every Markdown table whose first column is
// headed "id", and their states of those headed "in part" or "open": a list of
// ids with commas, and what is missing. A row without an id or a text, an id
// given twice, a state of a row that is not there or has one already, and a
// register without any row are errors that name the line.
func ReadRegister(r io.Reader) ([]Requirement, error) {
	var (
		all    []Requirement
		states []stateRow
		group  string
		head   string // first column of the table that we are in
		seen   = map[string]int{}
		lines  = bufio.NewScanner(r)
	)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		cells, isRow := tableCells(text)
		switch {
		case strings.HasPrefix(text, "#"):
			group = strings.TrimSpace(strings.TrimLeft(text, "#"))
			head = ""
		case !isRow:
			head = ""
		case head == "":
			head = strings.ToLower(cells[0])
		case head != "id" && head != string(InPart) && head != string(Open) || isRule(cells):
		case len(cells) < 2 || cells[0] == "" || cells[1] == "":
			return nil, fmt.Errorf("line %d: a requirement needs an id and a text", n)
		case head != "id":
			states = append(states, stateRow{n, cells[0], State(head), cells[1]})
		case seen[cells[0]] != 0:
			return nil, fmt.Errorf("line %d: %s stands on line %d already", n, cells[0], seen[cells[0]])
		default:
			seen[cells[0]] = n
			all = append(all, Requirement{ID: cells[0], Text: cells[1], Line: n, Group: group, State: Built})
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read register: %w", err)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no table of the register has a first column headed id")
	}
	return all, setStates(all, states)
}

// stateRow is one row of a table of states.
type stateRow struct {
	line  int
	ids   string
	state State
	lacks string
}

// setStates gives the requirements the states that the register lists.
func setStates(all []Requirement, states []stateRow) error {
	index := make(map[string]*Requirement, len(all))
	for i := range all {
		index[all[i].ID] = &all[i]
	}
	for _, s := range states {
		for id := range strings.SplitSeq(s.ids, ",") {
			req := index[strings.TrimSpace(id)]
			switch {
			case req == nil:
				return fmt.Errorf("line %d: %q is no id of the register", s.line, strings.TrimSpace(id))
			case req.State != Built:
				return fmt.Errorf("line %d: %s is listed as %s already", s.line, req.ID, req.State)
			}
			req.State, req.Lacks = s.state, s.lacks
		}
	}
	return nil
}

// tableCells splits one row of a Markdown table.
func tableCells(line string) ([]string, bool) {
	if !strings.HasPrefix(line, "|") {
		return nil, false
	}
	cells := strings.Split(strings.Trim(line, "|"), "|")
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	return cells, true
}

// isRule reports whether a row is the line under a table's head.
func isRule(cells []string) bool {
	return strings.Trim(strings.Join(cells, ""), "-: ") == ""
}
