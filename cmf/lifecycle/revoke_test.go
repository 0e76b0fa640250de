package lifecycle_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/cmf/lifecycle"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
)

func revoke(t testing.TB, p *process, id, reason string) {
	t.Helper()
	if _, err := p.Revoke(t.Context(), operator, id, certmgmt.RevokeRequest{Reason: reason}); err != nil {
		t.Fatal(err)
	}
}

func TestRevoke_Reasons(t *testing.T) {
	p := newWorld(t).start(t, nil)
	for n, c := range []struct {
		reason string
		code   int // -1: refused
	}{
		{"unspecified", 0}, {"keyCompromise", 1}, {"cACompromise", 2}, {"affiliationChanged", 3}, {"superseded", 4}, {"cessationOfOperation", 5}, {"privilegeWithdrawn", 9},
		{"certificateHold", -1}, {"removeFromCRL", -1}, {"aACompromise", -1}, {"", -1}, {"KEYCOMPROMISE", -1}, {"1", -1},
	} {
		one := p.put(t, n, nil)
		got, err := p.Revoke(t.Context(), vnfm, one.ID, certmgmt.RevokeRequest{Reason: c.reason, Comment: "because"})
		if c.code < 0 {
			if hub.CodeOf(err) != hub.Invalid || p.stored(t, one.ID).Revoked != nil {
				t.Errorf("%q: %v", c.reason, err)
			}
			continue
		}
		if err != nil || got.State != certmgmt.CertificateRevoked || got.RevocationReason != c.reason || got.Revoked == nil {
			t.Errorf("%q: %+v, %v", c.reason, got, err)
		}
		if code := listed(p.list(t, "north"), one); code != c.code {
			t.Errorf("%q is in the list as %d", c.reason, code)
		}
		told := p.recorded("certificate.revoked", "certificate/"+one.ID)
		if len(told) != 1 || told[0].Actor != vnfm.String() || !strings.Contains(string(told[0].Data), `"comment":"because"`) {
			t.Errorf("%q: records %+v", c.reason, told)
		}
	}
	long := certmgmt.RevokeRequest{Reason: "superseded", Comment: strings.Repeat("x", 1001)}
	if _, err := p.Revoke(t.Context(), vnfm, p.put(t, 100, nil).ID, long); hub.CodeOf(err) != hub.Invalid {
		t.Errorf("a long comment: %v", err)
	}
}

// A second revocation changes nothing, unless its reason is graver; then the time
// of the first stays.
func TestRevoke_Again(t *testing.T) {
	w := newWorld(t)
	p := w.start(t, nil)
	one := p.put(t, 1, nil)
	revoke(t, p, one.ID, "superseded")
	through := func() bool { return len(p.store.Certificates.Find(cmf.ByOpen("north"))) == 0 }
	waitFor(t, through) // until then, a repetition has a list of its own
	first := p.stored(t, one.ID)
	w.pass(time.Hour)
	number := p.list(t, "north").Number
	for _, weaker := range []string{"superseded", "unspecified", "cessationOfOperation"} {
		revoke(t, p, one.ID, weaker)
	}
	if got := p.list(t, "north"); got.Number.Cmp(number) != 0 || listed(got, one) != 4 {
		t.Errorf("the list is %+v after a revocation that changed nothing", got)
	}
	revoke(t, p, one.ID, "keyCompromise")
	revoke(t, p, one.ID, "privilegeWithdrawn")
	now := p.stored(t, one.ID)
	if now.Revoked.Reason != 1 || !now.Revoked.At.Equal(first.Revoked.At) || listed(p.list(t, "north"), one) != 1 {
		t.Errorf("%+v", now.Revoked)
	}
	if told := p.recorded("certificate.revoked", ""); len(told) != 2 {
		t.Errorf("records %+v", told)
	}
}

// What is another consumer's or another trust domain's is as what does not exist.
func TestRevoke_Others(t *testing.T) {
	p := newWorld(t).start(t, nil)
	one := p.put(t, 1, nil)
	_, unknown := p.Revoke(t.Context(), another, "none", certmgmt.RevokeRequest{Reason: "superseded"})
	for _, who := range []hub.Identity{another, stranger} {
		_, err := p.Revoke(t.Context(), who, one.ID, certmgmt.RevokeRequest{Reason: "superseded"})
		if hub.CodeOf(err) != hub.NotFound || hub.SafeText(err) != hub.SafeText(unknown) {
			t.Errorf("%s: %v, and of nothing: %v", who, err, unknown)
		}
		if _, err := p.Certificate(t.Context(), who, one.ID); hub.CodeOf(err) != hub.NotFound {
			t.Errorf("%s sees it: %v", who, err)
		}
	}
	if p.stored(t, one.ID).Revoked != nil {
		t.Error("another one revoked it")
	}
}

