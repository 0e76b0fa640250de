package fence

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	markdownLink = regexp.MustCompile(`\[[^\]]*\]\(([^)\s]+)\)`)
	heading      = regexp.MustCompile(`(?m)^#+ +(.*)$`)
	notInAnchors = regexp.MustCompile(`[^\pL\pN _-]`)
)

// Each link of a document to another one of ours leads to a file that is there, and
// to a heading that it has.
func TestDocuments_LinksLead(t *testing.T) {
	checked := 0
	for _, file := range documents(t) {
		text := read(t, file)
		for _, link := range markdownLink.FindAllStringSubmatch(text, -1) {
			if strings.Contains(link[1], ":") {
				continue // elsewhere
			}
			checked++
			name, anchor, _ := strings.Cut(link[1], "#")
			target := file
			if name != "" {
				target = filepath.Join(filepath.Dir(file), filepath.FromSlash(name))
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s, which is not there", file, link[1])
			} else if anchor != "" && !slices.Contains(anchors(read(t, target)), anchor) {
				t.Errorf("%s links to %s, and that has no such heading", file, link[1])
			}
		}
	}
	if checked < 200 {
		t.Errorf("checked %d links; the documents have more", checked)
	}
}

// Each decision record has a number of its own, and its row in the list, in order.
func TestDocuments_DecisionRecords(t *testing.T) {
	dir := filepath.Join(root, "docs", "adr")
	files, err := filepath.Glob(filepath.Join(dir, "[0-9]*.md"))
	if err != nil {
		t.Fatal(err)
	}
	var rows, numbers []string
	for _, f := range files {
		name := filepath.Base(f)
		rows, numbers = append(rows, "["+name[:4]+"]("+name+")"), append(numbers, name[:4])
	}
	if distinct := slices.Compact(slices.Clone(numbers)); len(distinct) != len(numbers) {
		t.Errorf("two decision records have one number: %v", numbers)
	}
	list := regexp.MustCompile(`\[[0-9]{4}\]\([^)]*\)`).FindAllString(read(t, filepath.Join(dir, "README.md")), -1)
	if !slices.Equal(list, rows) {
		t.Errorf("docs/adr/README.md lists\n%v\nand there are\n%v", list, rows)
	}
}

// documents are the paths of all Markdown files of ours.
func documents(t *testing.T) (files []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return fs.SkipDir
		case filepath.Ext(path) == ".md":
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func read(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// anchors are the names of the headings of a Markdown text, as they are linked to.
func anchors(text string) (names []string) {
	for _, h := range heading.FindAllStringSubmatch(text, -1) {
		name := notInAnchors.ReplaceAllString(strings.ToLower(strings.TrimSpace(h[1])), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}
