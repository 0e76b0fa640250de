package stepca

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"net"
	"net/url"
	"slices"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// maxSerial is the length of a serial number in bits: 20 octets, positive.
const maxSerial = 159

// minRSA is the least length of an RSA key in bits.
const minRSA = 2048

// checkOrder refuses what no certificate below issuer may hold, and a CSR that does
// not prove its key, unless who orders has checked that. It is [hub.Invalid].
func checkOrder(o hub.CertificateOrder, issuer *x509.Certificate) (*x509.CertificateRequest, error) {
	csr, err := readOrder(o, issuer)
	if err == nil && o.Proven == nil {
		err = checkProof(csr)
	}
	return csr, err
}

// checkProof refuses a CSR that does not prove possession of its key.
func checkProof(csr *x509.CertificateRequest) error {
	if err := csr.CheckSignature(); err != nil {
		return hub.E(hub.Invalid, "issue certificate", "the CSR is not signed with the key that it holds; make it anew where that key is", err)
	}
	return nil
}

// readOrder is checkOrder without the proof of possession.
func readOrder(o hub.CertificateOrder, issuer *x509.Certificate) (*x509.CertificateRequest, error) {
	const op = "issue certificate"
	refuse := func(text string, err error) (*x509.CertificateRequest, error) {
		return nil, hub.E(hub.Invalid, op, text, err)
	}
	csr := o.Proven
	if csr == nil {
		var err error
		if csr, err = x509.ParseCertificateRequest(o.CSR); err != nil {
			return refuse("the CSR is no PKCS#10 certification request in DER (RFC 2986); make it anew", err)
		}
	} else if !bytes.Equal(csr.Raw, o.CSR) {
		return refuse("another CSR was checked than the one that is ordered for; order again", nil)
	}
	if err := checkKey(csr.PublicKey); err != nil {
		return refuse(fmt.Sprintf("the key of the CSR cannot be certified: %v; use ECDSA on P-256, P-384 or P-521, Ed25519, or RSA of %d bits or more", err, minRSA), err)
	}
	switch {
	case o.Serial == nil || o.Serial.Sign() <= 0 || o.Serial.BitLen() > maxSerial:
		return refuse("the serial number is not positive, or longer than 20 octets", nil)
	case o.NotBefore.Nanosecond() != 0 || o.NotAfter.Nanosecond() != 0 || !o.NotAfter.After(o.NotBefore):
		return refuse("the validity is not two whole seconds, the later one last", nil)
	case o.NotBefore.Before(issuer.NotBefore) || o.NotAfter.After(issuer.NotAfter):
		return refuse(fmt.Sprintf("the certificate would be valid outside the time of its authority, %s to %s; rotate the authority", issuer.NotBefore.Format(time.RFC3339), issuer.NotAfter.Format(time.RFC3339)), nil)
	case o.KeyUsage == 0 || o.KeyUsage&(x509.KeyUsageCertSign|x509.KeyUsageCRLSign) != 0:
		return refuse("the key usage is empty, or that of a certificate authority", nil)
	case slices.ContainsFunc(o.ExtKeyUsage, func(u x509.ExtKeyUsage) bool {
		return u == x509.ExtKeyUsageAny || u == x509.ExtKeyUsageOCSPSigning
	}):
		return refuse("the extended key usage is any, or that of an OCSP responder", nil)
	case len(o.DNSNames)+len(o.IPAddresses)+len(o.URIs) == 0:
		return refuse("there is no subject alternative name", nil)
	}
	return csr, nil
}

func checkKey(key crypto.PublicKey) error {
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		if k.Curve.Params().BitSize < 256 {
			return fmt.Errorf("its curve has %d bits", k.Curve.Params().BitSize)
		}
	case *rsa.PublicKey:
		if k.N.BitLen() < minRSA {
			return fmt.Errorf("it is an RSA key of %d bits", k.N.BitLen())
		}
		if k.E < 65537 {
			return fmt.Errorf("its exponent is %d", k.E)
		}
	case ed25519.PublicKey:
	default:
		return fmt.Errorf("it is of type %T", key)
	}
	return nil
}

