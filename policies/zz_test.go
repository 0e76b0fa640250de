package policies

import (
	"maps"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
)

func cpuNow() time.Duration {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func TestZZ(t *testing.T) {
	files := manyRules(1000)
	sources, _ := readSources(files, func(string) bool { return true })
	for range 3 {
		c0, w0 := cpuNow(), time.Now()
		lap := func(what string) {
			t.Logf("%-14s wall %4dms cpu %4dms", what, time.Since(w0).Milliseconds(), (cpuNow() - c0).Milliseconds())
			c0, w0 = cpuNow(), time.Now()
		}
		ps := &problems{}
		s := &Set{schemas: ownSchemas(t), sources: maps.Clone(sources), now: time.Now}
		lap("schemas")
		modules := parseAll(ps, sources, false)
		lap("parse")
		s.sort(ps, modules)
		lap("sort")
		s.lint(ps)
		lap("lint")
		s.annotate(modules)
		lap("annotate")
		s.compiler = newCompiler(capabilities(false)).WithSkipStages(ast.StageCheckTypes)
		s.compiler.Compile(modules)
		lap("compile")
		ch := s.checkTypes(modules)
		lap("types")
		s.checked(ps, modules, ch)
		lap("checked")
		s.prepare()
		lap("prepare")
		s.readSamples(ps, false)
		lap("readSamples")
		s.runSamples(t.Context(), ps, time.Second)
		lap("runSamples")
		s.keepUsed()
		lap("used")
		mustSnapshot(t, s, nil)
		lap("snap")
		mustSnapshot(t, mustLoad(t, files), nil)
		lap("WHOLE")
		plain := map[string]*ast.Module{}
		for name, source := range sources {
			if strings.HasSuffix(name, ".rego") {
				plain[name] = ast.MustParseModuleWithOpts(string(source), ast.ParserOptions{RegoVersion: ast.RegoV1})
			}
		}
		c := ast.NewCompiler()
		c.Compile(plain)
		lap("BARE")
	}
}
