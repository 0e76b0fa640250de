package wire

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"

	"github.com/manoward/manoward/connectors/natsbus"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/mano-core/trust"
)

// account returns the account on the bus of a trust domain, or the hub's own.
func busAccount(ctx context.Context, bus *natsbus.Bus, domain string) (*natsbus.Account, error) {
	if domain == trust.HubDomain {
		return bus.Hub(), nil
	}
	return bus.Domain(ctx, domain)
}

// tables joins the bus to the port of internal/state.
type tables struct{ bus *natsbus.Bus }

func (t tables) Open(ctx context.Context, domain, name string) (state.Table, error) {
	a, err := busAccount(ctx, t.bus, domain)
	if err != nil {
		return nil, err
	}
	open := func(ctx context.Context) (state.Table, error) {
		opened, err := a.Table(ctx, name)
		return natsbus.StateTable{Table: opened}, err
	}
	if a.LacksTable(name) {
		return &lateTable{late[state.Table]{open: open, made: make(chan struct{})}}, nil
	}
	return open(ctx)
}

// The outbox of notifications, one queue in each account.
const (
	outboxQueue = "_NOTIFICATIONS"
	// outboxWorkers is how many endpoints may be waited for at the same time: a
	// slow one holds one worker for the time limit of a delivery.
	outboxWorkers = 512
)

// openQueue opens the outbox of one function in one account.
func openQueue(ctx context.Context, bus *natsbus.Bus, domain, function string) (notify.Queue, error) {
	a, err := busAccount(ctx, bus, domain)
	if err != nil {
		return nil, err
	}
	open := func(ctx context.Context) (notify.Queue, error) {
		opened, err := a.Queue(ctx, function+outboxQueue, natsbus.QueueConfig{Workers: outboxWorkers, Backoff: notify.Backoff(rand.Float64, 0)})
		return natsbus.KeyedQueue{Queue: opened}, err
	}
	if a.LacksQueue(function + outboxQueue) {
		return &lateQueue{late[notify.Queue]{open: open, made: make(chan struct{})}}, nil
	}
	return open(ctx)
}

// records is the record logs of the trust domains, and the hub's own, for the
// functions of this process. Each log is opened once: one that is opened reads the
// newest records with its first append, and those who append to one together share
// its writes.
type records struct {
	bus *natsbus.Bus

	mu   sync.Mutex // covers logs; not held while the bus is asked
	logs map[string]epochLog
}

// epochLog is a record log and its epoch.
type epochLog struct {
	*natsbus.Log
	epoch int
}

func newRecords(bus *natsbus.Bus) *records {
	return &records{bus: bus, logs: map[string]epochLog{}}
}

func (l *records) open(ctx context.Context, domain string) (epochLog, error) {
	l.mu.Lock()
	log, there := l.logs[domain]
	l.mu.Unlock()
	if there {
		return log, nil
	}
	opened, epoch, err := recordsOf(ctx, l.bus, domain)
	if err != nil {
		return epochLog{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if log, there := l.logs[domain]; there { // another one was quicker
		return log, nil
	}
	l.logs[domain] = epochLog{opened, epoch}
	return l.logs[domain], nil
}

// forget drops the log of a trust domain that was deleted.
func (l *records) forget(domain string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.logs, domain)
}

// Append records something once. The functions derive the ID of a record from
// what they do, and do it again after a crash or for a repeated order: then the
// record that is there stands, with the time of the first.
func (l *records) Append(ctx context.Context, domain string, r hub.Record) error {
	log, err := l.open(ctx, domain)
	if err != nil {
		return err
	}
	if err := log.Append(ctx, r); hub.CodeOf(err) != hub.Conflict {
		return err
	}
	return nil
}

// domainRecords is the records of one trust domain.
type domainRecords struct {
	*records
	domain string
}

// Follow tells positions as text of fixed width, so that they order like the log.
func (l domainRecords) Follow(ctx context.Context, after string, fn func(string, hub.Record) error) error {
	from, err := parsePosition(after)
	if err != nil {
		return err
	}
	log, err := l.open(ctx, l.domain)
	if err != nil {
		return err
	}
	if from.epoch < log.epoch {
		from = position{epoch: log.epoch} // what is left of the others was told, or is for auditors
	}
	err = log.Follow(ctx, from.Position, func(e natsbus.Entry) error { return fn(position{log.epoch, e.Position}.String(), e.Record) })
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}
