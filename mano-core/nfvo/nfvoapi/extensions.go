package nfvoapi

import (
	"net/http"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/mano-core/nfvo"
)

func (a *API) listBars(w http.ResponseWriter, r *http.Request) error {
	_, id, err := a.onNs(r, "replacement-bar.query")
	if err != nil {
		return err
	}
	bars, err := a.NFVO.Bars(r.Context(), id)
	if err != nil {
		return err
	}
	return httpapi.List(w, r, httpapi.ListOptions{}, httpapi.SliceSource(bars, func(b nfvo.Bar) string { return b.VnfProfileID }))
}

func (a *API) showBar(w http.ResponseWriter, r *http.Request) error {
	_, id, err := a.onNs(r, "replacement-bar.query")
	if err != nil {
		return err
	}
	bars, err := a.NFVO.Bars(r.Context(), id)
	if err != nil {
		return err
	}
	for _, b := range bars {
		if b.VnfProfileID == r.PathValue("profile") {
			return httpapi.Write(w, http.StatusOK, b)
		}
	}
	return hub.E(hub.NotFound, "find replacement bar", "this VNF profile is not barred in this NS; list the bars with: manoward ns bars NS-ID", nil)
}

func (a *API) liftBar(w http.ResponseWriter, r *http.Request) error {
	caller, id, err := a.onNs(r, "replacement-bar.lift")
	if err != nil {
		return err
	}
	if err := a.NFVO.LiftBar(r.Context(), caller, id, r.PathValue("profile")); err != nil {
		return err
	}
	return httpapi.NoContent(w)
}

// stopUse asks in the caller's own domain: the order concerns its own VNFs only.
func (a *API) stopUse(w http.ResponseWriter, r *http.Request) error {
	caller, err := a.Authorize(r, "host.stop-use", "", "host/"+r.PathValue("id"))
	if err != nil {
		return err
	}
	var in nfvo.StopUseRequest
	if err := httpapi.Decode(r, &in); err != nil {
		return err
	}
	order, _, err := a.NFVO.StopUse(r.Context(), nfvo.Order{Actor: caller, IdempotencyKey: r.Header.Get(keyHeader)}, r.PathValue("id"), in)
	if err != nil {
		return err
	}
	return httpapi.Accepted(w, r, "/host_orders/"+order.ID)
}

func (a *API) releaseHost(w http.ResponseWriter, r *http.Request) error {
	caller, err := a.Authorize(r, "host.release", "hub", "host/"+r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := noBody(r); err != nil {
		return err
	}
	if err := a.NFVO.Release(r.Context(), caller, r.PathValue("id")); err != nil {
		return err
	}
	return httpapi.NoContent(w)
}

func (a *API) showHostOrder(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	domain, there := a.NFVO.HostOrderDomain(id)
	none := hub.E(hub.NotFound, "find host order", "there is no such host order; its URI was in the answer to stop_use", nil)
	if _, err := a.authorizeOn(r, "host.query", domain, there, "host-order/"+id, none); err != nil {
		return err
	}
	order, err := a.NFVO.HostOrder(r.Context(), id)
	if err != nil {
		return err
	}
	return httpapi.Write(w, http.StatusOK, order)
}

// grant answers at once: the NFVO decides while the VNFM waits (SOL 003 clause
// 9.4.2.3.1).
func (a *API) grant(w http.ResponseWriter, r *http.Request) error {
	var in sol003.GrantRequest
	if err := httpapi.DecodeLenient(r, &in); err != nil {
		return err
	}
	domain, there := a.NFVO.VnfDomain(in.VnfInstanceID)
	if !there && in.VnfInstanceID != "" {
		var err error
		if domain, there, err = a.NFVO.OutsideVnf(r.Context(), in.VnfInstanceID); err != nil {
			return err
		}
	}
	none := hub.E(hub.NotFound, "grant", "the NFVO has no VNF instance of that identifier; only VNFs that are a part of an NS, or that another NFVO made, are granted", nil)
	caller, err := a.authorizeOn(r, "grant.request", domain, there || in.VnfInstanceID == "", "vnf/"+in.VnfInstanceID, none)
	if err != nil {
		return err
	}
	g, err := a.NFVO.Grant(r.Context(), caller, in)
	if err != nil {
		return err
	}
	return httpapi.Created(w, r, "/grants/"+g.ID, withSelf(r, g))
}

// withSelf sets the grant's own link; those to the VNFM's resources are the
// VNFM's own.
func withSelf(r *http.Request, g *sol003.Grant) *sol003.Grant {
	g.Links.Self = sol003.Link{Href: httpapi.ResourceURI(r, "/grants/"+g.ID)}
	return g
}

func (a *API) showGrant(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	domain, there := a.NFVO.GrantDomain(id)
	none := hub.E(hub.NotFound, "find grant", "there is no such grant; ask for one with POST /grants", nil)
	if _, err := a.authorizeOn(r, "grant.query", domain, there, "grant/"+id, none); err != nil {
		return err
	}
	g, err := a.NFVO.GivenGrant(r.Context(), id)
	if err != nil {
		return err
	}
	return httpapi.Write(w, http.StatusOK, withSelf(r, g))
}

// testCallback is the test of a notification endpoint (SOL 003 clause 5.4.20).
func (a *API) testCallback(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.Authorize(r, "notification.deliver", "", ""); err != nil {
		return err
	}
	return httpapi.NoContent(w)
}

func (a *API) notified(w http.ResponseWriter, r *http.Request) error {
	caller, err := a.Authorize(r, "notification.deliver", "", "")
	if err != nil {
		return err
	}
	var in nfvo.VnfNotification
	if err := httpapi.DecodeLenient(r, &in); err != nil {
		return err
	}
	if err := a.NFVO.Notified(r.Context(), caller, in); err != nil {
		return err
	}
	return httpapi.NoContent(w)
}
