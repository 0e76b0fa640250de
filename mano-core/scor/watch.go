package scor

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
)

// Cursor is how far a trust domain's records were looked through.
type Cursor struct {
	Position string `json:"position"`
}

// Attempts tells the Security Managers of a trust domain of every unauthorized
// attempt to change one of its VNFs (Sc-Or.NsLcm.003). It follows the domain's
// records, which every part of the hub writes its refusals to, so what was
// recorded is told even if the process died in between, and once: the
// notification's identifier is derived from the record's.
type Attempts struct {
	Cursors   *state.Kind[Cursor]
	Publisher Publisher
	Log       *slog.Logger
}

// NewCursors adds the cursors to a space.
func NewCursors(s *state.Space) *state.Kind[Cursor] { return state.NewKind[Cursor](s, "cursor", nil) }

// cursorEvery is how many records without an attempt pass before the cursor is
// stored: reading them again after a crash is cheap, a write for each is not.
const cursorEvery = 1000

// Watch follows the records of a trust domain until ctx ends.
func (a *Attempts) Watch(ctx context.Context, domain string, log Log) error {
	from, err := a.cursor(ctx, domain)
	if err != nil {
		return err
	}
	passed := 0
	err = log.Follow(ctx, from, func(position string, rec hub.Record) error {
		told, err := a.tell(ctx, domain, rec)
		if err != nil {
			return err
		}
		if passed++; !told && passed < cursorEvery {
			return nil
		}
		passed = 0
		return a.advance(ctx, domain, position)
	})
	if err != nil {
		return fmt.Errorf("tell unauthorized attempts on trust domain %s: %w", domain, err)
	}
	return nil
}

// cursor returns where to go on. Cursors of all domains are one kind, so a
// domain's name is the ID of its own.
func (a *Attempts) cursor(ctx context.Context, domain string) (position string, err error) {
	e, err := a.Cursors.GetIn(ctx, domain, domain)
	if hub.CodeOf(err) == hub.NotFound {
		return "", nil // nothing was told yet
	}
	return e.Value.Position, err
}

// advance stores how far the records were looked through.
func (a *Attempts) advance(ctx context.Context, domain, position string) error {
	for {
		_, err := a.Cursors.Update(ctx, domain, func(c *Cursor) error {
			c.Position = max(c.Position, position) // another process may be ahead
			return nil
		})
		if hub.CodeOf(err) != hub.NotFound {
			return err
		}
		_, err = a.Cursors.Create(ctx, domain, domain, &Cursor{Position: position})
		if hub.CodeOf(err) != hub.Conflict || ctx.Err() != nil {
			return err
		}
	}
}

// tell publishes a record that is an attempt. A record that cannot be read is
// logged and passed over: waiting for it would keep back all that follow.
func (a *Attempts) tell(ctx context.Context, domain string, rec hub.Record) (bool, error) {
	found, changes, err := attempt(domain, rec)
	if err != nil {
		a.Log.Error("a record of a refused attempt cannot be told to the Security Managers", "trustDomain", domain, "record", rec.ID, "err", err)
		return false, nil
	}
	if !changes {
		return false, nil
	}
	return true, a.Publisher.Publish(ctx, found.event(domain))
}
