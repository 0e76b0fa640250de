package enrol

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
)

// storing bounds the steps after the authority has signed: they go on although the
// one who asked has gone.
const storing = 30 * time.Second

// again answers a request that is stored. done is false for one that may be carried
// out once more: it failed, or nobody knows what came of it.
func (s *Service) again(ctx context.Context, w *work) (answer certmgmt.Signing, done bool, err error) {
	e, err := s.Store.Requests.GetIn(ctx, w.domain, w.req.ID)
	if hub.CodeOf(err) == hub.NotFound {
		return answer, false, nil
	}
	if err != nil {
		return answer, false, fmt.Errorf("read request: %w", err)
	}
	if e.Value.State == certmgmt.RequestRefused {
		answer, err = s.replayed(ctx, w, "the request was refused before")
		return answer, true, err
	}
	if e.Value.State == certmgmt.RequestProcessing { // another attempt may be recorded, and not stored
		if err := s.catchUp(ctx, w.domain); err != nil {
			return answer, false, err
		}
	}
	e, c, err := s.settle(ctx, e)
	if err != nil {
		return answer, false, err
	}
	w.had = &e
	w.req.Attempt, w.req.Requested = e.Value.Attempt+1, e.Value.Requested
	switch {
	case c == nil && e.Value.State == certmgmt.RequestProcessing:
		// Another process is at it, or died there. Only one of two attempts can record
		// a certificate, so this one may go on at once.
		return answer, false, s.lost(ctx, &e.Value, "no outcome was stored, and the request came again")
	case c == nil:
		return answer, false, nil
	case c.Revoked != nil:
		answer, err = s.replayed(ctx, w, "the certificate that the request had was revoked")
	case !w.now.Before(c.NotAfter):
		answer, err = s.replayed(ctx, w, "the certificate that the request had is expired")
	default:
		answer, err = s.answer(ctx, &e.Value, c, w.chain)
	}
	return answer, true, err
}

// story is what the record of a request says.
type story struct {
	RequestID      string               `json:"requestId"`
	Attempt        int                  `json:"attempt"`
	RegistrationID string               `json:"registrationId,omitempty"`
	Manager        string               `json:"manager"`
	CertType       certmgmt.CertType    `json:"certType"`
	SubjectID      string               `json:"subjectId"`
	CSR            string               `json:"csrHash"` // SHA-256, hexadecimal
	AttesterID     string               `json:"attesterId,omitempty"`
	Verdict        *attestation.Verdict `json:"verdict,omitempty"`
	Policy         string               `json:"policy,omitempty"`
	InForce        *cmf.InForceSince    `json:"inForce,omitempty"`
	Assurance      string               `json:"assurance,omitempty"`
	Renews         string               `json:"renews,omitempty"`
	Reasons        []certmgmt.Reason    `json:"reasons,omitempty"`

	// Of a certificate that was issued, or may have been signed.
	SerialNumber string     `json:"serialNumber,omitempty"` // hexadecimal
	Issuer       string     `json:"issuer,omitempty"`
	KeyHash      string     `json:"keyHash,omitempty"`
	Fingerprint  string     `json:"fingerprint,omitempty"` // SHA-256 of the certificate, hexadecimal
	NotBefore    *time.Time `json:"notBefore,omitempty"`
	NotAfter     *time.Time `json:"notAfter,omitempty"`
	Failure      string     `json:"failure,omitempty"`
}

func tell(r *cmf.Request) story {
	return story{
		RequestID: r.ID, Attempt: r.Attempt, RegistrationID: r.RegistrationID, Manager: r.Manager, CertType: r.CertType, SubjectID: r.SubjectID,
		CSR: digest(r.CSR), AttesterID: r.AttesterID, Verdict: r.Verdict, Policy: r.Policy, InForce: r.InForce, Assurance: r.Assurance,
		Renews: r.Renews, Reasons: r.Reasons,
	}
}

func digest(b []byte) string { return attestation.KeyDigest(b) }

