package lifecycle_test

import (
	"math/big"
	"testing"
	"testing/synctest"
	"time"

	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/internal/hub"
)

// A list goes on where the one before was, in whatever process, and is served from
// memory until something changes.
func TestCRL_Number(t *testing.T) {
	w := newWorld(t)
	p := w.start(t, nil)
	ca := w.ca.(*fakeCA)
	one := p.put(t, 1, nil)
	began := big.NewInt(w.now().UnixMilli())
	first := p.list(t, "north")
	if l := first; l.Number.Cmp(began) < 0 || len(l.RevokedCertificateEntries) != 0 || l.NextUpdate.Sub(l.ThisUpdate) != 24*time.Hour {
		t.Errorf("the first list: %d, %d entries", l.Number, len(l.RevokedCertificateEntries))
	}
	revoke(t, p, one.ID, "superseded")
	n := ca.count()
	second := p.list(t, "north").Number
	if second.Cmp(first.Number) <= 0 {
		t.Errorf("list %d follows list %d", second, first.Number)
	}
	for range 3 {
		if l := p.list(t, "north"); l.Number.Cmp(second) != 0 || listed(l, one) != 4 {
			t.Errorf("list %d", l.Number)
		}
	}
	next := w.start(t, nil)
	if l := next.list(t, "north"); l.Number.Cmp(second) != 0 || listed(l, one) != 4 {
		t.Errorf("after a start the list is %d", l.Number)
	}
	if ca.count() != n {
		t.Errorf("%d lists were signed to serve them", ca.count()-n)
	}
	two := next.put(t, 2, nil)
	revoke(t, next, two.ID, "superseded")
	if l := next.list(t, "north"); l.Number.Cmp(second) <= 0 || listed(l, one) != 4 || listed(l, two) != 4 {
		t.Errorf("after a start and a revocation: %d", l.Number)
	}
	if l := next.list(t, "south"); len(l.RevokedCertificateEntries) != 0 {
		t.Error("the list of another trust domain has them")
	}
	if _, err := next.CRL(t.Context(), "south", w.cas["north"].ID); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("the list of another trust domain's issuer: %v", err)
	}
	if _, err := next.CRL(t.Context(), "nowhere", w.cas["north"].ID); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("the list of a trust domain that there is not: %v", err)
	}
}

// What ended is in one more list after its end, and in none after that (RFC 5280
// clause 3.3), also when another process signs the next one.
func TestCRL_Ended(t *testing.T) {
	w := newWorld(t)
	p := w.start(t, nil)
	short := p.put(t, 1, func(c *cmf.Certificate) { c.NotAfter = c.NotBefore.Add(time.Hour) })
	long := p.put(t, 2, nil)
	revoke(t, p, short.ID, "superseded")
	revoke(t, p, long.ID, "superseded")
	again := func(p *process, n int) int { // signs the next list
		w.pass(time.Minute)
		c := p.put(t, n, nil)
		revoke(t, p, c.ID, "superseded")
		if listed(p.list(t, "north"), long) != 4 {
			t.Error("what has not ended is not in the list")
		}
		return listed(p.list(t, "north"), short)
	}
	if again(p, 3) != 4 {
		t.Error("before its end it is not in the list")
	}
	w.pass(2 * time.Hour)
	p = w.start(t, nil)
	if again(p, 4) != 4 {
		t.Error("it is not in the first list after its end")
	}
	if again(p, 5) != -1 || again(w.start(t, nil), 6) != -1 {
		t.Error("it is in a second list after its end")
	}
	late := p.put(t, 7, func(c *cmf.Certificate) { c.NotAfter = c.NotBefore.Add(time.Minute) })
	w.pass(time.Hour)
	revoke(t, p, late.ID, "keyCompromise")
	if listed(p.list(t, "north"), late) != 1 {
		t.Error("what was revoked after its end was in no list")
	}
}

// A list that could not be renewed in time is not served; one whose time is half
// over is renewed before anybody asks; the clock may go back.
func TestCRL_Times(t *testing.T) {
	w := newWorld(t)
	p := w.start(t, nil)
	ca := w.ca.(*fakeCA)
	first := p.list(t, "north")
	ca.set(hub.E(hub.Unavailable, "sign", "the token is away", nil), nil)
	w.pass(23 * time.Hour)
	if l := p.list(t, "north"); l.Number.Cmp(first.Number) != 0 {
		t.Errorf("list %d", l.Number)
	}
	w.pass(2 * time.Hour)
	if _, err := p.CRL(t.Context(), "north", w.cas["north"].ID); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("a list that is over: %v", err)
	}
	ca.set(nil, nil)
	second := p.list(t, "north")
	if second.Number.Cmp(first.Number) <= 0 || !second.NextUpdate.After(w.now()) {
		t.Errorf("list %d until %s", second.Number, second.NextUpdate)
	}
	w.pass(-5 * time.Hour)
	revoke(t, p, p.put(t, 1, nil).ID, "superseded")
	if third := p.list(t, "north"); third.ThisUpdate.Before(second.ThisUpdate) || third.Number.Cmp(second.Number) <= 0 {
		t.Errorf("list %d of %s follows %d of %s", third.Number, third.ThisUpdate, second.Number, second.ThisUpdate)
	}
}

// Two processes that share the tables serve what either revoked, in one sequence
// of numbers.
func TestCRL_TwoProcesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a, b := w.start(t, nil), w.start(t, nil)
		var certs []*cmf.Certificate
		for n := range 6 {
			certs = append(certs, a.put(t, n, nil))
		}
		synctest.Wait()
		for n, c := range certs {
			p, other := a, b
			if n%2 == 1 {
				p, other = b, a
			}
			if got := other.ask(t, "north", c.Serial); got != "good" { // which is kept
				t.Errorf("%d: %s", n, got)
			}
			revoke(t, p, c.ID, "superseded")
			synctest.Wait()
			for _, p := range []*process{a, b} {
				l := p.list(t, "north")
				if got := p.ask(t, "north", c.Serial); got != "revoked" || listed(l, c) != 4 || len(l.RevokedCertificateEntries) != n+1 {
					t.Errorf("%d: OCSP says %s, the list has %d entries", n, got, len(l.RevokedCertificateEntries))
				}
			}
			if x, y := a.list(t, "north").Number, b.list(t, "north").Number; x.Cmp(y) != 0 {
				t.Errorf("lists %d and %d", x, y)
			}
		}
		// One makes a reason graver, and the other one signs the next list.
		revoke(t, a, certs[1].ID, "keyCompromise")
		synctest.Wait()
		last := b.put(t, 7, nil)
		revoke(t, b, last.ID, "superseded")
		if l := b.list(t, "north"); listed(l, certs[1]) != 1 || listed(l, last) != 4 {
			t.Errorf("the graver reason is %d", listed(l, certs[1]))
		}
	})
}

// A hub that was put back to an older state has given out lists that it does not know
// of. The numbers of those that it signs next are higher all the same.
func TestCRL_NumberAfterRestore(t *testing.T) {
	older := newWorld(t) // has no list, as in a backup that was made before the first
	w := newWorld(t)
	p := w.start(t, nil)
	var given *big.Int
	for n := range 4 {
		revoke(t, p, p.put(t, n+1, nil).ID, "superseded")
		given = p.list(t, "north").Number
	}
	older.pass(time.Second)
	if l := older.start(t, nil).list(t, "north"); l.Number.Cmp(given) <= 0 {
		t.Errorf("list %d, and %d was given out before", l.Number, given)
	}
}
