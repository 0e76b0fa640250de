package wire

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/mano-core/catalogue"
	"github.com/manoward/manoward/mano-core/catalogue/catalogueapi"
	"github.com/manoward/manoward/mano-core/nfvo"
	"github.com/manoward/manoward/mano-core/nfvo/nfvoapi"
	"github.com/manoward/manoward/mano-core/scor"
	"github.com/manoward/manoward/mano-core/vnfm/vnfmapi"
)

// nfvoRole is the NFVO with its catalogue and its Sc-Or producer.
type nfvoRole struct {
	*hubProcess
	outbox    *notify.Outbox
	catalogue *catalogue.Service
	nfvo      *nfvo.Service
	attempts  *scor.Attempts
}

// newNFVO makes the NFVO: Os-Ma-nfvo and Or-Vnfm on listeners of their own, and
// Sc-Or behind the gate of the Security Managers.
func (h *hubProcess) newNFVO() (*function, error) {
	n := &nfvoRole{hubProcess: h}
	n.outbox = h.newOutbox("NFVO", hub.KindNFVO, n.consumerClient)
	fetch, err := h.outsideClient()
	if err != nil {
		return nil, err
	}
	n.catalogue = catalogue.New(catalogue.Config{
		Tables: tables{h.bus}, Dir: h.packagesDir(), Publisher: n.outbox, Records: h.logs,
		Fetch: fetch, MaxPackage: maxPackage, InUse: n.inUse, Now: time.Now, Log: h.log.With("part", "catalogue"),
	})
	n.nfvo = nfvo.New(nfvo.Config{
		Tables: tables{h.bus}, Packages: packages{n.catalogue}, Descriptors: packages{n.catalogue}, Publisher: n.outbox, Callbacks: n.outbox, Records: h.logs,
		VNFM:            h.functionAPI(hub.KindNFVO, hub.VNFM, "/vnflcm/v2", "2.3.0"),
		VNFMFaults:      h.functionAPI(hub.KindNFVO, hub.VNFM, "/vnffm/v1", vnfmapi.FaultVersion),
		VNFMPerformance: h.functionAPI(hub.KindNFVO, hub.VNFM, "/vnfpm/v2", vnfmapi.PerformanceVersion),
		VIM:             h.functionAPI(hub.KindNFVO, hub.VIM, "/vim/v1", vimVersion), VimID: vimID,
		CallbackURI: h.functionURL(hub.OrVnfm) + "/manoward/v1/vnfm_notifications",
		Quarantined: h.quarantined, Now: time.Now, Log: h.log.With("part", "nfvo"),
	})
	n.attempts = &scor.Attempts{Cursors: scor.NewCursors(n.nfvo.Space()), Publisher: n.outbox, Log: h.log.With("part", "sc-or")}
	h.metrics.GaugeFunc("manoward_nfvo_allowance_used_ratio", "How much of a limit of a permitted allowance is used: from 1 on grants are refused.", []string{"trust_domain", "scope", "resource"}, n.allowances)
	h.addRoutes(hub.OsMa, n.osMa)
	h.addRoutes(hub.OrVnfm, n.orVnfm)
	h.addRoutes(hub.ScOr, n.scOr)
	return &function{name: "NFVO", open: n.open, start: n.start, add: n.add, serve: n.tellAttempts, remove: n.remove, check: n.check, wait: n.wait}, nil
}

// inUse says whether the NFVO uses what is in the catalogue.
func (n *nfvoRole) inUse(p *catalogue.Package) bool {
	switch p.Kind {
	case catalogue.NSD:
		return n.nfvo.UsesNSD(p.ID)
	case catalogue.PNF:
		return n.nfvo.UsesPNFD(p.ID)
	}
	return n.nfvo.UsesPackage(p.ID, p.Domain, p.DescriptorID())
}

