package library_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/format"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/tester"

	"github.com/manoward/manoward/policies/library"
)

// modules parses the library; tests says whether with its tests.
func modules(t *testing.T, tests bool) map[string]*ast.Module {
	t.Helper()
	found := map[string]*ast.Module{}
	err := fs.WalkDir(library.FS(), ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".rego") || (!tests && strings.HasSuffix(path, "_test.rego")) {
			return err
		}
		source, err := fs.ReadFile(library.FS(), path)
		if err != nil {
			return err
		}
		m, err := ast.ParseModuleWithOpts(path, string(source), ast.ParserOptions{ProcessAnnotation: true, RegoVersion: ast.RegoV1})
		if err != nil {
			return err
		}
		found[path] = m
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestFormatted holds the Rego in the format of opa fmt.
func TestFormatted(t *testing.T) {
	for path := range modules(t, true) {
		source, err := fs.ReadFile(library.FS(), path)
		if err != nil {
			t.Fatal(err)
		}
		want, err := format.SourceWithOpts(path, source, format.Opts{RegoVersion: ast.RegoV1})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(source, want) {
			t.Errorf("%s is not formatted: opa fmt -w %s", path, path)
		}
	}
}

// TestRego runs the tests that stand beside the policies, and asks that they
// reach every line of the policies and of what these share.
func TestRego(t *testing.T) {
	all := modules(t, true)
	coverage := cover.New()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	compiler := ast.NewCompiler().WithStrict(true)
	results, err := tester.NewRunner().SetCompiler(compiler).SetStore(inmem.New()).SetModules(all).
		SetCoverageQueryTracer(coverage).CapturePrintOutput(true).SetTimeout(10*time.Second).RunTests(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	passed := map[string]int{}
	for r := range results {
		if !r.Pass() {
			t.Errorf("%s %s: %v %v %s", r.Location, r.Name, r.Fail, r.Error, r.Output)
			continue
		}
		passed[r.Package]++
	}
	for path, m := range modules(t, false) {
		if name := strings.TrimPrefix(m.Package.Path.String(), "data."); strings.HasPrefix(name, "manoward.policies.") && passed["data."+name+"_test"] < 2 {
			t.Errorf("%s: %d tests pass", path, passed["data."+name+"_test"])
		}
	}
	report := coverage.Report(all)
	for path, f := range report.Files {
		if strings.HasSuffix(path, "_test.rego") {
			continue
		}
		for _, r := range f.NotCovered {
			t.Errorf("%s:%d to %d: no test reaches it", path, r.Start.Row, r.End.Row)
		}
	}
}

// metadata is what a policy says of itself.
type metadata struct {
	ID         string   `json:"id"`
	Controls   []string `json:"controls"`
	Events     []string `json:"events"`
	Samples    string   `json:"samples"`
	Severity   string   `json:"severity"`
	Parameters struct {
		Properties map[string]struct {
			Default any `json:"default"`
		} `json:"properties"`
	} `json:"parameters"`
	path, title string
}

// described reads the metadata of each policy.
func described(t *testing.T) []metadata {
	t.Helper()
	var found []metadata
	for path, m := range modules(t, false) {
		for _, a := range m.Annotations {
			if a.Scope != "package" || a.Custom == nil {
				continue
			}
			raw, err := json.Marshal(a.Custom)
			if err != nil {
				t.Fatal(err)
			}
			meta := metadata{path: path, title: a.Title}
			if err := json.Unmarshal(raw, &meta); err != nil {
				t.Fatal(fmt.Errorf("%s: %w", path, err))
			}
			found = append(found, meta)
		}
	}
	return found
}
