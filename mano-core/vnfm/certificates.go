package vnfm

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol001"
)

// Certificates gets certificates for VNFC instances in delegation mode (IFA 033
// clause 11.2). A call can be repeated: what was got for a VNFC is got again.
type Certificates interface {
	// Certify gets the certificate of a VNFC. hub.Unprocessable: it was refused.
	Certify(ctx context.Context, domain string, w Wanted) (certmgmt.Certificate, error)
	// Renew gets one that takes the place of a certificate that ends.
	Renew(ctx context.Context, domain string, w Wanted, certificateID string) (certmgmt.Certificate, error)
	// Orphaned lists the valid certificates, of all trust domains, whose issuer was
	// revoked: those that were renewed as well, or without them.
	Orphaned(ctx context.Context, renewed bool) ([]certmgmt.Certificate, error)
	// CMF is where certificates of a trust domain come from: its base URI.
	CMF(domain string) string
}

// Wanted is a certificate that the VNFD asks for on a VNFC (SOL 001 V5.4.1 clause
// 6.8.19).
type Wanted struct {
	VNF     string            `json:"-"`
	VNFC    string            `json:"-"`
	VnfdID  string            `json:"-"`
	Desc    string            `json:"desc"`
	Type    certmgmt.CertType `json:"type"`
	Profile *certmgmt.Profile `json:"profile,omitempty"`
}

// VNFCCertificate is a certificate of a VNFC.
type VNFCCertificate struct {
	Desc string                 `json:"desc"`
	Is   sol.CertificateContent `json:"is"`
}

// wanted returns what a VDU's VNFCs are to have.
func wanted(vnfd *sol001.VNFD, vdu *sol001.VDU) []Wanted {
	var list []Wanted
	for _, name := range vdu.CertificateDesc {
		at := slices.IndexFunc(vnfd.Certificates, func(d sol001.CertificateDesc) bool { return d.ID == name })
		if at < 0 {
			continue // the parser has checked references; a VNFD of another source may lack it
		}
		d := &vnfd.Certificates[at]
		list = append(list, Wanted{Desc: d.ID, Type: certmgmt.CertType(d.Type), Profile: profileOf(d)})
	}
	return list
}

// profileOf takes over what a certificate descriptor says of the subject. The rest
// of it the CMF has in the trust domain's profile.
func profileOf(d *sol001.CertificateDesc) *certmgmt.Profile {
	subject, _ := d.Profile["subject"].(map[string]any)
	text := func(name string) string { s, _ := subject[name].(string); return s }
	p := certmgmt.Profile{
		CommonName: text("common_name"), Organization: text("organization"), Country: text("country"),
		State: text("state"), Locality: text("locality"), DNSNames: texts(d.Profile["subject_alt_name"]),
	}
	if reflect.ValueOf(p).IsZero() {
		return nil
	}
	return &p
}

// certify gets what a VNFC is to have and has not.
func (r *run) certify(ctx context.Context, c *VNFC) error {
	if r.s.Certificates == nil {
		return nil // the operation warns of it
	}
	for _, w := range c.Wanted {
		if c.certificate(w.Desc) != nil {
			continue
		}
		w.VNF, w.VNFC, w.VnfdID = r.op.VNF, c.ID, r.op.After.VnfdID
		is, err := r.s.Certificates.Certify(ctx, r.domain, w)
		if err != nil {
			return fmt.Errorf("get certificate %s: %w", w.Desc, err)
		}
		// In a new slice: that of the stored layout has the same elements.
		c.Certificates = append(slices.Clone(c.Certificates), newCertificate(w.Desc, c.ID, &is))
	}
	return nil
}

func newCertificate(desc, vnfc string, is *certmgmt.Certificate) VNFCCertificate {
	return VNFCCertificate{desc, sol.CertificateContent{
		ID: is.ID, CertificateDescID: desc, CertificateType: string(is.CertType), SerialNumber: is.SerialNumber, Issuer: is.Issuer,
		NotBefore: is.NotBefore, NotAfter: is.NotAfter, Subject: is.Subject, VnfcID: vnfc, Assurance: is.Assurance, KeyHash: is.KeyHash,
	}}
}

func (c *VNFC) certificate(desc string) *VNFCCertificate {
	for i := range c.Certificates {
		if c.Certificates[i].Desc == desc {
			return &c.Certificates[i]
		}
	}
	return nil
}

// uncertified warns of certificates that nobody is asked for.
func (s *Service) uncertified(l *Layout) []string {
	if s.Certificates != nil || !slices.ContainsFunc(l.vnfcs(), func(c VNFC) bool { return len(c.Wanted) > 0 }) {
		return nil
	}
	return []string{"the VNFD asks for certificates, and this VNFM has no generator of keys for them; set certificateManagement.vnfmDevice or vnfmToken in its configuration"}
}

// certificateInfo shows the certificates of a VNF; nil when it has none.
func (s *Service) certificateInfo(domain, vnf string, l *Layout) *sol003.CertificateInfo {
	if s.Certificates == nil {
		return nil
	}
	info := &sol003.CertificateInfo{ID: certificateInfoID(vnf)}
	for _, c := range l.vnfcs() {
		for _, has := range c.Certificates {
			info.CertificateContents = append(info.CertificateContents, has.Is)
		}
	}
	if info.CertificateContents == nil {
		return nil
	}
	info.CertificateConfigurationInfo = &sol.CertificateConfigurationInfo{CmfInfo: &sol.CmfInfo{
		ID: "cmf", EndPoint: sol.CmfEndPoint{Link: &sol.Link{Href: s.Certificates.CMF(domain)}},
	}}
	return info
}

func certificateInfoID(vnf string) string { return hub.DeriveID("certificate-info", vnf) }

// certificates tells of those that came or went with a VNFC.
func (d *differ) certificates(c *VNFC, change string) {
	for _, has := range c.Certificates {
		d.out.AffectedCertificates = append(d.out.AffectedCertificates, sol003.AffectedCertificate{
			CertificateInfoID: certificateInfoID(d.vnf), CertificateContentID: has.Is.ID, ChangeType: map[string]string{"ADDED": "ADD", "REMOVED": "REMOVE"}[change],
		})
	}
}

// renewed tells of those that took the place of others.
func (d *differ) renewed(was, is *VNFC) {
	for _, has := range is.Certificates {
		if had := was.certificate(has.Desc); had != nil && had.Is.ID != has.Is.ID {
			d.out.AffectedCertificates = append(d.out.AffectedCertificates, sol003.AffectedCertificate{
				CertificateInfoID: certificateInfoID(d.vnf), CertificateContentID: has.Is.ID, ChangeType: "MODIFY",
			})
		}
	}
}

// texts reads a text or a list of texts.
func texts(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var list []string
		for _, x := range v {
			if s, ok := x.(string); ok {
				list = append(list, s)
			}
		}
		return list
	}
	return nil
}
