package lifecycle_test

import (
	"context"
	"errors"
	"testing"

	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/cmf/lifecycle"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
)

// Where nobody may be told of what is not recorded, a revocation whose record
// fails is in no list and no OCSP answer, also after a restart and when others are
// signed; once it is recorded it is in both before the caller is answered. A graver
// reason that cannot be recorded takes nothing back.
func TestRevoke_RecordFirst(t *testing.T) {
	w := newWorld(t)
	unsealed := error(nil)
	first := func(c *lifecycle.Config) {
		c.RecordFirst = true
		c.Records = func(ctx context.Context, domain string, list ...hub.Record) error {
			return errors.Join(w.record(ctx, domain, list...), unsealed)
		}
	}
	p := w.start(t, first)
	one, other := p.put(t, 1, nil), p.put(t, 2, nil)
	says := func(p *process, c *cmf.Certificate, want string, code int) {
		t.Helper()
		if got := p.ask(t, "north", c.Serial); got != want {
			t.Errorf("OCSP says %s; want %s", got, want)
		}
		if got := listed(p.list(t, "north"), c); got != code {
			t.Errorf("the list has reason %d; want %d", got, code)
		}
	}
	says(p, one, "good", -1)
	unsealed = hub.E(hub.Unavailable, "seal", "not sealed", nil)
	if _, err := p.Revoke(t.Context(), operator, one.ID, certmgmt.RevokeRequest{Reason: "superseded"}); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("Revoke = %v; want that it is tried again", err)
	}
	says(p, one, "good", -1)
	p = w.start(t, first)
	if err := p.Recover(t.Context()); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("Recover = %v", err)
	}
	says(p, one, "good", -1)
	unsealed = nil
	revoke(t, p, other.ID, "superseded")
	says(p, other, "revoked", 4)
	says(p, one, "good", -1)
	if err := p.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	says(p, one, "revoked", 4)
	unsealed = hub.E(hub.Unavailable, "seal", "not sealed", nil)
	if _, err := p.Revoke(t.Context(), operator, one.ID, certmgmt.RevokeRequest{Reason: "keyCompromise"}); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("Revoke for a graver reason = %v", err)
	}
	if got := p.ask(t, "north", one.Serial); got != "revoked" {
		t.Errorf("OCSP says %s of what was revoked", got)
	}
	unsealed = nil
	if err := p.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	says(p, one, "revoked", 1)
	if told := p.recorded("certificate.revoked", "certificate/"+one.ID); len(told) != 2 {
		t.Errorf("records %+v; want one for each reason", told)
	}
}

// What was held is told when the process is started without the setting.
func TestRevoke_HeldBefore(t *testing.T) {
	w := newWorld(t)
	p := w.start(t, func(c *lifecycle.Config) {
		c.RecordFirst = true
		c.Records = func(context.Context, string, ...hub.Record) error {
			return hub.E(hub.Unavailable, "seal", "not sealed", nil)
		}
	})
	one := p.put(t, 1, nil)
	if _, err := p.Revoke(t.Context(), operator, one.ID, certmgmt.RevokeRequest{Reason: "superseded"}); hub.CodeOf(err) != hub.Unavailable {
		t.Fatal(err)
	}
	p = w.start(t, nil)
	if err := p.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return p.ask(t, "north", one.Serial) == "revoked" })
	if got := listed(p.list(t, "north"), one); got != 4 {
		t.Errorf("the list has reason %d; want 4", got)
	}
}
