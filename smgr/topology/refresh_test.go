package topology

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/memstate"
	"github.com/manoward/manoward/smgr"
)

// TestRefreshIsOnce holds that what is asked for while it is read is read once
// more, however often, and never twice at the same time.
func TestRefreshIsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			mu          sync.Mutex
			reads, busy int
			most        int
		)
		r := newRefresher(2, slog.New(slog.DiscardHandler), func(_ context.Context, x ref) error {
			mu.Lock()
			reads++
			busy++
			most = max(most, busy)
			mu.Unlock()
			time.Sleep(time.Second) // of the bubble
			mu.Lock()
			busy--
			mu.Unlock()
			return nil
		})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { r.run(ctx); close(done) }()
		for range 100 {
			r.want(ref{kindNs, "n1"})
		}
		synctest.Wait() // n1 is read now, so it will be again; n2 likewise; h1 waits
		for range 100 {
			r.want(ref{kindNs, "n1"})
			r.want(ref{kindNs, "n2"})
			r.want(ref{kindHost, "h1"})
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if reads != 5 || most != 2 || r.waiting() != 0 {
			t.Errorf("%d readings, %d at once, %d wait", reads, most, r.waiting())
		}
		stop()
		<-done
	})
}

// TestRefreshNow holds that who waits for a reading shares that of the background as far
// as it began after what it is for, and that an element that cannot be read is tried again.
func TestRefreshNow(t *testing.T) {
	n1, down := ref{kindNs, "n1"}, errors.New("down")
	for name, tt := range map[string]struct {
		before      func(r *refresher) // the background reads one at a time, for a second each
		fails       bool
		reads, left int // of n1 when now returns, and an hour later
		took        time.Duration
	}{
		"not asked for":     {func(*refresher) {}, false, 1, 1, time.Second},
		"fails":             {func(*refresher) {}, true, 1, 2, time.Second},
		"under way":         {func(r *refresher) { r.want(n1) }, false, 1, 1, time.Second},
		"under way, fails":  {func(r *refresher) { r.want(n1) }, true, 1, 2, time.Second},
		"began too early":   {func(r *refresher) { r.want(n1); r.want(n1) }, false, 1, 3, time.Second},
		"waits for another": {func(r *refresher) { r.want(ref{kindNs, "n2"}); r.want(n1) }, false, 1, 1, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var reads int
				var mu sync.Mutex
				r := newRefresher(1, slog.New(slog.DiscardHandler), func(_ context.Context, x ref) error {
					time.Sleep(time.Second) // of the bubble
					mu.Lock()
					defer mu.Unlock()
					if x != n1 {
						return nil
					}
					if reads++; tt.fails && reads == 1 {
						return down
					}
					return nil
				})
				ctx, stop := context.WithCancel(t.Context())
				done := make(chan struct{})
				go func() { r.run(ctx); close(done) }()
				synctest.Wait()
				tt.before(r)
				began := time.Now()
				err := r.now(ctx, n1)
				mu.Lock()
				now := reads
				mu.Unlock()
				if errors.Is(err, down) != tt.fails || time.Since(began) != tt.took {
					t.Errorf("%v after %v", err, time.Since(began))
				}
				time.Sleep(time.Hour)
				synctest.Wait()
				if now < tt.reads || reads != tt.left || r.waiting() != 0 {
					t.Errorf("%d readings, then %d, want %d and %d; %d wait", now, reads, tt.reads, tt.left, r.waiting())
				}
				ended, end := context.WithCancel(ctx)
				end()
				r.want(n1)
				if err := r.now(ended, n1); !errors.Is(err, context.Canceled) {
					t.Errorf("who waits no longer is told %v", err)
				}
				time.Sleep(time.Hour)
				stop()
				<-done
			})
		})
	}
}

// TestRefreshBacksOff holds the pauses after failures, that others go on
// meanwhile, and that the end of the work waits for no pause.
func TestRefreshBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var failed, others []time.Duration
		r := newRefresher(1, slog.New(slog.DiscardHandler), func(_ context.Context, x ref) error {
			if x.kind == kindHost {
				others = append(others, time.Since(began))
				return nil
			}
			failed = append(failed, time.Since(began))
			if len(failed) == 12 {
				return nil
			}
			return errors.New("down")
		})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { r.run(ctx); close(done) }()
		r.want(ref{kindNs, "n1"})
		r.want(ref{kindHost, "h1"})
		synctest.Wait()
		if !r.failing(ref{kindNs, "n1"}) || r.failing(ref{kindHost, "h1"}) {
			t.Error("which one fails is not known")
		}
		r.want(ref{kindNs, "n1"}) // does not shorten the pause
		time.Sleep(time.Hour)
		synctest.Wait()
		want := []time.Duration{0, 1, 3, 7, 15, 31, 63, 127, 255, 511, 811, 1111}
		for i := range want {
			want[i] *= time.Second
		}
		if !slices.Equal(failed, want) || !slices.Equal(others, []time.Duration{0}) || r.waiting() != 0 {
			t.Errorf("%v, others %v", failed, others)
		}
		r.want(ref{kindNs, "n1"})
		synctest.Wait()
		stop()
		<-done
	})
}

