package policies

import (
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"
)

// checkNegations warns of what reads as "is not" and is silent where there is
// nothing: the engine evaluates the operands of a call before its negation, so
// "not input.a.b in list" is undefined, and not true, when input.a.b is missing.
// The rule then does not fire, and nobody is told.
func (s *Set) checkNegations(ps *problems, p *policy) {
	module := s.compiler.Modules[p.File]
	if module == nil {
		return
	}
	for _, rule := range module.Rules {
		n := &negations{set: s, policy: p, problems: ps, aliases: aliasesOf(rule)}
		ast.WalkBodies(rule, func(body ast.Body) bool {
			for i, e := range body {
				if e.Negated && e.IsCall() {
					n.check(body, i)
				}
			}
			return false
		})
	}
}

// negations looks at the negated calls of one rule, as the compiler left it.
type negations struct {
	set      *Set
	policy   *policy
	problems *problems
	aliases  map[ast.Var]ast.Ref
}

// check looks at the negated call at an index of a body.
func (n *negations) check(body ast.Body, at int) {
	e := body[at]
	for _, operand := range e.Operands() {
		for _, missing := range n.missing(body, operand, map[ast.Var]bool{}) {
			n.problems.warn(n.policy.File, e.Location.Row,
				fmt.Sprintf("the \"not\" is undefined, and not true, when there is no %s, so the rule does not fire then", clip(missing)),
				"write what must hold as a rule of its own (known if ...) and say \"not known\", or read the field with object.get and a default")
			return // one is enough for a line
		}
	}
}

// missing lists what an operand of a negated call needs and may not be there.
func (n *negations) missing(body ast.Body, operand *ast.Term, seen map[ast.Var]bool) []string {
	v, ok := operand.Value.(ast.Var)
	if !ok || seen[v] || !v.IsGenerated() || n.policy.vars[v] != "" {
		return nil // what the author bound is bound before the negation, and can be seen
	}
	seen[v] = true
	var list []string
	for i, e := range body {
		terms := e.Operands()
		switch {
		case e.Negated || len(terms) == 0:
		case e.IsEquality() && len(terms) == 2 && terms[0].Value.Compare(v) == 0:
			list = append(list, n.absent(body, i, terms[1])...)
		case !e.IsEquality() && terms[len(terms)-1].Value.Compare(v) == 0: // a call that gives it
			for _, from := range terms[:len(terms)-1] {
				list = append(list, n.missing(body, from, seen)...)
			}
		}
	}
	return list
}

// absent returns the reference that the expression at an index of a body binds, if
// there may be nothing and the rest of the body does not ask for it.
func (n *negations) absent(body ast.Body, at int, t *ast.Term) []string {
	ref, ok := t.Value.(ast.Ref)
	if !ok {
		return nil
	}
	full := expand(ref, n.aliases, 0)
	if !n.mayBeAbsent(full) {
		return nil
	}
	for i, e := range body {
		if i != at && !e.Negated && n.asks(e, full) {
			return nil // the rule is for when it is there
		}
	}
	return []string{n.policy.spell(full)}
}

// asks reports whether an expression is undefined without a reference.
func (n *negations) asks(e *ast.Expr, full ast.Ref) bool {
	found := false
	ast.WalkRefs(e, func(r ast.Ref) bool {
		found = found || expand(r, n.aliases, 0).HasPrefix(full)
		return found
	})
	return found
}

// mayBeAbsent reports whether a reference may lead to nothing: to a field of the
// input that the schema of a kind does not require, or to a rule without default.
func (n *negations) mayBeAbsent(ref ast.Ref) bool {
	if ref[0].Equal(ast.InputRootDocument) {
		for _, kind := range n.policy.Events {
			schema := n.set.schemas.byKind[kind]
			if schema != nil && !n.required(schema.doc, schema.doc, ref[1:], 0) {
				return true
			}
		}
		return false
	}
	rules := n.set.compiler.GetRulesExact(ref)
	for _, r := range rules {
		if r.Default || r.Head.RuleKind() != ast.SingleValue || len(r.Head.Args) > 0 || n.always(r) {
			return false
		}
	}
	return len(rules) > 0
}

// always reports whether a rule has a value whatever the input is: it asks for
// nothing, and computes its value of what is always there.
func (n *negations) always(r *ast.Rule) bool {
	certain := true
	ast.WalkExprs(r.Body, func(e *ast.Expr) bool {
		terms := e.Operands()
		switch one, isTerm := e.Terms.(*ast.Term); {
		case isTerm:
			certain = certain && one.Equal(ast.BooleanTerm(true))
		case e.IsEquality() && len(terms) == 2:
			certain = certain && isGenerated(terms[0])
		default:
			certain = certain && len(terms) > 1 && isGenerated(terms[len(terms)-1])
		}
		return false
	})
	aliases := aliasesOf(r)
	ast.WalkRefs(r, func(ref ast.Ref) bool {
		certain = certain && (!ref[0].Equal(ast.InputRootDocument) || !n.mayBeAbsent(expand(ref, aliases, 0)))
		return false
	})
	return certain
}

// isGenerated reports whether a term is a variable that the compiler made.
func isGenerated(t *ast.Term) bool {
	v, ok := t.Value.(ast.Var)
	return ok && v.IsGenerated()
}

// required reports whether a schema promises that there is something where a
// reference leads.
func (n *negations) required(root, node any, path []*ast.Term, depth int) bool {
	schema, ok := node.(map[string]any)
	if !ok || depth > maxSchemaDepth {
		return false
	}
	if to, ok := schema["$ref"].(string); ok {
		return n.required(root, resolve(root, to), path, depth+1)
	}
	if len(path) == 0 {
		return true
	}
	name, isName := path[0].Value.(ast.String)
	if !isName {
		return n.iterated(path[0]) && (n.required(root, schema["items"], path[1:], depth+1) || n.required(root, schema["additionalProperties"], path[1:], depth+1))
	}
	needed, _ := schema["required"].([]any)
	for _, one := range needed {
		if one == string(name) {
			members, _ := schema["properties"].(map[string]any)
			return n.required(root, members[string(name)], path[1:], depth+1)
		}
	}
	return false
}

// iterated reports whether a step of a reference goes over all members: a variable
// that stands for nothing else.
func (n *negations) iterated(step *ast.Term) bool {
	v, ok := step.Value.(ast.Var)
	_, alias := n.aliases[v]
	return ok && !alias
}
