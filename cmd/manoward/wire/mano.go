package wire

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/mano-core/catalogue"
	"github.com/manoward/manoward/mano-core/catalogue/catalogueapi"
	"github.com/manoward/manoward/mano-core/nfvo"
	"github.com/manoward/manoward/mano-core/nfvo/nfvoapi"
	"github.com/manoward/manoward/mano-core/scor"
	"github.com/manoward/manoward/mano-core/trust"
	"github.com/manoward/manoward/mano-core/vim"
	"github.com/manoward/manoward/mano-core/vim/scvi"
	"github.com/manoward/manoward/mano-core/vnfm"
	"github.com/manoward/manoward/mano-core/vnfm/indicators"
	"github.com/manoward/manoward/mano-core/vnfm/vnfmapi"
	"github.com/manoward/manoward/smgr/smgrapi"
)

// function is a MANO function that runs in this process: what is opened before
// its listeners answer, and what runs once they do.
type function struct {
	name   string
	open   func(ctx, work context.Context, domains []string) error
	start  func(ctx, work context.Context) error
	add    func(ctx context.Context, domain string) error // opens the storage of a trust domain; nothing when it is open
	serve  func(ctx context.Context, domain string) error // what is done for a trust domain, from then until ctx ends; may be nil
	remove func(domain string) error
	check  func(context.Context) error
	wait   func() // for what its work context ended
}

// openMano makes the MANO functions of this process and reads what is stored of
// them. Their resources are served as soon as the servers are opened.
func (h *hubProcess) openMano(ctx, work context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	for _, f := range []struct {
		role string
		make func() (*function, error)
	}{{"vim", h.newVIM}, {"vnfm", h.newVNFM}, {"nfvo", h.newNFVO}, {"cmf", h.newCMF}, {"sm", h.newPolicyOutbox}} {
		if !h.has(f.role) || f.role == "sm" && !h.runsManagers() {
			continue
		}
		made, err := f.make()
		if err != nil {
			return err
		}
		if err := made.open(ctx, work, h.storageDomains()); err != nil {
			return fmt.Errorf("open the %s: %w", made.name, err)
		}
		h.mano = append(h.mano, made)
		h.health.Register("resources/"+made.name, made.check)
		h.stopping = append(h.stopping, func(context.Context) error { made.wait(); return nil })
	}
	return nil
}

// startMano lets the functions go on with what a stop or a crash cut off, now
// that they can be reached.
func (h *hubProcess) startMano(ctx, work context.Context) error {
	for _, f := range h.mano {
		if err := f.start(ctx, work); err != nil {
			return fmt.Errorf("start the %s: %w", f.name, err)
		}
	}
	if len(h.mano) > 0 {
		h.run("follow trust domains", work, func(ctx context.Context) error { h.followDomains(ctx); return nil })
	}
	return nil
}

// newOutbox makes the outbox of one function. Each has storage of its own,
// because the functions may run in different processes.
func (h *hubProcess) newOutbox(name string, kind hub.Kind, client func(*notify.Subscription) (*http.Client, error)) *notify.Outbox {
	count := h.metrics.Counter("manoward_notification_deliveries_total", "Attempts to deliver a notification, by the API whose subscription it was and by outcome.", "api", "outcome")
	o := notify.New(notify.Config{
		Tables: tables{h.bus}, Table: name + "_SUBSCRIPTIONS",
		Queues: func(ctx context.Context, domain string) (notify.Queue, error) {
			return openQueue(ctx, h.bus, domain, name)
		},
		Seal: h.keys.vault.Seal, Open: h.keys.vault.Open,
		Client: func(s *notify.Subscription) (*http.Client, error) {
			if owner, err := hub.ParseIdentity(s.Owner); err == nil && h.ownFunction(owner) {
				return h.functionClient(kind), nil
			}
			return client(s)
		},
		AllowLoopback: h.cfg.Notifications.AllowLoopbackHTTP, Version: apiVersion, Now: time.Now,
		Count: func(api, outcome string) { count(1, api, outcome) },
		Log:   h.log.With("part", "notifications"),
	})
	h.outboxes = append(h.outboxes, o)
	h.health.Register("notifications/"+string(kind), o.Check)
	return o
}

// apiVersion is the version of an API whose notifications are sent.
func apiVersion(api string) string {
	switch api {
	case vim.API:
		return vimVersion
	case vim.ScVi:
		return scvi.Version
	case catalogue.APIPackages, catalogue.APIOrVnfm:
		return catalogueapi.VersionPackages
	case catalogue.APINSD:
		return catalogueapi.VersionNSD
	case vnfm.API:
		return vnfmapi.Version
	case vnfm.FaultAPI:
		return vnfmapi.FaultVersion
	case vnfm.PerformanceAPI:
		return vnfmapi.PerformanceVersion
	case indicators.API:
		return indicators.Version
	case nfvo.PerformanceAPI:
		return nfvoapi.NsPm().Versions[0].Version
	case nfvo.FaultAPI:
		return nfvoapi.NsFm().Versions[0].Version
	case smgrapi.PolicyAPI:
		return smgrapi.PolicyVersion
	}
	return nfvoapi.NsLcm().Versions[0].Version
}