// allowances emits how much of each limit is used.
func (n *nfvoRole) allowances(emit func(float64, ...string)) {
	for _, a := range n.nfvo.Allowances(func(string) bool { return true }) {
		for _, l := range a.Shares() {
			emit(l.Ratio, a.TrustDomain, a.Scope, l.Resource)
		}
	}
}

// maxPackage bounds one package, in bytes.
const maxPackage = 16 << 30

func (n *nfvoRole) open(ctx, work context.Context, domains []string) error {
	if err := n.outbox.Open(ctx, work, domains...); err != nil {
		return err
	}
	if err := n.nfvo.Open(ctx, work, domains...); err != nil { // it knows what of the catalogue is in use
		return err
	}
	return n.catalogue.Open(ctx, work, domains...)
}

// start goes on with operations that were cut off.
func (n *nfvoRole) start(ctx, work context.Context) error {
	if err := n.nfvo.Resume(ctx); err != nil {
		return err
	}
	n.keepTrying("subscribe to the VNFM's notifications", work, n.nfvo.Follow)
	n.run("watch alarms of VNFs", work, func(ctx context.Context) error {
		_ = n.nfvo.WatchFaults(ctx) // ends with ctx and only then
		return nil
	})
	n.run("measure network services", work, func(ctx context.Context) error {
		_ = n.nfvo.Performance().Watch(ctx) // as above
		return nil
	})
	n.run("end PM jobs that nobody needs", work, func(ctx context.Context) error {
		_ = n.nfvo.WatchPerformance(ctx) // as above
		return nil
	})
	n.run("heal network services", work, func(ctx context.Context) error {
		tick := time.NewTicker(healEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
				if err := n.nfvo.AutoHeal(ctx); err != nil && ctx.Err() == nil {
					n.log.Warn("automatic healing of network services has failed; it is tried again", "err", err)
				}
			}
		}
	})
	return nil
}

// healEvery is how often the network services that ask for automatic healing are
// looked at.
const healEvery = 10 * time.Second

// tellAttempts tells the Security Managers of a trust domain who tried what on
// it (Sc-Or.NsLcm.003).
func (n *nfvoRole) tellAttempts(ctx context.Context, domain string) error {
	return n.attempts.Watch(ctx, domain, domainRecords{n.logs, domain})
}

func (n *nfvoRole) add(ctx context.Context, domain string) error {
	for _, add := range []func(context.Context, string) error{n.outbox.Add, n.catalogue.AddDomain, n.nfvo.Space().Add} {
		if err := add(ctx, domain); err != nil {
			return err
		}
	}
	return nil
}

func (n *nfvoRole) remove(domain string) error {
	n.outbox.Remove(domain)
	n.nfvo.Space().Remove(domain)
	n.logs.forget(domain)
	return n.catalogue.RemoveDomain(domain)
}

func (n *nfvoRole) check(ctx context.Context) error {
	if err := n.nfvo.Space().Check(ctx); err != nil {
		return err
	}
	return n.catalogue.Ready(ctx)
}

func (n *nfvoRole) wait() {
	n.nfvo.Wait()
	n.catalogue.Wait()
	n.outbox.Wait()
}

// osMa serves OSS/BSS and operators.
func (n *nfvoRole) osMa(mux *httpapi.Mux) {
	own := mux.API(ownAPI())
	lcm := n.nfvoAPI(n.authorizer(hub.OsMa))
	lcm.NsLcmRoutes(mux.API(nfvoapi.NsLcm()))
	lcm.NsFmRoutes(mux.API(nfvoapi.NsFm()))
	lcm.NsPmRoutes(mux.API(nfvoapi.NsPm()))
	lcm.ExtensionRoutes(own)
	cat := n.catalogueAPI(n.authorizer(hub.OsMa))
	cat.Routes(mux)
	cat.RoutePolicy(own)
	cat.RouteVerify(own)
	own.Handle("GET /subscriptions", n.listDeliveries)
}

