package obs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

func probe(h *Health, method, target, accept string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	w := httptest.NewRecorder()
	h.Handler().ServeHTTP(w, r)
	return w
}

func tokenGone(context.Context) error {
	return hub.E(hub.Unavailable, "check", "token north is not there", errors.New("CKR_GENERAL_ERROR"))
}

func TestHealth_Probes(t *testing.T) {
	h := NewHealth(quiet(), time.Now)
	h.Register("bus", func(context.Context) error { return nil })
	for _, c := range []struct {
		method, target, accept string
		status                 int
		kind, body             string
	}{
		{"GET", "/healthz", "", 200, "text/plain", "ok\n"},
		{"GET", "/readyz", "", 200, "application/json", `{"ready":true,"missing":[]}` + "\n"},
		{"GET", "/readyz", "*/*", 200, "application/json", `{"ready":true,"missing":[]}` + "\n"},
		{"GET", "/readyz?format=text", "", 200, "text/plain", "ready\n"},
		{"GET", "/readyz", "text/plain", 200, "text/plain", "ready\n"},
		{"GET", "/readyz?format=json", "text/plain", 200, "application/json", `{"ready":true,"missing":[]}` + "\n"},
		{"POST", "/readyz", "", 405, "text/plain", "Method Not Allowed\n"},
		{"GET", "/else", "", 404, "text/plain", "404 page not found\n"},
	} {
		w := probe(h, c.method, c.target, c.accept)
		if w.Code != c.status || !strings.HasPrefix(w.Header().Get("Content-Type"), c.kind) || w.Body.String() != c.body {
			t.Errorf("%s %s: %d %s %q", c.method, c.target, w.Code, w.Header().Get("Content-Type"), w.Body)
		}
	}
	remove := h.Register("pkcs11/north", tokenGone)
	h.Register("a defect", func(context.Context) error { return errors.New("secret detail") })
	w := probe(h, "GET", "/readyz", "")
	var body struct {
		Ready   bool
		Missing []Missing
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatal(err)
	}
	want := []Missing{{"a defect", hub.SafeText(errors.New(""))}, {"pkcs11/north", "token north is not there"}}
	if w.Code != 503 || body.Ready || !reflect.DeepEqual(body.Missing, want) {
		t.Errorf("%d %s, want 503 with %v", w.Code, w.Body, want)
	}
	text := probe(h, "GET", "/readyz?format=text", "").Body.String()
	if !strings.HasPrefix(text, "not ready\n") || !strings.Contains(text, "\npkcs11/north: token north is not there\n") {
		t.Errorf("as text: %q", text)
	}
	for target, want := range map[string]string{
		"/readyz":             `{"ready":false,"missing":[{"name":"a defect"},{"name":"pkcs11/north"}]}` + "\n",
		"/readyz?format=text": "not ready\na defect\npkcs11/north\n",
	} {
		public := httptest.NewRecorder()
		h.PublicHandler().ServeHTTP(public, httptest.NewRequest("GET", target, nil))
		if public.Code != 503 || public.Body.String() != want {
			t.Errorf("anybody gets %d %q, want the names alone: %q", public.Code, public.Body, want)
		}
	}
	if got := probe(h, "GET", "/healthz", ""); got.Code != http.StatusOK {
		t.Errorf("/healthz is %d when something is missing", got.Code)
	}
	remove()
	if got := h.Missing(); len(got) != 1 {
		t.Errorf("after removing one: %v", got)
	}
}

func TestHealth_Replaced(t *testing.T) {
	h := NewHealth(quiet(), time.Now)
	removeOld := h.Register("pkcs11/north", tokenGone)
	h.Register("pkcs11/north", func(context.Context) error { return nil })
	if got := h.Missing(); len(got) != 0 {
		t.Errorf("the old check is still asked: %v", got)
	}
	removeOld() // must not take the new one away
	h.mu.Lock()
	n := len(h.checks)
	h.mu.Unlock()
	if n != 1 {
		t.Error("removing the old check took the new one away")
	}
}

