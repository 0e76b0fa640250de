package wire

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/manoward/manoward/connectors/natsbus"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/smgr"
	"github.com/manoward/manoward/smgr/decide"
	"github.com/manoward/manoward/smgr/enforce"
	"github.com/manoward/manoward/smgr/topology"
)

// smTables are the tables of a Security Manager, in the account of its trust
// domain. Other processes may have made them, or make them next.
type smTables struct{ account *natsbus.Account }

// Open implements [state.Tables].
func (t smTables) Open(ctx context.Context, _, name string) (state.Table, error) {
	opened, err := t.account.Table(ctx, name)
	if err != nil {
		return nil, err
	}
	return natsbus.StateTable{Table: opened}, nil
}

// smRecords appends to the trust domain's log. A record that is there stands.
func smRecords(log *natsbus.Log) func(context.Context, ...hub.Record) error {
	return func(ctx context.Context, list ...hub.Record) error {
		err := log.Append(ctx, list...)
		if hub.CodeOf(err) != hub.Conflict {
			return err
		}
		for _, r := range list {
			if err := log.Append(ctx, r); err != nil && hub.CodeOf(err) != hub.Conflict {
				return err
			}
		}
		return nil
	}
}

// smEvents is the queue of a Security Manager's events.
type smEvents struct{ *natsbus.Queue }

func (q smEvents) pushRaw(ctx context.Context, id, key string, event []byte) error {
	return q.Push(ctx, natsbus.Item{ID: id, Key: key, Data: event})
}

func (q smEvents) push(ctx context.Context, e smgr.Event) error {
	raw, err := e.JSON()
	if err != nil {
		return fmt.Errorf("push event %s: %w", e.ID, err)
	}
	return q.pushRaw(ctx, e.ID, e.Key, raw)
}

// judge has every event judged until ctx ends. told hears of each first.
func (q smEvents) judge(ctx context.Context, d *decide.Decider, told func(*smgr.Event)) error {
	return q.Consume(ctx, func(ctx context.Context, it natsbus.Item) error {
		e, err := smgr.ReadEvent(it.Data)
		if err != nil {
			return fmt.Errorf("read event %s: %w", it.ID, err)
		}
		told(&e)
		return d.Handle(ctx, e, it.Attempt)
	})
}

// smOrders is the queue of a Security Manager's orders.
type smOrders struct{ queue *natsbus.Queue }

// Push implements [enforce.Queue].
func (q smOrders) Push(ctx context.Context, it enforce.Item) error {
	return q.queue.Push(ctx, natsbus.Item{ID: it.ID, Key: it.Key, Data: it.Data})
}

// Consume implements [enforce.Queue].
func (q smOrders) Consume(ctx context.Context, handler func(context.Context, enforce.Item) error) error {
	return q.queue.Consume(ctx, func(ctx context.Context, it natsbus.Item) error {
		err := handler(ctx, enforce.Item{ID: it.ID, Key: it.Key, Data: it.Data, Attempt: it.Attempt})
		if errors.Is(err, enforce.ErrPaused) {
			return natsbus.After(enforce.PausePoll(it.Attempt), err)
		}
		return err
	})
}

// smInventory joins the topology to the port of enforcement.
type smInventory struct{ *topology.Topology }

// Places implements [enforce.Topology].
func (i smInventory) Places(ctx context.Context, vnfInstanceID string) ([]enforce.Place, error) {
	found, err := i.Topology.Places(ctx, vnfInstanceID)
	list := make([]enforce.Place, 0, len(found))
	for _, p := range found {
		list = append(list, enforce.Place(p))
	}
	return list, err
}

// Profile implements [enforce.Topology].
func (i smInventory) Profile(ctx context.Context, nsInstanceID, vnfProfileID string) (enforce.Profile, error) {
	p, err := i.Topology.Profile(ctx, nsInstanceID, vnfProfileID)
	return enforce.Profile(p), err
}

// wait blocks for d or until ctx ends, and then returns its error.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
