package wire

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/journal"
	"github.com/manoward/manoward/internal/obs"
	"github.com/manoward/manoward/mano-core/trust"
)

func sealsBefore(h *hubProcess) { h.cfg.Journal.SealBeforeEffect = true }

// Where effects wait for seals, nothing happens in a trust domain whose sealer
// stands still, and others go on; when it goes on, what was asked happens once.
func TestSealBeforeEffect_SealerStandsStill(t *testing.T) {
	h := startProcess(t, sealsBefore)
	ctx := t.Context()
	if _, err := h.registry.CreateDomain(ctx, hub.Identity{}, "south"); err != nil {
		t.Fatal(err)
	}
	for range cap(h.sealing.opening) {
		h.sealing.opening <- struct{}{} // no other journal is opened
	}
	short, leave := context.WithTimeout(ctx, 300*time.Millisecond)
	defer leave()
	if err := h.sealing.gate("north").Wait(short, 1); !errors.Is(err, journal.ErrUnsealed) {
		t.Fatalf("Wait without a sealer = %v", err)
	}
	created := make(chan error, 1)
	go func() {
		_, err := h.registry.CreateDomain(ctx, hub.Identity{}, "north")
		created <- err
	}()
	account, err := h.bus.CreateDomain(ctx, "north")
	if err != nil {
		t.Fatal(err)
	}
	log, err := account.Log(ctx, trust.RecordLog)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the record of north", func() bool {
		last, err := log.LastBatch(ctx)
		return err == nil && last.Sequence == 1
	})
	if _, err := h.registry.Note(ctx, hub.Identity{}, "south", "", "goes on"); err != nil {
		t.Error(err)
	}
	if _, ok := h.directory.Domain("north"); ok {
		t.Error("the trust domain is there, and the record of it is not sealed")
	}
	for range cap(h.sealing.opening) {
		<-h.sealing.opening
	}
	// The creation waits at most its patience; what was too late is done again.
	if err := <-created; err != nil {
		if !errors.Is(err, journal.ErrUnsealed) {
			t.Fatal(err)
		}
		if _, err := h.registry.CreateDomain(ctx, hub.Identity{}, "north"); hub.CodeOf(err) != hub.Conflict {
			t.Errorf("created again: %v; want that it is there", err)
		}
	}
	if _, ok := h.directory.Domain("north"); !ok {
		t.Error("the record is sealed, and the trust domain is not there")
	}
	kinds := map[string]int{}
	if err := h.registry.Records(ctx, "north", "", func(_ string, r hub.Record) bool { kinds[r.Kind]++; return true }); err != nil {
		t.Fatal(err)
	}
	if kinds[trust.RecordDomainCreated] != 1 {
		t.Errorf("records %v; want one creation", kinds)
	}
}

// Where effects wait for seals and the journal is damaged, what is asked is refused
// at once, with the reason, in readiness too; the alarm about the hub's own journal
// is recorded all the same.
func TestSealBeforeEffect_Damaged(t *testing.T) {
	h := startProcess(t, sealsBefore)
	ctx := t.Context()
	seals, err := h.bus.Hub().ShortLog(ctx, journalLog)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "a forged seal", func() bool { // between those of the sealer
		end, err := seals.LastBatch(ctx)
		return err == nil && sealLog{seals}.Append(ctx, end.Sequence, "forged", []byte(`{}`)) == nil
	})
	eventually(t, "a refusal", func() bool {
		_, err := h.registry.Note(ctx, hub.Identity{}, trust.HubDomain, "", "a note")
		if hub.CodeOf(err) == hub.NotFound { // nobody writes notes there
			err = h.logs.Append(ctx, trust.HubDomain, hub.Record{ID: hub.NewID(), Kind: "test", Time: time.Now()})
		}
		return errors.Is(err, journal.ErrUnsealed)
	})
	eventually(t, "the journal in readiness", func() bool {
		missing := h.health.Missing()
		return slices.ContainsFunc(missing, func(m obs.Missing) bool { return m.Name == "journal/hub" }) &&
			slices.ContainsFunc(missing, func(m obs.Missing) bool { return m.Name == "journal/hub/sealed-before-effect" })
	})
	eventually(t, "the record of the alarm", func() bool {
		found := false
		err := h.registry.Records(ctx, trust.HubDomain, "", func(_ string, r hub.Record) bool {
			found = found || r.Kind == "journal.damaged"
			return true
		})
		return err == nil && found
	})
}

// BenchmarkSealBeforeEffect is how long a record takes, one after the other, with
// its seal and without, in turns.
func BenchmarkSealBeforeEffect(b *testing.B) {
	processes := map[bool]*hubProcess{}
	for _, waits := range []bool{false, true} {
		h := newProcess(b)
		h.cfg.Journal.SealBeforeEffect = waits
		if err := h.start(b.Context()); err != nil {
			b.Fatal(err)
		}
		processes[waits] = h
	}
	took := map[bool]time.Duration{}
	for b.Loop() {
		for waits, h := range processes {
			began := time.Now()
			for range 100 {
				if err := h.logs.Append(b.Context(), trust.HubDomain, hub.Record{ID: hub.NewID(), Kind: "test", Time: time.Now()}); err != nil {
					b.Fatal(err)
				}
			}
			took[waits] += time.Since(began)
		}
	}
	for waits, name := range map[bool]string{false: "ms/record", true: "ms/sealed"} {
		b.ReportMetric(took[waits].Seconds()*1000/float64(b.N)/100, name)
	}
}
