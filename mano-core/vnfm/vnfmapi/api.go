// Package vnfmapi is the REST binding of the VNF Manager: the VNF life-cycle
// management interface of ETSI GS NFV-SOL 003 V3.7.1 clause 5 (vnflcm/v2, 2.3.0), the
// performance management interface of clause 6 (vnfpm/v2, 2.2.0), the fault management
// interface of clause 7 (vnffm/v1, 1.5.0) and the indicator interface of clause 8
// (vnfind/v1, 1.4.0) for NFVO, EM and OSS, with the escalation of alarms that SOL 002
// has, the resource that takes the VIM's notifications, and what VNFs are configured
// with (docs/extensions/configuration.md).
//
// Our extensions: Idempotency-Key on every POST that creates or starts something,
// metadata/manoward.trustDomain, the attribute manoward.requestedBy of operation
// occurrences and notifications, and the names in additionalParams that package
// vnfm lists.
package vnfmapi

import (
	"fmt"
	"net/http"

	"github.com/manoward/manoward/internal/faults"
	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/performance"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/mano-core/vnfm"
	"github.com/manoward/manoward/mano-core/vnfm/indicators"
)

// Version is the version of vnflcm/v2 that is served. Its forerunners differ in
// attributes that may be absent only, so clients that ask for one of them are
// answered too.
const Version = "2.3.0"

// FaultVersion is the version of vnffm/v1 that is served.
const FaultVersion = "1.5.0"

// PerformanceVersion is the version of vnfpm/v2 that is served.
const PerformanceVersion = "2.2.0"

// NotificationPath is where the VIM delivers its notifications.
const NotificationPath = "/manoward/v1/vim_notifications"

// maxKey bounds the Idempotency-Key header, in bytes.
const maxKey = 255

// API serves the VNF Manager.
type API struct {
	Service       *vnfm.Service
	Subscriptions notify.Store
	// Authorize asks the decision table. target is for the record; an empty
	// targetDomain is the caller's own.
	Authorize func(r *http.Request, operation, targetDomain, target string) (hub.Identity, error)
}

// Routes adds the resources of vnflcm/v2, vnfpm/v2, vnffm/v1, vnfind/v1 and of the VIM's
// notifications.
func (a *API) Routes(mux *httpapi.Mux) {
	g := mux.API(httpapi.API{Name: "vnflcm", Major: "v2", Versions: []httpapi.APIVersion{{Version: Version}, {Version: "2.2.0"}, {Version: "2.1.0"}, {Version: "2.0.0"}}})
	g.Handle("GET /vnf_instances", a.listVNFs)
	g.Handle("POST /vnf_instances", a.createVNF)
	g.Handle("GET /vnf_instances/{id}", a.showVNF)
	g.Handle("PATCH /vnf_instances/{id}", a.modifyVNF)
	g.Handle("DELETE /vnf_instances/{id}", a.deleteVNF)
	a.tasks(g)
	g.Handle("GET /vnf_lcm_op_occs", a.listOps)
	g.Handle("GET /vnf_lcm_op_occs/{id}", a.showOp)
	g.Handle("POST /vnf_lcm_op_occs/{id}/retry", a.retry)
	g.Handle("POST /vnf_lcm_op_occs/{id}/rollback", a.rollBack)
	g.Handle("POST /vnf_lcm_op_occs/{id}/fail", a.fail)
	g.Handle("POST /vnf_lcm_op_occs/{id}/cancel", a.cancel)
	a.subscriptionRoutes(g)
	g.Handle("GET /vnf_snapshots", a.listSnapshots)
	g.Handle("POST /vnf_snapshots", a.createSnapshotInfo)
	g.Handle("GET /vnf_snapshots/{id}", a.showSnapshot)
	g.Handle("PATCH /vnf_snapshots/{id}", a.modifySnapshot)
	g.Handle("DELETE /vnf_snapshots/{id}", a.deleteSnapshot)
	g.Handle("GET /vnf_snapshots/{id}/vnf_state_snapshot", a.showStateSnapshot)

	alarms := &faults.Resource{
		List: a.Service.Faults(), Subscriptions: a.Subscriptions, Authorize: a.permit,
		Filter: func() any { return new(sol003.FmNotificationsFilter) }, Escalates: true, MayChange: a.mayChangeAlarm,
	}
	alarms.Routes(mux.API(httpapi.API{Name: vnfm.FaultAPI, Major: "v1", Versions: []httpapi.APIVersion{{Version: FaultVersion}}}))

	told := &indicators.Resource{List: a.Service.Indicators(), Subscriptions: a.Subscriptions, Authorize: a.permit}
	told.Routes(mux.API(httpapi.API{Name: indicators.API, Major: "v1", Versions: []httpapi.APIVersion{{Version: indicators.Version}}}))

	if a.Service.Performance().Served() {
		measured := &performance.Resource{Meter: a.Service.Performance(), Authorize: a.permit, Unbounded: ownNFVO}
		measured.Routes(mux.API(httpapi.API{Name: vnfm.PerformanceAPI, Major: "v2", Versions: []httpapi.APIVersion{{Version: PerformanceVersion}}}))
	}

	own := mux.API(httpapi.API{Name: "manoward", Major: "v1", Versions: []httpapi.APIVersion{{Version: "1.0.0"}}, VersionOptional: true})
	own.Handle("GET /vnf_configurations/{id}", a.showConfiguration)
	own.Handle("GET /vim_notifications", a.testNotification)
	own.Handle("POST /vim_notifications", a.notification)
}