// Revocations that come while a list is signed share the next one.
func TestRevoke_Grouped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.start(t, nil)
		ca := w.ca.(*fakeCA)
		const many = 50
		var certs []*cmf.Certificate
		for n := range many {
			certs = append(certs, p.put(t, n, nil))
		}
		hold := make(chan struct{})
		ca.set(nil, hold)
		var wg sync.WaitGroup
		for _, c := range certs {
			wg.Go(func() { revoke(t, p, c.ID, "superseded") })
		}
		synctest.Wait() // one signs, the others wait
		close(hold)
		wg.Wait()
		if n := ca.count(); n != 2 {
			t.Errorf("%d revocations were signed in %d lists, want 2", many, n)
		}
		l := p.list(t, "north")
		for _, c := range certs {
			if listed(l, c) != 4 {
				t.Errorf("%s is not in the list", c.ID)
			}
		}
		if n := len(p.recorded("certificate.revoked", "")); n != many {
			t.Errorf("%d records", n)
		}
		synctest.Wait()
		if open := p.store.Certificates.Find(cmf.ByOpen("north")); len(open) != 0 {
			t.Errorf("%d revocations are still open", len(open))
		}
	})
}

// A list that cannot be signed fails the answer, and neither the revocation nor
// OCSP; the next look brings the rest.
func TestRevoke_AuthorityAway(t *testing.T) {
	w := newWorld(t)
	p := w.start(t, nil)
	ca := w.ca.(*fakeCA)
	one := p.put(t, 1, nil)
	p.list(t, "north")
	away := hub.E(hub.Unavailable, "sign", "the token is away", nil)
	ca.set(away, nil)
	_, err := p.Revoke(t.Context(), operator, one.ID, certmgmt.RevokeRequest{Reason: "superseded"})
	if hub.CodeOf(err) != hub.Unavailable || !strings.Contains(hub.SafeText(err), "is revoked") || p.stored(t, one.ID).Revoked == nil {
		t.Fatalf("%v", err)
	}
	if n := len(p.recorded("certificate.revoked", "")); n != 0 {
		t.Errorf("%d records", n)
	}
	ca.set(nil, nil)
	if err := p.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if listed(p.list(t, "north"), one) != 4 || len(p.recorded("certificate.revoked", "")) != 1 {
		t.Error("it is not in the list, or not recorded")
	}
}

