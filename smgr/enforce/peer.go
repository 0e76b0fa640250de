package enforce

import (
	"context"
	"net/http"
	"sync"

	"github.com/manoward/manoward/internal/hub"
)

// Capabilities is what the NFVO can do for a Security Manager.
type Capabilities struct {
	// Extensions says that it is an NFVO of ours: it honours Idempotency-Key, the
	// manoward.* parameters of a termination and stop_use.
	Extensions bool `json:"extensions"`
	// Cannot lists, in words for an operator, what an action cannot have there.
	Cannot []string `json:"cannot,omitempty"`
}

// peer is what was learnt of the NFVO.
type peer struct {
	asking sync.Mutex // held while it is asked
	mu     sync.Mutex // covers what is below
	known  bool
	ours   bool
}

// Capabilities asks the NFVO what it is. It is for the start: what a foreign one
// cannot do is reported before an order needs it. Its errors are those of the
// request; until it succeeds no order is carried out.
func (s *Enforcer) Capabilities(ctx context.Context) (Capabilities, error) {
	ours, err := s.extensions(ctx)
	if err != nil {
		return Capabilities{}, err
	}
	return capabilities(ours), nil
}

// Known is [Enforcer.Capabilities] as far as it was learnt; it asks nobody.
func (s *Enforcer) Known() (_ Capabilities, known bool) {
	s.peer.mu.Lock()
	defer s.peer.mu.Unlock()
	if !s.peer.known && s.NFVO.SecEnforce.Session != nil {
		return Capabilities{}, false
	}
	return capabilities(s.peer.ours), true
}

// capabilities are those of an NFVO of ours, or of a plain one.
func capabilities(ours bool) Capabilities {
	if ours {
		return Capabilities{Extensions: true}
	}
	return Capabilities{Cannot: []string{
		"terminate-vnf with erase: plain SOL 005 cannot erase storages and TPM, HSM and HMEE slots; such an order fails and ends nothing",
		"stop-host: plain SOL 005 has no operation for it; such an order fails",
		"terminate-vnf with replace false: the VNF is ended, but plain SOL 005 has nothing that keeps another from taking its place",
		"Idempotency-Key: after a crash the NFVO is asked whether it has the request already; one that it took without showing it at once may be sent twice",
	}}
}

// extensions reports whether the NFVO is one of ours: it has a session for each
// of its Security Managers. The answer is kept.
func (s *Enforcer) extensions(ctx context.Context) (bool, error) {
	s.peer.asking.Lock()
	defer s.peer.asking.Unlock()
	if c, known := s.Known(); known {
		return c.Extensions, nil
	}
	a, err := s.NFVO.SecEnforce.Session.Do(ctx, http.MethodGet, "/session", nil, nil)
	ours := err == nil
	if !ours && (a == nil || a.Status != http.StatusNotFound) {
		return false, hub.E(hub.CodeOf(err), "ask the NFVO what it can do", "it does not say whether it has our extensions: "+said(err), err)
	}
	s.peer.mu.Lock()
	defer s.peer.mu.Unlock()
	s.peer.known, s.peer.ours = true, ours
	return ours, nil
}

// cannot says why the NFVO cannot carry an action out, or nothing.
func cannot(foreign bool, a hub.Action) string {
	switch {
	case foreign && a.Type == hub.ActionTerminateVnf && a.Erase:
		return "this NFVO cannot erase what a VNF leaves behind: it is not one of ours and SOL 005 has no word for it; nothing was ended. Take \"erase\" out of the policy or end the VNF by hand"
	case foreign && a.Type == hub.ActionStopHost:
		return "this NFVO cannot end the use of a host: it is not one of ours and SOL 005 has no operation for it; end it at the VIM"
	}
	return ""
}