// ownFunction says whether a party is a function of this hub, which is reached
// as such wherever it runs.
func (h *hubProcess) ownFunction(id hub.Identity) bool {
	return slices.Contains([]hub.Kind{hub.KindNFVO, hub.KindVNFM, hub.KindVIM, hub.KindCMF}, id.Kind) && id == trust.FunctionIdentity(id.Kind)
}

// smClient reaches a Security Manager, and nobody else, with the key of its
// endpoint (Security.006, Security.007).
func (h *hubProcess) smClient(rp hub.ReferencePoint, owner hub.Identity) (*http.Client, error) {
	gate := h.gates[rp]
	if gate == nil {
		return nil, hub.E(hub.Unavailable, "notify", fmt.Sprintf("%s is not served by this process", rp), nil)
	}
	sm, ok := h.directory.SecurityManager(owner.TrustDomain, owner.Name)
	if !ok {
		return nil, hub.E(hub.NotFound, "notify", "the Security Manager is not registered any more", nil)
	}
	return gate.NotifyClient(sm, owner.Interface)
}

// functionAPI is a client of an API of another function, wherever that runs:
// the name in its address is the server name, which is looked up at each
// connection.
func (h *hubProcess) functionAPI(kind hub.Kind, at hub.ReferencePoint, api, version string) *httpapi.Client {
	return &httpapi.Client{Base: h.functionURL(at) + api, Version: version, HTTP: h.functionClient(kind)}
}

func (h *hubProcess) functionURL(at hub.ReferencePoint) string { return "https://" + h.serverName(at) }

// authorizer joins an entrance to the port that the REST bindings have. Roles
// make their bindings before the entrances are open.
func (h *hubProcess) authorizer(rp hub.ReferencePoint) authorize {
	return func(r *http.Request, operation, targetDomain, target string) (hub.Identity, error) {
		if e := h.domainEntrances[rp]; e != nil {
			return authorizeAt(e)(r, operation, targetDomain, target)
		}
		return authorizeAt(h.entrances[rp])(r, operation, targetDomain, target)
	}
}

// authorizer is an entrance that asks the decision table.
type authorizer interface {
	Authorize(r *http.Request, op trust.Operation, attr trust.Attribute, target trust.Target) (hub.Identity, error)
}

// authorizeAt asks an entrance. An empty target domain is the caller's own.
func authorizeAt(e authorizer) authorize {
	return func(r *http.Request, operation, targetDomain, target string) (hub.Identity, error) {
		if targetDomain == "" {
			targetDomain = httpapi.Caller(r.Context()).TrustDomain
		}
		return e.Authorize(r, trust.Operation(operation), "", trust.Target{TrustDomain: targetDomain, Resource: target})
	}
}

// smAuthorizer joins a gate to the port of what changes something for a Security
// Manager.
func (h *hubProcess) smAuthorizer(rp hub.ReferencePoint) func(r *http.Request, operation, attribute, targetDomain, target string) (hub.Identity, error) {
	return func(r *http.Request, operation, attribute, targetDomain, target string) (hub.Identity, error) {
		if targetDomain == "" {
			targetDomain = httpapi.Caller(r.Context()).TrustDomain
		}
		c, err := h.gates[rp].Authorize(r, trust.Operation(operation), trust.Attribute(attribute), trust.Target{TrustDomain: targetDomain, Resource: target})
		return c.Identity, err
	}
}

// smDenier joins a gate to the port of what refuses a Security Manager for a
// reason that the decision table does not know.
func (h *hubProcess) smDenier(rp hub.ReferencePoint) scor.Deny {
	return func(r *http.Request, operation, targetDomain, target, reason string) error {
		return h.gates[rp].Deny(r, trust.Operation(operation), trust.Target{TrustDomain: targetDomain, Resource: target}, reason)
	}
}

// smReader joins a gate to the port of the REST bindings whose resources are
// served to Security Managers too. What they ask about in no domain, by its
// identifier, is not there: it is answered as what belongs to another trust
// domain, whatever the caller's mode.
func (h *hubProcess) smReader(rp hub.ReferencePoint) func(r *http.Request, operation, targetDomain, target string) (hub.Identity, error) {
	authorize := h.smAuthorizer(rp)
	return func(r *http.Request, operation, targetDomain, target string) (hub.Identity, error) {
		if targetDomain == "" && target != "" {
			return hub.Identity{}, hub.E(hub.NotFound, operation, "not found", nil)
		}
		operation, target = scOrNames(operation, target)
		return authorize(r, operation, "", targetDomain, target)
	}
}

// scOrNames translates the operations of the catalogue's and the NFVO's bindings
// to those of Sc-Or, where packages are those of VNFs, and names what a change is
// about as the other orders do.
func scOrNames(operation, target string) (string, string) {
	switch operation {
	case "package.query":
		return "vnf-package.query", target
	case "package.update":
		return "vnf-package.update", "vnf-package/" + target
	case "op.query", "vnf-snapshot.query":
		return "ns.query", target
	}
	return operation, target
}
