package state

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/manoward/manoward/internal/hub"
)

// promise is a resource that is durable elsewhere, and not in its table yet.
type promise struct {
	raw  []byte        // never changed
	kept chan struct{} // closed when it is not promised any more
}

// Promise puts a resource into the index before it is in its table: it is found by
// its terms, listed and read from then on, at revision 0. Only what is durable
// elsewhere may be promised, so that it will be stored, after a crash too. [Kind.Keep]
// stores it, and a change of it waits for that. What is there already stays as it is.
func (k *Kind[T]) Promise(ctx context.Context, domain, id string, value *T) error {
	promise, err := k.Prepare(ctx, domain, id, value)
	if err == nil {
		promise()
	}
	return err
}

// Prepare is [Kind.Promise] short of its effect, which the function that it returns has:
// whoever waits until the resource is durable elsewhere prepares meanwhile.
func (k *Kind[T]) Prepare(ctx context.Context, domain, id string, value *T) (promised func(), err error) {
	d, err := k.space.ready(ctx, domain)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("promise %s %s: %w", k.prefix, id, err)
	}
	x, terms, err := k.written(d, id, 0, raw, value)
	if err != nil {
		return nil, err
	}
	x.promise = &promise{raw: raw, kept: make(chan struct{})}
	return func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.at(id) == nil {
			k.put(id, x, terms)
		}
	}, nil
}

// Keep stores what was promised, and nothing if nothing is promised. A promise that
// another process has kept is kept.
func (k *Kind[T]) Keep(ctx context.Context, domain, id string) error {
	d, err := k.space.ready(ctx, domain)
	if err != nil {
		return err
	}
	p := k.promised(d, id)
	if p == nil {
		return nil
	}
	revision, err := d.table.Create(ctx, k.key(id), p.raw)
	if err == nil {
		k.kept(d, id, p, revision)
		return nil
	}
	if hub.CodeOf(err) != hub.Conflict {
		return fmt.Errorf("store %s %s: %w", k.prefix, id, err)
	}
	raw, revision, err := d.table.Get(ctx, k.key(id))
	if err != nil {
		return fmt.Errorf("store %s %s: %w", k.prefix, id, err)
	}
	value := new(T)
	if err := json.Unmarshal(raw, value); err != nil {
		return hub.E(hub.Unavailable, "store "+k.prefix+" "+id, unreadable, err)
	}
	return k.learn(d, id, revision, raw, value)
}

// kept notes that what was promised is in the table, as it was promised.
func (k *Kind[T]) kept(d *domainTable, id string, p *promise, revision uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if x := k.at(id); x != nil && x.promise == p {
		is := &arrival[T]{indexed: indexed[T]{domain: d, revision: revision, value: x.value, dict: x.dict, weight: x.weight}, held: k.heldIn(x)}
		k.put(id, is, k.order.textsOf(k.termsIn(x)))
	}
}

// Promised says whether a resource is promised and not stored yet.
func (k *Kind[T]) Promised(id string) bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	x := k.at(id)
	return x != nil && x.promise != nil
}

// promised returns the promise of a resource, nil if it is stored or not there.
func (k *Kind[T]) promised(d *domainTable, id string) *promise {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if x := k.at(id); x != nil && x.domain == d {
		return x.promise
	}
	return nil
}

// unkept answers a change of what was read while it was promised: it has to be read
// again, once it is stored.
func (k *Kind[T]) unkept(ctx context.Context, d *domainTable, id string) error {
	if p := k.promised(d, id); p != nil {
		d.packer.soon()
		select {
		case <-p.kept:
		case <-ctx.Done():
			return hub.E(hub.Unavailable, "change "+k.prefix, "it was made a moment ago and is not stored yet; try again", ctx.Err())
		}
	}
	return hub.E(hub.Precondition, "change "+k.prefix, "it was made a moment ago; read it again", nil)
}
