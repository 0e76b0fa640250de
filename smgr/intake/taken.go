package intake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/smgr"
)

// taken remembers the notifications that this process took in last: between one
// and two times takenMost, each some 150 bytes of memory. What was taken in before,
// or by another process, is told by its decision.
type taken struct {
	mu          sync.Mutex        // covers what is below
	now, before map[string]string // digest of the notification, by the ID of its event
}

const takenMost = 32_768

// enter returns the digest that an event was taken in with, or remembers this one.
func (t *taken) enter(eventID, digest string) (was string, known bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if was, known = t.now[eventID]; known {
		return was, true
	}
	if was, known = t.before[eventID]; known {
		return was, true
	}
	t.put(eventID, digest)
	return digest, false
}

func (t *taken) put(eventID, digest string) {
	if t.now == nil || len(t.now) == takenMost {
		t.now, t.before = map[string]string{}, t.now
	}
	t.now[eventID] = digest
}

// correct has an event remembered by another digest, or with none not at all.
func (t *taken) correct(eventID, digest string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.now, eventID)
	delete(t.before, eventID)
	if digest != "" {
		t.put(eventID, digest)
	}
}

// digestOf is what a notification is compared by.
func digestOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:16])
}

// told reports whether a notification, whose event has its own ID and digest, was
// taken in before; errAltered if it was with another content. It writes nothing:
// this process remembers what it took in itself, what was judged is known by its
// decision, and what neither says waits in the queue or is new. If it waits, it is
// compared when it is judged: see [Intake.Altered].
func (in *Intake) told(ctx context.Context, ev *smgr.Event, id string) (known bool, err error) {
	was, known := in.taken.enter(ev.ID, ev.Digest)
	if !known {
		if was, known, err = in.judged(ctx, ev, id); err != nil {
			in.taken.correct(ev.ID, "")
			return false, err
		}
	}
	if known && was != ev.Digest {
		in.taken.correct(ev.ID, was)
		return true, errAltered
	}
	return known, nil
}

// judged returns the digest of the notification that a judged event came with, or
// one that the ledger of an earlier version has.
func (in *Intake) judged(ctx context.Context, ev *smgr.Event, id string) (digest string, known bool, err error) {
	digest, known, err = in.ports.Told(ctx, ev.ID)
	if err != nil || digest != "" {
		return digest, known, err
	}
	if in.ports.Now().Before(in.seenUntil) {
		if e, found, err := in.ledger.find(ctx, spaceSeen, ev.Sender, id); err != nil || found {
			return e.Digest, found, err
		}
	}
	return ev.Digest, known, nil // its decision does not say how it was told
}

// Altered records that a notification had the id of another one that was judged
// already, and that this was not known when it was taken in: another process had
// taken the other one, or this one before it ended. It may be repeated.
func (in *Intake) Altered(ctx context.Context, ev smgr.Event) error {
	var n notification
	if err := json.Unmarshal(ev.Body, &n); err != nil {
		return hub.E(hub.Internal, "record an altered notification", "the event holds no notification", err)
	}
	i := hub.ScOrNsLcm
	if _, err := n.sort(i); err != nil {
		i = hub.ScViTelem
	}
	in.ports.count(i, OutcomeAltered)
	return in.record(ctx, hub.DeriveID("altered", in.sm.String(), ev.ID, ev.Digest), KindRefused, RefusedRecord{
		Interface: i, Sender: clip(ev.Sender), Reason: OutcomeAltered, Count: 1, NotificationID: clip(n.ID), NotificationType: clip(n.Type),
		Detail: "it was taken in, and another notification with its id had been judged; nothing came of it",
	})
}

// seenKey is where the ledger says until when it is asked for notifications of a
// version that entered each of them.
const seenKey = "seen-until"

type seenUntil struct {
	Until time.Time `json:"until"`
}

// openSeen returns until when the ledger is asked for notifications, and settles it
// if nobody did: a new table has none.
func (l *ledger) openSeen(ctx context.Context) (time.Time, error) {
	there, err := read[seenUntil](ctx, l.table, seenKey)
	if err != nil || !there.Until.IsZero() {
		return there.Until, err
	}
	until := l.now().UTC()
	if fresh, err := isEmpty(ctx, l.table); err != nil {
		return time.Time{}, err
	} else if !fresh {
		until = until.Add(l.keep)
	}
	err = change(ctx, l.table, seenKey, func(s *seenUntil) bool {
		if first := s.Until.IsZero(); !first {
			until = s.Until // by another process
			return false
		}
		s.Until = until
		return true
	})
	return until, err
}

// isEmpty reports whether a table never had anything.
func isEmpty(ctx context.Context, table state.Table) (bool, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	told, empty := false, false
	err := table.Watch(ctx, func(c state.Change) {
		if !told {
			told, empty = true, c.Synced
			stop()
		}
	})
	if told {
		return empty, nil
	}
	return false, err
}
