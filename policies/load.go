package policies

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"golang.org/x/sync/errgroup"

	"github.com/manoward/manoward/internal/hub"
)

// Limits of a set of policies.
const (
	MaxFiles    = 20_000   // files of all kinds
	MaxFile     = 1 << 20  // bytes of one file
	MaxSetBytes = 64 << 20 // bytes of all files
)

// Options are what a set is loaded with.
type Options struct {
	Schemas *Schemas // of the inputs; nil: those of policies/schemas

	// SampleDeadline is the time that one sample may take, by default one
	// second: longer than an event has, because a set may load on a busy machine.
	SampleDeadline time.Duration

	// Known is a set that was loaded before with the same schemas, or nil. When it
	// was made of the very same files it is returned as it is: it was checked then,
	// and is never changed. Its warnings are not told again.
	Known *Set

	// Now is the clock that durations are measured with; nil is time.Now. The
	// policies never see it.
	Now func() time.Time
}

// Set is a set of policies that compile, keep to the rules and do what their
// samples say. It is never changed and safe for concurrent use.
type Set struct {
	revision string
	policies []*policy // by id
	schemas  *Schemas
	compiler *ast.Compiler
	labels   []Label // by the number that the rule carries
	queries  map[hub.EventKind]*query
	sources  map[string][]byte // every file that the revision is made of
	now      func() time.Time
}

// Load reads, checks and compiles the policies below the root of files: each
// *.rego that is no *_test.rego, with the files of samples that they name. It
// returns all problems that it finds. A set with a problem of level error does
// not exist: then the set is nil.
func Load(ctx context.Context, files fs.FS, o Options) (*Set, []Problem) {
	s, ps := load(ctx, files, o)
	list := ps.sorted()
	if ps.bad() {
		return nil, list
	}
	return s, list
}

func load(ctx context.Context, files fs.FS, o Options) (*Set, *problems) {
	sources, err := readSources(files, func(name string) bool { return !isTest(name) })
	if err != nil {
		ps := &problems{}
		ps.fault("", 0, 0, hub.SafeText(err), "")
		return nil, ps
	}
	return loadSources(ctx, sources, o)
}

