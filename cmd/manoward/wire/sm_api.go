package wire

import (
	"context"
	"crypto/tls"
	"net"
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
func (h *hubProcess) newSMAPI(observe observer, authenticate authenticator) *smAPI {
	api := smgrapi.API{Authorize: h.authorizer(hub.Admin), SeesAll: seesAll, Subscriptions: h.policyOutbox}
	a := &smAPI{routes: func(list []*smgrapi.Manager) http.Handler {
		mux := h.newMux(hub.Admin, observe, authenticate)
		now := api
		now.Managers = list
		now.Routes(mux.API(ownAPI()))
		now.PolicyRoutes(mux.API(httpapi.API{Name: smgrapi.PolicyAPI, Major: "v1", Versions: []httpapi.APIVersion{{Version: smgrapi.PolicyVersion}}}))
		return h.traced("admin", mux)
	}}
	a.add()
	return a
}

// openSMEntrance serves operators and auditors the Security Managers of a process
// without the trust role. Who they are, and what they may, is found as at the
// entrance of the trust role: by what every process knows of the hub's parties,
// and by the same table.
func (h *hubProcess) openSMEntrance(ctx, work context.Context, l net.Listener, observe observer) {
	door := h.entrances[hub.Admin]
	h.sms = h.newSMAPI(observe, door.Authenticate)
	others := h.newMux(hub.Admin, observe, door.Authenticate)
	others.Public("POST /oauth2/token", door.Token)
	mux := http.NewServeMux()
	mux.Handle("/", h.traced("admin", others))
	for _, path := range smPaths {
		mux.Handle(path, h.sms)
	}
	cert := &memoryCertificate{make: h.signAdmin, lead: h.cfg.Trust.RenewBefore.Lead}
	h.health.Register("certificate/sm", func(ctx context.Context) error {
		_, err := cert.get(ctx)
		return err
	})
	if _, err := cert.get(ctx); err != nil {
		h.log.Warn("the certificate of the operators' entrance cannot be made yet", "err", err)
	}
	h.serve("admin", work, tls.NewListener(l, door.TLSConfig(cert.serve)), mux)
}

// add serves further Security Managers.
func (a *smAPI) add(managers ...*smgrapi.Manager) {
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
