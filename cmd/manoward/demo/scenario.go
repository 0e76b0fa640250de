package demo

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/manoward/manoward/examples"
	"github.com/manoward/manoward/internal/hub"
)

// Scenario is one story that is shown.
type Scenario struct {
	Name    string             // its folder in package examples
	Prepare func(*Setup) error // before the hub starts; may be nil
	Steps   []Step
}

// Step is one thing that happens. Do returns once its effect is read back; its error
// says what was wrong, and how to mend it.
type Step struct {
	Title string // "The image is altered at the VIM"
	Do    func(context.Context, *Stage) error
}

// Scenarios are those that there are, made anew. The first two are shown when none is
// named.
func Scenarios() []Scenario {
	return []Scenario{roguePackage(), delegatedCertificates()}
}

// shownByDefault is how many of the scenarios are shown when none is named.
const shownByDefault = 2

// pick finds the scenarios of the names, in the order in which there are.
func pick(names []string) ([]Scenario, error) {
	all := Scenarios()
	if len(names) == 0 {
		return all[:shownByDefault], nil
	}
	known := make([]string, len(all))
	for i, s := range all {
		known[i] = s.Name
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, hub.E(hub.Invalid, opDemo, fmt.Sprintf("there is no scenario %q; the scenarios are: %s", name, strings.Join(known, ", ")), nil)
		}
	}
	return slices.DeleteFunc(all, func(s Scenario) bool { return !slices.Contains(names, s.Name) }), nil
}

// title is the heading of the scenario's README.
func (s Scenario) title() (string, error) {
	folder, err := examples.Folder(s.Name)
	if err != nil {
		return "", err
	}
	text, err := fs.ReadFile(folder, "README.md")
	if err != nil {
		return "", err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimPrefix(first, "# "), nil
}
