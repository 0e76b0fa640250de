package policies

import (
	"fmt"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// checkValues reports constants that a field of the input never has, because its
// schema lists what it can have: a rule with such a comparison is off, and says
// nothing.
func (s *Set) checkValues(ps *problems, p *policy, module *ast.Module) {
	for _, rule := range module.Rules {
		aliases := aliasesOf(rule)
		ast.WalkExprs(rule, func(e *ast.Expr) bool {
			terms := e.Operands()
			if len(terms) != 2 {
				return false
			}
			switch e.Operator().String() {
			case ast.Equality.Name, ast.Equal.Name, ast.NotEqual.Name:
				s.checkValue(ps, p, aliases, terms[0], terms[1])
				s.checkValue(ps, p, aliases, terms[1], terms[0])
			case ast.Member.Name:
				for _, one := range elements(terms[1]) {
					s.checkValue(ps, p, aliases, terms[0], one)
				}
			}
			return false
		})
	}
}

// elements returns the members of a literal set or list.
func elements(t *ast.Term) []*ast.Term {
	var list []*ast.Term
	switch c := t.Value.(type) {
	case ast.Set:
		list = c.Slice()
	case *ast.Array:
		c.Foreach(func(one *ast.Term) { list = append(list, one) })
	}
	return list
}

// checkValue holds a constant against what the schemas say of a reference.
func (s *Set) checkValue(ps *problems, p *policy, aliases map[ast.Var]ast.Ref, field, constant *ast.Term) {
	value, ok := constant.Value.(ast.String)
	if !ok {
		return
	}
	var ref ast.Ref
	switch f := field.Value.(type) {
	case ast.Ref:
		ref = expand(f, aliases, 0)
	case ast.Var:
		ref = expand(ast.Ref{field}, aliases, 0)
	}
	if len(ref) < 2 || !ref[0].Equal(ast.InputRootDocument) {
		return
	}
	var allowed []string
	for _, kind := range p.Events {
		schema := s.schemas.byKind[kind]
		if schema == nil {
			return // which is a problem of its own
		}
		doc := schema.doc
		names, closed := valuesOf(doc, doc, ref[1:], 0)
		if !closed {
			return
		}
		allowed = append(allowed, names...)
	}
	if len(allowed) == 0 || slices.Contains(allowed, string(value)) {
		return
	}
	at := constant.Location
	if at == nil {
		at = field.Location
	}
	if at == nil {
		return
	}
	slices.Sort(allowed)
	ps.fault(p.File, at.Row, at.Col, fmt.Sprintf("%s is never %q", clip(p.spell(ref)), clip(string(value))), didYouMean(string(value), slices.Compact(allowed)))
}

// valuesOf returns the texts that the schema lists for what a reference leads
// to. closed is false when it may have others; a field that the schema does not
// have has none.
func valuesOf(root, node any, path []*ast.Term, depth int) (names []string, closed bool) {
	schema, ok := node.(map[string]any)
	if !ok || depth > maxSchemaDepth {
		return nil, false
	}
	if to, ok := schema["$ref"].(string); ok {
		return valuesOf(root, resolve(root, to), path, depth+1)
	}
	if schema["anyOf"] != nil || schema["oneOf"] != nil || schema["allOf"] != nil {
		return nil, false
	}
	if len(path) == 0 {
		if one, ok := schema["const"].(string); ok {
			return []string{one}, true
		}
		list, ok := schema["enum"].([]any)
		for _, one := range list {
			if name, isText := one.(string); isText {
				names = append(names, name)
			}
		}
		return names, ok
	}
	if items := schema["items"]; items != nil {
		return valuesOf(root, items, path[1:], depth+1)
	}
	members, _ := schema["properties"].(map[string]any)
	if name, ok := path[0].Value.(ast.String); ok && members[string(name)] != nil {
		return valuesOf(root, members[string(name)], path[1:], depth+1)
	}
	if rest, ok := schema["additionalProperties"].(map[string]any); ok {
		return valuesOf(root, rest, path[1:], depth+1)
	}
	return nil, schema["additionalProperties"] == false
}

// aliasesOf returns the variables of a rule that stand for one reference.
func aliasesOf(rule *ast.Rule) map[ast.Var]ast.Ref {
	aliases, seen := map[ast.Var]ast.Ref{}, map[ast.Var]int{}
	ast.WalkExprs(rule, func(e *ast.Expr) bool {
		if terms := e.Operands(); e.IsEquality() && len(terms) == 2 {
			for i := range 2 {
				name, isVar := terms[i].Value.(ast.Var)
				ref, isRef := terms[1-i].Value.(ast.Ref)
				if isVar && isRef {
					aliases[name] = ref
					seen[name]++
				}
			}
		}
		return false
	})
	for name, times := range seen {
		if times > 1 {
			delete(aliases, name)
		}
	}
	return aliases
}

// spell returns a reference with its variables as their author named them.
func (p *policy) spell(ref ast.Ref) string {
	out := make(ast.Ref, len(ref))
	for i, t := range ref {
		out[i] = t
		if name, ok := t.Value.(ast.Var); ok && i > 0 {
			original, known := p.vars[name]
			if !known || original.IsGenerated() {
				original = "_"
			}
			out[i] = ast.VarTerm(string(original))
		}
	}
	return out.String()
}
