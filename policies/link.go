package policies

import (
	"maps"
	"runtime"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/types"

	"github.com/manoward/manoward/internal/hub"
)

// The engine's compiler keeps one processor busy. Policies refer to themselves and to
// what all share, and to nothing else, so a set is compiled in groups of policies by
// all processors, each group with what is shared; and then linked: one compiler takes
// what the others have made, and makes of it what an evaluation needs.
//
// What one group is told is not the whole truth when something is wrong: a set that a
// group refuses is compiled as a whole (explainRefusal), which finds all at once.

// minGroup is how many policies are worth a compiler of their own.
const minGroup = 50

// group is a part of a set that is compiled by itself.
type group struct {
	files    []string // of its policies; the first group has the shared ones too
	modules  map[string]*ast.Module
	compiler *ast.Compiler
}

// groups divides the modules of a set without faults: as many groups as processors
// can share evenly, of a size that what is shared, which each of them compiles, does
// not outweigh.
func (s *Set) groups(modules map[string]*ast.Module) []*group {
	owners := s.owners()
	var own, shared []string
	for _, file := range slices.Sorted(maps.Keys(modules)) {
		if owners[file] != nil {
			own = append(own, file)
		} else {
			shared = append(shared, file)
		}
	}
	n := max(1, min(2*runtime.GOMAXPROCS(0), len(own)/max(minGroup, len(shared))))
	list := make([]*group, n)
	for i := range list {
		g := &group{files: own[i*len(own)/n : (i+1)*len(own)/n], modules: map[string]*ast.Module{}}
		for _, file := range slices.Concat(g.files, shared) {
			g.modules[file] = modules[file]
		}
		if i == 0 {
			g.files = slices.Concat(g.files, shared)
		}
		list[i] = g
	}
	return list
}

// typing is what the type checker is to know of input and parameters: functions that
// give values of their types. They have names that nobody can write.
type typing struct {
	of         map[string]*ast.Expr // by kinds: "this is the input"
	builtins   []*ast.Builtin
	parameters *ast.Module
}

// newTyping declares the input of each kind or group of kinds, and the parameters of
// the policies.
func (s *Set) newTyping() *typing {
	t := &typing{of: map[string]*ast.Expr{}}
	declare := func(name string, of types.Type) *ast.Term {
		b := &ast.Builtin{Name: name, Decl: types.NewFunction(nil, of)}
		t.builtins = append(t.builtins, b)
		return ast.NewTerm(b.Ref())
	}
	input := func(kinds []hub.EventKind) {
		if key := join(kinds); t.of[key] == nil {
			t.of[key] = ast.NewExpr([]*ast.Term{declare("input of "+key, s.inputType(kinds)), ast.NewTerm(ast.InputRootDocument.Value)})
		}
	}
	input(s.schemas.Kinds())
	of := make([]*types.StaticProperty, len(s.policies))
	for i, p := range s.policies {
		input(p.Events)
		of[i] = types.NewStaticProperty(p.ID, p.paramTyp)
	}
	t.parameters = ast.MustParseModuleWithOpts("package manoward\nparameters := x if count(x)", ast.ParserOptions{RegoVersion: ast.RegoV1})
	t.parameters.Rules[0].Body = ast.NewBody(ast.NewExpr([]*ast.Term{
		declare("all parameters", types.NewObject(of, nil)), ast.VarTerm("x"),
	}))
	return t
}

// inputType is the type of the input of events of the kinds.
func (s *Set) inputType(kinds []hub.EventKind) types.Type {
	var t types.Type
	for _, k := range kinds {
		if schema := s.schemas.byKind[k]; schema != nil {
			t = mergeTypes(t, schema.typ)
		}
	}
	if t == nil {
		return types.A
	}
	return t
}

// errorsOf returns what the compilers of the groups say.
func errorsOf(groups []*group) (all ast.Errors) {
	for _, g := range groups {
		if g.compiler != nil {
			all = append(all, g.compiler.Errors...)
		}
	}
	return all
}

