package wire

import (
	"context"
	"encoding/json"
	"errors"
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

func (a accounts) Hub() trust.Account { return account{a.bus.Hub(), a.bus} }

func (a accounts) Create(ctx context.Context, domain string) (trust.Account, error) {
	acc, err := a.bus.CreateDomain(ctx, domain)
	return account{acc, a.bus}, err
}

func (a accounts) Open(ctx context.Context, domain string) (trust.Account, error) {
	acc, err := a.bus.Domain(ctx, domain)
	return account{acc, a.bus}, err
}

type account struct {
	*natsbus.Account
	bus *natsbus.Bus
}

func (a account) Table(ctx context.Context, name string) (trust.Table, error) {
	t, err := a.Account.Table(ctx, name)
	return table{natsbus.StateTable{Table: t}}, err
}

// Log opens the records of the trust domain, which are the only log that is asked for.
func (a account) Log(ctx context.Context, name string) (trust.Log, error) {
	if name != trust.RecordLog {
		return nil, fmt.Errorf("open log %s: only %s is kept by the registry", name, trust.RecordLog)
	}
	l, epoch, err := recordsOf(ctx, a.bus, a.Name())
	return recordLog{l, a.Account, epoch}, err
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

// recordLog is the records of a trust domain: it appends to those of the newest epoch.
type recordLog struct {
	*natsbus.Log
	account *natsbus.Account
	epoch   int
}

// Read tells positions as text of fixed width, so that they order like the log. It
// begins with the records of earlier epochs, as far as they can be read.
func (l recordLog) Read(ctx context.Context, after string, fn func(string, hub.Record) bool) error {
	from, err := parsePosition(after)
	if err != nil {
		return err
	}
	for ; from.epoch < l.epoch; from = (position{epoch: from.epoch + 1}) {
		more, err := l.readEarlier(ctx, from, fn)
		if err != nil || !more {
			return err
		}
	}
	for e, err := range l.Log.Read(ctx, from.Position) {
		if err != nil {
			return err
		}
		if !fn(position{l.epoch, e.Position}.String(), e.Record) {
			return nil
		}
	}
	return nil
}

// readEarlier reads what is left of the records of an earlier epoch. A line that is
// no record is left out: the evidence has it.
func (l recordLog) readEarlier(ctx context.Context, from position, fn func(string, hub.Record) bool) (more bool, err error) {
	old, err := l.account.Log(ctx, inEpoch(trust.RecordLog, from.epoch))
	if err != nil {
		return false, err
	}
	err = old.ReadBatches(ctx, max(from.Sequence, 1)-1, func(b natsbus.Batch) error {
		for i, line := range b.Lines {
			var r hub.Record
			if b.Sequence == from.Sequence && i <= from.Index || json.Unmarshal(line, &r) != nil {
				continue
			}
			if !fn(position{from.epoch, natsbus.Position{Sequence: b.Sequence, Index: i}}.String(), r) {
				return errEnough
			}
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return false, nil
	}
	return err == nil, err
}

var errEnough = errors.New("enough")

// position is a place in the records of a trust domain.
type position struct {
	epoch int // from 1
	natsbus.Position
}

// epochBits is where a position has its epoch: above all sequences that a log reaches.
const epochBits = 48

// String orders like the records. Those of the first epoch are as they were before
// there were others.
func (p position) String() string {
	return fmt.Sprintf("%016x-%06x", p.number(), p.Index)
}

// number is the message of the position, with the epoch.
func (p position) number() uint64 { return p.Sequence | uint64(p.epoch-1)<<epochBits }

// parts reads a number.
func parts(number uint64) (p position) {
	p.epoch, p.Sequence = 1+int(number>>epochBits), number&(1<<epochBits-1)
	return p
}

// parsePosition reads a position; empty text is before the first record.
func parsePosition(s string) (position, error) {
	p := position{epoch: 1}
	if s == "" {
		return p, nil
	}
	var number uint64
	var index int
	_, err := fmt.Sscanf(s, "%016x-%06x", &number, &index)
	p = parts(number)
	p.Index = index
	if err != nil || p.String() != strings.ToLower(s) {
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
