package policies

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/manoward/manoward/internal/hub"
)

// membersOf returns the JSON names of a type's members, with their types.
func membersOf(v any) map[string]reflect.Type {
	t, names := reflect.TypeOf(v), map[string]reflect.Type{}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		names[name] = t.Field(i).Type
	}
	return names
}

// What findings, targets and actions may have.
var (
	findingMembers = sync.OnceValue(func() []string {
		return slices.DeleteFunc(slices.Sorted(maps.Keys(membersOf(hub.Finding{}))), func(n string) bool { return n == "policy" })
	})
	targetMembers = sync.OnceValue(func() []string { return slices.Sorted(maps.Keys(membersOf(hub.Target{}))) })
	actionMembers = sync.OnceValue(func() map[string]reflect.Type { return membersOf(hub.Action{}) })
)

func actionTypes() []string {
	return []string{
		string(hub.ActionAlert), string(hub.ActionTerminateVnf), string(hub.ActionStopHost),
		string(hub.ActionInsertSecurityVnf), string(hub.ActionModifySecurityVnf), string(hub.ActionRemoveSecurityVnf),
		string(hub.ActionDenyCertificate), string(hub.ActionDowngradeAttestation),
	}
}

// linter looks at what a policy's source says, before anything is evaluated.
type linter struct {
	*problems
	file string
}

func (l *linter) at(t *ast.Term, text, mend string) {
	row, col := 0, 0
	if t.Location != nil {
		row, col = t.Location.Row, t.Location.Col
	}
	l.fault(l.file, row, col, text, mend)
}

// lint looks at the literals of findings and actions, so that a word that is
// not in the vocabulary is seen before the event that needs it, and at what no
// policy may do.
func (s *Set) lint(ps *problems) {
	inParallel(ps, s.policies, func(ps *problems, p *policy) {
		l := &linter{ps, p.File}
		if !hasFindings(p.module) {
			ps.fault(p.File, p.module.Package.Location.Row, 0, "the policy has no rule \"findings contains ...\"",
				"say what it finds: findings contains {\"code\": ..., \"message\": ..., \"target\": {...}, \"actions\": [...]} if { ... }")
		}
		for _, rule := range p.module.Rules {
			l.rule(rule)
		}
		for _, imp := range p.module.Imports {
			if r, ok := imp.Path.Value.(ast.Ref); ok && r[0].Equal(ast.DefaultRootDocument) && len(r) < 4 {
				ps.fault(p.File, imp.Location.Row, imp.Location.Col, "an import of more than one package", "import the package itself: data."+libRoot+"<name>")
			}
		}
	})
}

// hasFindings reports whether the partial set of findings is there, and nothing
// else of that name.
func hasFindings(module *ast.Module) bool {
	found := false
	for _, r := range module.Rules {
		if ref := r.Head.Ref(); len(ref) > 0 && ref[0].Value.Compare(ast.Var("findings")) == 0 {
			if r.Head.RuleKind() != ast.MultiValue || len(ref) != 1 {
				return false
			}
			found = true
		}
	}
	return found
}

func (l *linter) rule(rule *ast.Rule) {
	ast.WalkExprs(rule, func(e *ast.Expr) bool {
		if len(e.With) > 0 {
			w := e.With[0].Location
			l.fault(l.file, w.Row, w.Col, "\"with\" puts something else in the place of the input", "a policy judges the input as it is; \"with\" is for tests")
		}
		return false
	})
	ast.WalkTerms(rule, func(t *ast.Term) bool {
		obj, ok := t.Value.(ast.Object)
		if !ok {
			return false
		}
		members := constants(obj)
		switch {
		case members["code"] != nil && (members["message"] != nil || members["target"] != nil || members["actions"] != nil):
			l.finding(t, obj, members)
		case members["type"] != nil:
			l.maybeAction(t, obj, members)
		}
		return false
	})
}

// constants returns the members of an object literal whose names are constant.
func constants(obj ast.Object) map[string]*ast.Term {
	members := map[string]*ast.Term{}
	obj.Foreach(func(k, v *ast.Term) {
		if name, ok := k.Value.(ast.String); ok {
			members[string(name)] = v
		}
	})
	return members
}

