package catalogue

import (
	"context"
	"fmt"
	"strconv"

	"github.com/manoward/manoward/internal/hub"
)

// Modification is what a change asks for.
type Modification struct {
	Enabled  *bool           // nil leaves it
	UserData *map[string]any // nil leaves it
}

// Modify changes the operational state or the user data of a package, as change
// says when it sees the package; it is asked again when another change came
// first. The operational state is that of an on-boarded package only, and is
// refused when it is so already: hub.Conflict.
func (s *Service) Modify(ctx context.Context, actor hub.Identity, kind Kind, id string, change func(p Package) (Modification, error)) (Package, error) {
	for {
		e, err := s.kinds[kind].Get(ctx, id)
		if err != nil {
			return Package{}, err
		}
		if e.Value.Deleting {
			return Package{}, notFound(kind)
		}
		m, err := change(e.Value)
		if err != nil {
			return Package{}, err
		}
		if err := checkState(&e.Value, m.Enabled); err != nil {
			return Package{}, err
		}
		nonce := strconv.FormatUint(e.Revision, 10)
		if m.Enabled != nil {
			if err := s.setEnabled(ctx, actor, &e.Value, *m.Enabled, nonce); err != nil {
				return Package{}, err
			}
		}
		if m.UserData != nil {
			e.Value.UserData = ownKeysRemoved(*m.UserData)
		}
		next, err := s.kinds[kind].Replace(ctx, e)
		switch hub.CodeOf(err) {
		case "":
			if len(next.Value.Pending) > 0 {
				s.goOn(kind, id, noUpload)
			}
			return s.seen(next.Value), nil
		case hub.Precondition:
			if ctx.Err() == nil {
				continue
			}
		}
		return Package{}, fmt.Errorf("change package: %w", err)
	}
}

func checkState(p *Package, enabled *bool) error {
	switch {
	case enabled == nil:
		return nil
	case p.Kind == PNF:
		return hub.E(hub.Unprocessable, "change package", "a PNFD has no operational state", nil)
	case p.State != Onboarded:
		return hub.E(hub.Conflict, "change package", fmt.Sprintf("the package is %s; only one that is ONBOARDED can be enabled or disabled", p.State), nil)
	case *enabled == p.Enabled:
		return hub.E(hub.Conflict, "change package", "the package is "+operational(p.Enabled)+" already", nil)
	case *enabled && p.Altered != "":
		return hub.E(hub.Conflict, "change package", "the stored package was altered ("+p.Altered+"); delete it and on-board it anew", nil)
	}
	return nil
}

func operational(enabled bool) string {
	if enabled {
		return "ENABLED"
	}
	return "DISABLED"
}

func (s *Service) setEnabled(ctx context.Context, actor hub.Identity, p *Package, enabled bool, nonce string) error {
	err := s.record(ctx, RecordState, p, actor.String(), nonce, map[string]string{
		"operationalState": operational(enabled), "descriptorId": p.DescriptorID(),
	})
	if err != nil {
		return err
	}
	p.Enabled = enabled
	p.event(EventState, s.config.Now().UTC(), nonce, nil)
	return nil
}

// SetState enables or disables a package. It is no error if it is so already.
func (s *Service) SetState(ctx context.Context, actor hub.Identity, kind Kind, id string, enabled bool) error {
	_, err := s.Modify(ctx, actor, kind, id, func(p Package) (Modification, error) {
		if p.State == Onboarded && p.Enabled == enabled {
			return Modification{}, nil
		}
		return Modification{Enabled: &enabled}, nil
	})
	return err
}

// Delete removes a package that is disabled and not in use (hub.Conflict
// otherwise). When it returns nil the package is gone for everybody; its file
// follows.
func (s *Service) Delete(ctx context.Context, actor hub.Identity, kind Kind, id string) error {
	e, err := s.kinds[kind].Get(ctx, id)
	if err != nil {
		return err
	}
	if err := s.deletable(&e.Value); err != nil {
		return err
	}
	nonce := strconv.FormatUint(e.Revision, 10)
	err = s.record(ctx, RecordDeleted, &e.Value, actor.String(), nonce, map[string]string{"descriptorId": e.Value.DescriptorID()})
	if err != nil {
		return err
	}
	_, err = s.kinds[kind].Update(ctx, id, func(p *Package) error {
		if err := s.deletable(p); err != nil {
			return err
		}
		p.Deleting = true
		if p.DescriptorID() != "" {
			p.event(EventDeleted, s.config.Now().UTC(), nonce, nil)
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.goOn(kind, id, noUpload)
	return nil
}

func (s *Service) deletable(p *Package) error {
	text := ""
	switch {
	case p.Deleting:
		return notFound(p.Kind)
	case p.Enabled:
		text = "the package is ENABLED; disable it first"
	case p.State == Uploading || p.State == Processing:
		text = "the package is being on-boarded; wait until that has ended"
	case s.config.InUse(p): // after it was seen DISABLED: no use begins from then on
		text = "the package is in use; end that first"
	default:
		return nil
	}
	return hub.E(hub.Conflict, "delete package", text, nil)
}
