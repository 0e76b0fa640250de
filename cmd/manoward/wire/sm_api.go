package wire

import (
	"net/http"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/mano-core/trust"
	"github.com/manoward/manoward/smgr/smgrapi"
)

// smAPI serves operators the Security Managers that run in this process. Each of
// them is served from when it runs.
type smAPI struct {
	routes func([]*smgrapi.Manager) http.Handler
	serves atomic.Pointer[http.Handler]

	mu       sync.Mutex // covers managers
	managers []*smgrapi.Manager
}

// seesAll says who sees what is of every trust domain: the hub's own parties.
func seesAll(who hub.Identity) bool { return who.TrustDomain == trust.HubDomain }

// smPath is below which the resources of Security Managers are.
const smPath = "/manoward/v1/security_managers/"

// newSMAPI makes the API of the operators' entrance, which knows nobody yet.
func (h *hubProcess) newSMAPI(observe observer, authenticate authenticator) *smAPI {
	authorize := func(r *http.Request, operation, targetDomain, _ string) (hub.Identity, error) {
		who := httpapi.Caller(r.Context())
		if targetDomain == "" {
			targetDomain = who.TrustDomain
		}
		v := h.decider.Decide(trust.Question{Caller: who, Interface: trust.AdminInterface, Operation: trust.Operation(operation), TargetDomain: targetDomain})
		if !v.Allowed {
			return who, hub.E(v.Code, operation, v.Reason, nil)
		}
		return who, nil
	}
	a := &smAPI{routes: func(list []*smgrapi.Manager) http.Handler {
		mux := h.newMux(hub.Admin, observe, authenticate)
		(&smgrapi.API{Authorize: authorize, Managers: list, SeesAll: seesAll}).Routes(mux.API(ownAPI()))
		return h.traced("admin", mux)
	}}
	a.add()
	return a
}

// add serves further Security Managers. In a process without an operators'
// entrance there is no API, and nothing happens.
func (a *smAPI) add(managers ...*smgrapi.Manager) {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.managers = append(a.managers, managers...)
	next := a.routes(slices.Clone(a.managers))
	a.serves.Store(&next)
}

// ServeHTTP implements [http.Handler].
func (a *smAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) { (*a.serves.Load()).ServeHTTP(w, r) }
