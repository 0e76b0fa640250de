// Package trace joins requirements to the tests that prove them: it reads the
// register (docs/requirements.md), finds the tests that name its identifiers,
// and reports identifier -> tests, identifiers without a test, and tests that
// name what is not in the register.
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
}

// ReadRegister reads the rows of every Markdown table whose first column is
// headed "id". A row without an id or a text, an id given twice and a register
// without any row are errors that name the line.
func ReadRegister(r io.Reader) ([]Requirement, error) {
	var (
		all     []Requirement
		group   string
		inTable bool
		seen    = map[string]int{}
		lines   = bufio.NewScanner(r)
	)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		cells, isRow := tableCells(text)
		switch {
		case strings.HasPrefix(text, "#"):
			group = strings.TrimSpace(strings.TrimLeft(text, "#"))
			inTable = false
		case !isRow:
			inTable = false
		case strings.EqualFold(cells[0], "id"):
			inTable = true
		case !inTable || isRule(cells):
		case len(cells) < 2 || cells[0] == "" || cells[1] == "":
			return nil, fmt.Errorf("line %d: a requirement needs an id and a text", n)
		case seen[cells[0]] != 0:
			return nil, fmt.Errorf("line %d: %s stands on line %d already", n, cells[0], seen[cells[0]])
		default:
			seen[cells[0]] = n
			all = append(all, Requirement{ID: cells[0], Text: cells[1], Line: n, Group: group})
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read register: %w", err)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no table of the register has a first column headed id")
	}
	return all, nil
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
