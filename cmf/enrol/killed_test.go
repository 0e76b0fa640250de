package enrol_test

import (
	"crypto/x509"
	"errors"
	"fmt"
	"testing"

	"github.com/manoward/manoward/attestation/tpm"
	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/testkit/devicekit"
	"github.com/manoward/manoward/internal/testkit/memlog"
)

// everyPoint calls try with each point at which a process can die, until it says that
// there was none.
func everyPoint(t *testing.T, least int, try func(t *testing.T, point int) (whole bool)) {
	t.Helper()
	points := 0
	for whole := false; !whole; points++ {
		t.Run(fmt.Sprint(points), func(t *testing.T) { whole = try(t, points) })
		if points > 100 {
			t.Fatal("it never comes to its end")
		}
	}
	if points < least {
		t.Errorf("there were %d points: the test kills nothing", points)
	}
}

// dies calls fn in a process that dies at a point, and says whether it was answered.
func (w *world) dies(t *testing.T, point int, fn func() error) (whole bool) {
	t.Helper()
	w.live(point)
	err := fn()
	w.live(-1)
	if err != nil && !errors.Is(err, errDead) {
		t.Fatalf("the dying process says %v", err)
	}
	return err == nil
}

// recovered is the next process, which has looked after what was cut off: there is
// nothing that may have no record.
func (w *world) recovered(t *testing.T) process {
	t.Helper()
	next := w.process()
	if err := next.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(next.store.Registrations.Find(cmf.Unrecorded)) + len(next.store.Attesters.Find(cmf.Unrecorded)); n > 0 {
		t.Errorf("%d are not known to be recorded", n)
	}
	return next
}

// A process that dies between any two durable things of the end of a registration
// leaves one that goes on without a record of its end, or one that ended, with its
// record, once the next process has looked after it. To end it again ends it, once.
func TestEndRegistration_Killed(t *testing.T) {
	t.Parallel()
	everyPoint(t, 6, func(t *testing.T, point int) bool {
		w := mortal(t)
		p := w.process()
		v := p.register(alpha, "north")
		whole := w.dies(t, point, func() error { return p.EndRegistration(t.Context(), alpha, v.reg.ID) })
		next := w.recovered(t)
		r, err := next.Registration(t.Context(), alpha, v.reg.ID)
		if told := len(w.kinds("registration.ended")); err != nil || r.Ended != (told == 1) || told > 1 || whole && !r.Ended {
			t.Errorf("answered: %v; ended: %v %v; %d records", whole, r.Ended, err, told)
		}
		if err := next.EndRegistration(t.Context(), beta, v.reg.ID); err == nil {
			t.Error("another consumer ends it")
		}
		if err := next.EndRegistration(t.Context(), alpha, v.reg.ID); err != nil {
			t.Error(err)
		}
		told := w.kinds("registration.ended")
		if r, err = next.Registration(t.Context(), alpha, v.reg.ID); err != nil || !r.Ended || len(told) != 1 || told[0].Actor != alpha.String() {
			t.Errorf("again: %+v %v; records: %+v", r, err, told)
		}
		return whole
	})
}

// What a crash left of a registration and of its end at once is recorded in its order.
func TestEndRegistration_Unrecorded(t *testing.T) {
	t.Parallel()
	w := mortal(t)
	p := w.process()
	v := p.register(alpha, "north")
	at := w.Now()
	if _, err := p.store.Registrations.Update(t.Context(), v.reg.ID, func(r *cmf.Registration) error {
		r.Unrecorded, r.Ended, r.Ending = true, true, &cmf.Ending{At: at, By: alpha.String()}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	w.logs = &memlog.Logs{}
	w.recovered(t)
	if told := w.logs.Records("north"); len(told) != 2 || told[0].Kind != "registration.registered" || told[1].Kind != "registration.ended" {
		t.Errorf("the records are %+v", told)
	}
}

// A process that dies between any two durable things of an activation leaves an
// attester that is activated and recorded so, or neither, once the next process has
// looked after it. The same answer again activates it, once.
func TestActivate_Killed(t *testing.T) {
	t.Parallel()
	device := devicekit.StartTPM(t, "")
	made := makerOf(t, device)
	everyPoint(t, 8, func(t *testing.T, point int) bool {
		w := mortal(t)
		w.roots = []*x509.Certificate{made.root}
		p := w.process()
		a, c := made.challenged(t, p, certmgmt.Attester{StatementOID: tpm.OID, PublicKey: string(device.AKPEM())})
		right := answer(t, device, c)
		activate := func(p process) error { _, err := p.Activate(t.Context(), alpha, c.ID, right); return err }
		whole := w.dies(t, point, func() error { return activate(p) })
		next := w.recovered(t)
		var err error
		if a, err = next.Attester(t.Context(), alpha, a.ID); err != nil {
			t.Fatal(err)
		}
		if told := len(w.kinds("attester.activated")); (a.Activated != nil) != (told == 1) || told > 1 || whole && a.Activated == nil {
			t.Errorf("answered: %v; activated: %v; %d records", whole, a.Activated, told)
		}
		if err := activate(next); err != nil {
			t.Error(err)
		}
		told := w.kinds("attester.activated")
		if a, err = next.Attester(t.Context(), alpha, a.ID); err != nil || a.Activated == nil || len(told) != 1 || !told[0].Time.Equal(*a.Activated) {
			t.Errorf("again: %+v %v; records: %+v", a, err, told)
		}
		return whole
	})
}
