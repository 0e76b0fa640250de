package wire

import (
	"context"
	"fmt"
	"io"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/journal"
	"github.com/manoward/manoward/internal/obs"
	"github.com/manoward/manoward/mano-core/trust"
)

// eventually waits for a condition, with a deadline.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); {
		if time.Now().After(deadline) {
			t.Fatal("never came: " + what)
		}
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func sealedRecords(t *testing.T, h *hubProcess, domain string) uint64 {
	t.Helper()
	source, err := h.journals.Source(t.Context(), domain)
	if err != nil {
		t.Fatal(err)
	}
	state, err := source.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return state.Records
}

// A journal that somebody wrote to raises the alarm in four places, and the hub
// works on; the other journals are sealed further.
func TestJournalDamaged(t *testing.T) {
	h := startProcess(t, func(*hubProcess) {})
	ctx := t.Context()
	for _, name := range []string{"north", "south"} {
		if _, err := h.registry.CreateDomain(ctx, hub.Identity{}, name); err != nil {
			t.Fatal(err)
		}
		eventually(t, "a seal of "+name, func() bool { return sealedRecords(t, h, name) > 0 })
	}
	account, err := h.bus.Domain(ctx, "north")
	if err != nil {
		t.Fatal(err)
	}
	seals, err := account.ShortLog(ctx, journalLog)
	if err != nil {
		t.Fatal(err)
	}
	end, err := seals.LastBatch(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := (sealLog{seals}).Append(ctx, end.Sequence, "forged", []byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"north", "south"} {
		if _, err := h.registry.Note(ctx, hub.Identity{}, name, "", "a note"); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "journal/north in readiness", func() bool {
		return slices.ContainsFunc(h.health.Missing(), func(m obs.Missing) bool { return m.Name == "journal/north" })
	})
	eventually(t, "the record of the alarm", func() bool {
		found := false
		err := h.registry.Records(ctx, trust.HubDomain, "", func(_ string, r hub.Record) bool {
			found = found || r.Kind == "journal.damaged" && r.Subject == "journal/north"
			return true
		})
		return err == nil && found
	})
	eventually(t, "the note of south sealed", func() bool { return sealedRecords(t, h, "south") > 1 })
	answer := httptest.NewRecorder()
	h.metrics.Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	for _, line := range []string{`manoward_journal_damaged{trust_domain="north"} 1`, `manoward_journal_damaged{trust_domain="south"} 0`} {
		if !strings.Contains(answer.Body.String(), line) {
			t.Errorf("the metrics do not have %s", line)
		}
	}
	source, err := h.journals.Source(ctx, "north")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := source.State(ctx); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("State = %v; want unavailable", err)
	}
	if err := journal.WritePack(ctx, io.Discard, source, journal.Request{TrustDomain: "north"}); err != nil {
		t.Errorf("the evidence of it: %v; want a pack", err)
	}
}

// BenchmarkSealed compares appends to a record log whose records are sealed with
// appends to one that nobody seals, in turns: the price of the journal.
func BenchmarkSealed(b *testing.B) {
	h := newProcess(b)
	if err := h.start(b.Context()); err != nil {
		b.Fatal(err)
	}
	logs := map[bool]func(int){}
	for _, sealed := range []bool{false, true} {
		name := fmt.Sprintf("bench-%t", sealed)
		account, err := h.bus.CreateDomain(b.Context(), name)
		if err != nil {
			b.Fatal(err)
		}
		log, err := account.Log(b.Context(), trust.RecordLog)
		if err != nil {
			b.Fatal(err)
		}
		if sealed {
			source, err := h.journals.Source(b.Context(), name)
			if err != nil {
				b.Fatal(err)
			}
			s := &journal.Sealer{Records: source.Records, Seals: source.Seals, Key: source.Key, Now: time.Now}
			ctx, stop := context.WithCancel(b.Context())
			done := make(chan error, 1)
			go func() { done <- s.Run(ctx) }()
			defer func() { stop(); <-done }()
		}
		n := 0
		logs[sealed] = func(count int) {
			for range count {
				n++
				if err := log.Append(b.Context(), hub.Record{ID: fmt.Sprint(n), Kind: "sm.decision", Time: time.Now(), Data: []byte(`{"text":"` + strings.Repeat("x", 400) + `"}`)}); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	var bare, sealed time.Duration
	for b.Loop() {
		for range 10 { // in turns, so that a slow disk slows both
			began := time.Now()
			logs[false](200)
			middle := time.Now()
			logs[true](200)
			bare, sealed = bare+middle.Sub(began), sealed+time.Since(middle)
		}
	}
	b.ReportMetric(float64(sealed)/float64(bare), "sealed/bare")
	b.ReportMetric(float64(bare.Microseconds())/float64(b.N)/2000, "µs/append")
}
