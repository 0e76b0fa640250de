package stepca

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// Issue has step-ca sign what was ordered for the key of the CSR, whose possession
// the CSR proves. The order's serial number is ignored: step-ca draws one.
//
// It is [hub.Invalid] for an order that no certificate may hold, or that asks for
// an OCSP URL, at which nobody would answer; [hub.Unprocessable] for one that
// step-ca refuses; [hub.Conflict] for one that names another issuer than the one
// that step-ca signs as now; and [hub.Unavailable] when it did not answer. Then
// step-ca may have signed a certificate that nobody has, unless the text says that
// it was not reached.
func (r *Remote) Issue(ctx context.Context, o hub.CertificateOrder) (hub.IssuedCertificate, error) {
	const op = "issue certificate"
	current, judge := r.issuing()
	o.Serial = anySerial()
	csr, err := checkOrder(o, current[0])
	if err != nil {
		return hub.IssuedCertificate{}, err
	}
	if len(o.OCSPURLs) > 0 {
		return hub.IssuedCertificate{}, hub.E(hub.Invalid, op, "the certificate would name an OCSP responder, and step-ca has none; leave the OCSP URL out of the profile of this trust domain", nil)
	}
	if err := judge.check(template(o, csr.PublicKey)); err != nil {
		return hub.IssuedCertificate{}, badStyle(op, err)
	}
	if o.Permit != nil {
		if err := o.Permit(); err != nil {
			return hub.IssuedCertificate{}, err
		}
	}
	chain, err := r.sign(ctx, o, csr)
	if err != nil {
		return hub.IssuedCertificate{}, err
	}
	issuer, err := r.learn(chain[1:])
	if err != nil {
		return hub.IssuedCertificate{}, err
	}
	o.Serial = chain[0].SerialNumber
	if o.Issuer != "" && o.Issuer != keyID(issuer) {
		return hub.IssuedCertificate{}, r.overtaken(ctx, o)
	}
	if o.Serial.Sign() <= 0 || o.Serial.BitLen() > maxSerial {
		return hub.IssuedCertificate{}, different(op, errors.New("its serial number is not positive, or longer than 20 octets"))
	}
	if err := checkIssued(o, csr, chain[0], issuer); err != nil {
		return hub.IssuedCertificate{}, different(op, err)
	}
	issued := hub.IssuedCertificate{Issuer: keyID(issuer)}
	for _, c := range chain {
		issued.Chain = append(issued.Chain, c.Raw)
	}
	return issued, nil
}

// overtaken is the failure of an order whose issuer was replaced before it was
// signed: the certificate names the revocation list of another one than its issuer.
// It is thrown away, and revoked as far as step-ca can be reached now.
func (r *Remote) overtaken(ctx context.Context, o hub.CertificateOrder) error {
	const superseded = 4 // RFC 5280 clause 5.3.1
	err := r.revoke(ctx, hub.RevokedCertificate{Serial: o.Serial, Reason: superseded})
	return hub.E(hub.Conflict, "issue certificate", fmt.Sprintf("step-ca at %s signs as another issuer since its intermediate was rotated; what it signed was thrown away: ask again", r.base.Host), err)
}

// different is the failure of a step-ca whose template is not ours.
func different(op string, err error) error {
	return hub.E(hub.Unavailable, op, fmt.Sprintf("step-ca signed something else than was ordered (%v), and the certificate was thrown away; give its provisioner the template and the claims of docs/howto/use-a-remote-step-ca.md", err), err)
}

// anySerial stands for the number that step-ca draws, in what is judged before.
func anySerial() *big.Int {
	raw := make([]byte, 16)
	rand.Read(raw) // never fails: crypto/rand ends the process instead
	raw[0] = raw[0]&0x3f | 0x40
	return new(big.Int).SetBytes(raw)
}

// sign asks for the signature, and returns the leaf and what is above it.
func (r *Remote) sign(ctx context.Context, o hub.CertificateOrder, csr *x509.CertificateRequest) ([]*x509.Certificate, error) {
	const op = "issue certificate"
	content, err := contentOf(o)
	if err != nil {
		return nil, hub.E(hub.Invalid, op, fmt.Sprintf("the order cannot be told to step-ca: %v; change the profile", err), err)
	}
	a, err := r.repeat(ctx, unsent, func() (answer, error) {
		token, err := r.token("/1.0/sign", tokenClaims{Subject: subjectOf(o, csr), SANs: sansOf(csr), Confirmation: &confirmation{fingerprint(csr.Raw)}, Content: content})
		if err != nil {
			return answer{}, err
		}
		body, err := json.Marshal(map[string]any{
			"csr": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: csr.Raw})), "ott": token,
			"notBefore": o.NotBefore.UTC().Format(time.RFC3339), "notAfter": o.NotAfter.UTC().Format(time.RFC3339),
		})
		if err != nil {
			return answer{}, fmt.Errorf("%s: %w", op, err)
		}
		return r.once(ctx, r.http, http.MethodPost, "/1.0/sign", body, maxAnswer)
	})
	if err != nil {
		return nil, err
	}
	if a.status != http.StatusCreated {
		return nil, r.refused(op, a)
	}
	var signed struct {
		Chain []pemCertificate `json:"certChain"`
	}
	if err := json.Unmarshal(a.body, &signed); err != nil || len(signed.Chain) < 2 {
		return nil, hub.E(hub.Unavailable, op, fmt.Sprintf("step-ca at %s answers without a certificate and its issuer; is it a step-ca?", r.base.Host), err)
	}
	chain := make([]*x509.Certificate, 0, len(signed.Chain))
	for _, c := range signed.Chain {
		if c.Certificate == nil {
			return nil, hub.E(hub.Unavailable, op, fmt.Sprintf("step-ca at %s answers with an empty certificate; is it a step-ca?", r.base.Host), nil)
		}
		chain = append(chain, c.Certificate)
	}
	return chain, nil
}

