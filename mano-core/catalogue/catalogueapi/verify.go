package catalogueapi

import (
	"net/http"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/mano-core/catalogue"
	"github.com/manoward/manoward/mano-core/catalogue/csar"
)

// RouteVerify adds the check of an on-boarded VNF package as it is stored now,
// under the policy of now, to the group of our own API, /manoward/v1.
func (a *API) RouteVerify(g *httpapi.Group) {
	g.Handle("POST /vnf_packages/{id}/verify", a.verify)
}

// verification is what such a check found.
type verification struct {
	Verdict        string               `json:"verdict"` // ACCEPTED or REFUSED
	SecurityOption csar.Option          `json:"packageSecurityOption,omitempty"`
	Signers        []verificationSigner `json:"signers"`
	Findings       []csar.Finding       `json:"findings"` // errors, which refuse the package, and warnings
}

type verificationSigner struct {
	Signed   string     `json:"signed"` // path of what was signed
	Check    csar.Check `json:"check"`
	Trusted  bool       `json:"trusted"` // the chain leads to an anchor
	Subject  string     `json:"subject"`
	Issuer   string     `json:"issuer"`
	Serial   string     `json:"serial"`
	NotAfter time.Time  `json:"notAfter"`
}

func (a *API) verify(w http.ResponseWriter, r *http.Request) error {
	p, _, err := a.find(r, vnfPackages(), "verify")
	if err != nil {
		return err
	}
	found, err := a.Catalogue.Verify(r.Context(), catalogue.VNF, p.ID)
	if err != nil {
		return normalize(vnfPackages(), err)
	}
	out := verification{Verdict: "REFUSED", SecurityOption: found.Option, Signers: []verificationSigner{}, Findings: append([]csar.Finding{}, found.Findings...)}
	if found.Accepted {
		out.Verdict = "ACCEPTED"
	}
	for _, s := range found.Signers {
		out.Signers = append(out.Signers, verificationSigner{
			Signed: s.Signed, Check: s.Check, Trusted: s.Trusted, Subject: s.Subject, Issuer: s.Issuer, Serial: s.Serial, NotAfter: s.NotAfter,
		})
	}
	return httpapi.Write(w, http.StatusOK, out)
}
