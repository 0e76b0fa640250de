package enrol_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/cmf/enrol"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
)

// One CSR that is sent for two subjects, to two processes at once, has one certificate:
// the log says of which.
func TestSign_OneCSRTwoSubjects(t *testing.T) {
	t.Parallel()
	w := memory(t)
	all := []process{w.process(), w.process()}
	v := all[0].register(alpha, "north")
	in := v.request()
	in.SubjectID = []string{hub.NewID()}
	if _, err := all[1].Register(t.Context(), alpha, "north", in); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the registrations are known everywhere", func() bool {
		return !slices.ContainsFunc(all, func(p process) bool {
			return len(p.store.Registrations.Find(cmf.ByVnf("vnf-1"))) < 2 || p.store.Attesters.Kept(v.attester) == nil
		})
	})
	first := v.csr(t, nil)
	second := first
	second.VnfcID = in.SubjectID[0]
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := map[string]int{}
	for n, r := range []certmgmt.SigningRequest{first, second} {
		wg.Go(func() {
			a, err := signUntil(t, all[n], r)
			if err != nil {
				t.Error(err)
			}
			if a.State == certmgmt.RequestRefused && !slices.ContainsFunc(a.Reasons, func(r certmgmt.Reason) bool { return attestation.Code(r.Code) == enrol.Replayed }) {
				t.Errorf("refused for %v", a.Reasons)
			}
			mu.Lock()
			defer mu.Unlock()
			got[a.State]++
		})
	}
	wg.Wait()
	for _, p := range all {
		p.Wait()
	}
	if got[certmgmt.RequestIssued] != 1 || got[certmgmt.RequestRefused] != 1 || len(w.kinds("certificate.issued")) != 1 {
		t.Errorf("answered %v; recorded %+v", got, w.kinds("certificate.issued"))
	}
	books(t, w.process())
}

// faulty is a ledger that fails where it is told to.
type faulty struct {
	enrol.Ledger
	append, read, end error
}

func (f *faulty) Append(ctx context.Context, domain string, r hub.Record) error {
	if f.append != nil && r.Kind == "certificate.issued" {
		return f.append
	}
	return f.Ledger.Append(ctx, domain, r)
}

func (f *faulty) Read(ctx context.Context, domain string, after uint64, each func(uint64, hub.Record) error) error {
	if f.read != nil {
		return f.read
	}
	return f.Ledger.Read(ctx, domain, after, each)
}

func (f *faulty) End(ctx context.Context, domain string) (uint64, error) {
	if f.end != nil {
		return 0, f.end
	}
	return f.Ledger.End(ctx, domain)
}

// A log that takes or tells nothing issues nothing; the same request has a certificate
// once it does.
func TestSign_LogAway(t *testing.T) {
	t.Parallel()
	away := hub.E(hub.Unavailable, "test", "the bus does not answer", errors.New("away"))
	w := memory(t)
	f := &faulty{Ledger: w.ledger}
	w.ledger = f
	p := w.process()
	v := p.register(alpha, "north")
	r := v.csr(t, nil)
	for _, set := range []func(){
		func() { f.end = away },
		func() { f.end, f.append = nil, away },
	} {
		set()
		if a, err := p.Sign(t.Context(), alpha, "north", r); hub.CodeOf(err) != hub.Unavailable || a.Certificate != "" {
			t.Errorf("answered %+v: %v", a, err)
		}
		if p.store.Certificates.Len() != 0 {
			t.Error("a certificate is there without its record")
		}
	}
	f.append, f.read = nil, away
	a, err := p.Sign(t.Context(), alpha, "north", r)
	if err != nil || a.State != certmgmt.RequestIssued {
		t.Fatalf("answered %+v: %v", a, err)
	}
	if err := p.Recover(t.Context()); !errors.Is(err, away) {
		t.Errorf("looked after without the log: %v", err)
	}
	f.read = nil
	if err := p.Recover(t.Context()); err != nil {
		t.Error(err)
	}
	books(t, p)
}

// A record of a certificate that cannot be read is told at each look, and what comes
// after it is not taken for stored. One of before, without the certificate, is passed.
func TestRecover_DamagedRecord(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		data string
		bad  bool
	}{
		"no JSON":          {`"x"`, true},
		"no serial number": {`{"requestId":"1","certificate":"AAAA","notBefore":"2026-01-01T00:00:00Z","notAfter":"2026-01-01T00:00:00Z"}`, true},
		"no validity":      {`{"requestId":"1","certificate":"AAAA","serialNumber":"01"}`, true},
		"of before":        {`{"requestId":"1","serialNumber":"01"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := memory(t)
			p := w.process()
			v := p.register(alpha, "north")
			if _, err := p.Sign(t.Context(), alpha, "north", v.csr(t, nil)); err != nil {
				t.Fatal(err)
			}
			p.Wait()
			if err := w.logs.Append(t.Context(), "north", hub.Record{ID: "damaged", Kind: "certificate.issued", Subject: "certificate/1", Data: json.RawMessage(tc.data)}); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				err := p.Recover(t.Context())
				if (err != nil) != tc.bad || err != nil && !strings.Contains(err.Error(), "read record damaged") {
					t.Errorf("looked after: %v", err)
				}
			}
			reached, err := p.store.Reached.Get(t.Context(), "north")
			end, _ := w.logs.End(t.Context(), "north")
			if err != nil || (reached.Value.Sequence == end) == tc.bad {
				t.Errorf("stored up to %d of %d: %v", reached.Value.Sequence, end, err)
			}
		})
	}
}