// A process may end between any two writes: what was answered stands, and what was
// begun is brought to its end by the next process.
func TestKill(t *testing.T) {
	for name, c := range map[string]struct {
		do    func(context.Context, *process) error
		check func(*testing.T, *process)
	}{
		"revoke": {func(ctx context.Context, p *process) error {
			_, err := p.Revoke(ctx, operator, hub.DeriveID("certificate", "north", "1"), certmgmt.RevokeRequest{Reason: "keyCompromise"})
			return err
		}, nil},
		"withdraw attester": {func(ctx context.Context, p *process) error {
			_, err := p.WithdrawAttester(ctx, vnfm, "att-1", "stolen")
			return err
		}, func(t *testing.T, p *process) {
			if a := p.store.Attesters.Kept("att-1"); a.Withdrawn == nil || len(p.recorded("attester.withdrawn", "")) != 1 {
				t.Errorf("%+v, records %+v", a, p.recorded("attester.withdrawn", ""))
			}
		}},
		"end of a VNF instance": {func(ctx context.Context, p *process) error {
			return p.VnfEnded(ctx, "north", "vnf-1", lifecycle.CessationOfOperation, p.now(), operator)
		}, func(t *testing.T, p *process) {
			for _, id := range []string{"reg-1", "reg-2"} {
				if r, err := p.store.Registrations.Get(t.Context(), id); err != nil || !r.Value.Ended {
					t.Errorf("%s: %+v, %v", id, r.Value, err)
				}
			}
			if n := len(p.recorded("registration.ended", "")); n != 2 {
				t.Errorf("%d records of registrations", n)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for step, whole := 0, false; !whole; step++ {
				whole = killAt(t, step, c.do, c.check)
				if step > 100 {
					t.Fatal("it does not end")
				}
			}
		})
	}
}

// killAt lets a process end before the write of that number, and says whether it
// had done all before.
func killAt(t *testing.T, step int, do func(context.Context, *process) error, check func(*testing.T, *process)) (whole bool) {
	t.Helper()
	w := newWorld(t)
	p := w.start(t, nil)
	p.register(t, "reg-1", "vnfc-0", "vnfc-1")
	p.register(t, "reg-2", "vnfc-2")
	p.attester(t, "att-1")
	var certs []*cmf.Certificate
	for n := range 3 {
		certs = append(certs, p.put(t, n, nil))
	}
	before := p.list(t, "north").Number
	var mu sync.Mutex
	left := step
	w.breaks(func() error {
		mu.Lock()
		defer mu.Unlock()
		if left--; left < 0 {
			return hub.E(hub.Unavailable, "write", "gone", errDown)
		}
		return nil
	})
	err := do(t.Context(), p)
	if err != nil && !errors.Is(err, errDown) {
		t.Fatalf("step %d: %v", step, err)
	}
	// The mark of a revocation that was answered is taken away after the answer.
	waitFor(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return left < 0 || len(p.store.Certificates.Find(cmf.ByOpen("north"))) == 0
	})
	w.breaks(nil)
	next := w.start(t, nil)
	if err := next.Recover(t.Context()); err != nil {
		t.Fatalf("step %d: %v", step, err)
	}
	waitFor(t, func() bool { return len(next.store.Certificates.Find(cmf.ByOpen("north"))) == 0 })
	revoked := agree(t, next, certs)
	if err == nil && revoked == 0 {
		t.Errorf("step %d: it was answered, and nothing is revoked", step)
	}
	if err == nil && check != nil {
		check(t, next)
	}
	after := next.list(t, "north").Number
	if cmp := after.Cmp(before); cmp < 0 || revoked > 0 && cmp == 0 {
		t.Errorf("step %d: list %d follows %d with %d revoked", step, after, before, revoked)
	}
	// Asked again, as one does who had no answer, it comes to the same end.
	if err := do(t.Context(), next); err != nil {
		t.Errorf("step %d: again: %v", step, err)
	}
	agree(t, next, certs)
	if check != nil {
		check(t, next)
	}
	mu.Lock()
	defer mu.Unlock()
	return err == nil && left >= 0
}

// agree holds that inventory, list, OCSP and records say the same.
func agree(t *testing.T, p *process, certs []*cmf.Certificate) (revoked int) {
	t.Helper()
	l := p.list(t, "north")
	for _, c := range certs {
		now := p.stored(t, c.ID)
		want, status := -1, "good"
		if now.Revoked != nil {
			want, status = now.Revoked.Reason, "revoked"
			revoked++
		}
		if got := listed(l, c); got != want {
			t.Errorf("%s is in the list as %d, in the inventory as %d", c.ID, got, want)
		}
		if got := p.ask(t, "north", c.Serial); got != status {
			t.Errorf("OCSP says that %s is %s, and not %s", c.ID, got, status)
		}
		if n := len(p.recorded("certificate.revoked", "certificate/"+c.ID)); (n == 1) != (want >= 0) {
			t.Errorf("%s has %d records", c.ID, n)
		}
	}
	if len(l.RevokedCertificateEntries) != revoked {
		t.Errorf("the list has %d entries, the inventory %d", len(l.RevokedCertificateEntries), revoked)
	}
	return revoked
}

// waitFor waits until something can be seen.
func waitFor(t testing.TB, seen func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !seen() {
		select {
		case <-ctx.Done():
			t.Fatal("it did not happen in time")
		case <-tick.C:
		}
	}
}

