package policies

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/types"

	"github.com/manoward/manoward/internal/hub"
)

// labelKey is the label that says which rule was true: an index into the set's
// labels. It is the only one that reaches the engine, so that the price of
// labels does not grow with what authors write.
const labelKey = "_"

// compile compiles the modules twice, at the same time: as they will be
// evaluated, and with the schemas in place of input and parameters, for the
// type checker alone. The engine could check schemas itself, but not below maps
// whose keys are identifiers (see typeOf), and not per policy at this price.
func (s *Set) compile(ps *problems, modules map[string]*ast.Module) {
	s.annotate(modules)
	s.compiler = newCompiler(capabilities(false))
	typed, caps := s.typedModules(modules)
	checker := newCompiler(caps).WithStrict(false).WithOnlyStagesUpTo(ast.StageCheckTypes)
	var both sync.WaitGroup
	both.Go(func() { s.compiler.Compile(modules) })
	both.Go(func() { checker.Compile(typed) })
	both.Wait()
	seen := false
	for _, e := range checker.Errors {
		if e.Code == ast.TypeErr {
			seen = true
			addError(ps, "", e)
		}
	}
	for _, e := range s.compiler.Errors {
		if e.Code != ast.TypeErr || !seen {
			addError(ps, "", e)
		}
	}
	if s.compiler.Failed() || checker.Failed() {
		if !ps.bad() {
			ps.fault("", 0, 0, "the policies do not compile with their schemas: "+clip(checker.Errors.Error()), "report this with the set")
		}
		return
	}
	for _, file := range slices.Sorted(maps.Keys(s.compiler.Modules)) {
		checkRefs(ps, file, s.compiler.Modules[file], s.owner(file))
	}
}

func newCompiler(caps *ast.Capabilities) *ast.Compiler {
	return ast.NewCompiler().WithStrict(true).WithCapabilities(caps).SetErrorLimit(0).WithDefaultRegoVersion(ast.RegoV1)
}

// owner returns the policy of a file, or nil for what policies share.
func (s *Set) owner(file string) *policy {
	for _, p := range s.policies {
		if p.File == file {
			return p
		}
	}
	return nil
}

// annotate gives each rule a label with its number, and takes the authors' own
// labels into the table.
func (s *Set) annotate(modules map[string]*ast.Module) {
	ids := map[string]string{}
	for _, p := range s.policies {
		ids[p.File] = p.ID
	}
	for _, file := range slices.Sorted(maps.Keys(modules)) {
		module := modules[file]
		for _, rule := range module.Rules {
			l := Label{Policy: ids[file], Rule: rule.Head.Ref().String(), File: file, Line: rule.Location.Row}
			for _, a := range rule.Annotations {
				if a.Title != "" {
					l.Title = a.Title
				}
				if len(a.Labels) > 0 {
					l.Labels = maps.Clone(a.Labels)
				}
			}
			number := &ast.Annotations{Scope: "rule", Location: rule.Location, Labels: map[string]any{labelKey: len(s.labels)}}
			module.Annotations = append(module.Annotations, number.Copy(rule))
			s.labels = append(s.labels, l)
		}
		for _, a := range module.Annotations {
			if _, ours := a.Labels[labelKey].(int); !ours {
				a.Labels = nil
			}
		}
	}
}

// The package that stands for input and parameters when types are checked.
const schemaRoot = "manoward_schema"

// typedModules returns copies of the modules in which input is a document of
// the type that the policy's kinds have, and the language that they are in.
func (s *Set) typedModules(modules map[string]*ast.Module) (map[string]*ast.Module, *ast.Capabilities) {
	caps := capabilities(false)
	var inputs, params strings.Builder
	fmt.Fprintf(&inputs, "package %s\n", schemaRoot)
	params.WriteString("package manoward\n")
	declare := func(t types.Type) string {
		name := fmt.Sprintf("internal.schema_%d", len(caps.Builtins))
		caps.Builtins = append(caps.Builtins, &ast.Builtin{Name: name, Decl: types.NewFunction(nil, t)})
		return name
	}
	kindSets := map[string]string{}
	of := func(kinds []hub.EventKind) string {
		key := join(kinds)
		if kindSets[key] == "" {
			var t types.Type
			for _, k := range kinds {
				if schema := s.schemas.byKind[k]; schema != nil {
					t = mergeTypes(t, schema.typ)
				}
			}
			if t == nil {
				t = types.A
			}
			kindSets[key] = fmt.Sprintf("k%d", len(kindSets))
			fmt.Fprintf(&inputs, "%s := %s()\n", kindSets[key], declare(t))
		}
		return kindSets[key]
	}
	typed := make(map[string]*ast.Module, len(modules)+2)
	owners := map[string]*policy{}
	for _, p := range s.policies {
		owners[p.File] = p
		fmt.Fprintf(&params, "parameters[%q] := %s()\n", p.ID, declare(p.paramTyp))
	}
	for file, module := range modules {
		kinds := s.schemas.Kinds()
		if p := owners[file]; p != nil {
			kinds = p.Events
		}
		typed[file] = withInput(module.Copy(), of(kinds))
	}
	o := ast.ParserOptions{RegoVersion: ast.RegoV1}
	for name, text := range map[string]string{"inputs": inputs.String(), "parameters": params.String()} {
		typed["\x00"+name] = ast.MustParseModuleWithOpts(text, o)
	}
	return typed, caps
}

// withInput puts the document of a kind in place of input.
func withInput(module *ast.Module, doc string) *ast.Module {
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
			e.Terms = everyAsSome(x, e.Location)
		}
		return false
	})
	return module
}

// everyAsSome returns the set of what "every" runs over, which has its types.
func everyAsSome(x *ast.Every, at *ast.Location) *ast.Term {
	in := ast.Member.Call(x.Value, x.Domain)
	if x.Key != nil {
		in = ast.MemberWithKey.Call(x.Key, x.Value, x.Domain)
	}
	some := ast.NewExpr(&ast.SomeDecl{Symbols: []*ast.Term{in.SetLocation(at)}, Location: at}).SetLocation(at)
	body := append(ast.NewBody(some), x.Body...)
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
	clean := func(s string) string { return typedRef.ReplaceAllString(s, "input") }
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