// TestRun drives the whole: it rebuilds at start although the NFVO does not answer
// at first, follows events in the background, and rebuilds on the timer.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := small()
		down := true
		w.fail = func(string) int {
			if down {
				return 500
			}
			return 0
		}
		s := start1(t, w, &memstate.Bus{}, nil)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { s.Run(ctx); close(done) }()
		synctest.Wait()
		if err := s.Check(ctx); hub.CodeOf(err) != hub.Unavailable || !strings.Contains(hub.SafeText(err), "not read whole") {
			t.Errorf("ready: %v", err)
		}
		w.mu.Lock()
		down = false
		w.mu.Unlock()
		time.Sleep(2 * time.Second)
		if err := s.Check(ctx); err != nil || s.Sizes()["vnf"] != 3 {
			t.Errorf("not ready: %v %v", err, s.Sizes())
		}
		w.addVnf("n1", "v9", "h1")
		if err := s.Apply(ctx, nsChange("n1", "v9", "VNF_INSTANTIATE", "START", noon, nil)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		w.forget()
		expect(t, s.input(t, nsChange("n1", "v9", "VNF_INSTANTIATE", "START", noon, nil)), map[string]string{"computes v9-c hostId": `"h1"`})
		w.removeVnf("n1", "v9")
		time.Sleep(DefaultEvery)
		if n := s.Sizes(); n["vnf"] != 3 || n["compute"] != 3 || n["refresh"] != 0 {
			t.Errorf("after the timer: %v", n)
		}
		stop()
		<-done
	})
}

// TestRebuildKeepsWhatCannotBeRead holds that an interface that fails keeps its
// part of the model, and that the others are rebuilt.
func TestRebuildKeepsWhatCannotBeRead(t *testing.T) {
	w := small()
	s := built(t, w)
	w.removeVnf("n1", "v1")
	w.mu.Lock()
	w.fail = func(path string) int {
		if strings.Contains(path, "/hosts") || strings.Contains(path, "/computes") {
			return 503
		}
		return 0
	}
	delete(w.hosts, "h2")
	w.mu.Unlock()
	err := s.Rebuild(t.Context())
	if hub.CodeOf(err) != hub.Unavailable || !strings.Contains(err.Error(), "read computes") {
		t.Errorf("rebuild: %v", err)
	}
	if n := s.Sizes(); n["vnf"] != 2 || n["host"] != 2 || n["compute"] != 2 {
		t.Errorf("sizes %v", n)
	}
}

// TestRebuildOfNFVOWithoutSelectors holds that one that refuses all_fields is read
// NS by NS.
func TestRebuildOfNFVOWithoutSelectors(t *testing.T) {
	w := small()
	w.shallow = true
	refused := map[string]bool{}
	w.fail = func(path string) int {
		if !refused[path] && (strings.HasSuffix(path, "/ns_instances") || strings.HasSuffix(path, "/vnf_packages")) {
			refused[path] = true
			return 400
		}
		return 0
	}
	s := built(t, w)
	expect(t, s.input(t, review("n1", noon)), map[string]string{"vnfs v1 provider": `"Acme"`, "vnfs v2 provider": `"Acme"`, "packages k1 integrity": `"OK"`})
}

func TestAnswerOfAnotherNs(t *testing.T) {
	w := small()
	w.nss["n8"] = w.nss["n1"]
	s := built(t, w)
	if err := s.read(t.Context(), ref{kindNs, "n8"}); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("read: %v", err)
	}
}

// TestConcurrent lets events, inputs, rebuilds and readings meet, for the race
// detector; every input fits.
func TestConcurrent(t *testing.T) {
	w := small()
	s := start1(t, w, &memstate.Bus{}, nil)
	ctx, stop := context.WithCancel(t.Context())
	var work, background sync.WaitGroup
	background.Go(func() { s.Run(ctx) })
	for i := range 4 {
		work.Go(func() {
			for j := range 25 {
				at := noon.Add(time.Duration(j) * time.Second)
				for _, e := range []smgr.Event{
					nsChange("n1", "v1", []string{"VNF_SCALE", "VNF_HEAL"}[j%2], "COMPLETED", at, map[string]any{"id": strings.Repeat("x", i+1)}),
					change(hub.EventHostChange, "host/h1", "HOST", "h1", "STATE", at, map[string]any{"state": []string{"ENABLED", "QUARANTINED"}[j%2]}, nil),
					change(hub.EventComputeChange, "host/h1", "COMPUTE", "v3-c", []string{"DELETED", "CREATED"}[j%2], at, map[string]any{}, map[string]any{"hostId": "h1"}),
				} {
					if err := s.Apply(ctx, e); err != nil {
						t.Error(err)
						continue
					}
					raw, err := s.Input(ctx, e)
					if err != nil {
						t.Error(err)
						continue
					}
					if _, err := parse(raw); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	work.Go(func() {
		for range 5 {
			if err := s.Rebuild(ctx); err != nil {
				t.Error(err)
			}
			s.Sizes()
		}
	})
	work.Wait()
	stop()
	background.Wait()
}