// An attester's end is the end of what it attested, also of what was being signed
// meanwhile; other attesters' certificates and ended ones stay as they are.
func TestWithdrawAttester(t *testing.T) {
	w := newWorld(t)
	p := w.start(t, nil)
	p.attester(t, "att-1")
	p.attester(t, "att-2")
	mine, other := p.put(t, 1, nil), p.put(t, 2, func(c *cmf.Certificate) { c.AttesterID = "att-2" })
	past := p.put(t, 3, func(c *cmf.Certificate) {
		c.NotBefore, c.NotAfter = c.NotBefore.Add(-2*time.Hour), c.NotBefore.Add(-time.Hour)
	})
	if _, err := p.WithdrawAttester(t.Context(), another, "att-1", ""); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("another consumer: %v", err)
	}
	got, err := p.WithdrawAttester(t.Context(), vnfm, "att-1", "stolen")
	if err != nil || got.Withdrawn == nil {
		t.Fatalf("%+v, %v", got, err)
	}
	if c := p.stored(t, mine.ID); c.Revoked == nil || c.Revoked.Reason != lifecycle.PrivilegeWithdrawn || c.Revoked.By != vnfm.String() || c.Revoked.Comment != "stolen" {
		t.Errorf("%+v", c.Revoked)
	}
	for _, c := range []*cmf.Certificate{other, past} {
		if p.stored(t, c.ID).Revoked != nil {
			t.Errorf("%s is revoked", c.ID)
		}
	}
	late := p.put(t, 4, nil) // its request was under way
	if err := p.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p.stored(t, late.ID).Revoked == nil {
		t.Error("what was signed meanwhile is valid")
	}
	w.pass(6 * time.Minute)
	for range 2 {
		if err := p.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if again, err := p.WithdrawAttester(t.Context(), vnfm, "att-1", ""); err != nil || !again.Withdrawn.Equal(*got.Withdrawn) {
		t.Errorf("again: %+v, %v", again, err)
	}
	if n := len(p.recorded("attester.withdrawn", "attester/att-1")); n != 1 {
		t.Errorf("%d records", n)
	}
}

// The end of a VNF instance ends its registrations and certificates; what was
// registered for it afterwards stays, and so does another trust domain's.
func TestVnfEnded(t *testing.T) {
	w := newWorld(t)
	p := w.start(t, nil)
	p.register(t, "reg-1", "vnfc-1")
	mine := p.put(t, 1, nil)
	south := p.put(t, 2, func(c *cmf.Certificate) { c.TrustDomain, c.Manager = "south", stranger.String() })
	if err := p.VnfEnded(t.Context(), "north", "nothing", lifecycle.CessationOfOperation, p.now(), operator); err != nil {
		t.Errorf("a VNF instance without certificates: %v", err)
	}
	if err := p.VnfEnded(t.Context(), "north", "vnf-1", 6, p.now(), operator); hub.CodeOf(err) != hub.Invalid {
		t.Errorf("certificateHold: %v", err)
	}
	at := p.now()
	if err := p.VnfEnded(t.Context(), "north", "vnf-1", lifecycle.CessationOfOperation, at, operator); err != nil {
		t.Fatal(err)
	}
	if c := p.stored(t, mine.ID); c.Revoked == nil || c.Revoked.Reason != lifecycle.CessationOfOperation {
		t.Errorf("%+v", c.Revoked)
	}
	if p.stored(t, south.ID).Revoked != nil {
		t.Error("the certificate of another trust domain is revoked")
	}
	w.pass(time.Second)
	p.register(t, "reg-2", "vnfc-3")
	healed := p.put(t, 3, func(c *cmf.Certificate) { c.RegistrationID = "reg-2" })
	if err := p.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	stays := func() {
		t.Helper()
		if r, err := p.store.Registrations.Get(t.Context(), "reg-2"); err != nil || r.Value.Ended || p.stored(t, healed.ID).Revoked != nil {
			t.Errorf("what was registered afterwards has ended: %+v, %v", r.Value, err)
		}
	}
	stays()
	w.pass(time.Hour) // the order is done and forgotten, and is told again
	for range 2 {
		if err := p.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := p.VnfEnded(t.Context(), "north", "vnf-1", lifecycle.CessationOfOperation, at, operator); err != nil {
			t.Fatal(err)
		}
		stays()
	}
	if err := p.VnfEnded(t.Context(), "north", "vnf-1", lifecycle.PrivilegeWithdrawn, p.now(), operator); err != nil {
		t.Fatal(err)
	}
	if c := p.stored(t, mine.ID); c.Revoked.Reason != lifecycle.PrivilegeWithdrawn {
		t.Errorf("a graver reason: %+v", c.Revoked)
	}
	if c := p.stored(t, healed.ID); c.Revoked == nil {
		t.Error("a later end does not end what was registered between the two")
	}
	if n := len(p.recorded("registration.ended", "registration/reg-1")); n != 1 {
		t.Errorf("%d records", n)
	}
}
