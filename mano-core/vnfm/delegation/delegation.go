// Package delegation gets certificates for VNFC instances from the CMF, as the
// VNFM does in delegation mode (IFA 033 clause 11.2): it registers the attester of
// its keys and the VNFC instance, has a key made that the attester attests, and
// sends the request.
package delegation

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"

	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/mano-core/vnfm"
)

// Keys is a generator of keys, such as a TPM or an HSM. Keys are made in it and
// never leave it. It must be safe for concurrent use.
type Keys interface {
	// Attester says who attests its keys.
	Attester(ctx context.Context) (certmgmt.Attester, error)
	// Endorsement is what the CMF has to know to challenge the attester, if it is one
	// that is activated (TPM 2.0 part 1); nil otherwise.
	Endorsement(ctx context.Context) (*certmgmt.ChallengeRequest, error)
	// Activate opens a credential that only this attester can open.
	Activate(ctx context.Context, credentialBlob, secret []byte) ([]byte, error)
	// Request makes the key of that name, unless it is there, and a request for a
	// certificate of it (PEM, PKCS#10) with a statement that contains the nonce.
	Request(ctx context.Context, name string, nonce []byte) (string, error)
}

// Delegation implements [vnfm.Certificates]. It is safe for concurrent use.
type Delegation struct {
	// Client asks the CMF of a trust domain, or with "" that of all: certmgmt/v1.
	Client func(domain string) *httpapi.Client
	Keys   Keys

	mu        sync.Mutex        // covers attesters; held while one is registered
	attesters map[string]string // ID by trust domain
}

// CMF implements [vnfm.Certificates].
func (d *Delegation) CMF(domain string) string { return d.Client(domain).Base }

// Certify implements [vnfm.Certificates].
func (d *Delegation) Certify(ctx context.Context, domain string, w vnfm.Wanted) (certmgmt.Certificate, error) {
	cmf := d.Client(domain)
	reg, err := d.register(ctx, cmf, domain, w)
	if err != nil {
		return certmgmt.Certificate{}, err
	}
	// After a crash it may be there already.
	has, found, err := newest(ctx, cmf, domain, reg.ID, w)
	if err != nil || found {
		return has, err
	}
	return d.request(ctx, cmf, "/certificate_signing_requests", reg, w)
}

// Renew implements [vnfm.Certificates].
func (d *Delegation) Renew(ctx context.Context, domain string, w vnfm.Wanted, certificateID string) (certmgmt.Certificate, error) {
	cmf := d.Client(domain)
	reg, err := d.register(ctx, cmf, domain, w)
	if err != nil {
		return certmgmt.Certificate{}, err
	}
	var old certmgmt.Certificate
	if _, err := cmf.Do(ctx, http.MethodGet, "/certificates/"+url.PathEscape(certificateID), nil, &old); err != nil {
		return certmgmt.Certificate{}, fmt.Errorf("read certificate: %w", err)
	}
	if old.RenewedBy != "" { // the answer was lost
		var is certmgmt.Certificate
		_, err := cmf.Do(ctx, http.MethodGet, "/certificates/"+url.PathEscape(old.RenewedBy), nil, &is)
		return is, err
	}
	return d.request(ctx, cmf, "/certificates/"+url.PathEscape(certificateID)+"/renew", reg, w)
}

// Orphaned implements [vnfm.Certificates].
func (d *Delegation) Orphaned(ctx context.Context, renewed bool) ([]certmgmt.Certificate, error) {
	var list []certmgmt.Certificate
	query := url.Values{"issuer_revoked": {"true"}, "not_renewed": {strconv.FormatBool(!renewed)}, "filter": {"(eq,state," + certmgmt.CertificateValid + ")"}}
	for c, err := range httpapi.All[certmgmt.Certificate](ctx, d.Client(""), "/certificates", query) {
		if err != nil {
			return nil, fmt.Errorf("list certificates of revoked issuers: %w", err)
		}
		list = append(list, c)
	}
	return list, nil
}

// register registers a VNFC instance. Registering the same again is answered as
// before.
func (d *Delegation) register(ctx context.Context, cmf *httpapi.Client, domain string, w vnfm.Wanted) (reg certmgmt.Registration, err error) {
	attester, err := d.attester(ctx, cmf, domain)
	if err != nil {
		return reg, err
	}
	in := certmgmt.RegisterRequest{
		TrustDomain: domain, CertType: w.Type, SubjectID: []string{w.VNFC}, TypeOfVnfcCertHandling: certmgmt.DelegationMode,
		VnfInstanceID: w.VNF, VnfdID: w.VnfdID, CertificateDescID: w.Desc, BaseProfile: w.Profile, AttesterIDs: []string{attester},
	}
	_, err = cmf.Do(ctx, http.MethodPost, "/registrations", in, &reg)
	if err != nil && hub.CodeOf(err) != hub.Unavailable { // perhaps the attester was withdrawn
		d.mu.Lock()
		delete(d.attesters, domain)
		d.mu.Unlock()
	}
	return reg, wrap("register VNFC instance "+w.VNFC, err)
}