// ownNFVO says whether a party is the hub's own NFVO, which asks for what it is asked for
// itself, within bounds.
func ownNFVO(who hub.Identity) bool { return who.Kind == hub.KindNFVO && !who.IsOutsideNFVO() }

// target is how a resource is called in the record of a refusal, so that a
// Security Manager can tell what was aimed at.
func target(what, id string) string {
	switch what {
	case whatOp:
		return "vnf-operation/" + id
	case whatSnapshot:
		return "vnf-snapshot/" + id
	}
	return "vnf/" + id
}

// authorize asks about a resource whose trust domain was found under its ID. What
// is not there is asked about as the caller's own, so that both give one answer:
// who may not ask at all learns just that, and who may finds nothing.
func (a *API) authorize(r *http.Request, operation, what, domain string, found error) (hub.Identity, error) {
	return httpapi.AuthorizeOwned(func(domain string) (hub.Identity, error) {
		return a.permit(r, operation, domain, target(what, r.PathValue("id")))
	}, domain, found, missing(what))
}

// missing is the answer for what is not there, and for what the caller may not know of.
func missing(what string) error {
	return hub.E(hub.NotFound, "find "+what, "there is no such "+what+"; list them to see which there are", nil)
}

// mayChangeAlarm keeps another NFVO from the alarms of VNFs that are not its own.
func (a *API) mayChangeAlarm(r *http.Request, who hub.Identity, operation string, e state.Entry[faults.Alarm]) error {
	v, err := a.Service.VNF(r.Context(), e.Value.Object)
	if hub.CodeOf(err) == hub.NotFound {
		return nil // it is deleted, and nobody's any more
	}
	if err != nil {
		return err
	}
	return a.own(r, operation, v.Domain, v.ID, v.Value.CheckChange(who))
}

// visible returns whose resources a caller sees in lists.
func visible(who hub.Identity) func(domain string) bool {
	return func(domain string) bool { return who.TrustDomain == "hub" || who.TrustDomain == domain }
}

// caller is who asks and how a repetition is known.
func caller(r *http.Request, who hub.Identity) (vnfm.Caller, error) {
	key := r.Header.Get("Idempotency-Key")
	if len(key) > maxKey {
		return vnfm.Caller{}, hub.E(hub.Invalid, "read Idempotency-Key", fmt.Sprintf("Idempotency-Key has %d bytes; send at most %d", len(key), maxKey), nil)
	}
	return vnfm.Caller{Identity: who, Key: key}, nil
}

// root is the URI that links in an answer begin with.
func root(r *http.Request) string { return httpapi.ResourceURI(r, "") }

// testNotification answers the VIM's test of the callback.
func (a *API) testNotification(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.permit(r, "notification.deliver", "hub", ""); err != nil {
		return err
	}
	return httpapi.NoContent(w)
}

func (a *API) notification(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.permit(r, "notification.deliver", "hub", ""); err != nil {
		return err
	}
	var in vnfm.VIMNotice
	if err := httpapi.DecodeLenient(r, &in); err != nil {
		return err
	}
	if err := a.Service.VIMNotification(r.Context(), in); err != nil {
		return err
	}
	return httpapi.NoContent(w)
}