// template is the certificate that was ordered, for a key.
func template(o hub.CertificateOrder, key crypto.PublicKey) *x509.Certificate {
	return &x509.Certificate{
		PublicKey:             key,
		SerialNumber:          o.Serial,
		Subject:               o.Subject,
		DNSNames:              o.DNSNames,
		IPAddresses:           o.IPAddresses,
		URIs:                  o.URIs,
		KeyUsage:              o.KeyUsage,
		ExtKeyUsage:           o.ExtKeyUsage,
		Policies:              o.Policies,
		NotBefore:             o.NotBefore,
		NotAfter:              o.NotAfter,
		CRLDistributionPoints: o.CRLURLs,
		OCSPServer:            o.OCSPURLs,
		IssuingCertificateURL: o.IssuerURLs,
		BasicConstraintsValid: true,
	}
}

// The extensions that a certificate of ours can have (RFC 5280 clause 4.2).
var ordered = []asn1.ObjectIdentifier{
	{2, 5, 29, 14},              // subject key identifier
	{2, 5, 29, 15},              // key usage
	{2, 5, 29, 17},              // subject alternative name
	{2, 5, 29, 19},              // basic constraints
	{2, 5, 29, 31},              // CRL distribution points
	{2, 5, 29, 32},              // certificate policies
	{2, 5, 29, 35},              // authority key identifier
	{2, 5, 29, 37},              // extended key usage
	{1, 3, 6, 1, 5, 5, 7, 1, 1}, // authority information access
}

// checkIssued compares a certificate with what was ordered, and proves that issuer
// signed it.
func checkIssued(o hub.CertificateOrder, csr *x509.CertificateRequest, c, issuer *x509.Certificate) error {
	if err := compare(o, csr, c, issuer); err != nil {
		return err
	}
	return c.CheckSignatureFrom(issuer)
}

// compare compares a certificate with what was ordered: nothing is missing, altered or
// added.
func compare(o hub.CertificateOrder, csr *x509.CertificateRequest, c, issuer *x509.Certificate) error {
	differ := func(what string) error { return fmt.Errorf("its %s is not what was ordered", what) }
	want := template(o, csr.PublicKey)
	switch {
	case !bytes.Equal(c.RawSubjectPublicKeyInfo, csr.RawSubjectPublicKeyInfo):
		return differ("key")
	case c.SerialNumber.Cmp(want.SerialNumber) != 0:
		return differ("serial number")
	case c.Subject.String() != want.Subject.String():
		return differ("subject")
	case !slices.Equal(c.DNSNames, want.DNSNames) || !slices.EqualFunc(c.IPAddresses, want.IPAddresses, net.IP.Equal) ||
		!slices.EqualFunc(c.URIs, want.URIs, func(a, b *url.URL) bool { return a.String() == b.String() }) || len(c.EmailAddresses) > 0:
		return differ("subject alternative name")
	case c.IsCA || !c.BasicConstraintsValid:
		return differ("basic constraint")
	case c.KeyUsage != want.KeyUsage:
		return differ("key usage")
	case !slices.Equal(c.ExtKeyUsage, want.ExtKeyUsage) || len(c.UnknownExtKeyUsage) > 0:
		return differ("extended key usage")
	case !slices.EqualFunc(c.Policies, want.Policies, x509.OID.Equal):
		return differ("list of policies")
	case !c.NotBefore.Equal(want.NotBefore) || !c.NotAfter.Equal(want.NotAfter):
		return differ("validity")
	case !slices.Equal(c.CRLDistributionPoints, want.CRLDistributionPoints) || !slices.Equal(c.OCSPServer, want.OCSPServer) ||
		!slices.Equal(c.IssuingCertificateURL, want.IssuingCertificateURL):
		return differ("place of revocation lists and OCSP")
	case !bytes.Equal(c.AuthorityKeyId, issuer.SubjectKeyId):
		return differ("authority key identifier")
	}
	for _, x := range c.Extensions {
		if !slices.ContainsFunc(ordered, x.Id.Equal) {
			return fmt.Errorf("it has an extension %s that nobody ordered", x.Id)
		}
	}
	return nil
}