// attester registers the attester of the keys with a trust domain, and proves it
// by activation where it can be proved.
func (d *Delegation) attester(ctx context.Context, cmf *httpapi.Client, domain string) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if id := d.attesters[domain]; id != "" {
		return id, nil
	}
	in, err := d.Keys.Attester(ctx)
	if err != nil {
		return "", fmt.Errorf("read the attester of keys: %w", err)
	}
	in.TrustDomain = domain
	var is certmgmt.Attester
	if _, err := cmf.Do(ctx, http.MethodPost, "/attesters", in, &is); err != nil {
		return "", fmt.Errorf("register attester: %w", err)
	}
	if is.Activated == nil {
		if err := d.activate(ctx, cmf, domain, is.ID); err != nil {
			return "", fmt.Errorf("activate attester: %w", err)
		}
	}
	if d.attesters == nil {
		d.attesters = map[string]string{}
	}
	d.attesters[domain] = is.ID
	return is.ID, nil
}

func (d *Delegation) activate(ctx context.Context, cmf *httpapi.Client, domain, attester string) error {
	ask, err := d.Keys.Endorsement(ctx)
	if err != nil || ask == nil {
		return err
	}
	ask.TrustDomain, ask.AttesterID = domain, attester
	var c certmgmt.Challenge
	if _, err := cmf.Do(ctx, http.MethodPost, "/challenges", ask, &c); err != nil {
		return fmt.Errorf("ask for a credential: %w", err)
	}
	blob, err1 := base64.StdEncoding.DecodeString(c.CredentialBlob)
	secret, err2 := base64.StdEncoding.DecodeString(c.Secret)
	if err1 != nil || err2 != nil {
		return hub.E(hub.Unavailable, "activate attester", "the CMF sent a credential that is no base64", nil)
	}
	answer, err := d.Keys.Activate(ctx, blob, secret)
	if err != nil {
		return fmt.Errorf("open the credential: %w", err)
	}
	_, err = cmf.Do(ctx, http.MethodPost, "/challenges/"+url.PathEscape(c.ID)+"/activate", certmgmt.ActivationRequest{Secret: base64.StdEncoding.EncodeToString(answer)}, nil)
	return err
}

// newest returns a valid certificate of a registration, if there is one. The CMF
// finds by the subject.
func newest(ctx context.Context, cmf *httpapi.Client, domain, registration string, w vnfm.Wanted) (has certmgmt.Certificate, found bool, err error) {
	query := url.Values{"filter": {fmt.Sprintf("(eq,subjectId,%s);(eq,certType,%s);(eq,trustDomain,%s);(eq,state,%s)", w.VNFC, w.Type, domain, certmgmt.CertificateValid)}}
	for c, err := range httpapi.All[certmgmt.Certificate](ctx, cmf, "/certificates", query) {
		if err != nil {
			return has, false, fmt.Errorf("list certificates: %w", err)
		}
		if c.RegistrationID == registration && (!found || c.NotAfter.After(has.NotAfter)) {
			has, found = c, true
		}
	}
	return has, found, nil
}

// request has a key made and asks for its certificate.
func (d *Delegation) request(ctx context.Context, cmf *httpapi.Client, path string, reg certmgmt.Registration, w vnfm.Wanted) (is certmgmt.Certificate, err error) {
	var c certmgmt.Challenge
	if _, err := cmf.Do(ctx, http.MethodPost, "/challenges", certmgmt.ChallengeRequest{TrustDomain: reg.TrustDomain, RegistrationID: reg.ID}, &c); err != nil {
		return is, fmt.Errorf("ask for a nonce: %w", err)
	}
	nonce, err := base64.StdEncoding.DecodeString(c.Nonce)
	if err != nil {
		return is, hub.E(hub.Unavailable, "request certificate", "the CMF sent a nonce that is no base64", nil)
	}
	csr, err := d.Keys.Request(ctx, w.VNFC+"/"+w.Desc, nonce)
	if err != nil {
		return is, fmt.Errorf("make the key: %w", err)
	}
	var s certmgmt.Signing
	if _, err := cmf.Do(ctx, http.MethodPost, path, certmgmt.SigningRequest{TrustDomain: reg.TrustDomain, VnfcID: w.VNFC, CertType: w.Type, CSR: csr, ChallengeID: c.ID}, &s); err != nil {
		return is, err
	}
	if s.State != certmgmt.RequestIssued {
		return is, hub.E(hub.Unavailable, "request certificate", fmt.Sprintf("the request %s is %s; try again", s.ID, s.State), nil)
	}
	_, err = cmf.Do(ctx, http.MethodGet, "/certificates/"+url.PathEscape(s.CertificateID), nil, &is)
	return is, wrap("read the certificate", err)
}

func wrap(what string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