// refuse records and stores a refusal, and answers with it.
func (s *Service) refuse(ctx context.Context, w *work, why []certmgmt.Reason) (certmgmt.Signing, error) {
	r := &w.req
	r.State, r.Reasons, r.Assurance, r.Order = certmgmt.RequestRefused, why, "", nil
	if r.Verdict == nil {
		r.Verdict = w.verdict
	}
	rec, err := record("certificate.refused", w.now, r.By, "request/"+r.ID, tell(r), fmt.Sprint(r.Attempt))
	if err := s.append(ctx, w.domain, rec, err); err != nil {
		return certmgmt.Signing{}, err
	}
	if _, err := s.keep(ctx, w); err != nil {
		return certmgmt.Signing{}, err
	}
	return r.Signing, nil
}

// replayed records and answers that the CSR was used before. What is stored of the
// request stays as it is.
func (s *Service) replayed(ctx context.Context, w *work, detail string) (certmgmt.Signing, error) {
	r := w.req
	r.State, r.Reasons = certmgmt.RequestRefused, []certmgmt.Reason{because(Replayed, "%s", detail)}
	rec, err := record("certificate.refused", w.now, r.By, "request/"+r.ID, tell(&r), "replayed", hub.NewID())
	return r.Signing, s.append(ctx, w.domain, rec, err)
}

// keep stores the request of w. [hub.Unavailable] if another process has stored it
// meanwhile.
func (s *Service) keep(ctx context.Context, w *work) (e state.Entry[cmf.Request], err error) {
	if w.had == nil {
		e, err = s.Store.Requests.Create(ctx, w.domain, w.req.ID, &w.req)
	} else {
		w.had.Value = w.req
		e, err = s.Store.Requests.Replace(ctx, *w.had)
	}
	if code := hub.CodeOf(err); code == hub.Conflict || code == hub.Precondition {
		return e, hub.E(hub.Unavailable, "store request", "the same request is being carried out elsewhere; ask again", err)
	}
	if err != nil {
		return e, fmt.Errorf("store request: %w", err)
	}
	return e, nil
}

// issue has the order signed, and records and stores what came of it. The order is
// stored before where what is signed may be elsewhere when this process dies.
func (s *Service) issue(ctx context.Context, w *work) (certmgmt.Signing, error) {
	var err error
	if w.ahead != nil && w.ahead.assurance == w.assurance {
		w.req.Order = w.ahead.order
	} else if w.req.Order, err = s.order(ctx, w, w.assurance); err != nil {
		return certmgmt.Signing{}, err
	}
	if refused, err := s.useChallenge(ctx, w); err != nil {
		return certmgmt.Signing{}, err
	} else if len(refused) > 0 {
		return s.refuse(ctx, w, refused)
	}
	if err := s.begun(ctx, w.domain); err != nil {
		return certmgmt.Signing{}, err
	}
	w.req.State, w.req.Recorded = certmgmt.RequestProcessing, true
	if w.had != nil || s.Authorities.Elsewhere(w.domain) {
		e, err := s.keep(ctx, w)
		if err != nil {
			return certmgmt.Signing{}, err
		}
		w.had, w.intent = &e, true
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.Limits.Authority+storing)
	defer cancel()
	c, err := s.askAuthority(ctx, w)
	if err != nil {
		return s.failed(ctx, w, err)
	}
	return s.complete(ctx, w, c)
}

// askAuthority has the order signed.
func (s *Service) askAuthority(ctx context.Context, w *work) (*cmf.Certificate, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Limits.Authority)
	defer cancel()
	var issued hub.IssuedCertificate
	var err error
	if w.ahead != nil && w.req.Order == w.ahead.order {
		issued, err = w.ahead.sign()
	} else {
		issued, err = s.Authorities.Issue(ctx, w.domain, orderFor(w, w.req.Order))
	}
	if err != nil {
		return nil, err
	}
	return certificateOf(w, issued)
}

