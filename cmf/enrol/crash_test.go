package enrol_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/internal/testkit/devicekit"
	"github.com/manoward/manoward/internal/testkit/memstate"
)

// dying is tables with a point before and after each write: an answer may be lost.
type dying struct {
	bus *memstate.Bus
	w   *world
}

func (d dying) Open(ctx context.Context, domain, name string) (state.Table, error) {
	t, err := d.bus.Open(ctx, domain, name)
	return dyingTable{t, d.w}, err
}

type dyingTable struct {
	state.Table
	w *world
}

func (t dyingTable) Create(ctx context.Context, key string, value []byte) (uint64, error) {
	if err := t.w.point(); err != nil {
		return 0, err
	}
	n, err := t.Table.Create(ctx, key, value)
	return n, errors.Join(err, t.w.point())
}

func (t dyingTable) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	if err := t.w.point(); err != nil {
		return 0, err
	}
	n, err := t.Table.Update(ctx, key, value, revision)
	return n, errors.Join(err, t.w.point())
}

// silent is tables that take no certificate, as if its process died after it was recorded.
type silent struct{ state.Tables }

func (s silent) Open(ctx context.Context, domain, name string) (state.Table, error) {
	t, err := s.Tables.Open(ctx, domain, name)
	return silentTable{t}, err
}

type silentTable struct{ state.Table }

func (t silentTable) Create(ctx context.Context, key string, value []byte) (uint64, error) {
	if strings.HasPrefix(key, "pack/") {
		return 0, hub.E(hub.Unavailable, "create", "the process is dead", errDead)
	}
	return t.Table.Create(ctx, key, value)
}

// mortal is a world whose process can die at each durable thing.
func mortal(t *testing.T) *world {
	w := newWorld(t, nil)
	w.tables = dying{&memstate.Bus{}, w}
	w.ca.before, w.ca.after = w.point, w.point
	return w
}

// A process that dies between any two durable things leaves no certificate without a
// record, loses none that was answered, and uses no serial number twice; the same
// request again has a certificate. Once the next process has looked after what was
// cut off, and once it has not; with an authority of its own, and with one elsewhere.
func TestSign_Killed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ elsewhere, recovers bool }{{false, false}, {false, true}, {true, false}, {true, true}} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			t.Parallel()
			everyPoint(t, 12, func(t *testing.T, point int) bool { return killAt(t, point, c.elsewhere, c.recovers) })
		})
	}
}

// killAt lets a process die at a point, and says whether there was no such point.
func killAt(t *testing.T, point int, elsewhere, recovers bool) (whole bool) {
	w := mortal(t)
	w.ca.elsewhere = elsewhere
	p := w.process()
	v := p.register(alpha, "north")
	nonce, challenge := p.nonce(alpha, v)
	r := v.csr(t, nonce)
	r.ChallengeID = challenge
	w.live(point)
	first, err := p.Sign(t.Context(), alpha, "north", r)
	p.Wait()
	answered, whole := err == nil, w.live(-1) > 0
	if !answered && !errors.Is(err, errDead) {
		t.Fatalf("the dying process says %v", err)
	}
	next := w.process()
	if recovers {
		w.wait(time.Minute)
		if err := next.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		if open := next.store.Requests.Find(cmf.ByState(certmgmt.RequestProcessing)); len(open) > 0 {
			t.Errorf("%d requests have no outcome", len(open))
		}
		books(t, next)
	}
	again, err := next.Sign(t.Context(), alpha, "north", r)
	if err != nil || again.State != certmgmt.RequestIssued {
		t.Fatalf("again: %s for %v: %v", again.State, again.Reasons, err)
	}
	if answered && again.Certificate != first.Certificate {
		t.Error("an answered certificate was lost")
	}
	books(t, next)
	third, err := next.Sign(t.Context(), alpha, "north", r)
	if err != nil || third.Certificate != again.Certificate {
		t.Errorf("the third answer is another one: %v", err)
	}
	return whole
}

