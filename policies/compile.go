package policies

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/types"
	"golang.org/x/sync/errgroup"

	"github.com/manoward/manoward/internal/hub"
)

// labelKey is the label that says which rule was true: an index into the set's
// labels. It is the only one that reaches the engine, so that the price of
// labels does not grow with what authors write.
const labelKey = "_"

// compile compiles the modules, and checks their types with the schemas in place of
// input and parameters. The engine could check schemas itself, but not below maps
// whose keys are identifiers (see typeOf), and not per policy at this price.
// It returns none for a set that is refused.
func (s *Set) compile(ps *problems, modules map[string]*ast.Module) []*group {
	s.annotate(ps, modules)
	if ps.bad() {
		s.explainRefusal(ps, modules)
		return nil
	}
	groups, t, owners := s.groups(modules), s.newTyping(), s.owners()
	found := &problems{}
	inParallel(found, groups, func(found *problems, g *group) {
		s.compileGroup(g, t)
		if !g.compiler.Failed() {
			s.checkModules(found, g.files, owners, g.compiler)
		}
	})
	if slices.ContainsFunc(groups, func(g *group) bool { return g.compiler == nil || g.compiler.Failed() }) {
		s.explainRefusal(ps, modules)
		if ps.list = append(ps.list, found.list...); !ps.bad() {
			ps.fault("", 0, 0, "the policies do not compile with their schemas: "+clip(errorsOf(groups).Error()), "report this with the set")
		}
		return nil
	}
	if ps.list = append(ps.list, found.list...); ps.bad() {
		return nil
	}
	return groups
}

// checkModules checks of what was compiled what the engine does not.
func (s *Set) checkModules(ps *problems, files []string, owners map[string]*policy, c *ast.Compiler) {
	for _, file := range files {
		p := owners[file]
		if p == nil && !strings.HasPrefix(packageOf(c.Modules[file]), libRoot) {
			continue // a policy whose metadata cannot be read
		}
		checkRefs(ps, file, c.Modules[file], p)
		if p != nil {
			p.vars = c.RewrittenVars
			s.checkValues(ps, p, c.Modules[file])
		}
	}
}

// explainRefusal tells all that compiler and type checker find in a set that is
// refused, by compiling it as a whole.
func (s *Set) explainRefusal(ps *problems, modules map[string]*ast.Module) {
	compiler := newCompiler(capabilities(false)).WithSkipStages(ast.StageCheckTypes) // they are checked below, with more known
	compiler.Compile(modules)
	checker := s.checkTypes(modules)
	seen := false
	for _, e := range checker.Errors {
		if e.Code == ast.TypeErr {
			seen = true
			addError(ps, "", e)
		}
	}
	for _, e := range compiler.Errors {
		if e.Code != ast.TypeErr || !seen {
			addError(ps, "", e)
		}
	}
	if compiler.Failed() || checker.Failed() {
		if !ps.bad() {
			ps.fault("", 0, 0, "the policies do not compile with their schemas: "+clip(checker.Errors.Error()), "report this with the set")
		}
		return
	}
	s.checkModules(ps, slices.Sorted(maps.Keys(modules)), s.owners(), compiler)
}

// inParallel does the work for each of all, by all processors, and adds what it
// finds in the order of all.
func inParallel[T any](ps *problems, all []T, work func(*problems, T)) {
	found := make([]problems, len(all))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, one := range all {
		g.Go(func() error {
			defer found[i].refuse()
			work(&found[i], one)
			return nil
		})
	}
	_ = g.Wait() // the functions keep their problems
	for _, one := range found {
		ps.list = append(ps.list, one.list...)
	}
}

func newCompiler(caps *ast.Capabilities) *ast.Compiler {
	return ast.NewCompiler().WithStrict(true).WithCapabilities(caps).SetErrorLimit(0).WithDefaultRegoVersion(ast.RegoV1)
}

// owners returns the policies by file. What policies share has none.
func (s *Set) owners() map[string]*policy {
	owners := make(map[string]*policy, len(s.policies))
	for _, p := range s.policies {
		owners[p.File] = p
	}
	return owners
}

// checkTypes runs the engine's type checker over the modules with typed input
// and parameters, from the start, whatever the compiler made of them: so their
// author learns of everything at once.
func (s *Set) checkTypes(modules map[string]*ast.Module) *ast.Compiler {
	docs, declared, caps := s.typedDocuments(modules)
	checker := newCompiler(caps).WithStrict(false).WithOnlyStagesUpTo(ast.StageCheckTypes)
	checker.WithStageAfterID(ast.StageSetModuleTree, ast.CompilerStageDefinition{
		Name: "TypedInput", MetricName: "typed_input",
		Stage: func(c *ast.Compiler) *ast.Error {
			for file, doc := range docs {
				withInput(c.Modules[file], doc)
			}
			return nil
		},
	})
	all := maps.Clone(modules)
	maps.Copy(all, declared)
	checker.Compile(all)
	return checker
}

