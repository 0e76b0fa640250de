package trust

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// completeTimeout bounds the last two steps of a change.
const completeTimeout = 20 * time.Second

// entry is how a trust domain or a Security Manager is kept in its table.
//
// A change goes through three steps, each durable before the next: the entry is
// written with Next and Record beside the untouched Current; Record is appended
// to the log; Next becomes Current. Whoever finds an entry between the steps
// completes it under the same record ID, so a change that a crash cut off
// happens once, whoever completes it, and is never seen before it is recorded.
type entry[T any] struct {
	Current *T          `json:"current,omitempty"`
	Next    *T          `json:"next,omitempty"`
	Record  *hub.Record `json:"record,omitempty"`
}

// cell reads and changes the entries of one table whose changes are recorded in
// one log. It holds no state of its own.
type cell[T any] struct {
	table Table
	log   Log
}

// get returns the entry's current value and revision, completing a change that
// was left half done.
func (c cell[T]) get(ctx context.Context, key string) (*T, uint64, error) {
	raw, revision, err := c.table.Get(ctx, key)
	if err != nil {
		return nil, 0, err
	}
	e, err := decodeEntry[T](key, raw)
	if err != nil {
		return nil, 0, err
	}
	if e.Record != nil {
		if revision, err = c.complete(ctx, key, e, revision); err != nil {
			return nil, 0, err
		}
	}
	return e.Current, revision, nil
}

// create makes a new entry; hub.Conflict if there is one. allowed, if not nil, is
// asked between the first step and the second: who looks at the table from then
// on sees that the entry is being made. When it refuses, the entry is taken back.
func (c cell[T]) create(ctx context.Context, key string, value *T, record hub.Record, allowed func(context.Context) error) (uint64, error) {
	e := entry[T]{Next: value, Record: &record}
	raw, err := json.Marshal(e)
	if err != nil {
		return 0, err
	}
	revision, err := c.table.Create(ctx, key, raw)
	if err != nil {
		return 0, err
	}
	if allowed == nil {
		return c.complete(ctx, key, &e, revision)
	}
	if refused := allowed(ctx); refused != nil {
		err := c.table.Delete(ctx, key, revision)
		if hub.CodeOf(err) == hub.Precondition {
			// Somebody found the entry and completed it first: it is made.
			return c.completedByOther(ctx, key, record.ID, &e)
		}
		return 0, errors.Join(refused, err)
	}
	return c.complete(ctx, key, &e, revision)
}

// set changes the entry that is at the revision from current to next;
// hub.Precondition if somebody else changed it meanwhile. allowed is as for
// create: when it refuses, the entry becomes again what it was.
func (c cell[T]) set(ctx context.Context, key string, current, next *T, revision uint64, record hub.Record, allowed func(context.Context) error) (uint64, error) {
	e := entry[T]{Current: current, Next: next, Record: &record}
	raw, err := json.Marshal(e)
	if err != nil {
		return 0, err
	}
	if revision, err = c.table.Update(ctx, key, raw, revision); err != nil {
		return 0, err
	}
	if allowed == nil {
		return c.complete(ctx, key, &e, revision)
	}
	if refused := allowed(ctx); refused != nil {
		if raw, err = json.Marshal(entry[T]{Current: current}); err != nil {
			return 0, err
		}
		_, err := c.table.Update(ctx, key, raw, revision)
		if hub.CodeOf(err) == hub.Precondition {
			return c.completedByOther(ctx, key, record.ID, &e)
		}
		return 0, errors.Join(refused, err)
	}
	return c.complete(ctx, key, &e, revision)
}

// retryStale repeats a change, from reading its entry on, as long as another one
// came first (hub.Precondition) and the caller waits. One wins each time, so all
// get there, and a change that lost has written nothing.
func retryStale(ctx context.Context, op string, change func() error) error {
	for {
		if err := change(); hub.CodeOf(err) != hub.Precondition {
			return err
		}
		if err := ctx.Err(); err != nil {
			return hub.E(hub.Unavailable, op, "too many changes at once; try again", err)
		}
	}
}

// complete does the last two steps of a change. Losing the race for the last
// step to another completer of the same change is no error. A caller who leaves
// now does not stop it: the change is begun, and left half done it would be
// recorded and have no effect until somebody looks at the entry again.
func (c cell[T]) complete(ctx context.Context, key string, e *entry[T], revision uint64) (uint64, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), completeTimeout)
	defer cancel()
	if err := c.log.Append(ctx, *e.Record); err != nil {
		return 0, fmt.Errorf("record change of %s: %w", key, err)
	}
	id := e.Record.ID
	e.Current, e.Next, e.Record = e.Next, nil, nil
	raw, err := json.Marshal(e)
	if err != nil {
		return 0, err
	}
	applied, err := c.table.Update(ctx, key, raw, revision)
	if hub.CodeOf(err) != hub.Precondition {
		return applied, err
	}
	return c.completedByOther(ctx, key, id, e)
}

// completedByOther re-reads an entry whose last step somebody else took.
func (c cell[T]) completedByOther(ctx context.Context, key, id string, e *entry[T]) (uint64, error) {
	raw, revision, err := c.table.Get(ctx, key)
	if err != nil {
		return 0, err
	}
	now, err := decodeEntry[T](key, raw)
	if err != nil {
		return 0, err
	}
	if now.Record != nil && now.Record.ID == id {
		return 0, hub.E(hub.Unavailable, "change "+key, "the change is recorded and not applied yet; ask again", nil)
	}
	if now.Current != nil {
		e.Current = now.Current
	}
	return revision, nil
}

func decodeEntry[T any](key string, raw []byte) (*entry[T], error) {
	var e entry[T]
	if err := json.Unmarshal(raw, &e); err != nil {
		return nil, fmt.Errorf("read entry %s: %w", key, err)
	}
	if e.Current == nil && e.Next == nil {
		return nil, fmt.Errorf("read entry %s: it is empty", key)
	}
	return &e, nil
}
