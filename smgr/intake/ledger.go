package intake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
)

// ledger remembers what came. Its entries lie in slots, keys that a hash chooses
// out of a fixed number, and each write to a slot drops what is too old in it. So
// the table is as large as the time that is remembered and never larger, though a
// table keeps a mark of each key that it ever had.
type ledger struct {
	table state.Table
	now   func() time.Time
	keep  time.Duration
}

// entry is one thing that came.
type entry struct {
	Key    string    `json:"k"`           // hash of its name
	Event  string    `json:"e,omitempty"` // ID of the event that it became
	Digest string    `json:"d,omitempty"` // of a notification's body; of an earlier version
	At     time.Time `json:"t"`           // of an occurrence: when it happened
	Gap    bool      `json:"g,omitempty"` // of an occurrence: a query showed it first
	Came   time.Time `json:"c"`
}

// The spaces of slots.
const (
	spaceSeen = "seen" // notifications, by sender and id: of an earlier version, which entered each of them
	spaceOcc  = "occ"  // occurrences, by name
)

// nameOf returns the slot and the key of a name. 65,536 slots keep each of them
// small at any rate that one queue can take.
func nameOf(space string, parts ...string) (slot, key string) {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	sum := h.Sum(nil)
	return space + "/" + hex.EncodeToString(sum[:2]), hex.EncodeToString(sum[2:18])
}

// claim enters e under a name, unless an entry of that name is there for which
// same is true: then that one is returned, and found is true.
func (l *ledger) claim(ctx context.Context, space string, name []string, e entry, same func(*entry) bool) (_ entry, found bool, err error) {
	slot, key := nameOf(space, name...)
	e.Key, e.Came = key, l.now().UTC()
	err = change(ctx, l.table, slot, func(list *[]entry) bool {
		for i := range *list {
			if was := &(*list)[i]; was.Key == key && same(was) {
				e, found = *was, true
				return false
			}
		}
		found = false
		*list = append(slices.DeleteFunc(*list, func(o entry) bool { return e.Came.Sub(o.Came) > l.keep }), e)
		return true
	})
	return e, found, err
}

// find returns the entry of a name, if there is one.
func (l *ledger) find(ctx context.Context, space string, name ...string) (entry, bool, error) {
	slot, key := nameOf(space, name...)
	list, err := read[[]entry](ctx, l.table, slot)
	at := slices.IndexFunc(list, func(e entry) bool { return e.Key == key })
	if err != nil || at < 0 {
		return entry{}, false, err
	}
	return list[at], true, nil
}

// change stores what fn makes of a key's value, if fn says that it changed it. It
// calls fn again when somebody else wrote meanwhile. A key that is not there has
// the zero value.
func change[T any](ctx context.Context, table state.Table, key string, fn func(*T) bool) error {
	for {
		var v T
		raw, revision, err := table.Get(ctx, key)
		there := err == nil
		if !there && hub.CodeOf(err) != hub.NotFound {
			return err
		}
		if there {
			if err := json.Unmarshal(raw, &v); err != nil {
				return hub.E(hub.Internal, "read the intake's ledger", "the stored value of "+key+" is no JSON", err)
			}
		}
		if !fn(&v) {
			return nil
		}
		next, err := json.Marshal(v)
		if err != nil {
			return hub.E(hub.Internal, "write the intake's ledger", "the value cannot be encoded", err)
		}
		if there {
			_, err = table.Update(ctx, key, next, revision)
		} else {
			_, err = table.Create(ctx, key, next)
		}
		switch hub.CodeOf(err) {
		case hub.Conflict, hub.Precondition:
			if ctx.Err() != nil {
				return ctx.Err()
			}
			continue
		}
		return err
	}
}

// read returns the value of a key, the zero value if it is not there.
func read[T any](ctx context.Context, table state.Table, key string) (T, error) {
	var v T
	err := change(ctx, table, key, func(now *T) bool { v = *now; return false })
	return v, err
}
