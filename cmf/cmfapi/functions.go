package cmfapi

import (
	"net/http"
	"time"

	"github.com/manoward/manoward/cmf/lifecycle"
	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol003"
)

// NotificationPath is where the VNFM delivers its notifications.
const NotificationPath = "/manoward/v1/vnf_lcm_notifications"

// FunctionRoutes adds what the hub's own functions tell the CMF, to the group
// manoward/v1 on Cm-Vnfm: the VNFM's notifications (IFA 033 clause 11.3), and VNFs
// that the NFVO knows to be no longer trusted.
func (a *API) FunctionRoutes(g *httpapi.Group) {
	g.Handle("GET /vnf_lcm_notifications", a.testCallback, httpapi.Produces())
	g.Handle("POST /vnf_lcm_notifications", a.notified, httpapi.Produces())
	g.Handle("POST /trust_domains/{domain}/vnf_instances/{id}/quarantine", a.quarantined, httpapi.Produces())
}

func (a *API) testCallback(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.Authorize(r, "notification.deliver", "", ""); err != nil {
		return err
	}
	return httpapi.NoContent(w)
}

func (a *API) notified(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.Authorize(r, "notification.deliver", "", ""); err != nil {
		return err
	}
	var in sol003.VnfLcmOperationOccurrenceNotification
	if err := httpapi.DecodeLenient(r, &in); err != nil {
		return err
	}
	if err := a.VNFM.Notified(r.Context(), in); err != nil {
		return err
	}
	return httpapi.NoContent(w)
}

// Quarantine says of a VNF that was on a host that is quarantined until when it was
// there. What was registered for it later stays.
type Quarantine struct {
	At time.Time `json:"at"`
}

// quarantined ends the certificates of a VNF that was on a host that is quarantined.
func (a *API) quarantined(w http.ResponseWriter, r *http.Request) error {
	domain, vnf := r.PathValue("domain"), r.PathValue("id")
	who, err := a.Authorize(r, "vnf.end", domain, "vnf/"+vnf)
	if err != nil {
		return err
	}
	var in Quarantine
	if err := httpapi.Decode(r, &in); err != nil {
		return err
	}
	if in.At.IsZero() {
		return hub.E(hub.Invalid, "end certificates of VNF instance", `the body names no time; send {"at": …}: what was registered until then ends`, nil)
	}
	if err := a.Life.VnfEnded(r.Context(), domain, vnf, lifecycle.KeyCompromise, in.At, who); err != nil {
		return err
	}
	return httpapi.NoContent(w)
}