// TestHealth_Cached has many probes ask at once and shortly after one another.
func TestHealth_Cached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHealth(quiet(), time.Now)
		var asked atomic.Int32
		var broken atomic.Bool
		h.Register("bus", func(context.Context) error {
			asked.Add(1)
			time.Sleep(100 * time.Millisecond)
			if broken.Load() {
				return errors.New("broken")
			}
			return nil
		})
		many := func(want int) {
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() {
					if got := h.Missing(); len(got) != want {
						t.Errorf("missing %v, want %d", got, want)
					}
				})
			}
			wg.Wait()
		}
		many(0)
		broken.Store(true)
		many(0)
		if n := asked.Load(); n != 1 {
			t.Errorf("100 probes asked %d times", n)
		}
		time.Sleep(CheckEvery + time.Millisecond)
		many(1)
		if n := asked.Load(); n != 2 {
			t.Errorf("asked %d times after the cache was stale", n)
		}
	})
}

// TestHealth_RegisteredMeanwhile adds a check while others are asked: the next
// probe must ask it.
func TestHealth_RegisteredMeanwhile(t *testing.T) {
	h := NewHealth(quiet(), time.Now)
	h.Register("bus", func(context.Context) error {
		h.Register("pkcs11/north", tokenGone)
		return nil
	})
	h.Missing()
	if got := h.Missing(); len(got) != 1 {
		t.Errorf("missing %v, want the token", got)
	}
}

// TestHealth_Hangs has one check that ends with its context, and one that does
// not and is called once only.
func TestHealth_Hangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHealth(quiet(), time.Now)
		release := make(chan struct{})
		var calls atomic.Int32
		h.Register("slow", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		h.Register("stuck", func(context.Context) error { calls.Add(1); <-release; return nil })
		h.Register("fine", func(context.Context) error { return nil })
		start := time.Now()
		want := []Missing{{"slow", "no answer within 2s"}, {"stuck", "no answer within 2s"}}
		if got := h.Missing(); !reflect.DeepEqual(got, want) {
			t.Errorf("missing %v, want %v", got, want)
		}
		if took := time.Since(start); took != CheckTimeout {
			t.Errorf("took %s", took)
		}
		time.Sleep(2 * CheckEvery)
		want[1].Reason = "an earlier check has still not come back"
		if got := h.Missing(); !reflect.DeepEqual(got, want) || calls.Load() != 1 {
			t.Errorf("missing %v after %d calls, want %v after 1", got, calls.Load(), want)
		}
		close(release)
		synctest.Wait()
		time.Sleep(2 * CheckEvery)
		if got := h.Missing(); !reflect.DeepEqual(got, want[:1]) || calls.Load() != 2 {
			t.Errorf("missing %v after %d calls", got, calls.Load())
		}
	})
}

func TestHealth_LogsChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		h := NewHealth(slog.New(slog.NewTextHandler(&log, nil)), time.Now)
		var err error
		h.Register("bus", func(context.Context) error { return err })
		gone := tokenGone(t.Context())
		for _, next := range []error{nil, gone, gone, nil, nil} {
			err = next
			h.Missing()
			time.Sleep(2 * CheckEvery)
		}
		text := log.String()
		if strings.Count(text, "\n") != 2 || !strings.Contains(text, `msg="not ready" check=bus`) || !strings.Contains(text, "CKR_GENERAL_ERROR") || !strings.Contains(text, `msg="ready again" check=bus`) {
			t.Errorf("the log says\n%s", text)
		}
	})
}

func TestHealth_Notes(t *testing.T) {
	h := NewHealth(quiet(), time.Now)
	said := []string{"it cannot sing", "it cannot dance"}
	h.Annotate("sm/north", func() []string { return said })
	want := `{"ready":true,"missing":[],"notes":[{"name":"sm/north","text":"it cannot sing"},{"name":"sm/north","text":"it cannot dance"}]}` + "\n"
	if w := probe(h, "GET", "/readyz", ""); w.Code != 200 || w.Body.String() != want {
		t.Errorf("%d %s, want %s", w.Code, w.Body, want)
	}
	if w := probe(h, "GET", "/readyz?format=text", ""); w.Body.String() != "ready\nnote: sm/north: it cannot sing\nnote: sm/north: it cannot dance\n" {
		t.Errorf("as text: %q", w.Body)
	}
	public := httptest.NewRecorder()
	h.PublicHandler().ServeHTTP(public, httptest.NewRequest("GET", "/readyz", nil))
	if strings.Contains(public.Body.String(), "dance") {
		t.Errorf("anybody gets %s", public.Body)
	}
	said = nil
	if w := probe(h, "GET", "/readyz", ""); strings.Contains(w.Body.String(), "notes") {
		t.Errorf("nothing is said any more: %s", w.Body)
	}
}
