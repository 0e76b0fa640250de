// Package nfvoapi is the REST binding of the NFVO: NS life-cycle management of
// SOL 005 (nslcm/v2), NS performance management (nspm/v2) and NS fault management
// (nsfm/v1) for OSS/BSS, the grants of SOL 003 (grant/v1) and the callback of VNF Managers, and our own resources for replacement bars, hosts and
// permitted allowances (docs/extensions).
package nfvoapi

import (
	"net/http"

	"github.com/manoward/manoward/internal/faults"
	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/performance"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/mano-core/nfvo"
)

// API serves the NFVO's resources. All fields are needed.
type API struct {
	NFVO *nfvo.Service
	// Authorize says who asks, or why they may not. A targetDomain "" is the
	// caller's own; target is the resource for the record of a refusal.
	Authorize     func(r *http.Request, operation, targetDomain, target string) (hub.Identity, error)
	Subscriptions notify.Store
}

// NsLcm names the API of SOL 005 V3.7.1 clause 6.
func NsLcm() httpapi.API {
	return httpapi.API{Name: "nslcm", Major: "v2", Versions: []httpapi.APIVersion{{Version: "2.3.0"}}}
}

// NsFm names the API of SOL 005 V3.7.1 clause 8.
func NsFm() httpapi.API {
	return httpapi.API{Name: nfvo.FaultAPI, Major: "v1", Versions: []httpapi.APIVersion{{Version: "1.3.0"}}}
}

// NsPm names the API of SOL 005 V3.7.1 clause 7.
func NsPm() httpapi.API {
	return httpapi.API{Name: nfvo.PerformanceAPI, Major: "v2", Versions: []httpapi.APIVersion{{Version: "2.3.0"}}}
}

// Grant names the API of SOL 003 V3.7.1 clause 9.
func Grant() httpapi.API {
	return httpapi.API{Name: "grant", Major: "v1", Versions: []httpapi.APIVersion{{Version: "1.7.0"}}}
}

// NsLcmRoutes adds nslcm/v2 to its group, on Os-Ma-nfvo.
func (a *API) NsLcmRoutes(g *httpapi.Group) {
	a.QueryRoutes(g)
	a.SubscriptionRoutes(g)
	g.Handle("POST /ns_instances", a.createNs)
	g.Handle("DELETE /ns_instances/{id}", a.deleteNs)
	g.Handle("POST /ns_instances/{id}/instantiate", task(a, always[sol005.InstantiateNsRequest]("ns.instantiate"), a.NFVO.Instantiate))
	g.Handle("POST /ns_instances/{id}/scale", task(a, always[sol005.ScaleNsRequest]("ns.scale"), a.NFVO.Scale))
	g.Handle("POST /ns_instances/{id}/update", task(a, updateOperation, a.NFVO.Update))
	g.Handle("POST /ns_instances/{id}/heal", task(a, always[sol005.HealNsRequest]("ns.heal"), a.NFVO.Heal))
	g.Handle("POST /ns_instances/{id}/terminate", task(a, always[sol005.TerminateNsRequest]("ns.terminate"), a.NFVO.Terminate))
	g.Handle("POST /ns_lcm_op_occs/{id}/retry", a.steer("op.retry", a.NFVO.Retry))
	g.Handle("POST /ns_lcm_op_occs/{id}/rollback", a.steer("op.rollback", a.NFVO.Rollback))
	g.Handle("POST /ns_lcm_op_occs/{id}/continue", a.steer("op.continue", a.NFVO.Continue))
	g.Handle("POST /ns_lcm_op_occs/{id}/fail", a.failOp)
	g.Handle("POST /ns_lcm_op_occs/{id}/cancel", a.cancelOp)
	g.Handle("DELETE /vnf_snapshots/{id}", a.deleteSnapshot)
}

// NsFmRoutes adds nsfm/v1 to its group, on Os-Ma-nfvo.
func (a *API) NsFmRoutes(g *httpapi.Group) {
	alarms := &faults.Resource{
		List: a.NFVO.Faults(), Subscriptions: a.Subscriptions, Authorize: a.Authorize,
		Filter: func() any { return new(sol005.FmNotificationsFilter) },
	}
	alarms.Routes(g)
}

// NsPmRoutes adds nspm/v2 to its group, on Os-Ma-nfvo. The NFVO has callbacks.
func (a *API) NsPmRoutes(g *httpapi.Group) {
	measured := &performance.Resource{Meter: a.NFVO.Performance(), Authorize: a.Authorize}
	measured.Routes(g)
}

// QueryRoutes adds what of nslcm/v2 only looks: also on Sc-Or.
func (a *API) QueryRoutes(g *httpapi.Group) {
	g.Handle("GET /ns_instances", a.listNs)
	g.Handle("GET /ns_instances/{id}", a.showNs)
	g.Handle("GET /ns_lcm_op_occs", a.listOps)
	g.Handle("GET /ns_lcm_op_occs/{id}", a.showOp)
	g.Handle("GET /vnf_snapshots", a.listSnapshots)
	g.Handle("GET /vnf_snapshots/{id}", a.showSnapshot)
}