// A process that dies between any two durable things of a registration leaves it whole
// or not at all, with its records, once the next process has looked after it; the same
// registration again is the same.
func TestRegister_Killed(t *testing.T) {
	t.Parallel()
	everyPoint(t, 12, func(t *testing.T, point int) bool {
		w := mortal(t)
		p, v := w.process(), vnfc{id: hub.NewID(), device: devicekit.NewSoft(t)}
		var first certmgmt.Registration
		whole := w.dies(t, point, func() (err error) {
			first, err = p.Register(t.Context(), alpha, "north", v.request())
			return err
		})
		next := w.recovered(t)
		if there, told := next.store.Registrations.Len(), len(w.kinds("registration.registered")); there != told {
			t.Errorf("%d registrations are there, %d are recorded", there, told)
		}
		if there, told := next.store.Attesters.Len(), len(w.kinds("attester.registered")); there != told {
			t.Errorf("%d attesters are there, %d are recorded", there, told)
		}
		again, err := next.Register(t.Context(), alpha, "north", v.request())
		if err != nil || whole && again.ID != first.ID || next.store.Registrations.Len() != 1 || len(w.kinds("registration.registered")) != 1 {
			t.Errorf("again: %+v %v; at first %+v", again, err, first)
		}
		return whole
	})
}

// books checks that certificates, records and what was signed agree.
func books(t *testing.T, p process) {
	t.Helper()
	serials := func(kind string) (list []string) {
		for _, r := range p.w.kinds(kind) {
			var said struct{ SerialNumber string }
			if err := json.Unmarshal(r.Data, &said); err != nil || said.SerialNumber == "" {
				t.Errorf("%s says %s: %v", kind, r.Data, err)
			}
			list = append(list, said.SerialNumber)
		}
		return list
	}
	issued, failed := serials("certificate.issued"), serials("certificate.failed")
	for id := range p.store.Certificates.IDs("") {
		e, err := p.store.Certificates.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if n := fmt.Sprintf("%x", e.Value.Serial.Bytes()); !slices.Contains(issued, n) {
			t.Errorf("the certificate %s has no record", n)
		}
	}
	if len(issued) != p.store.Certificates.Len() {
		t.Errorf("%d certificates are recorded, %d are there", len(issued), p.store.Certificates.Len())
	}
	p.w.ca.mu.Lock()
	defer p.w.ca.mu.Unlock()
	for i, n := range p.w.ca.serials {
		if slices.Contains(p.w.ca.serials[:i], n) {
			t.Errorf("the serial number %s was signed twice", n)
		}
		// What an authority of the hub's own signed was in the memory of a dead process alone.
		if p.w.ca.elsewhere && !slices.Contains(issued, n) && !slices.Contains(failed, n) {
			t.Errorf("what was signed as %s is in no record", n)
		}
	}
}

