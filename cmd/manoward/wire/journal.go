package wire

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/manoward/manoward/connectors/natsbus"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/journal"
	"github.com/manoward/manoward/internal/vault"
	"github.com/manoward/manoward/mano-core/trust"
)

const (
	journalLog  = "JOURNAL"      // seals, in each account
	journalKeys = "JOURNAL_KEYS" // sealed keys, in the hub's own account, by trust domain
)

// journals opens the journals of the trust domains, and the hub's own.
type journals struct {
	bus     *natsbus.Bus
	records *records
	vault   *vault.Vault
	// managers names the Security Managers of a trust domain.
	managers func(domain string) []string
}

// Source returns what a trust domain's journal is written and read with.
func (j journals) Source(ctx context.Context, domain string) (journal.Source, error) {
	account, err := busAccount(ctx, j.bus, domain)
	if err != nil {
		return journal.Source{}, err
	}
	key, err := j.key(ctx, domain)
	if err != nil {
		return journal.Source{}, err
	}
	records, err := j.records.open(ctx, domain)
	if err != nil {
		return journal.Source{}, err
	}
	seals, err := account.ShortLog(ctx, journalLog)
	if err != nil {
		return journal.Source{}, err
	}
	kept := contents{account, domain, j.managers(domain)}
	return journal.Source{Records: recordBatches{records}, Seals: sealLog{seals}, Key: key, Now: time.Now, Contents: kept.read}, nil
}

// key returns the key of a journal, which the first process that asks makes. It is
// kept sealed, so that every process of the hub has the same.
func (j journals) key(ctx context.Context, domain string) (*journal.Key, error) {
	table, err := j.bus.Hub().Table(ctx, journalKeys)
	if err != nil {
		return nil, err
	}
	label := "journal/" + domain
	stored, err := table.Get(ctx, domain)
	if hub.CodeOf(err) == hub.NotFound {
		stored.Value, err = j.makeKey(ctx, table, domain, label)
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

func (j journals) makeKey(ctx context.Context, table *natsbus.Table, domain, label string) ([]byte, error) {
	private, err := journal.NewKey(rand.Reader, journal.Origin(domain))
	if err != nil {
		return nil, err
	}
	sealed, err := j.vault.Seal(label, []byte(private))
	if err != nil {
		return nil, err
	}
	_, err = table.Create(ctx, domain, sealed)
	if hub.CodeOf(err) != hub.Conflict {
		return sealed, err
	}
	stored, err := table.Get(ctx, domain) // another process was first
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

// journalMetrics are the metrics of all journals that this process seals.
type journalMetrics struct {
	sealed       func(delta float64, values ...string)
	age, damaged func(value float64, values ...string)
}

// openJournals seals the records of the hub and of every trust domain, deleted
// ones included, in each process with the role trust (ADR-0015).
func (h *hubProcess) openJournals(_, work context.Context) error {
	if !h.has("trust") {
		return nil
	}
	h.journals = journals{h.bus, h.logs, h.keys.vault, h.managersOf}
	m := journalMetrics{
		sealed:  h.metrics.Counter("manoward_journal_records_total", "Records that this process sealed in the journal of a trust domain.", "trust_domain"),
		age:     h.metrics.Gauge("manoward_journal_seal_age_seconds", "How old the oldest record of the newest seal of this process was when it was sealed; longer than a second means that the bus or the processor is overloaded.", "trust_domain"),
		damaged: h.metrics.Gauge("manoward_journal_damaged", "1 when records and journal of a trust domain disagree and sealing has stopped; /readyz says how, and audit verify names each record.", "trust_domain"),
	}
	opening := make(chan struct{}, 4) // how many are opened at once, so that a start with many stays short
	h.run("seal records", work, func(ctx context.Context) error {
		var sealing sync.WaitGroup
		begun := map[string]bool{}
		for {
			changed := h.directory.Changed()
			names := []string{trust.HubDomain}
			for _, t := range h.directory.Domains() {
				names = append(names, t.Name)
			}
			for _, name := range names {
				if begun[name] {
					continue
				}
				begun[name] = true
				m.sealed(0, name)
				m.age(0, name)
				m.damaged(0, name)
				sealing.Go(func() { h.seal(ctx, opening, m, name) })
			}
			select {
			case <-ctx.Done():
				sealing.Wait()
				return nil
			case <-changed:
			}
		}
	})
	return nil
}

// managersOf names the Security Managers of a trust domain, revoked ones included.
func (h *hubProcess) managersOf(domain string) []string {
	var names []string
	for _, sm := range h.directory.SecurityManagers(domain) {
		names = append(names, sm.Name)
	}
	return names
}

// seal seals the records of one trust domain until ctx ends, or until records and
// journal disagree.
func (h *hubProcess) seal(ctx context.Context, opening chan struct{}, m journalMetrics, domain string) {
	h.try(ctx, "seal the records of "+domain, func(ctx context.Context) error {
		opening <- struct{}{}
		source, err := h.journals.Source(ctx, domain)
		<-opening
		if err != nil {
			return err
		}
		s := &journal.Sealer{Records: source.Records, Seals: source.Seals, Key: source.Key, Now: time.Now,
			Sealed: func(records int, age time.Duration) {
				m.sealed(float64(records), domain)
				m.age(age.Seconds(), domain)
			}}
		err = s.Run(ctx)
		var damage *journal.Damage
		if !errors.As(err, &damage) {
			return err
		}
		h.journalDamaged(ctx, m, domain, damage)
		return nil // it does not heal
	})
}

// journalDamaged raises the alarm: metric, readiness, log and a record of the hub.
func (h *hubProcess) journalDamaged(ctx context.Context, m journalMetrics, domain string, damage *journal.Damage) {
	m.damaged(1, domain)
	h.log.Error("records and journal disagree; sealing has stopped", "trustDomain", domain, "err", damage)
	h.health.Register("journal/"+domain, func(context.Context) error { return damage })
	data, err := json.Marshal(map[string]string{"trustDomain": domain, "reason": hub.SafeText(damage)})
	if err == nil {
		err = h.logs.Append(ctx, trust.HubDomain, hub.Record{
			ID: hub.DeriveID("journal.damaged", domain, hub.SafeText(damage)), Kind: "journal.damaged", Time: time.Now().UTC(),
			Actor: hub.Identity{TrustDomain: trust.HubDomain, Kind: hub.KindHub, Name: "hub"}.String(), Subject: "journal/" + domain, Data: data,
		})
	}
	if err != nil && ctx.Err() == nil {
		h.log.Error("the alarm cannot be recorded", "trustDomain", domain, "err", err)
	}
}