// annotate gives each rule a label with its number, and takes the authors' own
// labels into the table.
func (s *Set) annotate(ps *problems, modules map[string]*ast.Module) {
	owners, files := s.owners(), slices.Sorted(maps.Keys(modules))
	first, n := map[string]int{}, 0
	for _, file := range files {
		first[file] = n
		n += len(modules[file].Rules)
	}
	s.labels = make([]Label, n)
	inParallel(ps, files, func(_ *problems, file string) {
		module := modules[file]
		id := ""
		if p := owners[file]; p != nil {
			id = p.ID
		}
		for i, rule := range module.Rules {
			l := Label{Policy: id, Rule: rule.Head.Ref().String(), File: file, Line: rule.Location.Row}
			for _, a := range rule.Annotations {
				if a.Title != "" {
					l.Title = a.Title
				}
				if len(a.Labels) > 0 {
					l.Labels = maps.Clone(a.Labels)
				}
			}
			number := &ast.Annotations{Scope: "rule", Location: rule.Location, Labels: map[string]any{labelKey: first[file] + i}}
			module.Annotations = append(module.Annotations, number.Copy(rule))
			s.labels[first[file]+i] = l
		}
		for _, a := range module.Annotations {
			if _, ours := a.Labels[labelKey].(int); !ours {
				a.Labels = nil
			}
		}
	})
}

// The package that stands for input and parameters when types are checked.
const schemaRoot = "manoward_schema"

// typedDocuments declares, for each kind or group of kinds, a document of the
// type that the input has, and one for the parameters of each policy. It returns
// which document is the input of which file, the modules that declare them, and
// the language with what these modules call.
func (s *Set) typedDocuments(modules map[string]*ast.Module) (docs map[string]string, declared map[string]*ast.Module, caps *ast.Capabilities) {
	caps = capabilities(false)
	var inputs, params strings.Builder
	fmt.Fprintf(&inputs, "package %s\n", schemaRoot)
	params.WriteString("package manoward\n")
	declare := func(t types.Type) string {
		name := fmt.Sprintf("internal.schema_%d", len(caps.Builtins))
		caps.Builtins = append(caps.Builtins, &ast.Builtin{Name: name, Decl: types.NewFunction(nil, t)})
		return name
	}
	groups := map[string]string{}
	of := func(kinds []hub.EventKind) string {
		key := join(kinds)
		if groups[key] == "" {
			groups[key] = fmt.Sprintf("k%d", len(groups))
			fmt.Fprintf(&inputs, "%s := x if %s(x)\n", groups[key], declare(s.inputType(kinds)))
		}
		return groups[key]
	}
	docs = map[string]string{}
	for _, p := range s.policies {
		docs[p.File] = of(p.Events)
		fmt.Fprintf(&params, "parameters[%q] := x if %s(x)\n", p.ID, declare(p.paramTyp))
	}
	for file := range modules {
		if docs[file] == "" {
			docs[file] = of(s.schemas.Kinds())
		}
	}
	o := ast.ParserOptions{RegoVersion: ast.RegoV1}
	return docs, map[string]*ast.Module{
		"\x00inputs":     ast.MustParseModuleWithOpts(inputs.String(), o),
		"\x00parameters": ast.MustParseModuleWithOpts(params.String(), o),
	}, caps
}

// withInput puts a document in place of input.
func withInput(module *ast.Module, doc string) {
	root, name := ast.StringTerm(schemaRoot), ast.StringTerm(doc)
	replace := func(x any) {
		// The function returns no error, and so does the transformation.
		_, _ = ast.TransformRefs(x, func(r ast.Ref) (ast.Value, error) {
			if !r[0].Equal(ast.InputRootDocument) {
				return r, nil
			}
			head := ast.VarTerm("data").SetLocation(r[0].Location)
			return append(ast.Ref{head, root, name}, r[1:]...), nil
		})
	}
	replace(module)
	ast.WalkExprs(module, func(e *ast.Expr) bool {
		switch x := e.Terms.(type) {
		case *ast.SomeDecl: // the transformation passes it by
			for _, symbol := range x.Symbols {
				replace(symbol)
			}
		case *ast.Every: // the type checker does not tie its variables to what they run over
			e.Terms = everyAsSet(x, e.Location, false)
		}
		return false
	})
}

// everyAsSet returns the set of what "every" runs over, which has its types.
func everyAsSet(x *ast.Every, at *ast.Location, compiled bool) *ast.Term {
	key := x.Key
	if key == nil {
		key = ast.VarTerm("__every__")
	}
	var each *ast.Expr
	if compiled {
		each = ast.Equality.Expr(x.Value, ast.RefTerm(x.Domain, key).SetLocation(at))
	} else {
		in := ast.Member.Call(x.Value, x.Domain)
		if x.Key != nil {
			in = ast.MemberWithKey.Call(x.Key, x.Value, x.Domain)
		}
		each = ast.NewExpr(&ast.SomeDecl{Symbols: []*ast.Term{in.SetLocation(at)}, Location: at})
	}
	body := append(ast.NewBody(each.SetLocation(at)), x.Body...)
	return ast.SetComprehensionTerm(ast.InternedTerm(1), body).SetLocation(at)
}

