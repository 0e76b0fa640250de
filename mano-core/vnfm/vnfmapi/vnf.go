package vnfmapi

import (
	"net/http"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/mano-core/vnfm"
)

// A VNF is a consumer of the VNFM over Ve-Vnfm-vnf (SOL 002). Its credential is that of
// one VNF instance, by whose identifier it is called: what is of another instance
// answers as what does not exist, and when the instance ends the credential opens
// nothing any more.

// permit asks the decision table and, for a VNF, whether its instance lives.
func (a *API) permit(r *http.Request, operation, targetDomain, target string) (hub.Identity, error) {
	who, err := a.Authorize(r, operation, targetDomain, target)
	if err != nil || who.VNFInstance() == "" {
		return who, err
	}
	lives, err := a.Service.Lives(r.Context(), who.TrustDomain, who.VNFInstance())
	if err != nil || lives {
		return who, err
	}
	// No row of the table allows this: it is asked to have the attempt recorded.
	if _, err := a.Authorize(r, operation+":of-an-ended-vnf", "", "vnf/"+who.VNFInstance()); err != nil && hub.CodeOf(err) != hub.Denied {
		return hub.Identity{}, err
	}
	return hub.Identity{}, hub.E(hub.Denied, operation, "the VNF instance of this credential is not instantiated in its trust domain; a VNF that is there needs a credential of its own vnfInstanceId", nil)
}

// another answers a VNF that asks about another VNF instance: as if there were nothing,
// after the attempt was recorded, in the same way as [API.own] does.
func (a *API) another(r *http.Request, operation, domain, vnf, what string) error {
	if _, err := a.Authorize(r, operation+":of-another", domain, "vnf/"+vnf); err != nil && hub.CodeOf(err) != hub.Denied {
		return err
	}
	return missing(what)
}

// shown is a VNF instance as a caller may see it.
func shown(who hub.Identity, v sol003.VnfInstance) sol003.VnfInstance {
	if who.VNFInstance() != "" {
		return vnfm.InstanceForVNF(v)
	}
	return v
}

// occurrence is an operation as a caller may see it.
func occurrence(who hub.Identity, o vnfm.OpOcc) vnfm.OpOcc {
	if who.VNFInstance() != "" {
		return o.ForVNF()
	}
	return o
}
