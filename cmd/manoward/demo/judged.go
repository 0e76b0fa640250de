package demo

import (
	"context"
	"errors"
	"fmt"

	"github.com/manoward/manoward/internal/hub"
)

// Decision is what a Security Manager says of a decision.
type Decision struct {
	ID             string        `json:"id"`
	EventID        string        `json:"eventId"`
	PolicyRevision string        `json:"policyRevision"`
	Findings       []hub.Finding `json:"findings"`
	Labels         []struct {
		Rule string `json:"rule"`
		File string `json:"file"`
		Line int    `json:"line"`
	} `json:"labels"`
	Orders []string `json:"orders"`
}

// Order is what a Security Manager says of an order.
type Order struct {
	ID     string     `json:"id"`
	Action hub.Action `json:"action"`
	State  string     `json:"state"`
	Reason string     `json:"reason"`
	Steps  []struct {
		Name     string `json:"name"`
		Outcome  string `json:"outcome"`
		Resource string `json:"resource"`
	} `json:"steps"`
}

// ManagerRuns waits until a Security Manager that was registered has its policies.
func (s *Stage) ManagerRuns(ctx context.Context, name, domain string) error {
	return s.Until(ctx, "Security Manager "+name+" takes up its credentials and policies", func(ctx context.Context) (bool, error) {
		var status struct {
			Active  *struct{} `json:"active"`
			Problem string    `json:"problem"`
		}
		err := s.Get(ctx, &status, "sm", "status", name, "--trust-domain", domain)
		var r *refusal
		if errors.As(err, &r) && (r.code == exitNotFound || r.code == exitUnavailable) {
			return false, nil // nobody serves it yet
		}
		// Before it is told of changes, what changes is what it finds.
		return status.Active != nil && status.Problem == "", err
	})
}

// Decided waits for the first decision in which a policy found something, and tells it:
// which policy, which rule, on what, and the ID that proves it.
func (s *Stage) Decided(ctx context.Context, manager, domain, policy string) (*Decision, error) {
	var all []Decision
	err := s.Until(ctx, "a decision by "+policy, func(ctx context.Context) (bool, error) {
		err := s.Get(ctx, &all, "decision", "list", "--sm", manager, "--trust-domain", domain, "--policy", policy, "--found")
		return len(all) > 0, err
	})
	if err != nil {
		return nil, err
	}
	d := &all[len(all)-1] // the newest come first
	f := d.Findings[0]
	rule := ""
	if len(d.Labels) > 0 {
		rule = fmt.Sprintf(", rule at %s:%d", d.Labels[0].File, d.Labels[0].Line)
	}
	s.Say("policy %s (revision %.12s)%s: %s, %s", f.Policy, d.PolicyRevision, rule, f.Code, f.Severity)
	s.Say("%s", f.Message)
	s.Proof("decision", d.ID, "decision", "explain", "--sm", manager)
	return d, nil
}

// Completed waits until an order is carried out, and tells it with its steps.
func (s *Stage) Completed(ctx context.Context, manager, domain, id string) (*Order, error) {
	o := &Order{}
	err := s.Until(ctx, "order "+id+" is carried out", func(ctx context.Context) (bool, error) {
		if err := s.Get(ctx, o, "order", "show", id, "--sm", manager, "--trust-domain", domain); err != nil {
			return false, err
		}
		switch o.State {
		case "failed", "rejected", "superseded", "expired", "recommended", "waiting", "shadow":
			return false, fmt.Errorf("order %s is %s: %s; look at it with: manoward order show %s", id, o.State, o.Reason, id)
		}
		return o.State == "completed", nil
	})
	if err != nil {
		return nil, err
	}
	for _, step := range o.Steps {
		s.Say("%s: %s", step.Name, step.Outcome)
	}
	s.Proof("order", o.ID, "order", "show", "--sm", manager)
	return o, nil
}
