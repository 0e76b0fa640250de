package trace

import (
	"errors"
	"fmt"
	"strings"
)

// The lines of the register between which its generated part stands.
const (
	generatedStart = "<!-- Written by `make trace` up to the end mark. -->"
	generatedEnd   = "<!-- End. -->"
)

// Document returns the text of the register with its generated part made anew: a
// row for each requirement with its state and its tests, as links from the folder
// docs. Results and line numbers are left out, so it changes only when a test is
// added, renamed or moved. A text without one pair of marks is an error.
func (r Report) Document(register string) (string, error) {
	before, rest, found := strings.Cut(register, generatedStart+"\n")
	_, after, ended := strings.Cut(rest, generatedEnd+"\n")
	if !found || !ended || strings.Contains(after, generatedStart) {
		return "", errors.New("the register needs one line " + generatedStart + " and after it one line " + generatedEnd)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s%s\n%s.\n\n| row | state | tests |\n|---|---|---|\n", before, generatedStart, r.counts())
	for _, row := range r.Rows {
		links := make([]string, len(row.Tests))
		for i, t := range row.Tests {
			links[i] = fmt.Sprintf("[%s](../%s)", t.Name, t.File)
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", row.ID, row.State, strings.Join(links, ", "))
	}
	b.WriteString(generatedEnd + "\n" + after)
	return b.String(), nil
}
