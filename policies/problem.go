package policies

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/manoward/manoward/internal/hub"
)

// Level says whether a [Problem] keeps a set from existing.
type Level string

// The levels.
const (
	LevelError   Level = "error"   // the set does not exist
	LevelWarning Level = "warning" // the set exists
)

// Problem is one thing that is wrong with a set of policies, where it is wrong,
// and what its author can do. Texts are safe to show.
type Problem struct {
	File   string `json:"file,omitempty"` // path in the set; empty: the set as a whole
	Line   int    `json:"line,omitempty"` // from 1; 0: the file as a whole
	Column int    `json:"column,omitempty"`
	Level  Level  `json:"level"`
	Text   string `json:"text"`           // what is wrong
	Mend   string `json:"mend,omitempty"` // what to do about it
}

// String returns the problem in one line, as compilers write it.
func (p Problem) String() string {
	var at string
	switch {
	case p.Line > 0 && p.Column > 0:
		at = fmt.Sprintf("%s:%d:%d: ", p.File, p.Line, p.Column)
	case p.Line > 0:
		at = fmt.Sprintf("%s:%d: ", p.File, p.Line)
	case p.File != "":
		at = p.File + ": "
	}
	s := at + string(p.Level) + ": " + p.Text
	if p.Mend != "" {
		s += "; " + p.Mend
	}
	return s
}

// Refusal returns an error with code Unprocessable that names the first
// problems of level error, or nil when there is none.
func Refusal(problems []Problem) error {
	const most = 10
	var lines []string
	errs := 0
	for _, p := range problems {
		if p.Level != LevelError {
			continue
		}
		if errs++; errs <= most {
			lines = append(lines, p.String())
		}
	}
	if errs == 0 {
		return nil
	}
	if errs > most {
		lines = append(lines, fmt.Sprintf("and %d more; `manoward policy check` lists them", errs-most))
	}
	return hub.E(hub.Unprocessable, "load policies", strings.Join(lines, "\n"), nil)
}

// problems collects what is wrong. The zero value is empty.
type problems struct{ list []Problem }

// fault adds a problem of level error.
func (ps *problems) fault(file string, line, column int, text, mend string) {
	ps.list = append(ps.list, Problem{File: file, Line: line, Column: column, Level: LevelError, Text: text, Mend: mend})
}

// bad reports whether a problem of level error was added.
func (ps *problems) bad() bool {
	return slices.ContainsFunc(ps.list, func(p Problem) bool { return p.Level == LevelError })
}

// sorted returns the problems by file, line and column, each once.
func (ps *problems) sorted() []Problem {
	slices.SortFunc(ps.list, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Text, b.Text))
	})
	return slices.Compact(ps.list)
}

// didYouMean returns `did you mean "x"?` when one of the names is near enough to
// what was written, else what can be written.
func didYouMean(written string, names []string) string {
	best, least := "", max(2, len(written)/3)+1
	for _, n := range names {
		if d := distance(strings.ToLower(written), strings.ToLower(n)); d < least && d < len(n) {
			best, least = n, d
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	if len(names) == 0 {
		return "take it out"
	}
	sorted := slices.Sorted(slices.Values(names))
	if most := 40; len(sorted) > most {
		sorted = append(sorted[:most], "…")
	}
	return "use one of " + strings.Join(sorted, ", ")
}

// distance is the edit distance of two short texts, in bytes: how many must be
// put in, taken out or changed to make one of the other.
func distance(a, b string) int {
	const long = 80
	if len(a) > long || len(b) > long {
		return long
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := last
			if a[i] != b[j] {
				change++
			}
			last = row[j+1]
			row[j+1] = min(change, last+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// clip keeps foreign text out of messages at full length.
func clip(s string) string {
	const most = 200
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