// compileGroup compiles the modules of a group and checks their types, and whether
// what it made is right.
func (s *Set) compileGroup(g *group, t *typing) {
	caps := capabilities(false)
	caps.Builtins = append(caps.Builtins, t.builtins...)
	owners, typed := s.owners(), inputTyping{}
	g.compiler = newCompiler(caps).WithSkipStages(ast.StageBuildRuleIndices, ast.StageBuildComprehensionIndices) // by link
	g.compiler.WithStageAfterID(ast.StageCheckRecursion, ast.CompilerStageDefinition{Name: "TypeInput", MetricName: "type_input",
		Stage: func(c *ast.Compiler) *ast.Error {
			for file := range g.modules {
				kinds := s.schemas.Kinds()
				if p := owners[file]; p != nil {
					kinds = p.Events
				}
				typed.begin(c.Modules[file], t.of[join(kinds)])
			}
			return nil
		}})
	g.compiler.WithStageAfterID(ast.StageCheckTypes, ast.CompilerStageDefinition{Name: "UntypeInput", MetricName: "untype_input",
		Stage: func(*ast.Compiler) *ast.Error { typed.end(); return nil }})
	all := maps.Clone(g.modules)
	all["\x00parameters"] = t.parameters
	g.compiler.Compile(all)
}

// inputTyping is what was put into modules while their types are checked.
type inputTyping struct {
	rules  []*ast.Rule
	bodies []ast.Body
	exprs  []*ast.Expr
	terms  []any
}

// begin has each rule begin with what says the type of input: the checker ties it to
// the variable that every reference to input begins with. And "every" becomes a set,
// because the checker does not tie its variables to what they run over.
func (t *inputTyping) begin(module *ast.Module, input *ast.Expr) {
	ast.WalkExprs(module, func(e *ast.Expr) bool {
		if x, ok := e.Terms.(*ast.Every); ok {
			t.exprs, t.terms = append(t.exprs, e), append(t.terms, e.Terms)
			e.Terms = everyAsSet(x, e.Location, true)
		}
		return false
	})
	ast.WalkRules(module, func(r *ast.Rule) bool {
		t.rules, t.bodies = append(t.rules, r), append(t.bodies, r.Body)
		r.Body = append(ast.Body{input}, r.Body...)
		return false
	})
}

// end takes it out again.
func (t *inputTyping) end() {
	for i, r := range t.rules {
		r.Body = t.bodies[i]
	}
	for i, e := range t.exprs {
		e.Terms = t.terms[i]
	}
	*t = inputTyping{}
}

// link makes one compiler of those of the groups: it has their modules, with the
// indices of rules that an evaluation needs. What is the policies' own cannot be
// mixed up, because no two policies have one package (sort). Without groups there is
// nothing to link.
func (s *Set) link(ps *problems, groups []*group) {
	if len(groups) == 0 {
		return
	}
	compiled, names := map[string]*ast.Module{}, map[string]*ast.Module{}
	for _, g := range groups {
		for _, file := range g.files {
			compiled[file] = g.compiler.Modules[file]
			names[file] = &ast.Module{Package: compiled[file].Package}
		}
	}
	needed := []ast.StageID{ast.StageInitLocalVarGen, ast.StageSetModuleTree, ast.StageSetRuleTree, ast.StageSetAnnotationSet,
		ast.StageBuildRuleIndices, ast.StageBuildComprehensionIndices}
	c := newCompiler(capabilities(false)).
		WithSkipStages(slices.DeleteFunc(ast.AllStages(), func(id ast.StageID) bool { return slices.Contains(needed, id) })...).
		WithStageAfterID(ast.StageInitLocalVarGen, ast.CompilerStageDefinition{Name: "Link", MetricName: "link",
			Stage: func(c *ast.Compiler) *ast.Error { c.Modules = compiled; return nil }})
	if len(groups) == 1 {
		c.RewrittenVars = groups[0].compiler.RewrittenVars
	}
	c.Compile(names) // which would copy what is compiled
	if c.Failed() {
		ps.fault("", 0, 0, "the policies do not compile together: "+clip(c.Errors.Error()), "report this with the set")
		return
	}
	for _, p := range s.policies {
		p.module = compiled[p.File] // what was parsed is not needed any more
	}
	s.compiler = c
}
