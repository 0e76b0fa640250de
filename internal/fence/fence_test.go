package fence

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const root = "../.."

// maxLines is how long a file may grow before it needs a second one.
const maxLines = 500

// source is a Go file of ours.
type source struct {
	path  string // below the root, with slashes
	pkg   string // import path of its folder
	lines int
	ast   *ast.File
}

func (s source) place() place {
	switch {
	case !strings.HasSuffix(s.path, "_test.go"):
		return inSource
	case strings.HasSuffix(s.ast.Name.Name, "_test"):
		return outTest
	}
	return inTest
}

// sources reads every Go file of the module, once.
//
// It walks the tree and does not ask go list, which shows the files of one
// build only (tags, cgo) and whose answer the cache of go test does not see.
var sources = sync.OnceValues(func() ([]source, error) {
	var all []source
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		base := path.Base(rel)
		if d.IsDir() {
			if rel != "." && (base[0] == '.' || base[0] == '_' || base == "testdata" || base == "vendor") {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(base) != ".go" {
			return nil
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), rel, text, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		all = append(all, source{rel, path.Join(module, path.Dir(rel)), bytes.Count(text, []byte("\n")), parsed})
		return nil
	})
	return all, err
})

func readSources(t *testing.T) []source {
	t.Helper()
	all, err := sources()
	if err != nil {
		t.Fatalf("read the sources: %v", err)
	}
	if len(all) == 0 {
		t.Fatal("no Go file was found: the fence guards nothing")
	}
	return all
}

func TestImports(t *testing.T) {
	for _, src := range readSources(t) {
		for _, spec := range src.ast.Imports {
			imp, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatalf("%s: %v", src.path, err)
			}
			if why := refuse(src.pkg, imp, src.place()); why != "" {
				t.Errorf("%s may not import %s\n\tbecause %s", src.path, imp, why)
			}
		}
	}
}

func TestRooms(t *testing.T) {
	for _, src := range readSources(t) {
		if _, ok := roomOf(src.pkg); !ok {
			t.Errorf("%s is in no room of the plan: put it where it belongs, or add the room to docs/architecture.md and internal/fence", src.path)
		}
	}
}

func TestFileLength(t *testing.T) {
	for _, src := range readSources(t) {
		if src.lines > maxLines && !ast.IsGenerated(src.ast) {
			t.Errorf("%s has %d lines, %d are allowed\n\tbecause a file is read at one sitting; split it by what it is about", src.path, src.lines, maxLines)
		}
	}
}

func TestPackageDocs(t *testing.T) {
	for _, problem := range undocumented(readSources(t)) {
		t.Error(problem)
	}
}

// undocumented lists the packages without a doc comment that begins as godoc
// wants it. A package of tests only may have it in a test file.
func undocumented(all []source) []string {
	type state struct{ documented, hasSource bool }
	packages := map[string]*state{}
	var order []string
	for pass, test := range []bool{false, true} {
		for _, src := range all {
			if (src.place() != inSource) != test {
				continue
			}
			p := packages[src.pkg]
			if p == nil {
				p = &state{}
				packages[src.pkg] = p
				order = append(order, src.pkg)
			}
			p.hasSource = p.hasSource || pass == 0
			if pass == 1 && p.hasSource {
				continue
			}
			want := "Package " + strings.TrimSuffix(src.ast.Name.Name, "_test") + " "
			if src.ast.Name.Name == "main" {
				want = "Command "
			}
			p.documented = p.documented || strings.HasPrefix(src.ast.Doc.Text(), want)
		}
	}
	var problems []string
	for _, pkg := range order {
		if !packages[pkg].documented {
			problems = append(problems, fmt.Sprintf("%s has no doc comment that begins with \"Package name\" (or \"Command name\")\n\tbecause a stranger asks first what a package is for", pkg))
		}
	}
	return problems
}

func TestUndocumented(t *testing.T) {
	file := func(name, text string) source {
		parsed, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		return source{name, path.Dir(name), 1, parsed}
	}
	problems := undocumented([]source{
		file("good/a.go", "package good"),
		file("good/doc.go", "// Package good is documented.\npackage good"),
		file("cmd/good/main.go", "// Command good runs.\npackage main"),
		file("tests/x_test.go", "// Package tests is only tests.\npackage tests_test"),
		file("bad/a.go", "// Something else.\npackage bad"),
		file("bad/a_test.go", "// Package bad hides its doc in a test.\npackage bad"),
		file("cmd/bad/main.go", "package main"),
	})
	if len(problems) != 2 || !strings.HasPrefix(problems[0], "bad ") || !strings.HasPrefix(problems[1], "cmd/bad ") {
		t.Errorf("undocumented = %q, want bad and cmd/bad", problems)
	}
}

// goList runs go list -json at the root and decodes its objects.
func goList[T any](args ...string) ([]T, error) {
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list %s: %w\n%s", strings.Join(args, " "), err, &stderr)
	}
	var all []T
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var one T
		if err := dec.Decode(&one); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list %s: %w", strings.Join(args, " "), err)
		}
		all = append(all, one)
	}
}