// refused says why step-ca does not do what it was asked.
func (r *Remote) refused(op string, a answer) error {
	switch {
	case a.status == http.StatusUnauthorized:
		return hub.E(hub.Unavailable, op, fmt.Sprintf("step-ca at %s does not accept the token of provisioner %q: %s; see that its key is still ours, that both clocks are right, and that the name in the URL is one of its dnsNames", r.base.Host, r.cfg.Provisioner, a.message()), nil)
	case a.status >= 500 || a.status == http.StatusTooManyRequests:
		return hub.E(hub.Unavailable, op, fmt.Sprintf("step-ca at %s cannot do it now (%d %s); see its log, and ask again", r.base.Host, a.status, a.message()), nil)
	}
	return hub.E(hub.Unprocessable, op, fmt.Sprintf("step-ca at %s refuses it: %s; compare the profile with the claims, policy and template of its provisioner %q", r.base.Host, a.message(), r.cfg.Provisioner), nil)
}

// content is an order in the words of step-ca's templates.
type content struct {
	RawSubject  []byte   `json:"rawSubject"` // DER, so that it is ours to the letter
	DNSNames    []string `json:"dnsNames"`
	IPs         []net.IP `json:"ipAddresses"`
	URIs        []string `json:"uris"`
	KeyUsage    []string `json:"keyUsage"`
	ExtKeyUsage []string `json:"extKeyUsage"`
	Policies    []string `json:"policyIdentifiers"`
	CRLURLs     []string `json:"crlDistributionPoints"`
	IssuerURLs  []string `json:"issuingCertificateURL"`
}

var keyUsages = []struct {
	usage x509.KeyUsage
	name  string
}{
	{x509.KeyUsageDigitalSignature, "digitalSignature"}, {x509.KeyUsageContentCommitment, "contentCommitment"},
	{x509.KeyUsageKeyEncipherment, "keyEncipherment"}, {x509.KeyUsageDataEncipherment, "dataEncipherment"},
	{x509.KeyUsageKeyAgreement, "keyAgreement"}, {x509.KeyUsageEncipherOnly, "encipherOnly"}, {x509.KeyUsageDecipherOnly, "decipherOnly"},
}

var extKeyUsages = map[x509.ExtKeyUsage]string{
	x509.ExtKeyUsageServerAuth: "serverAuth", x509.ExtKeyUsageClientAuth: "clientAuth", x509.ExtKeyUsageCodeSigning: "codeSigning",
	x509.ExtKeyUsageEmailProtection: "emailProtection", x509.ExtKeyUsageTimeStamping: "timeStamping",
	x509.ExtKeyUsageIPSECEndSystem: "ipsecEndSystem", x509.ExtKeyUsageIPSECTunnel: "ipsecTunnel", x509.ExtKeyUsageIPSECUser: "ipsecUser",
}

func contentOf(o hub.CertificateOrder) (*content, error) {
	subject, err := asn1.Marshal(o.Subject.ToRDNSequence())
	if err != nil {
		return nil, fmt.Errorf("its subject: %w", err)
	}
	c := &content{ // no list is null, which templates do not take
		RawSubject: subject, DNSNames: append([]string{}, o.DNSNames...), IPs: append([]net.IP{}, o.IPAddresses...), URIs: []string{}, KeyUsage: []string{}, ExtKeyUsage: []string{},
		Policies: []string{}, CRLURLs: append([]string{}, o.CRLURLs...), IssuerURLs: append([]string{}, o.IssuerURLs...),
	}
	for _, u := range o.URIs {
		c.URIs = append(c.URIs, u.String())
	}
	left := o.KeyUsage
	for _, k := range keyUsages {
		if left&k.usage != 0 {
			c.KeyUsage, left = append(c.KeyUsage, k.name), left&^k.usage
		}
	}
	if left != 0 {
		return nil, fmt.Errorf("there is no word for key usage %#x", left)
	}
	for _, u := range o.ExtKeyUsage {
		name, ok := extKeyUsages[u]
		if !ok {
			return nil, fmt.Errorf("there is no word for extended key usage %d", u)
		}
		c.ExtKeyUsage = append(c.ExtKeyUsage, name)
	}
	for _, p := range o.Policies {
		c.Policies = append(c.Policies, p.String())
	}
	return c, nil
}

// subjectOf and sansOf repeat what the CSR says: step-ca compares its token with
// the CSR, and takes the certificate from the token's content alone.
func subjectOf(o hub.CertificateOrder, csr *x509.CertificateRequest) string {
	if csr.Subject.CommonName != "" {
		return csr.Subject.CommonName
	}
	return o.ID
}

func sansOf(csr *x509.CertificateRequest) []string {
	list := append(append([]string{}, csr.DNSNames...), csr.EmailAddresses...)
	for _, ip := range csr.IPAddresses {
		list = append(list, ip.String())
	}
	for _, u := range csr.URIs {
		list = append(list, u.String())
	}
	return list
}
