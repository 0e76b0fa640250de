package enrol

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
)

// enter refuses a trust domain that does not exist, or that the caller may not know
// of, in the same words. One that was just made may not be open here yet.
func (s *Service) enter(ctx context.Context, who hub.Identity, op, domain string) error {
	missing := hub.E(hub.NotFound, op, fmt.Sprintf("there is no trust domain %q; list them with: manoward trust-domain list", clip(domain)), nil)
	if !cmf.Reaches(who, domain) {
		return missing
	}
	if slices.Contains(s.Store.Space.Domains(), domain) {
		return nil
	}
	switch err := s.Store.Space.Add(ctx, domain); hub.CodeOf(err) {
	case "":
		return nil
	case hub.NotFound, hub.Invalid: // of a name that no trust domain can have
		return missing
	default:
		return fmt.Errorf("%s: %w", op, err)
	}
}

// absent is the answer about a thing that is not there, or is not the caller's.
func absent(op, what, id string) error {
	return hub.E(hub.NotFound, op, fmt.Sprintf("there is no %s %q; list them to see the identifiers", what, clip(id)), nil)
}

// find returns a thing of a kind if who may see it.
func find[T any](ctx context.Context, k *state.Kind[T], who hub.Identity, what, id string, owner func(*T) (domain, manager string)) (state.Entry[T], error) {
	op := "find " + what
	e, err := k.Get(ctx, id)
	if hub.CodeOf(err) == hub.NotFound {
		return e, absent(op, what, id)
	}
	if err != nil {
		return e, fmt.Errorf("%s: %w", op, err)
	}
	if domain, manager := owner(&e.Value); !cmf.Sees(who, domain, manager) {
		return state.Entry[T]{}, absent(op, what, id)
	}
	return e, nil
}

// list yields what who may see of a kind after an ID, in order. Its cost grows with
// what is taken, not with what others have.
func list[T, V any](ctx context.Context, k *state.Kind[T], who hub.Identity, after string, view func(*T) V) iter.Seq2[V, error] {
	return func(yield func(V, error) bool) {
		var zero V
		give := func(e state.Entry[T], err error) bool {
			if err != nil {
				yield(zero, err)
				return false
			}
			return yield(view(&e.Value), nil)
		}
		if cmf.RunsTheHub(who) {
			for e, err := range k.List(ctx, func(string) bool { return true }, after) {
				if !give(e, err) {
					return
				}
			}
			return
		}
		for id := range k.FindAfter(cmf.ByConsumer(who.String()), after) {
			e, err := k.Get(ctx, id)
			if hub.CodeOf(err) == hub.NotFound {
				continue // gone meanwhile
			}
			if !give(e, err) {
				return
			}
		}
	}
}

// record makes a record. Parts name it among those of its subject: the same parts
// always give the same ID.
func record(kind string, at time.Time, by, subject string, data any, parts ...string) (hub.Record, error) {
	raw, err := json.Marshal(data)
	if err != nil {
		return hub.Record{}, fmt.Errorf("record %s: %w", kind, err)
	}
	id := hub.DeriveID(append([]string{"record", kind, subject}, parts...)...)
	return hub.Record{ID: id, Kind: kind, Time: at, Actor: by, Subject: subject, Data: raw}, nil
}

// append appends one record.
func (s *Service) append(ctx context.Context, domain string, r hub.Record, err error) error {
	if err == nil {
		err = s.Records(ctx, domain, r)
	}
	if err != nil {
		return fmt.Errorf("append record %s: %w", r.Kind, err)
	}
	return nil
}

// now is the time, in whole seconds as certificates and records have it.
func (s *Service) now() time.Time { return s.Now().UTC().Truncate(time.Second) }

// clip keeps hostile texts out of answers at full length.
func clip(s string) string {
	const most = 80
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
