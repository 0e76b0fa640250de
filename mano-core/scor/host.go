package scor

import (
	"net/http"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

// What is to become of the VNFs on a host whose use ends.
const (
	Migrate   = "MIGRATE"
	Terminate = "TERMINATE"
)

const stopUse = "host.stop-use"

// stopUse ends the use of a host for the VNFs of the caller's trust domain
// (Sc-Or.SecEnforce.004; IFA 033 names no operation for it, see
// docs/extensions/stop-use.md). The host itself belongs to no domain, so the
// order is about the caller's own use of it.
func (p *Producer) stopUse(w http.ResponseWriter, r *http.Request) error {
	var in StopUse
	if err := httpapi.Decode(r, &in); err != nil {
		return err
	}
	host := r.PathValue("hostId")
	attrs := map[string][]string{Migrate: {"migrate"}, Terminate: {"terminate"}}[in.VNFs]
	if attrs == nil {
		return hub.E(hub.Invalid, stopUse, `vnfs says what becomes of the VNFs on the host: "MIGRATE" or "TERMINATE"`, nil)
	}
	if in.Quarantine {
		attrs = append(attrs, "quarantine")
	}
	var caller hub.Identity
	for _, a := range attrs {
		var err error
		if caller, err = p.Authorize(r, stopUse, a, "", "host/"+host); err != nil {
			return err
		}
	}
	id, err := p.NFVO.StopUse(r.Context(), HostOrder{Actor: caller, Key: r.Header.Get(idempotencyKey), HostID: host, StopUse: in})
	if err != nil {
		return err
	}
	return httpapi.Accepted(w, r, "/host_orders/"+id)
}

// hostOrder tells what became of an order of the caller's domain.
func (p *Producer) hostOrder(w http.ResponseWriter, r *http.Request) error {
	const operation = "ns.query"
	id := r.PathValue("orderId")
	domain, order, err := p.NFVO.HostOrder(r.Context(), id)
	if hub.CodeOf(err) == hub.NotFound {
		return errNotFound(operation)
	}
	if err != nil {
		return err
	}
	if _, err := p.Authorize(r, operation, "", domain, "host-order/"+id); err != nil {
		return err
	}
	return httpapi.Write(w, http.StatusOK, order)
}
