package enrol

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"net/url"
	"slices"
	"strings"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/der"
	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/internal/certmgmt"
)

// names are the names that the certificate of a subject has.
type names struct {
	subject pkix.Name
	dns     []string
	uris    []*url.URL
}

// namesOf returns them: all from the registration and the profile.
func namesOf(r *cmf.Registration, p Profile, subjectID string) names {
	n := names{subject: pkix.Name{Organization: one(p.Organization), Country: one(p.Country), Province: one(p.State), Locality: one(p.Locality)}}
	common := subjectID
	if r.CertType == certmgmt.MANOCert {
		n.dns = []string{subjectID}
	} else {
		n.dns = r.HostNames()
		n.uris = []*url.URL{cmf.VnfcURI(r.VnfInstanceID, subjectID)}
		if r.BaseProfile != nil && r.BaseProfile.CommonName != "" {
			common = r.BaseProfile.CommonName
		}
	}
	if len(common) <= 64 { // X.520 upper bound; the name is in the subject alternative name
		n.subject.CommonName = common
	} else if len(n.uris) > 0 {
		n.subject.CommonName = strings.TrimPrefix(n.uris[0].Opaque, "uuid:")
	}
	return n
}

func one(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// The extensions that a CSR may ask for, each with what we would give.
var (
	oidSubjectKeyID     = asn1.ObjectIdentifier{2, 5, 29, 14}
	oidKeyUsage         = asn1.ObjectIdentifier{2, 5, 29, 15}
	oidAlternativeName  = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidBasicConstraints = asn1.ObjectIdentifier{2, 5, 29, 19}
	oidExtKeyUsage      = asn1.ObjectIdentifier{2, 5, 29, 37}
	oidCommonName       = asn1.ObjectIdentifier{2, 5, 4, 3}
)

// maxWishes bounds the names and usages that are read of a CSR.
const maxWishes = 64

// checkWishes compares what a CSR asks for with what the certificate will hold, and
// returns what is foreign. [attestation.ParseCSR] refused CA:TRUE before.
func checkWishes(csr *x509.CertificateRequest, n names, p Profile) []certmgmt.Reason {
	found := n.checkSubject(csr.Subject)
	for _, x := range csr.Extensions {
		switch {
		case x.Id.Equal(oidSubjectKeyID), x.Id.Equal(oidBasicConstraints): // CA:FALSE
		case x.Id.Equal(oidAlternativeName):
			found = append(found, n.checkAlternative(csr, x.Value)...)
		case x.Id.Equal(oidKeyUsage):
			if !within(x.Value, p.KeyUsage) {
				found = append(found, because(ExtensionForeign, "the request asks for a key usage that the certificate will not have"))
			}
		case x.Id.Equal(oidExtKeyUsage):
			if !extWithin(x.Value, p.ExtKeyUsage) {
				found = append(found, because(ExtensionForeign, "the request asks for an extended key usage that the certificate will not have"))
			}
		default:
			found = append(found, because(ExtensionForeign, "the request asks for the extension %s", clip(x.Id.String())))
		}
	}
	return found
}

// checkSubject refuses parts of the subject that the certificate will not have. The
// common name may be any of the names.
func (n names) checkSubject(asked pkix.Name) []certmgmt.Reason {
	will := n.subject.ToRDNSequence()
	var found []certmgmt.Reason
	for _, part := range asked.Names {
		text, _ := part.Value.(string)
		switch {
		case part.Type.Equal(oidCommonName) && n.has(text):
		case slices.ContainsFunc(will, func(set pkix.RelativeDistinguishedNameSET) bool {
			return slices.ContainsFunc(set, func(mine pkix.AttributeTypeAndValue) bool { return mine.Type.Equal(part.Type) && mine.Value == text })
		}):
		default:
			found = append(found, because(NameForeign, "the subject of the request has %s=%q, which is not the registered subject's", part.Type, clip(text)))
		}
	}
	return found
}

// has says whether a text is one of the names.
func (n names) has(text string) bool {
	return text == n.subject.CommonName || slices.Contains(n.dns, strings.ToLower(text)) ||
		slices.ContainsFunc(n.uris, func(u *url.URL) bool { return u.String() == text || strings.TrimPrefix(u.Opaque, "uuid:") == text })
}

// checkAlternative refuses subject alternative names that are not the subject's.
// Kinds of names that Go does not read are foreign too.
func (n names) checkAlternative(csr *x509.CertificateRequest, value []byte) []certmgmt.Reason {
	var found []certmgmt.Reason
	foreign := func(name string) {
		found = append(found, because(NameForeign, "the request asks for the name %q, which is not the registered subject's", clip(name)))
	}
	read := len(csr.DNSNames) + len(csr.URIs) + len(csr.IPAddresses) + len(csr.EmailAddresses)
	list, err := der.Read(value)
	if err != nil {
		return append(found, because(attestation.CSRMalformed, "subject alternative name: %v", err))
	}
	if all, err := list.Sequence(maxWishes); err != nil || len(all) != read {
		found = append(found, because(NameForeign, "the request asks for kinds of names that no certificate of this hub has"))
	}
	for _, name := range csr.DNSNames {
		if !slices.Contains(n.dns, strings.ToLower(name)) {
			foreign(name)
		}
	}
	for _, u := range csr.URIs {
		if !slices.ContainsFunc(n.uris, func(mine *url.URL) bool { return mine.String() == u.String() }) {
			foreign(u.String())
		}
	}
	for _, ip := range csr.IPAddresses {
		foreign(ip.String())
	}
	for _, name := range csr.EmailAddresses {
		foreign(name)
	}
	return found
}

// within says whether a keyUsage extension asks for no more than there will be.
func within(value []byte, usage x509.KeyUsage) bool {
	var bits asn1.BitString
	if rest, err := asn1.Unmarshal(value, &bits); err != nil || len(rest) > 0 || bits.BitLength > 9 {
		return false
	}
	for i := range bits.BitLength {
		if bits.At(i) != 0 && usage&(1<<i) == 0 {
			return false
		}
	}
	return true
}

// extUsages are the extended key usages that a profile can have (RFC 5280 clause
// 4.2.1.12).
var extUsages = map[x509.ExtKeyUsage]string{
	x509.ExtKeyUsageServerAuth: "1.3.6.1.5.5.7.3.1", x509.ExtKeyUsageClientAuth: "1.3.6.1.5.5.7.3.2",
	x509.ExtKeyUsageCodeSigning: "1.3.6.1.5.5.7.3.3", x509.ExtKeyUsageEmailProtection: "1.3.6.1.5.5.7.3.4",
	x509.ExtKeyUsageIPSECEndSystem: "1.3.6.1.5.5.7.3.5", x509.ExtKeyUsageIPSECTunnel: "1.3.6.1.5.5.7.3.6",
	x509.ExtKeyUsageIPSECUser: "1.3.6.1.5.5.7.3.7", x509.ExtKeyUsageTimeStamping: "1.3.6.1.5.5.7.3.8",
}

// extWithin says whether an extKeyUsage extension asks for no more than there will be.
func extWithin(value []byte, usages []x509.ExtKeyUsage) bool {
	list, err := der.Read(value)
	if err != nil {
		return false
	}
	items, err := list.Sequence(maxWishes)
	if err != nil {
		return false
	}
	return !slices.ContainsFunc(items, func(item der.Value) bool {
		oid, err := item.OID()
		return err != nil || !slices.ContainsFunc(usages, func(u x509.ExtKeyUsage) bool { return extUsages[u] == oid })
	})
}
