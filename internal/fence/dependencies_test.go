package fence

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDependencies compares the table of docs/dependencies.md with go.mod: each
// module that is required directly, and each module of a tool, has one row.
func TestDependencies(t *testing.T) {
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile(filepath.Join(root, "docs", "dependencies.md"))
	if err != nil {
		t.Fatal(err)
	}
	want, rows := direct(string(mod)), documented(string(doc))
	if len(want) == 0 || len(rows) == 0 {
		t.Fatalf("%d modules in go.mod, %d in docs/dependencies.md: the fence guards nothing", len(want), len(rows))
	}
	for _, m := range want {
		if !slices.Contains(rows, m) {
			t.Errorf("docs/dependencies.md has no row for %s\n\tbecause each module is code that somebody must trust: say what it is for, why this one, and its licence", m)
		}
	}
	for i, m := range rows {
		if !slices.Contains(want, m) {
			t.Errorf("docs/dependencies.md has a row for %s, which go.mod does not require directly", m)
		}
		if slices.Contains(rows[:i], m) {
			t.Errorf("docs/dependencies.md has two rows for %s", m)
		}
	}
}

// direct returns the modules that a go.mod requires directly or runs as tools.
func direct(mod string) []string {
	required := regexp.MustCompile(`^(?:require\s+)?(\S+\.\S+) v\S+( // indirect)?$`)
	var modules, all, tools []string
	block := ""
	for line := range strings.Lines(mod) {
		line = strings.TrimSpace(line)
		if first, ok := strings.CutSuffix(line, " ("); ok {
			block = first
		} else if line == ")" {
			block = ""
		}
		if tool, ok := strings.CutPrefix(line, "tool "); ok && tool != "(" {
			tools = append(tools, tool)
		} else if block == "tool" && line != "tool (" && line != "" {
			tools = append(tools, line)
		}
		m := required.FindStringSubmatch(line)
		if m == nil || (block != "" && block != "require") {
			continue
		}
		all = append(all, m[1])
		if m[2] == "" {
			modules = append(modules, m[1])
		}
	}
	for _, tool := range tools {
		if i := slices.IndexFunc(all, func(m string) bool { return strings.HasPrefix(tool+"/", m+"/") }); i >= 0 && !slices.Contains(modules, all[i]) {
			modules = append(modules, all[i])
		}
	}
	return modules
}

// documented returns the modules named in the first column of the tables, in
// backquotes.
func documented(doc string) []string {
	var modules []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)`").FindAllStringSubmatch(doc, -1) {
		modules = append(modules, m[1])
	}
	return modules
}

func TestDirect(t *testing.T) {
	const mod = `module example.test/m

go 1.26.8

require one.test/a v1.0.0

require (
	two.test/b/v2 v2.0.0-20260101000000-abcdef
	three.test/c v1.0.0 // indirect
	four.test/d v1.0.0 // indirect
)

replace five.test/e => six.test/f v1.0.0

tool three.test/c/cmd/x

tool (
	four.test/d
)
`
	want := []string{"one.test/a", "two.test/b/v2", "three.test/c", "four.test/d"}
	if got := direct(mod); !slices.Equal(got, want) {
		t.Errorf("direct = %q, want %q", got, want)
	}
}

func TestDocumented(t *testing.T) {
	const doc = "| module | for |\n|---|---|\n| `a.test/x` | `not.this/one` |\ntext `nor.this/one`\n| `b.test/y` | |\n"
	if got, want := documented(doc), []string{"a.test/x", "b.test/y"}; !slices.Equal(got, want) {
		t.Errorf("documented = %q, want %q", got, want)
	}
}
