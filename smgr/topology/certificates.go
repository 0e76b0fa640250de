package topology

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/sol/sol005"
)

// certificate is a certificate of a VNFC, as the VNF instance shows it.
type certificate struct {
	Subject   string    `json:"subject,omitempty"`
	KeyHash   string    `json:"keyHash,omitempty"`
	Attested  *bool     `json:"attested,omitempty"`
	Assurance string    `json:"assurance,omitempty"`
	NotAfter  time.Time `json:"notAfter,omitzero"`
	Serial    string    `json:"serialNumber,omitempty"`
	VnfcID    string    `json:"vnfcId,omitempty"`
}

// certificatesIn reads VnfInstance.certificateInfo of SOL 002 and SOL 003 V4.5.1
// with our additions (docs/extensions/certificates.md); nil when it is not there.
// Its stage 3 is known to us at second hand, so nothing is asked of its types:
// what is of another than expected is unknown, and ends no reading.
func certificatesIn(info json.RawMessage, vnfcs []sol005.VnfcResourceInfo) []certificate {
	var shown struct {
		Contents []json.RawMessage `json:"certificateContents"`
	}
	if len(info) == 0 || json.Unmarshal(info, &shown) != nil || string(info) == "null" {
		return nil
	}
	bound := map[string]string{} // VNFC by the certificate that it has
	for i := range vnfcs {
		if id := vnfcs[i].CertificateContentID; id != "" {
			bound[id] = vnfcs[i].ID
		}
	}
	out := []certificate{}
	for _, raw := range shown.Contents {
		var c map[string]any
		if json.Unmarshal(raw, &c) != nil {
			out = append(out, certificate{}) // it is there, and nothing is known of it
			continue
		}
		text := func(name string) string { s, _ := c[name].(string); return s }
		is := certificate{
			Subject: text("subject"), Serial: text("serialNumber"), VnfcID: cmp.Or(text("manoward.vnfcId"), bound[text("id")]),
			KeyHash: strings.ToLower(text("manoward.keyHash")), Assurance: text("manoward.assurance"),
		}
		if is.Assurance != "" {
			is.Attested = known(is.Assurance != "none")
		}
		if at, err := time.Parse(time.RFC3339, text("notAfter")); err == nil && at.UTC().Year() > 0 && at.UTC().Year() <= 9999 {
			is.NotAfter = at.UTC() // another year no input can have
		}
		out = append(out, is)
	}
	slices.SortFunc(out, func(a, b certificate) int {
		return cmp.Or(cmp.Compare(a.VnfcID, b.VnfcID), cmp.Compare(a.Serial, b.Serial), a.NotAfter.Compare(b.NotAfter))
	})
	return out
}

// lose takes the certificates of VNFCs that are gone away. Those of a VNFC that
// nobody names stay until the VNF is read again.
func (v *vnf) lose(vnfcs []string) {
	if v.Certificates != nil {
		v.Certificates = slices.DeleteFunc(slices.Clone(v.Certificates), func(c certificate) bool {
			return c.VnfcID != "" && slices.Contains(vnfcs, c.VnfcID)
		})
	}
}
