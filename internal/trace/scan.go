package trace

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Claim says that a test proves a requirement.
type Claim struct {
	ID   string // as written
	Test string // function, or name of a test script; "" when no test stands around the claim
	File string // path below the root, with slashes
	Line int
}

// Scan finds the claims of all tests below root:
//
//   - a line "// Covers: ID[, ID]" in the doc comment or in the body of a test,
//     fuzz target or example in a _test.go file;
//   - an id in the name of such a function, where dots and hyphens are
//     underscores: TestSecurity_001_Matrix (only ids with a dot, see ids);
//   - a line "# Covers: ID[, ID]" in the comment of a .txtar test script.
//
// Folders that the go command ignores (".x", "_x", vendor) are not searched;
// Go files in testdata are not tests. The claims are sorted by file and line.
func Scan(root fs.FS, ids []string) ([]Claim, error) {
	var claims []Claim
	named := namePatterns(ids)
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := path.Base(name)
		if d.IsDir() {
			if name != "." && (base[0] == '.' || base[0] == '_' || base == "vendor") {
				return fs.SkipDir
			}
			return nil
		}
		isTest := strings.HasSuffix(base, "_test.go") && !slices.Contains(strings.Split(name, "/"), "testdata")
		if !isTest && path.Ext(base) != ".txtar" {
			return nil
		}
		src, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		if !isTest {
			claims = append(claims, scanScript(name, string(src))...)
			return nil
		}
		found, err := scanGo(name, src, named)
		claims = append(claims, found...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for tests: %w", err)
	}
	slices.SortStableFunc(claims, func(a, b Claim) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.ID, b.ID))
	})
	return claims, nil
}

// scanGo finds the claims of one Go test file.
func scanGo(name string, src []byte, named map[string]*regexp.Regexp) ([]Claim, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var claims []Claim
	var tests []*ast.FuncDecl
	for _, decl := range file.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok || !isTest(fn) {
			continue
		}
		tests = append(tests, fn)
		for id, pattern := range named {
			if pattern.MatchString(fn.Name.Name) {
				claims = append(claims, Claim{id, fn.Name.Name, name, fset.Position(fn.Name.Pos()).Line})
			}
		}
	}
	for _, group := range file.Comments {
		for _, comment := range group.List {
			text, ok := strings.CutPrefix(comment.Text, "//")
			if !ok {
				continue
			}
			line := fset.Position(comment.Pos()).Line
			claims = append(claims, readCovers(text, testAround(tests, comment), name, line)...)
		}
	}
	return claims, nil
}

// isTest reports whether the go command runs fn and it can fail. Benchmarks
// measure; they prove no requirement.
func isTest(fn *ast.FuncDecl) bool {
	name := fn.Name.Name
	return fn.Recv == nil && name != "TestMain" &&
		(strings.HasPrefix(name, "Test") || strings.HasPrefix(name, "Fuzz") || strings.HasPrefix(name, "Example"))
}

// testAround returns the name of the test whose doc comment or body holds the
// comment, or "".
func testAround(tests []*ast.FuncDecl, comment *ast.Comment) string {
	for _, fn := range tests {
		start := fn.Pos()
		if fn.Doc != nil {
			start = fn.Doc.Pos()
		}
		if start <= comment.Pos() && comment.Pos() < fn.End() {
			return fn.Name.Name
		}
	}
	return ""
}

// scanScript finds the claims in the comment of a txtar archive: the lines
// before its first file.
func scanScript(name, src string) []Claim {
	var claims []Claim
	test := strings.TrimSuffix(path.Base(name), ".txtar")
	n := 0
	for line := range strings.Lines(src) {
		n++
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "-- ") && strings.HasSuffix(line, " --") {
			break
		}
		if text, ok := strings.CutPrefix(line, "#"); ok {
			claims = append(claims, readCovers(text, test, name, n)...)
		}
	}
	return claims
}

// readCovers reads the text of a comment. A list with an empty place gives a
// claim with an empty id, so that it is reported instead of passed over.
func readCovers(text, test, file string, line int) []Claim {
	list, ok := strings.CutPrefix(strings.TrimSpace(text), "Covers:")
	if !ok {
		return nil
	}
	var claims []Claim
	for id := range strings.SplitSeq(list, ",") {
		claims = append(claims, Claim{strings.TrimSpace(id), test, file, line})
	}
	return claims
}

// namePatterns gives for each id the pattern of test names that name it. Ids
// of one word (NFVO, VIM) are left out: TestVIM_Restarts is about the VIM and
// does not claim to prove all that is asked of one.
func namePatterns(ids []string) map[string]*regexp.Regexp {
	patterns := map[string]*regexp.Regexp{}
	for _, id := range ids {
		if strings.Contains(id, ".") {
			mangled := strings.NewReplacer(".", "_", "-", "_").Replace(id)
			patterns[id] = regexp.MustCompile(`^(?:Test|Fuzz|Example)_?(?:\w*_)?` + regexp.QuoteMeta(mangled) + `(?:_|$)`)
		}
	}
	return patterns
}
