package wire

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/manoward/manoward/internal/config"
	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
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

// smPaths are below which the resources of Security Managers are: our own, and
// those of SOL 012.
var smPaths = []string{"/manoward/v1/security_managers/", "/" + smgrapi.PolicyAPI + "/"}

// newSMAPI makes the API of the operators' entrance, which knows no Security
// Manager yet.
func (h *hubProcess) newSMAPI(observe observer, authenticate authenticator) (*smAPI, error) {
	refused := h.metrics.Counter("manoward_trust_handshakes_total", handshakesHelp, "reference_point", "outcome")
	door, err := trust.NewEntrance(trust.EntranceConfig{
		Interface: trust.AdminInterface, ServerName: h.serverName(hub.Admin),
		Registry: h.parties, Decider: h.decider, Refusals: h.refusals, Current: func() error { return nil },
		Observe: func(outcome string) { refused(1, string(hub.Admin), outcome) },
		Log:     h.log.With("part", string(hub.Admin)),
	})
	if err != nil {
		return nil, err
	}
	api := smgrapi.API{Authorize: authorizeAt(door), SeesAll: seesAll, Subscriptions: h.policyOutbox}
	a := &smAPI{routes: func(list []*smgrapi.Manager) http.Handler {
		mux := h.newMux(hub.Admin, observe, authenticate)
		now := api
		now.Managers = list
		now.Routes(mux.API(ownAPI()))
		now.PolicyRoutes(mux.API(httpapi.API{Name: smgrapi.PolicyAPI, Major: "v1", Versions: []httpapi.APIVersion{{Version: smgrapi.PolicyVersion}}}))
		return h.traced("admin", mux)
	}}
	a.add()
	return a, nil
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

// newPolicyOutbox makes the outbox of the nfvpolicy API. Processes that run
// Security Managers of one trust domain share it.
func (h *hubProcess) newPolicyOutbox() (*function, error) {
	outbox := h.newOutbox("SM", hub.KindSM, func(*notify.Subscription) (*http.Client, error) { return h.outsideClient() })
	h.policyOutbox = outbox
	return &function{
		name:  "SM",
		open:  func(ctx, work context.Context, _ []string) error { return outbox.Open(ctx, work) },
		start: func(context.Context, context.Context) error { return nil },
		add: func(ctx context.Context, domain string) error {
			if !slices.ContainsFunc(h.cfg.SecurityManagers, func(c config.SecurityManager) bool { return c.TrustDomain == domain }) {
				return nil // its policies change elsewhere
			}
			return outbox.Add(ctx, domain)
		},
		remove: func(domain string) error { outbox.Remove(domain); return nil },
		check:  outbox.Check,
		wait:   outbox.Wait,
	}, nil
}