// checkRefs holds what a module refers to against what it may: input, its own
// parameters by name, its own package, and what policies share.
func checkRefs(ps *problems, file string, module *ast.Module, p *policy) {
	seen := map[string]bool{}
	fault := func(loc *ast.Location, text, mend string) {
		if key := fmt.Sprint(loc.Row, text); !seen[key] {
			seen[key] = true
			ps.fault(file, loc.Row, loc.Col, text, mend)
		}
	}
	own := packageOf(module) + "."
	for _, rule := range module.Rules {
		ast.WalkRefs(rule, func(r ast.Ref) bool {
			if !r[0].Equal(ast.DefaultRootDocument) || r[0].Location == nil {
				return false
			}
			path := ground(r)
			switch {
			case strings.HasPrefix(path+".", own), strings.HasPrefix(path, libRoot):
			case p != nil && strings.HasPrefix(path, "manoward.parameters."+p.ID+"."):
			case p != nil && strings.HasPrefix(path, "manoward.parameters"):
				fault(r[0].Location, fmt.Sprintf("%s is not a parameter of this policy, named in full", clip(r.String())),
					fmt.Sprintf("write data.manoward.parameters[%q].name", p.ID))
			case p == nil:
				fault(r[0].Location, fmt.Sprintf("%s is nothing that shared rules may read", clip(r.String())), "hand it over as an argument")
			default:
				fault(r[0].Location, fmt.Sprintf("%s is nothing that a policy may read", clip(r.String())),
					"use input, the policy's own parameters, its own rules, and packages below "+libRoot)
			}
			return false
		})
	}
}

// ground returns the leading constant names of a reference without "data",
// joined with dots.
func ground(r ast.Ref) string {
	var parts []string
	for _, t := range r[1:] {
		s, ok := t.Value.(ast.String)
		if !ok {
			break
		}
		parts = append(parts, string(s))
	}
	return strings.Join(parts, ".")
}

// addErrors adds errors of the engine as problems.
func addErrors(ps *problems, file string, err error) {
	var list ast.Errors
	if !errors.As(err, &list) {
		ps.fault(file, 0, 0, clip(err.Error()), "")
		return
	}
	for _, e := range list {
		addError(ps, file, e)
	}
}

// typedRef finds what withInput put in place of input.
var typedRef = regexp.MustCompile(`data\.` + schemaRoot + `\.k[0-9]+`)

// addError adds one error of the engine, in words that its author can use.
func addError(ps *problems, file string, e *ast.Error) {
	line, column := 0, 0
	if e.Location != nil {
		if e.Location.File != "" {
			file = e.Location.File
		}
		line, column = e.Location.Row, e.Location.Col
	}
	clean := func(s string) string { return clip(typedRef.ReplaceAllString(s, "input")) }
	text, mend := clean(e.Message), ""
	if d, ok := e.Details.(*ast.RefErrInvalidDetail); ok && d.Pos > 0 && d.Pos < len(d.Ref) {
		text, mend = explainRef(d, clean)
	}
	if name, ok := strings.CutPrefix(text, "undefined function "); ok {
		text = "there is no function " + name
		if b, known := engineBuiltin(name); known {
			text, mend = fmt.Sprintf("the function %s is not for policies", b), "a decision depends on its input, its parameters and the time of the event only, and its cost is bounded"
		} else {
			mend = didYouMean(name, pureBuiltins())
			if !strings.HasPrefix(mend, "did") {
				mend = "define it in the policy, or in " + libRoot + "<name>"
			}
		}
	}
	ps.fault(file, line, column, text, mend)
}

// explainRef says which member of a reference does not exist, and which do.
func explainRef(d *ast.RefErrInvalidDetail, clean func(string) string) (text, mend string) {
	whole := clean(d.Ref.String())
	before := clean(d.Ref[:d.Pos].String())
	member, constant := d.Ref[d.Pos].Value.(ast.String)
	if !constant {
		return fmt.Sprintf("%s: %s has no such members", clip(whole), clip(before)), "look the field up in its schema"
	}
	var names []string
	for _, v := range d.OneOf {
		if s, ok := v.(ast.String); ok {
			names = append(names, string(s))
		}
	}
	if strings.HasPrefix(before, "data.manoward.parameters") {
		if len(names) == 0 {
			return fmt.Sprintf("the policy has no parameter %q", string(member)), "declare it in the metadata's \"parameters\""
		}
		return fmt.Sprintf("the policy has no parameter %q", string(member)), didYouMean(string(member), names)
	}
	return fmt.Sprintf("%s has no field %q", clip(before), string(member)), didYouMean(string(member), names)
}

// engineBuiltin returns the builtin of the engine whose name text begins with.
func engineBuiltin(text string) (string, bool) {
	name, _, _ := strings.Cut(text, "(")
	for _, b := range ast.CapabilitiesForThisVersion().Builtins {
		if b.Name == strings.TrimSpace(name) {
			return b.Name, true
		}
	}
	return "", false
}
