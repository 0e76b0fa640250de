package scor

import (
	"context"
	"fmt"
	"net/http"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// Version is the version of the sc-or/v1 API.
const Version = "1.0.0"

// Producer serves what changes something on Sc-Or. Its fields must not change
// once it serves; it is then safe for concurrent use.
type Producer struct {
	Authorize Authorize
	Deny      Deny
	NFVO      NFVO
	// PackageDomain returns the trust domain that a VNF package belongs to; false
	// when there is none.
	PackageDomain func(vnfPkgID string) (domain string, ok bool)
}

// Groups are the APIs of the Sc-Or listener that the producer adds to. Wire
// makes them, because the NFVO's and the catalogue's own routes are in them too.
type Groups struct {
	NsLcm      *httpapi.Group // nslcm/v2
	VnfPkgm    *httpapi.Group // vnfpkgm/v2
	Extensions *httpapi.Group // sc-or/v1
}

// Routes adds the resources.
func (p *Producer) Routes(g Groups) {
	g.NsLcm.Handle("POST /ns_instances/{nsInstanceId}/update", p.update)
	// What SOL 005 has and Sc-Or does not offer is an attempt to change a VNF
	// when a Security Manager asks for it: refused, recorded and told.
	for pattern, operation := range map[string]string{
		"POST /ns_instances":                            "ns.create",
		"DELETE /ns_instances/{nsInstanceId}":           "ns.delete",
		"POST /ns_instances/{nsInstanceId}/instantiate": "ns.instantiate",
		"POST /ns_instances/{nsInstanceId}/scale":       "ns.scale",
		"POST /ns_instances/{nsInstanceId}/heal":        "ns.heal",
		"POST /ns_instances/{nsInstanceId}/terminate":   "ns.terminate",
	} {
		g.NsLcm.Handle(pattern, p.refuseNs(operation))
	}
	for pattern, operation := range map[string]string{
		"POST /vnf_packages":                                            "vnf-package.create",
		"DELETE /vnf_packages/{vnfPkgId}":                               "vnf-package.delete",
		"PUT /vnf_packages/{vnfPkgId}/package_content":                  "vnf-package.upload",
		"POST /vnf_packages/{vnfPkgId}/package_content/upload_from_uri": "vnf-package.upload",
	} {
		g.VnfPkgm.Handle(pattern, p.refusePackage(operation), httpapi.MaxBody(httpapi.DefaultMaxBody))
	}
	g.Extensions.Handle("POST /hosts/{hostId}/stop_use", p.stopUse)
	g.Extensions.Handle("GET /host_orders/{orderId}", p.hostOrder)
}

// errNotFound is the answer to what does not exist, and to what belongs to
// another trust domain.
func errNotFound(op string) error { return hub.E(hub.NotFound, op, "not found", nil) }

// update takes an order (Sc-Or.SecEnforce.001 to .003, SecurityVnfMgmt.001). The
// checks stand in such an order that what belongs to another trust domain cannot
// be told from what does not exist.
func (p *Producer) update(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("nsInstanceId")
	var req sol005.UpdateNsRequest
	if err := httpapi.DecodeLenient(r, &req); err != nil {
		return err
	}
	operation := "ns.update:" + clip(req.UpdateType)
	domain, exists := p.NFVO.NsDomain(id)
	if !exists {
		return errNotFound(operation)
	}
	caller, err := p.Authorize(r, operation, "", domain, "ns/"+id)
	if err != nil {
		return err
	}
	attrs, err := attributes(&req)
	if err != nil {
		return err
	}
	for _, a := range attrs {
		if _, err := p.Authorize(r, operation, a, domain, "ns/"+id); err != nil {
			return err
		}
	}
	key := r.Header.Get(idempotencyKey)
	again, err := p.NFVO.Ordered(r.Context(), caller, key)
	if err != nil {
		return err
	}
	if !again { // what a repeated order was about may have ended by it
		if err := p.checkVNFs(r, caller, operation, domain, &req); err != nil {
			return err
		}
	}
	opOcc, err := p.NFVO.Update(r.Context(), Order{Actor: caller, Key: key, NsInstanceID: id, Request: req})
	if err != nil {
		return err
	}
	return httpapi.Accepted(w, r, "/ns_lcm_op_occs/"+opOcc)
}

// idempotencyKey is the header under which the same order has one effect.
const idempotencyKey = "Idempotency-Key"

// checkVNFs looks at what an order names: it must be of the trust domain, and on
// the Security VNF Management interface a security VNF.
func (p *Producer) checkVNFs(r *http.Request, caller hub.Identity, operation, domain string, req *sol005.UpdateNsRequest) error {
	if err := p.ownVNFs(r, operation, domain, req); err != nil || caller.Interface != hub.ScOrSecurityVnfMgmt {
		return err
	}
	id := r.PathValue("nsInstanceId")
	reason, err := p.noSecurityVNF(r.Context(), id, req)
	if err != nil || reason == "" {
		return err
	}
	return p.Deny(r, operation, domain, "ns/"+id, reason)
}

// ownVNFs refuses an order that names a VNF of another trust domain, as one that
// does not exist (Security.003): both get the same answer, and get it here.
func (p *Producer) ownVNFs(r *http.Request, operation, domain string, req *sol005.UpdateNsRequest) error {
	for _, id := range vnfs(req) {
		owner, exists := p.NFVO.VnfDomain(id)
		if exists && owner == domain {
			continue
		}
		if exists {
			if _, err := p.Authorize(r, operation, "", owner, "vnf/"+id); err != nil && hub.CodeOf(err) != hub.NotFound {
				return err
			}
		}
		return hub.E(hub.NotFound, operation, fmt.Sprintf("there is no VNF instance %q; the NS lists those that it has", clip(id)), nil)
	}
	return nil
}

// noSecurityVNF holds the Security VNF Management interface to the security VNFs
// that the NSD foresees (IFA 033 clause 6.5): what is made or joins by the profile
// that it gets, what is there by the profile that it has, and what a VNF becomes
// by its new VNFD. It says why an order is about another one, or nothing.
func (p *Producer) noSecurityVNF(ctx context.Context, nsID string, req *sol005.UpdateNsRequest) (reason string, err error) {
	type named struct {
		what string
		is   func() (bool, error)
	}
	var list []named
	for _, d := range req.InstantiateVnfData {
		list = append(list, named{fmt.Sprintf("VNF profile %q with VNFD %q", clip(d.VnfProfileID), clip(d.VnfdID)), func() (bool, error) {
			return p.NFVO.SecurityProfile(ctx, nsID, d.VnfProfileID, d.VnfdID)
		}})
	}
	joins := map[string]bool{}
	for _, d := range req.AddVnfIstance {
		joins[d.VnfInstanceID] = true
		list = append(list, named{fmt.Sprintf("VNF profile %q", clip(d.VnfProfileID)), func() (bool, error) {
			return p.NFVO.SecurityProfile(ctx, nsID, d.VnfProfileID, "")
		}})
	}
	for _, d := range req.ChangeVnfPackageData {
		list = append(list, named{fmt.Sprintf("VNFD %q", clip(d.VnfdID)), func() (bool, error) { return p.NFVO.SecurityVnfd(ctx, nsID, d.VnfdID) }})
	}
	for _, id := range vnfs(req) {
		if !joins[id] { // the NFVO sees to it that what joins has the VNFD of its profile
			list = append(list, named{fmt.Sprintf("VNF %q", clip(id)), func() (bool, error) { return p.NFVO.SecurityMember(ctx, nsID, id) }})
		}
	}
	for _, n := range list {
		security, err := n.is()
		if err != nil {
			return "", err
		}
		if !security {
			return n.what + " is no security VNF of this NS: this interface manages those alone that the NSD foresees; order others over sc-or.sec-enforce", nil
		}
	}
	return "", nil
}

// refuseNs answers what Sc-Or does not offer. The decision table has no rule
// for it, so Authorize refuses and records it.
func (p *Producer) refuseNs(operation string) httpapi.Handler {
	return func(_ http.ResponseWriter, r *http.Request) error {
		id := r.PathValue("nsInstanceId")
		domain, exists := p.NFVO.NsDomain(id)
		if id != "" && !exists {
			return errNotFound(operation)
		}
		if _, err := p.Authorize(r, operation, "", domain, "ns/"+id); err != nil {
			return err
		}
		return hub.E(hub.Denied, operation, "Sc-Or does not offer "+operation, nil)
	}
}

func (p *Producer) refusePackage(operation string) httpapi.Handler {
	return func(_ http.ResponseWriter, r *http.Request) error {
		id := r.PathValue("vnfPkgId")
		domain, exists := p.PackageDomain(id)
		if id != "" && !exists {
			return errNotFound(operation)
		}
		if _, err := p.Authorize(r, operation, "", domain, "vnf-package/"+id); err != nil {
			return err
		}
		return hub.E(hub.Denied, operation, "Sc-Or does not offer "+operation, nil)
	}
}
