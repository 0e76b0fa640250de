package intake

import (
	"context"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/smgr"
)

// occurrence is what a notification and a query show alike. The zero occurrence
// is of what only notifications tell.
type occurrence struct {
	name  string    // "op/<id>/<state>", "ns-created/<id>", "ns-deleted/<id>"
	once  bool      // it cannot happen again
	at    time.Time //
	isGap bool
}

// tolerance is how far the times of one occurrence in a notification and in a
// query may lie apart: some round to seconds.
const tolerance = 2 * time.Second

// is reports whether an entry is of this occurrence. What a query shows is the
// newest of a state, so an entry of that state which is not older is it, or came
// after it. Of two notifications, the time is the same or they are two.
func (o *occurrence) is(e *entry) bool {
	switch {
	case o.once || e.At.Equal(o.at):
		return true
	case o.isGap:
		return !e.At.Before(o.at.Add(-tolerance))
	}
	return e.Gap && e.At.Sub(o.at).Abs() <= tolerance
}

// admit makes an event durable in the queue, exactly once in effect: see the
// package. It may give the event the ID that its occurrence has already. Its
// answer is OutcomeAccepted or OutcomeDuplicate. before, which may be nil, is
// called before an event is queued whose occurrence no notification told.
func (in *Intake) admit(ctx context.Context, ev *smgr.Event, occ occurrence, known bool, before func() error) (string, error) {
	gap := false
	if occ.name != "" {
		e, found, err := in.ledger.claim(ctx, spaceOcc, []string{occ.name}, entry{Event: ev.ID, At: occ.at.UTC(), Gap: occ.isGap}, occ.is)
		if err != nil {
			return "", err
		}
		if e.Event != ev.ID {
			ev.ID, ev.Digest = e.Event, "" // the event was told in other words
		}
		known, gap = known || found, e.Gap
	}
	if known {
		done, err := in.ports.Decided(ctx, ev.ID)
		if err != nil {
			return "", err
		}
		if done {
			return OutcomeDuplicate, nil
		}
	}
	if gap && before != nil {
		if err := before(); err != nil {
			return "", err
		}
	}
	raw, err := ev.JSON()
	if err != nil {
		return "", hub.E(hub.Internal, "take an event in", "the event cannot be encoded", err)
	}
	if err := in.ports.Push(ctx, ev.ID, ev.Key, raw); err != nil {
		return "", err
	}
	if known {
		return OutcomeDuplicate, nil
	}
	return OutcomeAccepted, nil
}

// errAltered is returned for a notification with the id of another one.
var errAltered = hub.E(hub.Conflict, "take a notification in", "another notification of yours had this id; give each an id of its own", nil)

// admitNotification is admit for a notification of a sender.
func (in *Intake) admitNotification(ctx context.Context, ev *smgr.Event, id string, occ occurrence) (string, error) {
	ev.ID = hub.DeriveID("sm-event", in.sm.String(), ev.Sender, id)
	ev.Digest = digestOf(ev.Body)
	known, err := in.told(ctx, ev, id)
	if err != nil {
		return "", err
	}
	return in.admit(ctx, ev, occ, known, nil)
}
