package lifecycle_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/cmf/lifecycle"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
)

const day = 24 * time.Hour

// run lets a process look after its certificates until the test ends.
func (p *process) run(t *testing.T) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- p.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// A list is there before anybody asks, and is renewed when half of its time has
// passed; a failure is named, and mended by itself.
func TestRun_Lists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.start(t, nil)
		ca := w.ca.(*fakeCA)
		p.run(t)
		synctest.Wait()
		if ca.count() != 2 { // north and south
			t.Fatalf("%d lists", ca.count())
		}
		first := p.list(t, "north")
		time.Sleep(11 * time.Hour)
		if ca.count() != 2 {
			t.Errorf("%d lists after 11 hours", ca.count())
		}
		ca.set(hub.E(hub.Unavailable, "sign", "the token is away", nil), nil)
		time.Sleep(time.Hour + 2*time.Minute)
		if err := p.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "the token is away") {
			t.Errorf("check: %v", err)
		}
		ca.set(nil, nil)
		time.Sleep(2 * time.Minute)
		if err := p.Check(t.Context()); err != nil {
			t.Errorf("check: %v", err)
		}
		if l := p.list(t, "north"); l.Number.Cmp(first.Number) <= 0 || p.now().Sub(l.ThisUpdate) > 3*time.Minute {
			t.Errorf("list %d of %s", l.Number, l.ThisUpdate)
		}
	})
}

// Each certificate is alarmed once for each threshold, over restarts, and not when
// another took its place, when it was revoked, or lives shorter than the threshold.
func TestRun_Alarms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		counted := map[int]int{}
		count := func(c *lifecycle.Config) {
			c.Metrics.Expiring = func(days int) { counted[days]++ }
		}
		p := w.start(t, count)
		ends := func(d time.Duration) func(*cmf.Certificate) {
			return func(c *cmf.Certificate) { c.NotAfter = c.NotBefore.Add(d) }
		}
		long, short := p.put(t, 1, ends(60*day)), p.put(t, 2, ends(20*day))
		renewed, gone := p.put(t, 3, ends(60*day)), p.put(t, 4, ends(60*day))
		p.put(t, 5, func(c *cmf.Certificate) { c.Renews, c.NotAfter = renewed.ID, c.NotBefore.Add(200*day) })
		revoke(t, p, gone.ID, "superseded")
		ctx, stop := context.WithCancel(t.Context())
		go p.Run(ctx)
		told := func(c *cmf.Certificate) int { return len(p.recorded("certificate.expiring", "certificate/"+c.ID)) }
		time.Sleep(28 * day)
		if told(long) != 0 || told(short) != 2 {
			t.Errorf("after 28 days: %d and %d", told(long), told(short))
		}
		stop()
		time.Sleep(time.Hour)
		p = w.start(t, count) // another process goes on
		p.run(t)
		time.Sleep(4 * day)
		if told(long) != 1 {
			t.Errorf("after 32 days: %d", told(long))
		}
		time.Sleep(27*day + 12*time.Hour)
		if told(long) != 3 || told(renewed) != 0 || told(gone) != 0 {
			t.Errorf("before its end: %d, renewed %d, revoked %d", told(long), told(renewed), told(gone))
		}
		if counted[30] != 1 || counted[7] != 2 || counted[1] != 2 {
			t.Errorf("counted %v", counted)
		}
		first := p.recorded("certificate.expiring", "certificate/"+long.ID)[0]
		if first.Actor != "spiffe://hub/cmf/hub" || !strings.Contains(string(first.Data), `"days":30`) {
			t.Errorf("%+v: %s", first, first.Data)
		}
	})
}

// Where the rules say so, a key has to be attested again: first an alarm, then the
// end. Certificates that were never attested, and types without the rule, stay.
func TestRun_Reattest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		overdue := 0
		p := w.start(t, func(c *lifecycle.Config) {
			c.Rules = func(_ string, ct certmgmt.CertType) lifecycle.Rules {
				if ct != certmgmt.VNFCICert {
					return lifecycle.Rules{}
				}
				return lifecycle.Rules{Reattest: 10 * day, Grace: 5 * day}
			}
			c.Metrics.Overdue = func() { overdue++ }
		})
		year := func(c *cmf.Certificate) { c.NotAfter = c.NotBefore.AddDate(1, 0, 0) }
		old, never, oam := p.put(t, 1, year), p.put(t, 2, func(c *cmf.Certificate) { year(c); c.AttesterID = "" }), p.put(t, 3, func(c *cmf.Certificate) { year(c); c.CertType = certmgmt.VNFOAMCert })
		same, replaced := p.put(t, 4, year), p.put(t, 5, year)
		p.run(t)
		time.Sleep(9 * day)
		p.put(t, 6, func(c *cmf.Certificate) { year(c); c.KeyHash, c.Renews = same.KeyHash, same.ID }) // the same key, attested again
		p.put(t, 7, func(c *cmf.Certificate) { year(c); c.Renews = replaced.ID })                      // another key
		time.Sleep(3 * day)
		if n := len(p.recorded("certificate.unattested", "certificate/"+old.ID)); n != 1 || overdue != 2 || p.stored(t, old.ID).Revoked != nil {
			t.Errorf("after 12 days: %d records, %d overdue", n, overdue)
		}
		time.Sleep(5 * day)
		for c, want := range map[*cmf.Certificate]int{old: lifecycle.PrivilegeWithdrawn, replaced: lifecycle.Superseded, never: -1, oam: -1, same: -1} {
			if got := listed(p.list(t, "north"), c); got != want {
				t.Errorf("%s is in the list as %d, want %d", c.SubjectID, got, want)
			}
		}
		if r := p.stored(t, old.ID).Revoked; r == nil || r.By != "spiffe://hub/cmf/hub" || r.Comment == "" {
			t.Errorf("%+v", r)
		}
	})
}

// Run goes on with what is open, without a restart.
func TestRun_Open(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.start(t, nil)
		p.attester(t, "att-1")
		one := p.put(t, 1, nil)
		p.run(t)
		synctest.Wait()
		w.ca.(*fakeCA).set(hub.E(hub.Unavailable, "sign", "the token is away", nil), nil)
		if _, err := p.WithdrawAttester(t.Context(), operator, "att-1", ""); hub.CodeOf(err) != hub.Unavailable {
			t.Errorf("withdrawn without the authority: %v", err)
		}
		w.ca.(*fakeCA).set(nil, nil)
		late := p.put(t, 2, nil)
		time.Sleep(2 * time.Minute)
		if l := p.list(t, "north"); listed(l, one) != 9 || listed(l, late) != 9 || len(p.recorded("certificate.revoked", "")) != 2 {
			t.Error("the next looks did not bring it to its end")
		}
		time.Sleep(10 * time.Minute)
		after := p.put(t, 3, nil) // the order is done; enrol signs for no withdrawn attester
		time.Sleep(2 * time.Minute)
		if p.stored(t, after.ID).Revoked != nil {
			t.Error("the order still stands")
		}
	})
}
