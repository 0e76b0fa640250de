package wire

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"

	"github.com/manoward/manoward/connectors/natsbus"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/journal"
	"github.com/manoward/manoward/internal/vault"
	"github.com/manoward/manoward/mano-core/trust"
)

const (
	journalLog  = "JOURNAL"      // seals, in each account
	journalKeys = "JOURNAL_KEYS" // sealed keys, in the hub's own account, by trust domain and, from the second on, epoch
)

// journals opens the journals of the trust domains, and the hub's own.
type journals struct {
	bus   *natsbus.Bus
	vault *vault.Vault
	// managers names the Security Managers of a trust domain.
	managers func(domain string) []string
}

// Source returns what a trust domain's journal is written and read with.
func (j journals) Source(ctx context.Context, domain string) (journal.Source, error) {
	epoch, err := epochOf(ctx, j.bus, domain)
	if err != nil {
		return journal.Source{}, err
	}
	return j.source(ctx, domain, epoch)
}

// Sources returns all journals of a trust domain, the newest first.
func (j journals) Sources(ctx context.Context, domain string) ([]journal.Source, error) {
	newest, err := epochOf(ctx, j.bus, domain)
	if err != nil {
		return nil, err
	}
	var list []journal.Source
	for epoch := newest; epoch > 0; epoch-- {
		one, err := j.source(ctx, domain, epoch)
		if err != nil {
			return nil, err
		}
		one.Closed = epoch < newest
		list = append(list, one)
	}
	return list, nil
}

func (j journals) source(ctx context.Context, domain string, epoch int) (journal.Source, error) {
	account, err := busAccount(ctx, j.bus, domain)
	if err != nil {
		return journal.Source{}, err
	}
	key, err := j.key(ctx, domain, epoch)
	if err != nil {
		return journal.Source{}, err
	}
	records, err := account.Log(ctx, inEpoch(trust.RecordLog, epoch))
	if err != nil {
		return journal.Source{}, err
	}
	seals, err := account.ShortLog(ctx, inEpoch(journalLog, epoch))
	if err != nil {
		return journal.Source{}, err
	}
	kept := contents{account, domain, j.managers, &grouped{within: map[string]map[string]string{}}}
	return journal.Source{Records: recordBatches{records}, Seals: sealLog{seals}, Key: key, Now: time.Now, Contents: kept.read, Epoch: epoch}, nil
}

// seals returns the seals of a trust domain's journal.
func (j journals) seals(ctx context.Context, domain string) (sealLog, error) {
	account, err := busAccount(ctx, j.bus, domain)
	if err != nil {
		return sealLog{}, err
	}
	epoch, err := epochOf(ctx, j.bus, domain)
	if err != nil {
		return sealLog{}, err
	}
	log, err := account.ShortLog(ctx, inEpoch(journalLog, epoch))
	return sealLog{log}, err
}

// key returns the key of a journal, which the first process that asks makes. It is
// kept sealed, so that every process of the hub has the same.
func (j journals) key(ctx context.Context, domain string, epoch int) (*journal.Key, error) {
	table, err := j.bus.Hub().Table(ctx, journalKeys)
	if err != nil {
		return nil, err
	}
	name, label := domain, "journal/"+domain
	if epoch > 1 {
		name, label = fmt.Sprintf("%s.%d", name, epoch), fmt.Sprintf("%s/%d", label, epoch)
	}
	stored, err := table.Get(ctx, name)
	if hub.CodeOf(err) == hub.NotFound {
		stored.Value, err = j.makeKey(ctx, table, name, label, journal.EpochOrigin(domain, epoch))
	}
	if err != nil {
		return nil, fmt.Errorf("open journal of %s: %w", domain, err)
	}
	private, err := j.vault.Open(label, stored.Value)
	if err != nil {
		return nil, fmt.Errorf("open journal of %s: %w", domain, err)
	}
	return journal.OpenKey(string(private))
}

func (j journals) makeKey(ctx context.Context, table *natsbus.Table, name, label, origin string) ([]byte, error) {
	private, err := journal.NewKey(rand.Reader, origin)
	if err != nil {
		return nil, err
	}
	sealed, err := j.vault.Seal(label, []byte(private))
	if err != nil {
		return nil, err
	}
	_, err = table.Create(ctx, name, sealed)
	if hub.CodeOf(err) != hub.Conflict {
		return sealed, err
	}
	stored, err := table.Get(ctx, name) // another process was first
	return stored.Value, err
}

// recordBatches joins a record log to the journal's port.
type recordBatches struct{ *natsbus.Log }

func (l recordBatches) FollowBatches(ctx context.Context, after uint64, fn func(journal.Batch) error) error {
	return l.Log.FollowBatches(ctx, after, func(b natsbus.Batch) error { return fn(journal.Batch(b)) })
}

func (l recordBatches) ReadBatches(ctx context.Context, after uint64, fn func(journal.Batch) error) error {
	return l.Log.ReadBatches(ctx, after, func(b natsbus.Batch) error { return fn(journal.Batch(b)) })
}

func (l recordBatches) LastBatch(ctx context.Context) (journal.Batch, error) {
	b, err := l.Log.LastBatch(ctx)
	return journal.Batch(b), err
}

// sealLog keeps seals as records of a log of their own, one in each message.
type sealLog struct{ log *natsbus.Log }

// Last shows acknowledged seals only: one that was exported, and is gone after the
// restart on a full disk, would make the tree that follows look signed anew.
func (l sealLog) Last(ctx context.Context) (uint64, []byte, error) {
	b, err := l.log.LastBatch(ctx)
	if err != nil || b.Sequence == 0 {
		return 0, nil, err
	}
	if err := l.log.Acknowledged(); err != nil {
		return 0, nil, err
	}
	raw, err := sealIn(b)
	return b.Sequence, raw, err
}

func (l sealLog) At(ctx context.Context, number uint64) ([]byte, error) {
	b, err := l.log.BatchAt(ctx, number)
	if err != nil {
		return nil, err
	}
	return sealIn(b)
}

func (l sealLog) Follow(ctx context.Context, after uint64, fn func(raw []byte) error) error {
	return l.log.FollowBatches(ctx, after, func(b natsbus.Batch) error {
		raw, err := sealIn(b)
		if err != nil {
			return err
		}
		return fn(raw)
	})
}

func (l sealLog) Append(ctx context.Context, last uint64, id string, raw []byte) error {
	return l.log.AppendAt(ctx, last, hub.Record{ID: id, Kind: "journal.seal", Time: time.Now(), Subject: "journal", Data: raw})
}

// sealIn returns the seal that a message holds; what is none is for the journal to
// refuse.
func sealIn(b natsbus.Batch) ([]byte, error) {
	var r hub.Record
	if len(b.Lines) != 1 || json.Unmarshal(b.Lines[0], &r) != nil {
		return nil, hub.E(hub.Unavailable, "read journal", fmt.Sprintf("message %d of the journal is damaged; restore the data directory from a backup", b.Sequence), nil)
	}
	return r.Data, nil
}
