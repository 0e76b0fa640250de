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
// cut off, and once it has not.
func TestSign_Killed(t *testing.T) {
	t.Parallel()
	for _, recovers := range []bool{false, true} {
		points := 0
		for whole := false; !whole; points++ {
			t.Run(fmt.Sprintf("recovers=%v/%d", recovers, points), func(t *testing.T) { whole = killAt(t, points, recovers) })
			if points > 100 {
				t.Fatal("it never comes to its end")
			}
		}
		if points < 12 {
			t.Errorf("there were %d points: the test kills nothing", points)
		}
	}
}

// killAt lets a process die at a point, and says whether there was no such point.
func killAt(t *testing.T, point int, recovers bool) (whole bool) {
	w := mortal(t)
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
		if !slices.Contains(issued, n) && !slices.Contains(failed, n) {
			t.Errorf("what was signed as %s is in no record", n)
		}
	}
}

// Answers do not wait until it is stored that their request is done, as long as not too
// many are open; in the end it is stored of all, and shown before.
func TestSign_ClosedAfterAnswer(t *testing.T) {
	t.Parallel()
	const most = 64
	closing, release := make(chan struct{}), make(chan struct{})
	var mu sync.Mutex
	made := map[string]bool{}
	w := newWorld(t, &memstate.Bus{Fail: func(_, _, key string) error {
		mu.Lock()
		again := made[key]
		made[key] = strings.HasPrefix(key, "request/")
		mu.Unlock()
		if again {
			closing <- struct{}{}
			<-release
		}
		return nil
	}})
	p := w.process()
	v := p.register(alpha, "north")
	sign := func() {
		if a, err := p.Sign(t.Context(), alpha, "north", v.csr(t, nil)); err != nil || a.State != certmgmt.RequestIssued {
			t.Errorf("%s for %v: %v", a.State, a.Reasons, err)
		}
	}
	for range most {
		sign()
		<-closing
	}
	var last atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() { sign(); last.Store(true) })
	<-closing
	if last.Load() {
		t.Error("an answer did not wait although too many requests were open")
	}
	for s, err := range p.Signings(t.Context(), alpha, "") {
		if err != nil || s.State != certmgmt.RequestIssued || s.CertificateID != s.ID {
			t.Errorf("a request that has its certificate is shown as %+v: %v", s, err)
		}
	}
	close(release)
	wg.Wait()
	p.Wait()
	if open := p.store.Requests.Find(cmf.ByState(certmgmt.RequestProcessing)); len(open) > 0 {
		t.Errorf("%d requests are open", len(open))
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
