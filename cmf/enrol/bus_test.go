package enrol_test

import (
	"context"
	"math"
	"testing"

	"github.com/manoward/manoward/connectors/natsbus"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/testbus"
)

// busLogs are the record logs of a bus.
type busLogs map[string]*natsbus.Log

// on has a world keep its records on a bus.
func (w *world) on(bus *testbus.Bus) {
	w.Helper()
	logs := busLogs{}
	for _, name := range []string{"north", "south"} {
		account, err := bus.Domain(w.Context(), name)
		if err != nil {
			w.Fatal(err)
		}
		if logs[name], err = account.Log(w.Context(), "RECORDS"); err != nil {
			w.Fatal(err)
		}
	}
	w.log, w.ledger = logs.records, logs
}

func (l busLogs) records(ctx context.Context, domain string, records ...hub.Record) error {
	return l[domain].Append(ctx, records...)
}

func (l busLogs) Append(ctx context.Context, domain string, r hub.Record) error {
	return l[domain].Append(ctx, r)
}

func (l busLogs) Read(ctx context.Context, domain string, after uint64, each func(uint64, hub.Record) error) error {
	for e, err := range l[domain].Read(ctx, natsbus.Position{Sequence: after, Index: math.MaxInt}) {
		if err == nil {
			err = each(e.Sequence, e.Record)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (l busLogs) End(ctx context.Context, domain string) (uint64, error) {
	last, err := l[domain].Last(ctx)
	return last.Sequence, err
}

// What a process on the bus recorded and did not store, another one stores, and answers
// with.
func TestSign_OnBus(t *testing.T) {
	t.Parallel()
	bus := testbus.Open(t, t.TempDir(), "north", "south")
	w := newWorld(t, bus.Tables())
	w.on(bus)
	p := w.process()
	v := p.register(alpha, "north")
	first, err := p.Sign(t.Context(), alpha, "north", v.csr(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	p.Wait()
	// Of the next ones nothing but the records is left.
	tables := w.tables
	w.tables = silent{tables}
	dying := w.process()
	r := v.csr(t, nil)
	a, err := dying.Sign(t.Context(), alpha, "north", r)
	if err != nil {
		t.Fatal(err)
	}
	dying.Wait()
	w.tables = tables
	next := w.process()
	if _, err := next.store.Certificates.GetIn(t.Context(), "north", a.ID); hub.CodeOf(err) != hub.NotFound {
		t.Fatalf("it was stored: %v", err)
	}
	again, err := next.Sign(t.Context(), alpha, "north", r)
	if err != nil || again.Certificate != a.Certificate {
		t.Errorf("the same request is answered with %+v: %v", again, err)
	}
	last := w.process()
	if err := last.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{a.ID, first.ID} {
		c, err := last.store.Certificates.Get(t.Context(), id)
		if err != nil || c.Value.KeyHash == "" || c.Value.VnfInstanceID != "vnf-1" || c.Value.Serial.Sign() <= 0 {
			t.Errorf("the inventory has %+v: %v", c.Value, err)
		}
		q, err := last.store.Requests.Get(t.Context(), id)
		if err != nil || q.Value.ID != id || len(q.Value.CSR) == 0 || q.Value.Verdict == nil || q.Value.By != alpha.String() {
			t.Errorf("the request is %+v: %v", q.Value, err)
		}
	}
}