// certificateOf is what is stored of a certificate.
func certificateOf(w *work, issued hub.IssuedCertificate) (*cmf.Certificate, error) {
	const op = "read issued certificate"
	if len(issued.Chain) == 0 {
		return nil, hub.E(hub.Internal, op, "the authority gave no certificate", nil)
	}
	leaf := issued.Leaf
	if leaf == nil {
		var err error
		if leaf, err = x509.ParseCertificate(issued.Chain[0]); err != nil {
			return nil, hub.E(hub.Internal, op, "the authority gave something that is no certificate", err)
		}
	}
	if !bytes.Equal(leaf.Raw, issued.Chain[0]) || !bytes.Equal(leaf.RawSubjectPublicKeyInfo, w.csr.RawSubjectPublicKeyInfo) || leaf.IsCA {
		return nil, hub.E(hub.Internal, op, "the authority certified something else than was ordered", nil)
	}
	r := &w.req
	return &cmf.Certificate{
		ID: r.ID, TrustDomain: r.TrustDomain, Manager: r.Manager, CertType: r.CertType, SubjectID: r.SubjectID, VnfInstanceID: w.reg.VnfInstanceID,
		RegistrationID: r.RegistrationID, AttesterID: r.AttesterID, Assurance: r.Assurance, Serial: leaf.SerialNumber, Issuer: issued.Issuer,
		KeyHash: w.keyHash, NotBefore: leaf.NotBefore.UTC(), NotAfter: leaf.NotAfter.UTC(), DER: leaf.Raw, Renews: r.Renews,
	}, nil
}

// answerStored answers with the certificate that another process issued.
func (s *Service) answerStored(ctx context.Context, w *work) (certmgmt.Signing, error) {
	e, err := s.Store.Requests.GetIn(ctx, w.domain, w.req.ID)
	if err != nil && hub.CodeOf(err) != hub.NotFound {
		return certmgmt.Signing{}, fmt.Errorf("read request: %w", err)
	}
	var c *cmf.Certificate
	if err == nil {
		if e, c, err = s.settle(ctx, e); err != nil {
			return certmgmt.Signing{}, err
		}
	}
	if c == nil {
		return certmgmt.Signing{}, unread()
	}
	return s.answer(ctx, &e.Value, c, w.chain)
}

// unread is for a certificate that another process has issued a moment ago.
func unread() error {
	return hub.E(hub.Unavailable, "answer request", "the request has a certificate that cannot be read yet; ask again", nil)
}

// settle looks whether a request has a certificate, and if so stores that it was
// issued. The certificate is nil if it has none.
func (s *Service) settle(ctx context.Context, e state.Entry[cmf.Request]) (state.Entry[cmf.Request], *cmf.Certificate, error) {
	found, err := s.Store.Certificates.GetIn(ctx, e.Domain, e.ID)
	if hub.CodeOf(err) == hub.NotFound {
		return e, nil, nil
	}
	if err != nil {
		return e, nil, fmt.Errorf("read certificate: %w", err)
	}
	if e.Value.State == certmgmt.RequestIssued {
		return e, &found.Value, nil
	}
	if !e.Value.Recorded {
		err = s.tellIssued(ctx, &e.Value, &found.Value)
	}
	if err == nil {
		e, err = s.close(ctx, e, &found.Value)
	}
	return e, &found.Value, err
}

// tellIssued records that a certificate was issued which was stored before its record,
// as it was done before [cmf.Request.Recorded].
func (s *Service) tellIssued(ctx context.Context, r *cmf.Request, c *cmf.Certificate) error {
	rec, err := record(kindIssued, r.Started, r.By, "certificate/"+c.ID, tellCertificate(r, c))
	return s.append(ctx, r.TrustDomain, rec, err)
}

// close stores that a request was issued, whose certificate is recorded.
func (s *Service) close(ctx context.Context, e state.Entry[cmf.Request], c *cmf.Certificate) (state.Entry[cmf.Request], error) {
	for {
		e.Value.State, e.Value.CertificateID = certmgmt.RequestIssued, c.ID
		next, err := s.Store.Requests.Replace(ctx, e)
		if err == nil {
			return next, nil
		}
		if hub.CodeOf(err) != hub.Precondition {
			return e, fmt.Errorf("store request: %w", err)
		}
		if e, err = s.Store.Requests.GetIn(ctx, e.Domain, e.ID); err != nil {
			return e, fmt.Errorf("read request: %w", err)
		}
		if e.Value.State == certmgmt.RequestIssued {
			return e, nil
		}
	}
}

