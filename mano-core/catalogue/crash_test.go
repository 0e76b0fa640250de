package catalogue_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/internal/testkit/memstate"
	"github.com/manoward/manoward/mano-core/catalogue"
)

// lifeOf on-boards, disables and deletes a package as far as the world lets it,
// and says how far a caller was told that it came.
func (w *world) lifeOf(t *testing.T, s *catalogue.Service, id string, pkg []byte) (uploaded, disabled, deleted bool) {
	ctx := context.Background()
	if s.Upload(ctx, alice, catalogue.VNF, id, bytes.NewReader(pkg)) != nil {
		return
	}
	uploaded = true
	until(t, s, id, "judged or stuck", func(p catalogue.Package, err error) bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.broken || err == nil && p.State == catalogue.Onboarded && len(p.Pending) == 0
	})
	if s.SetState(ctx, alice, catalogue.VNF, id, false) != nil {
		return
	}
	disabled = true
	deleted = s.Delete(ctx, alice, catalogue.VNF, id) == nil
	return
}

// The catalogue stops at each write of a package's life in turn, and is opened
// again: what a caller was told holds, nothing is left half done, and every
// event is told under one ID.
func TestCrash_EachWrite(t *testing.T) {
	for at := 1; ; at++ {
		done := false
		t.Run(fmt.Sprintf("write %d", at), func(t *testing.T) {
			w := newWorld(t)
			pkg := w.pack(t, "d1")
			s, end := w.open(t)
			w.trust(t, s)
			id := create(t, s)
			w.mend()
			w.mu.Lock()
			w.breakAt = at
			w.mu.Unlock()
			uploaded, disabled, deleted := w.lifeOf(t, s, id, pkg)
			w.mu.Lock()
			done = !w.broken && deleted
			w.mu.Unlock()
			end()
			w.mend()
			w.settles(t, id, uploaded, disabled, deleted)
		})
		if done || t.Failed() {
			return
		}
	}
}

func (w *world) settles(t *testing.T, id string, uploaded, disabled, deleted bool) {
	t.Helper()
	s, end := w.open(t)
	p := until(t, s, id, "settled", func(p catalogue.Package, err error) bool {
		return hub.CodeOf(err) == hub.NotFound ||
			err == nil && len(p.Pending) == 0 && p.State != catalogue.Uploading && p.State != catalogue.Processing
	})
	gone := p.ID == ""
	switch {
	case deleted && !gone:
		t.Error("a deleted package is there")
	case gone && !disabled:
		t.Error("a package is gone that was never disabled")
	case uploaded && !gone && p.State != catalogue.Onboarded:
		t.Errorf("an uploaded package is %s: %+v", p.State, p.Failure)
	case disabled && !gone && p.Enabled:
		t.Error("a disabled package is enabled")
	}
	end()
	s, end = w.open(t) // once more: what was in the works has ended
	defer end()
	wantFiles := 0
	if p.State == catalogue.Onboarded {
		wantFiles = 1
	}
	if p.State == catalogue.Onboarded {
		if err := s.Check(t.Context(), catalogue.VNF, id); err != nil {
			t.Error(err)
		}
	}
	want := 0
	if p.State == catalogue.Onboarded || gone {
		want++
		if w.recorded(catalogue.RecordOnboarded) != 1 {
			t.Errorf("%d records of the on-boarding", w.recorded(catalogue.RecordOnboarded))
		}
	}
	if gone {
		want += 2
	} else if p.State == catalogue.Onboarded && !p.Enabled {
		want++
	}
	deadline := time.Now().Add(10 * time.Second)
	for len(w.files(t)) != wantFiles || w.tellings() != want { // a deletion goes on after its answer
		if time.Now().After(deadline) {
			t.Fatalf("package is %s, files are %v, %d events were told, want %d", p.State, w.files(t), w.tellings(), want)
		}
		<-time.After(time.Millisecond)
	}
}

func (w *world) tellings() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.told)
}

