package enrol_test

import (
	"crypto/x509"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
)

// A certificate is prepared while the policies judge, and signed when they have, if it
// is the one that they leave.
func TestAhead(t *testing.T) {
	t.Parallel()
	why := []certmgmt.Reason{{Code: "sensitive", Detail: "it is sensitive"}}
	for name, tc := range map[string]struct {
		says   cmf.Judgement
		issued attestation.Assurance // at which it is; below zero: it is not
		asked  int32                 // how often the authority is
	}{
		"nothing against it": {cmf.Judgement{}, attestation.Protected, 1},
		"refused":            {cmf.Judgement{Refused: true, Reasons: why}, -1, 1},
		"lowered":            {cmf.Judgement{Unattested: true, Reasons: why}, attestation.None, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := memory(t)
			reached := make(chan struct{}, 2)
			var asked atomic.Int32
			w.ca.before = func() error {
				asked.Add(1)
				reached <- struct{}{}
				return nil
			}
			w.judge = judgeFunc(func(cmf.Question) (cmf.Judgement, error) {
				<-reached // the authority was asked before the policies have answered
				if n := w.ca.signed(); n != 0 {
					t.Errorf("%d certificates are signed before the policies have judged", n)
				}
				return tc.says, nil
			})
			p := w.process()
			v := p.register(alpha, "north")
			a, err := p.Sign(t.Context(), alpha, "north", v.csr(t, nil))
			if err != nil {
				t.Fatal(err)
			}
			p.Wait()
			if asked.Load() != tc.asked {
				t.Errorf("the authority was asked %d times, want %d", asked.Load(), tc.asked)
			}
			if tc.issued < 0 {
				if a.State != certmgmt.RequestRefused || w.ca.signed() != 0 {
					t.Errorf("%s, and %d certificates signed", a.State, w.ca.signed())
				}
				return
			}
			policy, err := p.AssurancePolicy(tc.issued)
			if err != nil {
				t.Fatal(err)
			}
			if w.ca.signed() != 1 || !slices.EqualFunc(leaf(t, a).Policies, []x509.OID{policy}, x509.OID.Equal) {
				t.Errorf("%d certificates are signed, the last for %v", w.ca.signed(), leaf(t, a).Policies)
			}
		})
	}
}

// Among many requests nothing is prepared: the authority is asked when the policies have
// judged, for what they leave.
func TestAhead_Crowded(t *testing.T) {
	t.Parallel()
	w := memory(t)
	var judged atomic.Bool
	w.ca.before = func() error {
		if !judged.Load() {
			t.Error("the authority is asked before the policies have judged")
		}
		return nil
	}
	var says cmf.Judgement
	w.judge = judgeFunc(func(cmf.Question) (cmf.Judgement, error) {
		judged.Store(true)
		return says, nil
	})
	p := w.process()
	p.Crowd()
	v := p.register(alpha, "north")
	if a, err := p.Sign(t.Context(), alpha, "north", v.csr(t, nil)); err != nil || a.State != certmgmt.RequestIssued || w.ca.signed() != 1 {
		t.Fatalf("%s, %v, and %d certificates signed", a.State, err, w.ca.signed())
	}
	says = cmf.Judgement{Refused: true, Reasons: []certmgmt.Reason{{Code: "sensitive", Detail: "it is sensitive"}}}
	if a, err := p.Sign(t.Context(), alpha, "north", v.csr(t, nil)); err != nil || a.State != certmgmt.RequestRefused || w.ca.signed() != 1 {
		t.Errorf("%s, %v, and %d certificates signed", a.State, err, w.ca.signed())
	}
}

// A defect in making a certificate fails the request, and not the process. It may be sent
// again.
func TestAhead_Panics(t *testing.T) {
	t.Parallel()
	w := memory(t)
	p := w.process()
	v := p.register(alpha, "north")
	in := v.csr(t, nil)
	w.ca.before = func() error { panic("a defect") }
	if a, err := p.Sign(t.Context(), alpha, "north", in); hub.CodeOf(err) != hub.Internal {
		t.Errorf("%+v: %v", a, err)
	}
	w.ca.before = nil
	if a, err := p.Sign(t.Context(), alpha, "north", in); err != nil || a.State != certmgmt.RequestIssued {
		t.Errorf("sent again: %s, %v", a.State, err)
	}
}
