package library_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/policies"
	"github.com/manoward/manoward/policies/library"
)

const controls = "../../docs/controls"

// TestEachPolicyHasAPage holds docs/controls against the metadata: a page for
// each policy with all its parameters and controls, and a row of the table.
func TestEachPolicyHasAPage(t *testing.T) {
	table, err := os.ReadFile(filepath.Join(controls, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	pages := []string{"README.md"}
	all := load(t).Policies()
	if len(all) < 20 {
		t.Errorf("%d policies", len(all))
	}
	for _, p := range all {
		pages = append(pages, p.ID+".md")
		raw, err := os.ReadFile(filepath.Join(controls, p.ID+".md"))
		if err != nil {
			t.Error(err)
			continue
		}
		page := string(raw)
		wanted := []string{"# " + p.ID + ": " + p.Title, "## Why", "## What it finds", "## What it does", "## Parameters", "## At three in the morning", "| severity | " + string(p.Severity) + " |", p.File}
		wanted = append(wanted, p.Controls...)
		for _, kind := range p.Events {
			wanted = append(wanted, "`"+string(kind)+"`")
		}
		for _, v := range p.Parameters {
			wanted = append(wanted, fmt.Sprintf("\n| `%s` | `%s` | %s |\n", v.Name, v.Default, v.Description))
		}
		for _, code := range codes(t, p.File) {
			wanted = append(wanted, "\n| `"+code+"` | ")
		}
		for _, text := range wanted {
			if !strings.Contains(page, text) {
				t.Errorf("docs/controls/%s.md does not have %q", p.ID, text)
			}
		}
		if row := tableRow(&p); !strings.Contains(string(table), row) {
			t.Errorf("docs/controls/README.md does not have the row\n%s", row)
		}
	}
	there, err := os.ReadDir(controls)
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range there {
		if !slices.Contains(pages, page.Name()) {
			t.Errorf("docs/controls/%s is of no policy", page.Name())
		}
	}
}

// codes returns the codes of findings that stand in a policy's file.
func codes(t *testing.T, file string) []string {
	t.Helper()
	source, err := fs.ReadFile(library.FS(), file)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, m := range regexp.MustCompile(`(?:"code": |finding\((?:met, )?)"([a-z-]+)"`).FindAllSubmatch(source, -1) {
		found = append(found, string(m[1]))
	}
	if len(found) == 0 && !strings.Contains(string(source), `"code": `) {
		t.Errorf("%s: no codes of findings", file)
	}
	return found
}

// tableRow is the row of a policy in the table of policies.
func tableRow(p *policies.Policy) string {
	cells := []string{fmt.Sprintf("[%s](%s.md)", p.ID, p.ID), string(p.Severity)}
	for _, kind := range hub.EventKinds() {
		mark := ""
		if p.On(kind) {
			mark = "x"
		}
		cells = append(cells, mark)
	}
	return "| " + strings.Join(append(cells, strings.Join(p.Controls, "; ")), " | ") + " |"
}

// TestControlsExist holds the ids of IFA 033 against the requirement register.
func TestControlsExist(t *testing.T) {
	register, err := os.ReadFile("../../docs/requirements.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range load(t).Policies() {
		ours := 0
		for _, control := range p.Controls {
			id, ifa := strings.CutPrefix(control, "IFA033 ")
			if !ifa {
				continue
			}
			ours++
			if !strings.Contains(string(register), "| "+id+" |") {
				t.Errorf("%s: docs/requirements.md has no %s", p.File, id)
			}
		}
		if ours == 0 || ours == len(p.Controls) {
			t.Errorf("%s: controls %v are not of IFA 033 and of another catalogue", p.File, p.Controls)
		}
	}
}