// An upload whose caller died with the process ends in ERROR and can be repeated.
func TestCrash_WhileReceiving(t *testing.T) {
	w := newWorld(t)
	s, end := w.open(t)
	w.trust(t, s)
	id := create(t, s)
	reached, hold := make(chan struct{}), make(chan struct{})
	var upload error
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		upload = s.Upload(context.Background(), alice, catalogue.VNF, id, &waitingReader{reached: reached, hold: hold})
	}()
	<-reached
	w.mu.Lock()
	w.broken = true // from now on nothing of the old process takes effect
	w.mu.Unlock()
	end()
	close(hold)
	<-finished
	if upload == nil {
		t.Error("the upload succeeded without a disk")
	}
	remains := filepath.Join(w.dir, "north", "0123.part")
	if err := os.WriteFile(remains, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.mend()
	s, end = w.open(t)
	defer end()
	p := until(t, s, id, "refused", settled(catalogue.Failed))
	if p.Failure == nil || w.recorded(catalogue.RecordRefused) != 1 {
		t.Errorf("failure is %+v", p.Failure)
	}
	if left := w.files(t); len(left) != 0 {
		t.Errorf("files are left: %v", left)
	}
	if err := s.Upload(t.Context(), alice, catalogue.VNF, id, bytes.NewReader(w.pack(t, "d1"))); err != nil {
		t.Fatal(err)
	}
	until(t, s, id, "on-boarded", settled(catalogue.Onboarded))
}

// waitingReader says when it is read and then waits, as a slow client does.
type waitingReader struct {
	reached, hold chan struct{}
	told          bool
}

func (r *waitingReader) Read(p []byte) (int, error) {
	if !r.told {
		r.told = true
		close(r.reached)
	}
	<-r.hold
	return 0, os.ErrDeadlineExceeded
}

// unsure is tables that write what they are told and then, once, say that they do
// not know.
type unsure struct {
	*memstate.Bus
	armed atomic.Bool
}

func (u *unsure) Open(ctx context.Context, domain, name string) (state.Table, error) {
	t, err := u.Bus.Open(ctx, domain, name)
	return unsureTable{t, u}, err
}

type unsureTable struct {
	state.Table
	u *unsure
}

func (t unsureTable) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	next, err := t.Table.Update(ctx, key, value, revision)
	if err == nil && bytes.Contains(value, []byte(`"state":"PROCESSING"`)) && t.u.armed.CompareAndSwap(true, false) {
		return 0, errBroken
	}
	return next, err
}

// A store that took the content in and could not say so has taken it in.
func TestUpload_OutcomeUnknown(t *testing.T) {
	w := newWorld(t)
	tables := &unsure{Bus: &w.bus}
	work, cancel := context.WithCancel(t.Context())
	s := catalogue.New(catalogue.Config{Tables: tables, Dir: w.dir, Publisher: w, Records: w, Retry: time.Millisecond})
	if err := s.Open(t.Context(), work, "north"); err != nil {
		t.Fatal(err)
	}
	defer s.Wait()
	defer cancel()
	w.trust(t, s)
	id := create(t, s)
	tables.armed.Store(true)
	if err := s.Upload(t.Context(), alice, catalogue.VNF, id, bytes.NewReader(w.pack(t, "d1"))); err != nil {
		t.Fatal(err)
	}
	until(t, s, id, "on-boarded", settled(catalogue.Onboarded))
	if tables.armed.Load() {
		t.Error("the store was never unsure")
	}
}

// What belongs to a deleted trust domain goes with it.
func TestRemoveDomain(t *testing.T) {
	w := newWorld(t)
	s, end := w.open(t)
	defer end()
	w.trust(t, s)
	w.onboard(t, s, "d1")
	if err := s.RemoveDomain("north"); err != nil {
		t.Fatal(err)
	}
	w.bus.Delete("north")
	if _, err := s.Create(t.Context(), catalogue.Creation{Kind: catalogue.VNF, Domain: "north"}); hub.CodeOf(err) != hub.Unprocessable {
		t.Errorf("a new package in it is %v", err)
	}
	if left := w.files(t); len(left) != 0 {
		t.Errorf("files are left: %v", left)
	}
	if err := s.RemoveDomain("../north"); err == nil {
		t.Error("a path is taken for a trust domain")
	}
}
