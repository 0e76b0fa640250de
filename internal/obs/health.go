package obs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// How long a check may take, and how long the outcome of all of them is
// answered before they are asked again.
const (
	CheckTimeout = 2 * time.Second
	CheckEvery   = time.Second
)

// Missing is a part of the hub that is not fit to work.
type Missing struct {
	Name   string `json:"name"`             // of the check: "pkcs11/north"
	Reason string `json:"reason,omitempty"` // cause and mend; absent where anybody may ask
}

// Note is what works with less than it could have, and never makes the hub
// unfit.
type Note struct {
	Name string `json:"name"` // of the part, as of its check
	Text string `json:"text"`
}

// Health knows what must work for the hub to be ready. Parts register a check
// and take it away when they go, at any time. It is safe for concurrent use.
type Health struct {
	log *slog.Logger
	now func() time.Time

	run chan struct{} // holds one entry while checks run, so that probes that come meanwhile share their outcome

	mu      sync.Mutex // guards what is below, for moments only
	checks  map[string]*check
	notes   map[string]func() []string
	missing []Missing // of the last run
	until   time.Time // when the last run is stale; zero: there is none
	changes int       // counts what was registered and taken away
}

type check struct {
	name   string
	ask    func(context.Context) error
	busy   bool // a call has not come back yet; guarded by Health.mu
	failed bool // outcome of the last run, to log changes only; only during Health.run
}

// NewHealth returns a Health without checks, which is ready. Changes of a
// check's outcome are logged to log, with the whole error. now is the clock.
func NewHealth(log *slog.Logger, now func() time.Time) *Health {
	return &Health{log: log, now: now, run: make(chan struct{}, 1), checks: make(map[string]*check), notes: make(map[string]func() []string)}
}

// Register adds a check under a name, in place of one that has the name, and
// returns the function that takes it away again. ask returns nil when the part
// is fit to work, or else an error whose [hub.SafeText] is shown. It is called
// at most once at a time and should end when its context does, within
// [CheckTimeout]; one that does not is reported as missing, and not asked again
// until it has come back.
func (h *Health) Register(name string, ask func(context.Context) error) (remove func()) {
	c := &check{name: name, ask: ask}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.checks[name] = c
	h.changed()
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.checks[name] == c {
			delete(h.checks, name)
			h.changed()
		}
	}
}

// Annotate lets a part say at /readyz, to operators, what it works without. say
// must not block; it is asked at each request.
func (h *Health) Annotate(name string, say func() []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.notes[name] = say
}

// told lists what the parts say now, by name.
func (h *Health) told() []Note {
	h.mu.Lock()
	says := maps.Clone(h.notes)
	h.mu.Unlock()
	var list []Note
	for _, name := range slices.Sorted(maps.Keys(says)) {
		for _, text := range says[name]() {
			list = append(list, Note{name, text})
		}
	}
	return list
}

// changed makes what is known stale. The caller holds h.mu.
func (h *Health) changed() {
	h.until = time.Time{}
	h.changes++
}

// Missing asks all checks at once and returns those that fail, by name, or what
// they said less than [CheckEvery] ago. It comes back within little more than
// [CheckTimeout]. No part missing means that the hub is ready.
func (h *Health) Missing() []Missing {
	if missing, ok := h.cached(); ok {
		return missing
	}
	h.run <- struct{}{}
	defer func() { <-h.run }()
	if missing, ok := h.cached(); ok {
		return missing // the run that we waited for
	}

	h.mu.Lock()
	checks := make([]*check, 0, len(h.checks))
	for _, c := range h.checks {
		checks = append(checks, c)
	}
	changes := h.changes
	h.mu.Unlock()

	missing := h.ask(checks)

	h.mu.Lock()
	defer h.mu.Unlock()
	if h.changes == changes { // else the run missed a check: the next probe asks again
		h.missing, h.until = missing, h.now().Add(CheckEvery)
	}
	return slices.Clone(missing)
}

func (h *Health) cached() ([]Missing, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.until.IsZero() || h.now().After(h.until) {
		return nil, false
	}
	return slices.Clone(h.missing), true
}

