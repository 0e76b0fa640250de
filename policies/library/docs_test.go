package library_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
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
	all := described(t)
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
		wanted := []string{"# " + p.ID + ": " + p.title, "## Why", "## What it finds", "## What it does", "## Parameters", "## At three in the morning", "| severity | " + p.Severity + " |", p.path}
		wanted = append(wanted, p.Controls...)
		for _, kind := range p.Events {
			wanted = append(wanted, "`"+kind+"`")
		}
		for name := range p.Parameters.Properties {
			wanted = append(wanted, "\n| `"+name+"` | ")
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

// tableRow is the row of a policy in the table of policies.
func tableRow(p *metadata) string {
	cells := []string{fmt.Sprintf("[%s](%s.md)", p.ID, p.ID), p.Severity}
	for _, kind := range hub.EventKinds() {
		mark := ""
		if slices.Contains(p.Events, string(kind)) {
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
	for _, p := range described(t) {
		ours := 0
		for _, control := range p.Controls {
			id, ifa := strings.CutPrefix(control, "IFA033 ")
			if !ifa {
				continue
			}
			ours++
			if !strings.Contains(string(register), "| "+id+" |") {
				t.Errorf("%s: docs/requirements.md has no %s", p.path, id)
			}
		}
		if ours == 0 || ours == len(p.Controls) {
			t.Errorf("%s: controls %v are not of IFA 033 and of another catalogue", p.path, p.Controls)
		}
	}
}
