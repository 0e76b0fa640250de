package policies

import (
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/manoward/manoward/internal/hub"
)

// maxActions is how many actions one finding may ask for.
const maxActions = 16

// decodeFindings reads what a policy found. Whatever is not a finding in every
// member is an error: half a finding is not acted on, and not dropped either.
func decodeFindings(p *policy, term *ast.Term) ([]hub.Finding, error) {
	if term == nil {
		return nil, fmt.Errorf("its findings are undefined")
	}
	set, ok := term.Value.(ast.Set)
	if !ok {
		return nil, fmt.Errorf("its findings are %s, not a set", typeName(term))
	}
	if set.Len() > MaxFindings {
		return nil, fmt.Errorf("it has %d findings in one event; at most %d are taken", set.Len(), MaxFindings)
	}
	if set.Len() == 0 {
		return nil, nil
	}
	findings := make([]hub.Finding, 0, set.Len())
	err := set.Iter(func(t *ast.Term) error {
		f := hub.Finding{Policy: p.ID, Severity: p.Severity}
		if err := decodeFinding(&f, t); err != nil {
			return fmt.Errorf("the finding %q is malformed: %w", clip(f.Code), err)
		}
		if err := f.Check(); err != nil {
			return fmt.Errorf("the finding %q cannot be taken: %s", clip(f.Code), hub.SafeText(err))
		}
		findings = append(findings, f)
		return nil
	})
	return findings, err
}

func decodeFinding(f *hub.Finding, t *ast.Term) error {
	if obj, ok := t.Value.(ast.Object); ok { // first, so that errors can name the finding
		if code := obj.Get(ast.InternedTerm("code")); code != nil {
			if s, ok := code.Value.(ast.String); ok {
				f.Code = string(s)
			}
		}
	}
	return members("the finding", t, func(name string, v *ast.Term) error {
		switch name {
		case "code":
			return text(name, v, &f.Code)
		case "severity":
			return text(name, v, (*string)(&f.Severity))
		case "message":
			return text(name, v, &f.Message)
		case "target":
			return decodeTarget(&f.Target, v)
		case "actions":
			return decodeActions(f, v)
		}
		return unknownMember("a finding", name)
	})
}

func decodeTarget(target *hub.Target, t *ast.Term) error {
	return members("target", t, func(name string, v *ast.Term) error {
		into := map[string]*string{
			"nsInstanceId": &target.NsInstanceID, "vnfInstanceId": &target.VnfInstanceID, "vnfProfileId": &target.VnfProfileID,
			"vnfPkgId": &target.VnfPkgID, "hostId": &target.HostID, "imageId": &target.ImageID,
			"certificateRequestId": &target.CertificateRequestID,
		}[name]
		if into == nil {
			return unknownMember("a target", name)
		}
		return text("target."+name, v, into)
	})
}

func decodeActions(f *hub.Finding, t *ast.Term) error {
	list, ok := t.Value.(*ast.Array)
	if !ok {
		return fmt.Errorf(`"actions" is %s, not a list`, typeName(t))
	}
	if list.Len() > maxActions {
		return fmt.Errorf("it has %d actions; at most %d are taken", list.Len(), maxActions)
	}
	return list.Iter(func(t *ast.Term) error {
		var a hub.Action
		if err := decodeAction(&a, t); err != nil {
			return err
		}
		f.Actions = append(f.Actions, a)
		return nil
	})
}

func decodeAction(a *hub.Action, t *ast.Term) error {
	return members("an action", t, func(name string, v *ast.Term) error {
		flag := map[string]*bool{
			"snapshot": &a.Snapshot, "disablePackage": &a.DisablePackage, "coHosted": &a.CoHosted, "erase": &a.Erase,
			"belowMinimum": &a.BelowMinimum, "quarantine": &a.Quarantine,
		}[name]
		switch {
		case flag != nil:
			return boolean(name, v, flag)
		case name == "type":
			return text(name, v, (*string)(&a.Type))
		case name == "replace":
			a.Replace = new(bool)
			return boolean(name, v, a.Replace)
		case name == "vnfs":
			return text(name, v, &a.Vnfs)
		case name == "properties":
			a.Properties = map[string]string{}
			return members("properties", v, func(key string, v *ast.Term) error {
				var s string
				if err := text("properties."+key, v, &s); err != nil {
					return err
				}
				a.Properties[key] = s
				return nil
			})
		}
		return unknownMember("an action", name)
	})
}

// members calls fn for each member of an object with text names.
func members(what string, t *ast.Term, fn func(string, *ast.Term) error) error {
	obj, ok := t.Value.(ast.Object)
	if !ok {
		return fmt.Errorf("%s is %s, not an object", what, typeName(t))
	}
	return obj.Iter(func(k, v *ast.Term) error {
		name, ok := k.Value.(ast.String)
		if !ok {
			return fmt.Errorf("%s has a member whose name is no text", what)
		}
		return fn(string(name), v)
	})
}

func text(name string, t *ast.Term, into *string) error {
	s, ok := t.Value.(ast.String)
	if !ok {
		return fmt.Errorf("%q is %s, not a text", clip(name), typeName(t))
	}
	*into = string(s)
	return nil
}

func boolean(name string, t *ast.Term, into *bool) error {
	b, ok := t.Value.(ast.Boolean)
	if !ok {
		return fmt.Errorf("%q is %s, not true or false", clip(name), typeName(t))
	}
	*into = bool(b)
	return nil
}

func unknownMember(what, name string) error {
	return fmt.Errorf("%s has no member %q", what, clip(name))
}

func typeName(t *ast.Term) string {
	name := ast.ValueName(t.Value)
	if name == "array" || name == "object" {
		return "an " + name
	}
	return "a " + name
}