func (l *linter) finding(t *ast.Term, obj ast.Object, members map[string]*ast.Term) {
	l.unknown(obj, "a finding", findingMembers())
	for _, needed := range []string{"code", "message", "target"} {
		if members[needed] == nil {
			l.at(t, fmt.Sprintf("the finding has no %q", needed), "add it")
		}
	}
	if code, ok := members["code"].Value.(ast.String); ok && hub.CheckName("code", string(code)) != nil {
		l.at(members["code"], fmt.Sprintf("%q is no code", clip(string(code))), "use up to 63 lower-case letters, digits and inner hyphens")
	}
	if severity := members["severity"]; severity != nil {
		names := strings.Split(join(hub.Severities()), ", ")
		if s, ok := severity.Value.(ast.String); ok && !slices.Contains(names, string(s)) {
			l.at(severity, fmt.Sprintf("%q is no severity", clip(string(s))), didYouMean(string(s), names))
		}
	}
	if target := members["target"]; target != nil {
		if o, ok := target.Value.(ast.Object); ok {
			l.unknown(o, "a target", targetMembers())
		}
	}
	list, ok := members["actions"]
	if !ok {
		return
	}
	array, ok := list.Value.(*ast.Array)
	if !ok {
		if _, set := list.Value.(ast.Set); set || ast.IsScalar(list.Value) {
			l.at(list, "\"actions\" is not a list", "write [...]: the order of actions is the policy's")
		}
		return
	}
	array.Foreach(func(a *ast.Term) {
		if o, ok := a.Value.(ast.Object); ok && constants(o)["type"] == nil {
			l.at(a, "the action has no \"type\"", "use one of "+strings.Join(actionTypes(), ", "))
		}
	})
}

// unknown reports constant members that are not known.
func (l *linter) unknown(obj ast.Object, what string, known []string) {
	obj.Foreach(func(k, _ *ast.Term) {
		if name, ok := k.Value.(ast.String); ok && !slices.Contains(known, string(name)) {
			l.at(k, fmt.Sprintf("%s has no member %q", what, clip(string(name))), didYouMean(string(name), known))
		}
	})
}

// maybeAction checks an object literal that is an action, or is meant to be one:
// it has a "type" near to a word of the vocabulary, or arguments of actions.
func (l *linter) maybeAction(t *ast.Term, obj ast.Object, members map[string]*ast.Term) {
	kind, ok := members["type"].Value.(ast.String)
	if !ok {
		return
	}
	known := actionMembers()
	words := actionTypes()
	if !slices.Contains(words, string(kind)) {
		mend := didYouMean(string(kind), words)
		args := slices.ContainsFunc(slices.Collect(maps.Keys(members)), func(n string) bool { return n != "type" && known[n] != nil })
		if strings.HasPrefix(mend, "did") || args || len(members) == 1 {
			l.at(members["type"], fmt.Sprintf("unknown action %q", clip(string(kind))), mend)
		}
		return
	}
	l.unknown(obj, "an action", slices.Sorted(maps.Keys(known)))
	sketch := map[string]any{"type": string(kind)}
	for name, value := range members {
		if known[name] == nil || name == "type" {
			continue
		}
		v, err := ast.JSON(value.Value)
		if err != nil || !value.IsGround() || hasCalls(value) {
			v = placeholder(known[name]) // known only when it is evaluated
		}
		sketch[name] = v
	}
	raw, err := json.Marshal(sketch)
	if err != nil {
		return
	}
	var action hub.Action
	if err := json.Unmarshal(raw, &action); err != nil {
		l.at(t, fmt.Sprintf("an argument of %s has the wrong type: %s", string(kind), clip(err.Error())), "look the action up in the list of actions")
		return
	}
	everything := hub.Target{NsInstanceID: "x", VnfInstanceID: "x", VnfProfileID: "x", VnfPkgID: "x", HostID: "x", ImageID: "x", CertificateRequestID: "x"}
	if err := action.Check(everything); err != nil {
		l.at(t, hub.SafeText(err), "the vocabulary of actions is closed")
	}
}

// hasCalls reports whether a value depends on a call, a reference or a
// comprehension.
func hasCalls(t *ast.Term) bool {
	found := false
	ast.WalkTerms(t, func(x *ast.Term) bool {
		switch x.Value.(type) {
		case ast.Call, ast.Ref, ast.Var, *ast.ArrayComprehension, *ast.SetComprehension, *ast.ObjectComprehension, *ast.TemplateString:
			found = true
		}
		return found
	})
	return found
}

// placeholder returns a valid argument of a type, for one that is not known yet.
func placeholder(t reflect.Type) any {
	switch t.Kind() {
	case reflect.Bool, reflect.Pointer:
		return true
	case reflect.Map:
		return map[string]string{"x": "x"}
	}
	return "migrate"
}
