package wire

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/manoward/manoward/connectors/natsbus"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
)

// grouped finds what Security Managers created together: it has no key of its own, and
// who does not run them has not their index. It looks once through the messages of a
// table, when something is first asked for, and knows nothing of what came later: all
// that a sealed record names was there before it.
type grouped struct {
	mu     sync.Mutex                   // covers what is below
	within map[string]map[string]string // by table: the key of the message, by that of the resource
}

// get returns a resource of a table as it is stored.
func (g *grouped) get(ctx context.Context, account *natsbus.Account, name, key string) ([]byte, error) {
	table, err := account.Table(ctx, name)
	if err != nil {
		return nil, err
	}
	message, err := g.find(ctx, table, name, key)
	if err != nil {
		return nil, err
	}
	kv, err := table.Get(ctx, message)
	if err != nil {
		return nil, fmt.Errorf("read %s in %s: %w", key, message, err)
	}
	var found []byte
	if err := state.EachGrouped(kv.Value, func(k string, raw []byte) {
		if k == key {
			found = raw
		}
	}); err != nil {
		return nil, fmt.Errorf("read %s in %s: %w", key, message, err)
	}
	return found, nil
}

// find returns the key of the message that holds a resource.
func (g *grouped) find(ctx context.Context, table *natsbus.Table, name, key string) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	in, ok := g.within[name]
	if !ok {
		var err error
		if in, err = findGrouped(ctx, table); err != nil {
			return "", fmt.Errorf("look through the table %s: %w", name, err)
		}
		g.within[name] = in
	}
	message, ok := in[key]
	if !ok {
		return "", hub.E(hub.NotFound, opContents, "it is not kept any more", nil)
	}
	return message, nil
}

// findGrouped goes through the messages of a table.
func findGrouped(ctx context.Context, table *natsbus.Table) (map[string]string, error) {
	within := map[string]string{}
	var torn error
	whole, done := context.WithCancel(ctx)
	defer done()
	err := table.Watch(whole, state.Groups, func(c natsbus.Change) {
		switch {
		case whole.Err() != nil || c.Deleted:
		case c.Synced:
			done()
		default:
			message := strings.Clone(c.Key)
			if err := state.EachGrouped(c.Value, func(key string, _ []byte) { within[key] = message }); err != nil {
				torn = fmt.Errorf("%s: %w", message, err)
			}
		}
	})
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = torn
	}
	return within, err
}
