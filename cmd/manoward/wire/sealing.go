package wire

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/journal"
	"github.com/manoward/manoward/mano-core/trust"
)

// sealPatience is how long an effect waits for the seal of its record, where it
// does: longer than another sealer takes to take over from one that died.
const sealPatience = 10 * time.Second

// sealing is what this process does about the journals of the trust domains: it
// seals them, where it has the role trust, and has effects wait for seals, where
// that is configured (journal.sealBeforeEffect).
type sealing struct {
	*hubProcess
	work context.Context // ends when the process does
	// opening bounds how many journals are opened at once, so that a start with many
	// trust domains stays short.
	opening chan struct{}

	sealed       func(delta float64, values ...string)
	age, damaged func(value float64, values ...string)
	waited       func(value float64, values ...string)
	held         func(delta float64, values ...string)

	resealing sync.Mutex // one at a time

	mu    sync.Mutex // covers begun
	begun map[string]*journal.Gate
}

// openJournals makes what seals records, before anything is recorded (ADR-0015).
func (h *hubProcess) openJournals(_, work context.Context) error {
	m := h.metrics
	h.journals = journals{h.bus, h.keys.vault, h.managersOf}
	s := &sealing{hubProcess: h, work: work, opening: make(chan struct{}, 4), begun: map[string]*journal.Gate{}}
	h.sealing = s
	if h.has("trust") {
		s.sealed = m.Counter("manoward_journal_records_total", "Records that this process sealed in the journal of a trust domain.", "trust_domain")
		s.age = m.Gauge("manoward_journal_seal_age_seconds", "How old the oldest record of the newest seal of this process was when it was sealed; longer than a second means that the bus or the processor is overloaded.", "trust_domain")
		s.damaged = m.Gauge("manoward_journal_damaged", "1 when records and journal of a trust domain disagree and sealing has stopped; /readyz says how, and audit verify names each record.", "trust_domain")
	}
	s.waited = m.Histogram("manoward_journal_wait_seconds", "How long effects of this process waited for the seal of their record (journal.sealBeforeEffect).", nil)
	s.held = m.Counter("manoward_journal_held_total", "Effects that did not happen because their record was not sealed in time (journal.sealBeforeEffect); they are tried again, and /readyz says what is wrong.", "trust_domain")
	return nil
}

// sealDomains seals the records of the hub and of every trust domain, deleted ones
// included, in each process with the role trust.
func (h *hubProcess) sealDomains(_, work context.Context) error {
	if !h.has("trust") {
		return nil
	}
	h.run("seal the records of trust domains", work, func(ctx context.Context) error {
		for {
			changed := h.directory.Changed()
			h.sealing.gate(trust.HubDomain)
			for _, t := range h.directory.Domains() {
				h.sealing.gate(t.Name)
			}
			select {
			case <-ctx.Done():
				return nil
			case <-changed:
			}
		}
	})
	return nil
}

// before returns when an effect whose record is stored may happen: it is what the
// bus asks about every record before the caller acts on it.
func (s *sealing) before(ctx context.Context, account, log string, records uint64) error {
	if log != trust.RecordLog && !strings.HasPrefix(log, trust.RecordLog+"-") {
		return nil
	}
	return s.gate(account).Wait(ctx, records)
}

// gate returns where the records of a trust domain are waited for. The first call
// begins to seal them, in a process that seals: that may be before the directory
// is there to name the domain, when a start completes what a crash cut off.
func (s *sealing) gate(domain string) *journal.Gate {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g := s.begun[domain]; g != nil {
		return g
	}
	g := &journal.Gate{Patience: sealPatience}
	s.begun[domain] = g
	waits := s.cfg.Journal.SealBeforeEffect
	if waits {
		s.held(0, domain)
		g.Waited = func(took time.Duration, sealed bool) {
			s.waited(took.Seconds())
			if !sealed {
				s.held(1, domain)
			}
		}
		s.health.Register("journal/"+domain+"/sealed-before-effect", g.Check)
	}
	if s.work.Err() != nil {
		g.Break(errEnding)
		return g
	}
	if s.has("trust") {
		s.sealed(0, domain)
		s.age(0, domain)
		s.damaged(0, domain)
		s.run("seal the records of "+domain, s.work, func(ctx context.Context) error { s.seal(ctx, domain, g); return nil })
	}
	if waits && s.outside() { // another process may be the one that seals
		s.run("follow the seals of "+domain, s.work, func(ctx context.Context) error { s.follow(ctx, domain, g); return nil })
	}
	return g
}

var errEnding = hub.E(hub.Unavailable, "seal records", "the hub is ending; ask it again when it is up", nil)

// follow learns of seals that other processes store, until ctx ends.
func (s *sealing) follow(ctx context.Context, domain string, g *journal.Gate) {
	s.try(ctx, "follow the seals of "+domain, func(ctx context.Context) error {
		seals, err := s.journals.seals(ctx, domain)
		if err != nil {
			return err
		}
		return g.Follow(ctx, seals)
	})
	g.Break(errEnding)
}

// seal seals the records of one trust domain until ctx ends, or until records and
// journal disagree.
func (s *sealing) seal(ctx context.Context, domain string, g *journal.Gate) {
	s.try(ctx, "seal the records of "+domain, func(ctx context.Context) error {
		select {
		case s.opening <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		source, err := s.journals.Source(ctx, domain)
		<-s.opening
		if err != nil {
			return err
		}
		sealer := &journal.Sealer{Records: source.Records, Seals: source.Seals, Key: source.Key, Now: time.Now,
			Sealed: func(records int, age time.Duration) {
				s.sealed(float64(records), domain)
				s.age(age.Seconds(), domain)
			}}
		if s.cfg.Journal.SealBeforeEffect {
			sealer.Gate = g
		}
		err = sealer.Run(ctx)
		var damage *journal.Damage
		if !errors.As(err, &damage) {
			return err
		}
		g.Break(damage)
		s.alarm(ctx, domain, damage)
		<-ctx.Done() // it does not heal
		return nil
	})
	g.Break(errEnding)
}

// alarm says that records and journal disagree: metric, readiness, log and a record
// of the hub.
func (s *sealing) alarm(ctx context.Context, domain string, damage *journal.Damage) {
	s.damaged(1, domain)
	s.log.Error("records and journal disagree; sealing has stopped", "trustDomain", domain, "err", damage)
	s.health.Register("journal/"+domain, func(context.Context) error { return damage })
	data, err := json.Marshal(map[string]string{"trustDomain": domain, "reason": hub.SafeText(damage)})
	if err == nil {
		err = s.logs.Append(ctx, trust.HubDomain, hub.Record{
			ID: hub.DeriveID("journal.damaged", domain, hub.SafeText(damage)), Kind: "journal.damaged", Time: time.Now().UTC(),
			Actor: hub.Identity{TrustDomain: trust.HubDomain, Kind: hub.KindHub, Name: "hub"}.String(), Subject: "journal/" + domain, Data: data,
		})
	}
	if err != nil && !errors.Is(err, journal.ErrUnsealed) && ctx.Err() == nil { // of the hub's own journal nothing is sealed, and the record is there
		s.log.Error("the alarm cannot be recorded", "trustDomain", domain, "err", err)
	}
}

// managersOf names the Security Managers of a trust domain, revoked ones included.
func (h *hubProcess) managersOf(domain string) []string {
	var names []string
	for _, sm := range h.directory.SecurityManagers(domain) {
		names = append(names, sm.Name)
	}
	return names
}