// orVnfm serves VNF Managers.
func (n *nfvoRole) orVnfm(mux *httpapi.Mux) {
	lcm := n.nfvoAPI(n.authorizer(hub.OrVnfm))
	lcm.GrantRoutes(mux.API(nfvoapi.Grant()))
	// A VNFM notifies with the version of its own API (SOL 013 clause 9.3).
	callbacks := ownAPI()
	callbacks.Versions = append(callbacks.Versions, httpapi.APIVersion{Version: vnfmapi.Version}, httpapi.APIVersion{Version: vnfmapi.FaultVersion}, httpapi.APIVersion{Version: vnfmapi.PerformanceVersion})
	lcm.CallbackRoutes(mux.API(callbacks))
	n.catalogueAPI(n.authorizer(hub.OrVnfm)).RoutesOrVnfm(mux)
}

// scOr serves Security Managers: the NFVO's and the catalogue's own queries and
// Update VNF Package Info behind the gate, and what is Sc-Or's alone.
func (n *nfvoRole) scOr(mux *httpapi.Mux) {
	groups := scor.Groups{
		NsLcm:      mux.API(nfvoapi.NsLcm()),
		VnfPkgm:    mux.API(catalogueapi.VnfPkgm()),
		Extensions: mux.API(httpapi.API{Name: "sc-or", Major: "v1", Versions: []httpapi.APIVersion{{Version: scor.Version}}}),
	}
	lcm := n.nfvoAPI(n.smReader(hub.ScOr))
	lcm.QueryRoutes(groups.NsLcm)
	lcm.SubscriptionRoutes(groups.NsLcm)
	cat := n.catalogueAPI(n.smReader(hub.ScOr))
	cat.QueryRoutes(groups.VnfPkgm)
	cat.ModifyRoute(groups.VnfPkgm)
	(&scor.Producer{Authorize: n.smAuthorizer(hub.ScOr), Deny: n.smDenier(hub.ScOr), NFVO: orders{n.nfvo}, PackageDomain: func(id string) (string, bool) {
		d := n.catalogue.Domain(catalogue.VNF, id)
		return d, d != ""
	}}).Routes(groups)
}

// ownAPI names the API of what ETSI does not define.
func ownAPI() httpapi.API {
	return httpapi.API{Name: "manoward", Major: "v1", Versions: []httpapi.APIVersion{{Version: "1.0.0"}}, VersionOptional: true}
}

type authorize = func(r *http.Request, operation, targetDomain, target string) (hub.Identity, error)

func (n *nfvoRole) nfvoAPI(a authorize) *nfvoapi.API {
	return &nfvoapi.API{NFVO: n.nfvo, Authorize: a, Subscriptions: n.outbox}
}

func (n *nfvoRole) catalogueAPI(a authorize) *catalogueapi.API {
	return &catalogueapi.API{Catalogue: n.catalogue, Authorize: a, Subscriptions: n.outbox, MaxPackage: maxPackage}
}

// consumerClient reaches who subscribed at the NFVO.
func (n *nfvoRole) consumerClient(s *notify.Subscription) (*http.Client, error) {
	owner, err := hub.ParseIdentity(s.Owner)
	if err != nil {
		return nil, err
	}
	if owner.Kind == hub.KindSM {
		return n.smClient(hub.ScOr, owner)
	}
	return n.outsideClient()
}

// outsideClient reaches parties that the hub has not certified: it trusts the
// configured CA, or those of the operating system, and connects to no address
// that could not be a peer's.
func (h *hubProcess) outsideClient() (*http.Client, error) {
	roots, err := h.outsideRoots()
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: functionDialTimeout, Control: httpapi.DialControl(h.loopbackPeers())}
	return &http.Client{Transport: &http.Transport{
		DialContext: dialer.DialContext, TLSClientConfig: roots, TLSHandshakeTimeout: functionTLSTimeout, ForceAttemptHTTP2: true,
		ResponseHeaderTimeout: functionHeaderTimeout, IdleConnTimeout: functionIdleTimeout,
	}}, nil
}
