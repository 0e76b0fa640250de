package wire

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/obs"
	"github.com/manoward/manoward/mano-core/trust"
	"github.com/manoward/manoward/mano-core/trust/trustapi"
)

// server is one HTTP server on one listener.
type server struct {
	*http.Server

	mu       sync.Mutex            // covers what is below
	silent   map[net.Conn]struct{} // connections on which nothing was asked yet
	stopping bool
}

func newServer(handler http.Handler) *server {
	s := &server{Server: httpapi.NewServer(handler), silent: map[net.Conn]struct{}{}}
	s.ConnState = func(c net.Conn, state http.ConnState) {
		s.mu.Lock()
		defer s.mu.Unlock()
		switch {
		case state != http.StateNew:
			delete(s.silent, c)
		case s.stopping:
			c.Close()
		default:
			s.silent[c] = struct{}{}
		}
	}
	return s
}

// stop lets requests end until ctx does. It does not wait, as Shutdown does for
// 5 s, for connections on which nothing was asked yet.
func (s *server) stop(ctx context.Context) {
	s.mu.Lock()
	s.stopping = true
	for c := range s.silent {
		c.Close()
	}
	s.mu.Unlock()
	if err := s.Shutdown(ctx); err != nil {
		s.Close()
	}
}

func (h *hubProcess) serve(name string, work context.Context, l net.Listener, handler http.Handler) {
	s := newServer(handler)
	s.ErrorLog = slog.NewLogLogger(h.log.With("part", name).Handler(), slog.LevelDebug)
	h.servers = append(h.servers, s)
	h.run("serve "+name, work, func(context.Context) error {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
}

// authenticator says who sent a request.
type authenticator func(*http.Request) (hub.Identity, error)

// of returns the observer of one listener's answers.
func (o observer) of(listener string) func(route, method string, status int, d time.Duration) {
	return func(route, method string, status int, d time.Duration) {
		o(d.Seconds(), listener, route, knownMethod(method), fmt.Sprint(status))
	}
}

// knownMethod keeps the values of the metric's label few: a caller may send any
// word as a method.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}

// traced begins a span for each request, in the trace that its header names.
func (h *hubProcess) traced(listener string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, end := h.tracer.Start(obs.Extract(r.Context(), r.Header.Get), listener+" "+knownMethod(r.Method))
		defer end(nil)
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

const handshakesHelp = "Connections and requests at the endpoints of Security Managers, and refused requests at the other reference points, by outcome."

func (h *hubProcess) newGate(rp hub.ReferencePoint, current func() error) *trust.Gate {
	count := h.metrics.Counter("manoward_trust_handshakes_total", handshakesHelp, "reference_point", "outcome")
	return trust.NewGate(trust.GateConfig{
		ReferencePoint: rp, Directory: h.directory, Decider: h.decider, Signer: h.signer(), Refusals: h.refusals,
		RenewBefore: h.cfg.Trust.RenewBefore.Lead, Current: current, LoopbackPeers: h.loopbackPeers(),
		Observe: func(outcome string) { count(1, string(rp), outcome) },
		Now:     time.Now, Log: h.log.With("part", string(rp)),
	})
}

// signer is the registry when it runs here, and a way to it when it does not.
func (h *hubProcess) signer() trust.EndpointSigner {
	if h.registry != nil {
		return h.registry
	}
	return remoteTrust{h.bus.Hub()}
}

func (h *hubProcess) renewer() trustapi.Renewer {
	if h.registry != nil {
		return h.registry
	}
	return remoteTrust{h.bus.Hub()}
}

// openProbes serves health and metrics in plain HTTP; the configuration allows
// that on loopback only. It comes first, so that a process that stands by says so.
func (h *hubProcess) openProbes(_, work context.Context) error {
	address := h.cfg.Listen.Probes
	if address == "" {
		return nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return listenError("probes", address, true, "", err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", h.health.Handler())
	mux.Handle("GET /metrics", h.metrics.Handler())
	h.serve("probes", work, l, mux)
	return nil
}
