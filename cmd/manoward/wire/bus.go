package wire

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/manoward/manoward/connectors/natsbus"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/mano-core/trust"
)

// accounts joins the bus to the registry's port.
type accounts struct{ bus *natsbus.Bus }

func (a accounts) Hub() trust.Account { return account{a.bus.Hub()} }

func (a accounts) Create(ctx context.Context, domain string) (trust.Account, error) {
	acc, err := a.bus.CreateDomain(ctx, domain)
	return account{acc}, err
}

func (a accounts) Open(ctx context.Context, domain string) (trust.Account, error) {
	acc, err := a.bus.Domain(ctx, domain)
	return account{acc}, err
}

type account struct{ *natsbus.Account }

func (a account) Table(ctx context.Context, name string) (trust.Table, error) {
	t, err := a.Account.Table(ctx, name)
	return table{natsbus.StateTable{Table: t}}, err
}

func (a account) Log(ctx context.Context, name string) (trust.Log, error) {
	l, err := a.Account.Log(ctx, name)
	return recordLog{l}, err
}

type table struct{ natsbus.StateTable }

func (t table) List(ctx context.Context) ([]trust.Change, error) {
	entries, err := t.Table.List(ctx, "")
	list := make([]trust.Change, 0, len(entries))
	for _, kv := range entries {
		list = append(list, trust.Change{Key: kv.Key, Value: kv.Value, Revision: kv.Revision})
	}
	return list, err
}

func (t table) Watch(ctx context.Context, fn func(trust.Change)) error {
	return t.StateTable.Watch(ctx, func(c state.Change) { fn(trust.Change(c)) })
}

type recordLog struct{ *natsbus.Log }

// Read tells positions as text of fixed width, so that they order like the log.
func (l recordLog) Read(ctx context.Context, after string, fn func(string, hub.Record) bool) error {
	from, err := parsePosition(after)
	if err != nil {
		return err
	}
	for e, err := range l.Log.Read(ctx, from) {
		if err != nil {
			return err
		}
		if !fn(formatPosition(e.Position), e.Record) {
			return nil
		}
	}
	return nil
}

func formatPosition(p natsbus.Position) string {
	return fmt.Sprintf("%016x-%06x", p.Sequence, p.Index)
}

func parsePosition(s string) (p natsbus.Position, err error) {
	if s == "" {
		return p, nil
	}
	if _, err = fmt.Sscanf(s, "%016x-%06x", &p.Sequence, &p.Index); err != nil || formatPosition(p) != strings.ToLower(s) {
		return p, hub.E(hub.Invalid, "read records", "the position is not one that this hub gave", err)
	}
	return p, nil
}

// busUsers signs credentials for the bus. Their holder speaks and listens on
// subjects of its own only, sm.NAME.>: the tables and logs of the trust domain
// are in the same account, and who could write there could give itself a mode.
type busUsers struct {
	bus  *natsbus.Bus
	life time.Duration // of a credential; its holder asks for another before it ends
}

func (u busUsers) SignBusUser(ctx context.Context, domain, name, publicKey string) (string, error) {
	if u.bus.Durability(ctx).Mode == natsbus.ModeEmbedded {
		return "", hub.E(hub.Conflict, "sign bus credential", "this hub's bus is embedded and has no port; bus credentials are for an external cluster (--nats)", nil)
	}
	own := []string{"sm." + name + ".>"}
	return u.bus.UserCredentials(ctx, domain, natsbus.User{
		Name: name, PublicKey: publicKey, Publish: own, Subscribe: own, Expires: time.Now().Add(u.life),
	})
}

func (u busUsers) RevokeBusUser(ctx context.Context, domain, publicKey string) error {
	return u.bus.RevokeUser(ctx, domain, publicKey)
}