// ask runs the checks beside one another and logs each whose outcome is not what
// it was. It is called during h.run.
func (h *Health) ask(checks []*check) []Missing {
	ctx, cancel := context.WithTimeout(context.Background(), CheckTimeout)
	defer cancel()
	errs := make([]error, len(checks))
	var wg sync.WaitGroup
	for i, c := range checks {
		wg.Go(func() { errs[i] = h.askOne(ctx, c) })
	}
	wg.Wait()

	missing := []Missing{} // not nil: it is an empty list in JSON
	for i, c := range checks {
		err := errs[i]
		switch {
		case err != nil && !c.failed:
			h.log.Error("not ready", "check", c.name, "error", err)
		case err == nil && c.failed:
			h.log.Info("ready again", "check", c.name)
		}
		c.failed = err != nil
		if err != nil {
			missing = append(missing, Missing{Name: c.name, Reason: hub.SafeText(err)})
		}
	}
	slices.SortFunc(missing, func(a, b Missing) int { return strings.Compare(a.Name, b.Name) })
	return missing
}

// askOne asks one check and waits for it no longer than ctx lasts.
func (h *Health) askOne(ctx context.Context, c *check) error {
	h.mu.Lock()
	busy := c.busy
	c.busy = true
	h.mu.Unlock()
	if busy {
		return hub.E(hub.Unavailable, "check "+c.name, "an earlier check has still not come back", nil)
	}
	answer := make(chan error, 1)
	go func() {
		err := c.ask(ctx)
		h.mu.Lock()
		c.busy = false
		h.mu.Unlock()
		answer <- err
	}()
	select {
	case err := <-answer:
		if errors.Is(err, context.DeadlineExceeded) && hub.CodeOf(err) == hub.Internal {
			return noAnswer(c.name, err)
		}
		return err
	case <-ctx.Done():
		return noAnswer(c.name, ctx.Err())
	}
}

func noAnswer(name string, err error) error {
	return hub.E(hub.Unavailable, "check "+name, fmt.Sprintf("no answer within %s", CheckTimeout), err)
}

// Handler serves the two probes, for GET and HEAD:
//
//	/healthz  200 "ok" as long as the process serves at all
//	/readyz   200 or 503, with {"ready": false, "missing": [{"name", "reason"}], "notes": [{"name", "text"}]}
//
// /readyz answers in plain text, one missing part a line, to ?format=text or to
// a client that accepts text/plain and not JSON. The reasons name files and
// parts of the hub: serve them to operators only.
func (h *Health) Handler() http.Handler { return h.handler(true) }

// PublicHandler is [Health.Handler] for anybody: it names what is missing, and
// leaves the reasons and notes out.
func (h *Health) PublicHandler() http.Handler { return h.handler(false) }

func (h *Health) handler(reasons bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		plain(w, http.StatusOK, "ok\n")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		missing := h.Missing()
		if reasons {
			serveReady(w, r, missing, h.told())
			return
		}
		for i := range missing {
			missing[i].Reason = ""
		}
		serveReady(w, r, missing, nil)
	})
	return mux
}

func serveReady(w http.ResponseWriter, r *http.Request, missing []Missing, notes []Note) {
	status := http.StatusOK
	if len(missing) > 0 {
		status = http.StatusServiceUnavailable
	}
	if wantsText(r) {
		text := "ready\n"
		if len(missing) > 0 {
			text = "not ready\n"
		}
		for _, m := range missing {
			text += strings.TrimSuffix(m.Name+": "+m.Reason, ": ") + "\n"
		}
		for _, n := range notes {
			text += "note: " + n.Name + ": " + n.Text + "\n"
		}
		plain(w, status, text)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// A client that has gone away is nobody's failure.
	_ = json.NewEncoder(w).Encode(struct {
		Ready   bool      `json:"ready"`
		Missing []Missing `json:"missing"`
		Notes   []Note    `json:"notes,omitempty"`
	}{len(missing) == 0, missing, notes})
}

func wantsText(r *http.Request) bool {
	if format := r.URL.Query().Get("format"); format != "" {
		return format == "text"
	}
	accept := r.Header.Get("Accept")
	return strings.Contains(accept, "text/plain") && !strings.Contains(accept, "json")
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // as above: a client that has gone away
}