// ExtensionRoutes adds our own resources to the group manoward/v1 on Os-Ma-nfvo.
func (a *API) ExtensionRoutes(g *httpapi.Group) {
	g.Handle("GET /ns_instances/{id}/replacement_bars", a.listBars)
	g.Handle("GET /ns_instances/{id}/replacement_bars/{profile}", a.showBar)
	g.Handle("DELETE /ns_instances/{id}/replacement_bars/{profile}", a.liftBar)
	g.Handle("GET /allowances", a.listAllowances)
	g.Handle("POST /allowances", a.createAllowance)
	g.Handle("GET /allowances/{id}", a.showAllowance)
	g.Handle("PUT /allowances/{id}", a.changeAllowance)
	g.Handle("DELETE /allowances/{id}", a.deleteAllowance)
	g.Handle("POST /hosts/{id}/stop_use", a.stopUse)
	g.Handle("POST /hosts/{id}/release", a.releaseHost)
	g.Handle("GET /host_orders/{id}", a.showHostOrder)
}

// GrantRoutes adds grant/v1 to its group, on Or-Vnfm.
func (a *API) GrantRoutes(g *httpapi.Group) {
	g.Handle("POST /grants", a.grant)
	g.Handle("GET /grants/{id}", a.showGrant)
}

// CallbackRoutes adds the notification endpoint of VNF Managers to the group
// manoward/v1 on Or-Vnfm: /manoward/v1/vnfm_notifications.
func (a *API) CallbackRoutes(g *httpapi.Group) {
	g.Handle("GET /vnfm_notifications", a.testCallback)
	g.Handle("POST /vnfm_notifications", a.notified)
}

// authorizeOn asks about a resource. One that is not there is asked about in the
// caller's own domain, so that it answers like one that may not be seen; none
// says what is then answered. target is the resource for the record of a refusal,
// with its kind, so that a Security Manager can tell what was aimed at.
func (a *API) authorizeOn(r *http.Request, operation, domain string, there bool, target string, none error) (hub.Identity, error) {
	found := none
	if there {
		found = nil
	}
	return httpapi.AuthorizeOwned(func(domain string) (hub.Identity, error) {
		return a.Authorize(r, operation, domain, target)
	}, domain, found, none)
}

func (a *API) onNs(r *http.Request, operation string) (hub.Identity, string, error) {
	id := r.PathValue("id")
	domain, there := a.NFVO.NsDomain(id)
	caller, err := a.authorizeOn(r, operation, domain, there, "ns/"+id, notFound("NS instance", "/ns_instances"))
	return caller, id, err
}

func (a *API) onOp(r *http.Request, operation string) (hub.Identity, string, error) {
	id := r.PathValue("id")
	domain, there := a.NFVO.OpDomain(id)
	caller, err := a.authorizeOn(r, operation, domain, there, "ns-operation/"+id, notFound("operation occurrence", "/ns_lcm_op_occs"))
	return caller, id, err
}

func notFound(what, collection string) error {
	return hub.E(hub.NotFound, "find "+what, "there is no such "+what+"; list them with GET "+collection, nil)
}

// visible is what a caller sees of a list.
func visible(caller hub.Identity) func(domain string) bool {
	return func(domain string) bool { return caller.TrustDomain == "hub" || caller.TrustDomain == domain }
}

// wanted reads the attributes that the request's filter fixes, for the index. A
// filter that cannot be read is for httpapi.List to refuse.
func wanted(r *http.Request, paths ...string) []nfvo.Wanted {
	q, err := listParams(r)
	if err != nil || !q.Has("filter") {
		return nil
	}
	f, err := httpapi.ParseFilter(q.Get("filter"))
	if err != nil {
		return nil
	}
	var out []nfvo.Wanted
	for _, path := range paths {
		if values, ok := f.Values(path); ok {
			out = append(out, nfvo.Wanted{Path: path, Values: values})
		}
	}
	return out
}

// since is wanted for the date-time at a path that is not before an instant.
func since(r *http.Request, path string) []nfvo.Wanted {
	q, err := listParams(r)
	if err != nil || !q.Has("filter") {
		return nil
	}
	f, err := httpapi.ParseFilter(q.Get("filter"))
	if err != nil {
		return nil
	}
	if from, ok := f.Since(path); ok {
		return []nfvo.Wanted{{Path: path, Since: from}}
	}
	return nil
}

// noBody takes a request whose body says nothing: none, or an empty object.
func noBody(r *http.Request) error {
	if r.ContentLength == 0 {
		return nil
	}
	var in struct{}
	return httpapi.DecodeLenient(r, &in)
}
