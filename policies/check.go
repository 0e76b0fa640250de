package policies

import (
	"bytes"
	"context"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/manoward/manoward/internal/hub"
)

// Check returns all that is wrong with the policies below the root of files and
// with their tests, which it does not run, and warns of what keeps no set from
// existing: files that are not formatted, policies without a test or a control, and a
// "not" that is silent where there is nothing.
func Check(ctx context.Context, files fs.FS, o Options) []Problem {
	set, ps := load(ctx, files, o)
	sources, err := readSources(files, func(name string) bool { return strings.HasSuffix(name, ".rego") })
	if err != nil {
		ps.fault("", 0, 0, hub.SafeText(err), "")
		return ps.sorted()
	}
	tests := maps.Clone(sources)
	maps.DeleteFunc(tests, func(name string, _ []byte) bool { return !isTest(name) })
	parsed := parseAll(ps, tests, true)
	if ps.bad() {
		return ps.sorted()
	}
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		checkFormat(ps, name, sources[name])
	}
	for _, p := range set.policies {
		set.checkNegations(ps, p)
		if len(p.Controls) == 0 {
			ps.warn(p.File, p.line, "the policy names no control that it is for", "add \"controls: [...]\" to the metadata's \"custom\"")
		}
		if !tested(p, parsed) {
			ps.warn(p.File, 0, "no test refers to the policy", "write test_ rules in a file "+strings.TrimSuffix(p.File, ".rego")+"_test.rego")
		}
	}
	return ps.sorted()
}

// warn adds a problem of level warning.
func (ps *problems) warn(file string, line int, text, mend string) {
	ps.list = append(ps.list, Problem{File: file, Line: line, Level: LevelWarning, Text: text, Mend: mend})
}

// checkFormat compares a file with what the formatter would write.
func checkFormat(ps *problems, name string, source []byte) {
	formatted, err := Format(name, source)
	if err != nil || bytes.Equal(formatted, source) {
		return // what cannot be parsed has been reported
	}
	want := bytes.Split(formatted, []byte("\n"))
	for i, line := range bytes.Split(source, []byte("\n")) {
		if i >= len(want) || !bytes.Equal(line, want[i]) {
			ps.warn(name, i+1, "the file is not formatted from here on", "format it with `manoward policy check --format`")
			return
		}
	}
	ps.warn(name, 0, "the file is not formatted at its end", "format it with `manoward policy check --format`")
}

// tested reports whether a rule of the tests refers to the policy or is in its
// package.
func tested(p *policy, tests map[string]*ast.Module) bool {
	name := packageOf(p.module)
	for _, module := range tests {
		if packageOf(module) == name {
			return true
		}
		found := false
		ast.WalkRefs(module, func(r ast.Ref) bool {
			found = found || r[0].Equal(ast.DefaultRootDocument) && strings.HasPrefix(ground(r)+".", name+".")
			return found
		})
		if found {
			return true
		}
	}
	return false
}