func loadSources(ctx context.Context, sources map[string][]byte, o Options) (*Set, *problems) {
	ps := &problems{}
	if o.Schemas == nil {
		own, err := OwnSchemas()
		if err != nil {
			ps.fault("", 0, 0, "the schemas of this program are broken: "+clip(err.Error()), "build it again")
			return nil, ps
		}
		o.Schemas = own
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.SampleDeadline == 0 {
		o.SampleDeadline = time.Second
	}
	if k := o.Known; k != nil && k.schemas == o.Schemas && k.revision == revisionOf(sources) {
		return k, ps
	}
	s := &Set{schemas: o.Schemas, sources: sources, now: o.Now}
	modules := parseAll(ps, sources, false)
	if len(modules) == 0 && !ps.bad() {
		ps.fault("", 0, 0, "there is no policy", "add files *.rego with packages "+policyRoot+"<id>")
	}
	s.sort(ps, modules)
	bad := ps.bad()
	groups := s.build(ps, modules)
	// Linking keeps one processor busy: samples are read beside it.
	samples := besides(func(samples *problems) { s.readSamples(samples, bad) })
	s.link(ps, groups)
	ps.list = append(ps.list, samples().list...)
	if ps.bad() {
		return nil, ps
	}
	s.prepare()
	s.runSamples(ctx, ps, o.SampleDeadline)
	if ps.bad() {
		return nil, ps
	}
	for _, p := range s.policies {
		p.Samples = len(p.samples)
	}
	s.keepUsed()
	return s, ps
}

// besides begins work that reports problems of its own, and returns what waits for
// its end. A set that the engine fails on is refused: it must not end the process.
func besides(work func(*problems)) func() *problems {
	found := &problems{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer found.refuse()
		work(found)
	}()
	return func() *problems { <-done; return found }
}

// refuse makes a problem of the engine's failure. It is to be deferred.
func (ps *problems) refuse() {
	if failed := recover(); failed != nil {
		ps.fault("", 0, 0, clip(fmt.Sprintf("the engine failed: %v", failed)), "report this with the set")
	}
}

// build makes of modules with metadata what can be linked.
func (s *Set) build(ps *problems, modules map[string]*ast.Module) []*group {
	s.lint(ps)
	return s.compile(ps, modules)
}

// sort finds the policies among the modules and reads their metadata.
func (s *Set) sort(ps *problems, modules map[string]*ast.Module) {
	byID := map[string]*policy{}
	libs := map[string]string{}
	for _, file := range slices.Sorted(maps.Keys(modules)) {
		module := modules[file]
		name := packageOf(module)
		switch at := module.Package.Location; {
		case strings.HasPrefix(name, libRoot):
			if other, twice := libs[name]; twice {
				ps.fault(file, at.Row, at.Col, fmt.Sprintf("the package %s is in %s too", name, other), "put them into one file, or give them two names")
			}
			libs[name] = file
			for _, a := range module.Annotations {
				if len(a.Schemas) > 0 {
					ps.fault(file, a.Location.Row, 0, "the annotation \"schemas\" is not for policies: the schemas follow from the events", "take it out")
				}
			}
			continue
		case !strings.HasPrefix(name, policyRoot):
			ps.fault(file, at.Row, at.Col, fmt.Sprintf("the package %s is neither a policy nor shared by policies", name),
				"use "+policyRoot+"<id> for a policy and "+libRoot+"<name> for what policies share")
			continue
		}
		p := readMetadata(ps, file, s.sources[file], module)
		if p == nil || p.ID == "" {
			continue
		}
		p.Rules = len(module.Rules)
		if other := byID[p.ID]; other != nil {
			ps.fault(file, p.line, 0, fmt.Sprintf("the id %s is that of %s too", p.ID, other.File), "give each policy an id of its own")
			continue
		}
		byID[p.ID] = p
		for _, kind := range p.Events {
			if s.schemas.byKind[kind] == nil {
				ps.fault(file, p.line, 0, fmt.Sprintf("events of the kind %s have no schema here", kind), "take it out of \"events\"")
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		s.policies = append(s.policies, byID[id])
	}
	if len(modules) > 0 && len(s.policies) == 0 && !ps.bad() {
		ps.fault("", 0, 0, "there is no policy", "add files *.rego with packages "+policyRoot+"<id>")
	}
}

// keepUsed forgets the files that are no part of the policies, such as a
// README, and gives the rest its revision.
func (s *Set) keepUsed() {
	used := map[string][]byte{}
	for name, content := range s.sources {
		if path.Ext(name) == ".rego" {
			used[name] = content
		}
	}
	for _, p := range s.policies {
		used[p.SampleFile] = s.sources[p.SampleFile]
	}
	s.sources, s.revision = used, revisionOf(used)
}

// revisionOf returns the SHA-256 over the sorted names and contents, each with
// its length before it, in hexadecimal.
func revisionOf(files map[string][]byte) string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(h, "%d:%s%d:", len(name), name, len(files[name]))
		h.Write(files[name])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Revision identifies the set by all that can change a decision: SHA-256, in
// hexadecimal, over names and contents of its policies and samples.
func (s *Set) Revision() string { return s.revision }

// Policies lists the policies by id.
func (s *Set) Policies() []Policy {
	list := make([]Policy, len(s.policies))
	for i, p := range s.policies {
		list[i] = p.Policy
	}
	return list
}

// Policy returns the policy with the id.
func (s *Set) Policy(id string) (Policy, bool) {
	if p := s.find(id); p != nil {
		return p.Policy, true
	}
	return Policy{}, false
}

// Source returns the content of a file of the set, such as a policy's.
func (s *Set) Source(file string) ([]byte, bool) {
	content, ok := s.sources[file]
	return slices.Clone(content), ok
}

func (s *Set) find(id string) *policy {
	i, ok := slices.BinarySearchFunc(s.policies, id, func(p *policy, id string) int { return strings.Compare(p.ID, id) })
	if !ok {
		return nil
	}
	return s.policies[i]
}

func isTest(name string) bool { return strings.HasSuffix(name, "_test.rego") }

// readSources reads the *.rego and *.yaml files that want takes. Names that
// begin with a dot are left out.
func readSources(files fs.FS, want func(string) bool) (map[string][]byte, error) {
	sources, total := map[string][]byte{}, 0
	tooMuch := func(text string) error { return hub.E(hub.Invalid, "read policies", text, nil) }
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if strings.HasPrefix(d.Name(), ".") && name != "." {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if ext := path.Ext(name); d.IsDir() || ext != ".rego" && ext != ".yaml" || !want(name) {
			return nil
		}
		info, err := fs.Stat(files, name) // of what a link leads to
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return hub.E(hub.Invalid, "read policies", clip(name)+" is no plain file; take it away or give it another name", nil)
		}
		if info.Size() > MaxFile {
			return tooMuch(fmt.Sprintf("%s is %d bytes long; a file of policies has at most %d", clip(name), info.Size(), MaxFile))
		}
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		sources[name] = content
		if total += len(content); total > MaxSetBytes || len(sources) > MaxFiles {
			return tooMuch(fmt.Sprintf("the set is too large; it has at most %d files and %d bytes", MaxFiles, MaxSetBytes))
		}
		return nil
	})
	var e *hub.Error
	if err != nil && !errors.As(err, &e) {
		return nil, hub.E(hub.Invalid, "read policies", "the files of the policies cannot be read; look at the folder and its permissions", err)
	}
	return sources, err
}

// parseAll parses the modules among the sources, several at once.
func parseAll(ps *problems, sources map[string][]byte, tests bool) map[string]*ast.Module {
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(sources)), func(n string) bool { return path.Ext(n) != ".rego" })
	parsed, errs, deep := make([]*ast.Module, len(names)), make([]error, len(names)), make([]*ast.Location, len(names))
	o := ast.ParserOptions{ProcessAnnotation: true, RegoVersion: ast.RegoV1, Capabilities: capabilities(tests)}
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, name := range names {
		g.Go(func() error {
			if parsed[i], errs[i] = ast.ParseModuleWithOpts(name, string(sources[name]), o); parsed[i] != nil {
				deep[i] = tooDeep(parsed[i])
			}
			return nil
		})
	}
	_ = g.Wait() // the functions keep their errors
	modules := map[string]*ast.Module{}
	for i, name := range names {
		switch {
		case errs[i] != nil:
			addErrors(ps, name, errs[i])
		case parsed[i] == nil:
			ps.fault(name, 0, 0, "the file is empty", "write a policy, or take it away")
		case deep[i] != nil:
			ps.fault(name, deep[i].Row, deep[i].Col, "the rule is nested too deeply, or has too many branches", "make several rules of it")
		default:
			modules[name] = parsed[i]
		}
	}
	return modules
}

// Limits of one rule. The compiler's time grows with a power of the depth, and
// nothing can end a compilation.
const (
	maxTermDepth    = 100 // terms within terms
	maxClosureDepth = 8   // comprehensions and "every" within one another
	maxElse         = 100 // branches of one rule
)

// tooDeep returns where a module goes beyond the limits of a rule, or nil.
func tooDeep(module *ast.Module) *ast.Location {
	for _, rule := range module.Rules {
		branches := 0
		for r := rule; r != nil; r = r.Else {
			if branches++; branches > maxElse {
				return rule.Location
			}
		}
		terms, closures, deep := 0, 0, false
		count := func(x any, by int) {
			switch x := x.(type) {
			case *ast.Term:
				terms += by
				switch x.Value.(type) {
				case *ast.ArrayComprehension, *ast.SetComprehension, *ast.ObjectComprehension, *ast.TemplateString:
					closures += by
				}
			case *ast.Every:
				closures += by
			}
		}
		ast.NewBeforeAfterVisitor(func(x any) bool {
			count(x, 1)
			deep = deep || terms > maxTermDepth || closures > maxClosureDepth
			return deep
		}, func(x any) { count(x, -1) }).Walk(rule)
		if deep {
			return rule.Location
		}
	}
	return nil
}
