package lifecycle_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
)

// What an authority elsewhere issued before its intermediate was replaced is revoked
// here alone: that is stored, recorded and said, and holds nothing up. A graver reason
// is told as well.
func TestRevoke_Unpublished(t *testing.T) {
	w := newWorld(t)
	p := w.start(t, nil)
	one := p.put(t, 1, nil)
	ca := w.ca.(*fakeCA)
	ca.down = hub.E(hub.Conflict, "sign", "another issuer signs now", nil)
	for n, reason := range []string{"superseded", "superseded", "keyCompromise"} {
		got, err := p.Revoke(t.Context(), operator, one.ID, certmgmt.RevokeRequest{Reason: reason})
		if err != nil || got.State != certmgmt.CertificateRevoked || !got.RevocationUnpublished || got.RevocationReason != reason {
			t.Fatalf("%d: %+v, %v", n, got, err)
		}
	}
	told := p.recorded("certificate.revoked", "certificate/"+one.ID)
	if len(told) != 2 || !strings.Contains(string(told[0].Data), `"unpublished":true`) || !strings.Contains(string(told[1].Data), "keyCompromise") {
		t.Errorf("records %+v", told)
	}
	if r := p.stored(t, one.ID).Revoked; r.Open {
		t.Error("the revocation is open, and would be tried again for good")
	}
	if err := p.Recover(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := p.CRL(t.Context(), "north", one.Issuer); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("a list that nobody signs: %v", err)
	}
	// A record that cannot be written leaves it open, for the next look.
	two := p.put(t, 2, nil)
	var writes atomic.Int32
	w.breaks(func() error {
		if writes.Add(1) > 1 { // the first is the revocation itself
			return errors.New("the disk is full")
		}
		return nil
	})
	if _, err := p.Revoke(t.Context(), operator, two.ID, certmgmt.RevokeRequest{Reason: "superseded"}); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("without a record: %v", err)
	}
	w.breaks(nil)
	if err := p.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := p.stored(t, two.ID).Revoked; r.Open || !r.Unpublished || len(p.recorded("certificate.revoked", "certificate/"+two.ID)) != 1 {
		t.Errorf("after the next look: %+v", r)
	}
	w.pass(25 * time.Hour)
	if err := p.Check(t.Context()); err != nil {
		t.Errorf("readiness: %v", err)
	}
}