// failed records and stores that the authority did not sign, and returns why. What
// stands against the order itself is [hub.Unprocessable].
func (s *Service) failed(ctx context.Context, w *work, cause error) (certmgmt.Signing, error) {
	const op = "issue certificate"
	why := hub.SafeText(cause)
	if err := s.lost(ctx, &w.req, why); err != nil {
		return certmgmt.Signing{}, err
	}
	w.req.State = certmgmt.RequestFailed
	w.req.Reasons = []certmgmt.Reason{{Code: "authority-failed", Detail: why}}
	if _, err := s.keep(ctx, w); err != nil {
		return certmgmt.Signing{}, err
	}
	switch hub.CodeOf(cause) {
	case hub.Invalid:
		return certmgmt.Signing{}, hub.E(hub.Unprocessable, op, why, cause)
	case hub.Conflict: // the authority was rotated since the order was made
		return certmgmt.Signing{}, hub.E(hub.Unavailable, op, why, cause)
	}
	return certmgmt.Signing{}, fmt.Errorf("%s: %w", op, cause)
}

// lost records that an attempt has no certificate, with the serial number that may
// have been signed.
func (s *Service) lost(ctx context.Context, r *cmf.Request, why string) error {
	t := tell(r)
	t.Failure = why
	if r.Order != nil {
		t.SerialNumber = hexadecimal(r.Order.Serial)
	}
	rec, err := record("certificate.failed", r.Started, r.By, "request/"+r.ID, t, fmt.Sprint(r.Attempt), t.SerialNumber)
	return s.append(ctx, r.TrustDomain, rec, err)
}

func hexadecimal(n *big.Int) string { return hex.EncodeToString(n.Bytes()) }

// show is a request as its sender sees it, with its certificate and chain.
func (s *Service) show(ctx context.Context, r *cmf.Request) (certmgmt.Signing, error) {
	e, err := s.Store.Certificates.GetIn(ctx, r.TrustDomain, r.ID)
	if hub.CodeOf(err) == hub.NotFound {
		return r.Signing, nil
	}
	if err != nil {
		return certmgmt.Signing{}, fmt.Errorf("read certificate: %w", err)
	}
	return s.answer(ctx, r, &e.Value, true)
}

// answer is the answer to a request that has a certificate. The chain goes from the
// issuer up, the root last.
func (s *Service) answer(ctx context.Context, r *cmf.Request, c *cmf.Certificate, chain bool) (certmgmt.Signing, error) {
	a := r.Signing
	a.State, a.CertificateID, a.Certificate = certmgmt.RequestIssued, c.ID, toPEM(c.DER)
	if !chain {
		return a, nil
	}
	above, root, err := s.Authorities.Chain(ctx, r.TrustDomain, c.Issuer)
	if err != nil {
		return certmgmt.Signing{}, fmt.Errorf("find the chain of a certificate: %w", err)
	}
	a.CertificateChain = make([]string, 0, len(above)+1)
	for _, der := range above {
		a.CertificateChain = append(a.CertificateChain, s.chainPEM(der))
	}
	if len(root) > 0 {
		a.CertificateChain = append(a.CertificateChain, s.chainPEM(root))
	}
	return a, nil
}

// chainPEM is toPEM of a certificate of an authority, which is written once.
func (s *Service) chainPEM(der []byte) string {
	if text, ok := s.chains.Load(string(der)); ok {
		return text.(string)
	}
	text := toPEM(der)
	s.chains.Store(string(der), text)
	return text
}

// toPEM writes a certificate as encoding/pem does (RFC 7468 clause 3).
func toPEM(der []byte) string {
	const octets, line = 48, 64 // of a line, before and after base64
	const begin, end = "-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n"
	var text strings.Builder
	text.Grow(len(begin) + len(end) + (len(der)+octets-1)/octets*(line+1))
	text.WriteString(begin)
	var written [line + 1]byte
	for part := range slices.Chunk(der, octets) {
		text.Write(append(base64.StdEncoding.AppendEncode(written[:0], part), '\n'))
	}
	text.WriteString(end)
	return text.String()
}