// Answers do not wait until what they tell is in the tables, as long as not too many are
// open; it is found before, can be revoked as soon as it is stored, and in the end all is.
func TestSign_StoredAfterAnswer(t *testing.T) {
	t.Parallel()
	const most = 64
	storing, release := make(chan struct{}), make(chan struct{})
	w := newWorld(t, &memstate.Bus{Fail: func(_, _, key string) error {
		if strings.HasPrefix(key, "pack/") {
			select {
			case storing <- struct{}{}: // the first; the others wait for it
				<-release
			case <-release:
			}
		}
		return nil
	}})
	p := w.process()
	v := p.register(alpha, "north")
	var newest atomic.Value
	sign := func() {
		a, err := p.Sign(t.Context(), alpha, "north", v.csr(t, nil))
		if err != nil || a.State != certmgmt.RequestIssued {
			t.Errorf("%s for %v: %v", a.State, a.Reasons, err)
		}
		newest.Store(a.ID)
	}
	sign()
	<-storing
	for range most - 1 {
		sign()
	}
	id := newest.Load().(string)
	var last atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() { sign(); last.Store(true) })
	eventually(t, "the last one is issued", func() bool { return p.store.Certificates.Len() == most+1 })
	if last.Load() {
		t.Error("an answer did not wait although too many are not stored")
	}
	for s, err := range p.Signings(t.Context(), alpha, "") {
		if err != nil || s.State != certmgmt.RequestIssued || s.CertificateID != s.ID {
			t.Errorf("a request that has its certificate is shown as %+v: %v", s, err)
		}
	}
	if a, err := p.Signing(t.Context(), alpha, id); err != nil || a.Certificate == "" {
		t.Errorf("a certificate that is not stored yet is shown as %+v: %v", a, err)
	}
	var revoked atomic.Bool
	wg.Go(func() {
		_, err := p.store.Certificates.Update(t.Context(), id, func(c *cmf.Certificate) error { c.Revoked = &cmf.Revocation{Reason: 1}; return nil })
		if err != nil {
			t.Error(err)
		}
		revoked.Store(true)
	})
	if revoked.Load() {
		t.Error("it was revoked before it was stored")
	}
	close(release)
	wg.Wait()
	p.Wait()
	next := w.process()
	if next.store.Certificates.Len() != most+1 || next.store.Requests.Len() != most+1 || len(next.store.Requests.Find(cmf.ByState(certmgmt.RequestIssued))) != most+1 {
		t.Errorf("%d certificates and %d requests are stored", next.store.Certificates.Len(), next.store.Requests.Len())
	}
	if e, err := next.store.Certificates.Get(t.Context(), id); err != nil || e.Value.Revoked == nil {
		t.Errorf("the revoked certificate is %+v: %v", e.Value, err)
	}
}

// The same CSR, sent twenty times at once to one process and to several, is one
// certificate and one answer.
func TestSign_AtOnce(t *testing.T) {
	t.Parallel()
	for name, processes := range map[string]int{"one": 1, "three": 3} {
		t.Run(name, func(t *testing.T) {
			w := memory(t)
			var all []process
			for range processes {
				all = append(all, w.process())
			}
			v := all[0].register(alpha, "north")
			eventually(t, "the registration is known everywhere", func() bool {
				return !slices.ContainsFunc(all, func(p process) bool {
					return len(p.store.Registrations.Find(cmf.BySubject(certmgmt.VNFCICert, v.id))) == 0 || p.store.Attesters.Kept(v.attester) == nil
				})
			})
			r := v.csr(t, nil)
			var wg sync.WaitGroup
			var mu sync.Mutex
			answers := map[string]int{}
			for i := range 20 {
				wg.Go(func() {
					a, err := signUntil(t, all[i%processes], r)
					if err != nil || a.State != certmgmt.RequestIssued {
						t.Errorf("%s for %v: %v", a.State, a.Reasons, err)
					}
					mu.Lock()
					defer mu.Unlock()
					answers[a.Certificate]++
				})
			}
			wg.Wait()
			if len(answers) != 1 || all[0].store.Certificates.Len() != 1 {
				t.Errorf("%d answers, %d certificates", len(answers), all[0].store.Certificates.Len())
			}
			if processes == 1 && w.ca.signed() != 1 {
				t.Errorf("%d were signed", w.ca.signed())
			}
			books(t, all[0])
		})
	}
}

// signUntil signs, and asks again where another process is at the request.
func signUntil(t *testing.T, p process, r certmgmt.SigningRequest) (certmgmt.Signing, error) {
	for {
		a, err := p.Sign(t.Context(), alpha, "north", r)
		if hub.CodeOf(err) != hub.Unavailable || t.Context().Err() != nil {
			return a, err
		}
	}
}

// eventually waits for what can be seen.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick, late := time.NewTicker(time.Millisecond), time.After(30*time.Second)
	defer tick.Stop()
	for !ok() {
		select {
		case <-late:
			t.Fatalf("not within 30 s: %s", what)
		case <-tick.C:
		}
	}
}
