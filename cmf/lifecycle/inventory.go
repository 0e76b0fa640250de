package lifecycle

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"iter"
	"math/big"
	"strings"
	"time"

	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
)

// Query says which certificates are looked for. What is empty does not matter.
// Finding by one of Serial, Subject, Attester, VnfInstance, KeyHash, the ends,
// Issuer, State REVOKED, Assurance or IssuerRevoked costs what is found by it; the others are
// compared with what is read.
type Query struct {
	Serial      string // hexadecimal
	Issuer      string // key identifier, hexadecimal
	Subject     string // FQDN, or identifier of a VNFC instance
	CertType    certmgmt.CertType
	TrustDomain string
	Attester    string
	VnfInstance string
	KeyHash     string
	Assurance   string
	State       string // VALID, REVOKED or EXPIRED
	// IssuerRevoked: by an issuer that was revoked. NotRenewed: no other took its place.
	IssuerRevoked, NotRenewed bool
	// EndsAfter and EndsBefore bound when it ends. With EndsBefore alone those
	// that have ended already are left out.
	EndsAfter, EndsBefore time.Time
}

// maxEnds bounds how far apart the ends of a query may be.
const maxEnds = 40 * 366 * day

// Certificate returns a certificate with its chain.
func (s *Service) Certificate(ctx context.Context, who hub.Identity, id string) (certmgmt.Certificate, error) {
	e, err := s.certificate(ctx, who, id)
	if err != nil {
		return certmgmt.Certificate{}, err
	}
	c, err := s.show(ctx, &e.Value)
	if err != nil {
		return certmgmt.Certificate{}, err
	}
	chain, _, err := s.Authorities.Chain(ctx, e.Domain, e.Value.Issuer)
	if err != nil {
		return certmgmt.Certificate{}, err
	}
	for _, der := range chain {
		c.CertificateChain = append(c.CertificateChain, toPEM(der))
	}
	return c, nil
}

// Certificates yields the certificates that a party sees and that are looked for,
// after an ID, in order of their IDs, without chains. hub.Invalid is for a query
// that cannot be.
func (s *Service) Certificates(ctx context.Context, who hub.Identity, q Query, after string) iter.Seq2[certmgmt.Certificate, error] {
	return func(yield func(certmgmt.Certificate, error) bool) {
		ids, err := s.candidates(ctx, who, q, after)
		if err != nil {
			yield(certmgmt.Certificate{}, err)
			return
		}
		now := s.Now()
		for id := range ids {
			if q.NotRenewed && s.isRenewed(id) {
				continue
			}
			e, err := s.Store.Certificates.Get(ctx, id)
			if hub.CodeOf(err) == hub.NotFound {
				continue // it went away meanwhile
			}
			var c certmgmt.Certificate
			if err == nil {
				if !cmf.Sees(who, e.Domain, e.Value.Manager) || !q.matches(&e.Value, now) {
					continue
				}
				c, err = s.show(ctx, &e.Value)
			}
			if !yield(c, err) || err != nil {
				return
			}
		}
	}
}

// candidates finds the IDs of what may match, by what finds the fewest.
func (s *Service) candidates(ctx context.Context, who hub.Identity, q Query, after string) (iter.Seq[string], error) {
	bad := func(text string) (iter.Seq[string], error) {
		return nil, hub.E(hub.Invalid, "find certificates", text, nil)
	}
	var terms []string
	switch {
	case q.IssuerRevoked:
		ids, err := s.revokedIssuers(ctx, who, q)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			terms = append(terms, cmf.ByIssuer(id))
		}
		if !cmf.RunsTheHub(who) {
			return merged(s.ownedBy(who), terms, after), nil
		}
	case q.Serial != "":
		serial, ok := new(big.Int).SetString(q.Serial, 16)
		if !ok || len(q.Serial) > 2*maxSerial || serial.Sign() < 0 {
			return bad(fmt.Sprintf("%q is no serial number; give its hexadecimal digits without separators", clip(q.Serial)))
		}
		for _, domain := range s.domains(who, q) {
			issuers, err := s.issuersOf(ctx, domain)
			if err != nil {
				return nil, err
			}
			for _, i := range issuers {
				terms = append(terms, cmf.BySerial(i.id, serial))
			}
		}
	case q.Subject != "":
		for _, t := range []certmgmt.CertType{certmgmt.MANOCert, certmgmt.VNFCICert, certmgmt.VNFOAMCert} {
			terms = append(terms, cmf.BySubject(t, q.Subject))
		}
	case q.KeyHash != "":
		for _, domain := range s.domains(who, q) {
			terms = append(terms, cmf.ByKey(domain, q.KeyHash))
		}
	case q.VnfInstance != "":
		terms = []string{cmf.ByVnf(q.VnfInstance)}
	case q.Attester != "":
		terms = []string{cmf.ByAttester(q.Attester)}
	case !cmf.RunsTheHub(who):
		terms = []string{cmf.ByConsumer(who.String())}
	case !q.EndsBefore.IsZero():
		from, to := q.EndsAfter, q.EndsBefore
		if from.IsZero() {
			from = s.Now()
		}
		if to.Sub(from) > maxEnds {
			return bad("the ends are too far apart; look for certificates that end within 40 years")
		}
		terms = days(from, to, cmf.ByEnd)
	case q.Issuer != "":
		terms = []string{cmf.ByIssuer(q.Issuer)}
	case q.State == certmgmt.CertificateRevoked:
		for _, domain := range s.domains(who, q) {
			terms = append(terms, cmf.ByRevokedIn(domain))
		}
	case q.Assurance != "":
		for _, domain := range s.domains(who, q) {
			terms = append(terms, cmf.ByAssurance(domain, q.Assurance))
		}
	default:
		return s.all(ctx, q, after), nil
	}
	return merged(s.Store.Certificates.FindAfter, terms, after), nil
}

// revokedIssuers lists the issuers that were revoked in the trust domains of a query.
func (s *Service) revokedIssuers(ctx context.Context, who hub.Identity, q Query) (ids []string, err error) {
	for _, domain := range s.domains(who, q) {
		all, err := s.Authorities.Issuers(ctx, domain)
		if err != nil && hub.CodeOf(err) != hub.NotFound { // nothing was issued there yet
			return nil, fmt.Errorf("find the issuers of trust domain %s: %w", domain, err)
		}
		for _, i := range all {
			if i.Revoked != nil {
				ids = append(ids, i.ID)
			}
		}
	}
	return ids, nil
}

// ownedBy finds, by memory alone, what is a consumer's of those that have a term: it
// asks every few seconds, and others may have many.
func (s *Service) ownedBy(who hub.Identity) func(term, after string) iter.Seq[string] {
	return func(term, after string) iter.Seq[string] {
		return func(yield func(string) bool) {
			for at, id := range s.Store.Certificates.InOrder(term, term, after, cmf.ByConsumer(who.String())) {
				if at != term || !yield(id) {
					return
				}
			}
		}
	}
}

// isRenewed says of memory alone whether a certificate took the place of another.
func (s *Service) isRenewed(id string) bool {
	for range s.Store.Certificates.FindAfter(cmf.ByRenews(id), "") {
		return true
	}
	return false
}

// domains are the trust domains in which a query may find something.
func (s *Service) domains(who hub.Identity, q Query) []string {
	var list []string
	for _, d := range s.Store.Space.Domains() {
		if (q.TrustDomain == "" || q.TrustDomain == d) && cmf.Reaches(who, d) {
			list = append(list, d)
		}
	}
	return list
}

// all yields the certificates of one trust domain, or of all.
func (s *Service) all(ctx context.Context, q Query, after string) iter.Seq[string] {
	if q.TrustDomain == "" {
		return s.Store.Certificates.IDs(after)
	}
	return s.Store.Certificates.IDsIn(q.TrustDomain, after)
}

func (q Query) matches(c *cmf.Certificate, now time.Time) bool {
	for _, p := range [][2]string{
		{q.Issuer, c.Issuer}, {q.Subject, c.SubjectID}, {string(q.CertType), string(c.CertType)}, {q.TrustDomain, c.TrustDomain},
		{q.Attester, c.AttesterID}, {q.VnfInstance, c.VnfInstanceID}, {q.KeyHash, c.KeyHash}, {q.Assurance, c.Assurance}, {q.State, stateOf(c, now)},
	} {
		if p[0] != "" && p[0] != p[1] {
			return false
		}
	}
	after := q.EndsAfter
	if after.IsZero() && !q.EndsBefore.IsZero() {
		after = now
	}
	return (after.IsZero() || c.NotAfter.After(after)) && (q.EndsBefore.IsZero() || c.NotAfter.Before(q.EndsBefore)) &&
		(q.Serial == "" || strings.TrimLeft(strings.ToLower(q.Serial), "0") == c.Serial.Text(16))
}

// stateOf is the state of a certificate at a time. What was revoked stays so.
func stateOf(c *cmf.Certificate, now time.Time) string {
	switch {
	case c.Revoked != nil:
		return certmgmt.CertificateRevoked
	case !now.Before(c.NotAfter):
		return certmgmt.CertificateExpired
	}
	return certmgmt.CertificateValid
}

// show is a certificate as its consumer sees it, without the chain.
func (s *Service) show(ctx context.Context, c *cmf.Certificate) (certmgmt.Certificate, error) {
	leaf, err := x509.ParseCertificate(c.DER)
	if err != nil {
		return certmgmt.Certificate{}, hub.E(hub.Unavailable, "read certificate", "the stored certificate cannot be read; restore it from a backup", err)
	}
	sum := sha256.Sum256(c.DER)
	out := certmgmt.Certificate{
		ID: c.ID, TrustDomain: c.TrustDomain, State: stateOf(c, s.Now()), CertType: c.CertType, SubjectID: c.SubjectID, VnfInstanceID: c.VnfInstanceID,
		RegistrationID: c.RegistrationID, AttesterID: c.AttesterID, Assurance: c.Assurance, SerialNumber: c.Serial.Text(16), Issuer: c.Issuer,
		Subject: leaf.Subject.String(), Fingerprint: hex.EncodeToString(sum[:]), KeyHash: c.KeyHash, NotBefore: c.NotBefore, NotAfter: c.NotAfter,
		Renews: c.Renews, RenewedBy: s.renewedBy(c), Certificate: toPEM(c.DER),
	}
	if c.Revoked != nil {
		r, _ := reasonOf(c.Revoked.Reason)
		out.Revoked, out.RevocationReason, out.RevocationUnpublished = &c.Revoked.At, r.name, c.Revoked.Unpublished
	}
	orphaned, err := s.issuerRevoked(ctx, c.TrustDomain, c.Issuer)
	if orphaned != nil {
		out.IssuerRevoked = &orphaned.At
	}
	return out, err
}

// renewedBy is the certificate that took the place of another, or nothing.
func (s *Service) renewedBy(c *cmf.Certificate) string {
	for id := range s.Store.Certificates.FindAfter(cmf.ByRenews(c.ID), "") {
		return id
	}
	return c.RenewedBy
}

func toPEM(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// days lists the terms of the days from one time to another, both of them too.
func days(from, to time.Time, term func(time.Time) string) []string {
	var terms []string
	for d := from.UTC().Truncate(day); !d.After(to); d = d.Add(day) {
		terms = append(terms, term(d))
	}
	return terms
}

// merged yields the IDs that are found by any of the terms, after one, in order,
// each once.
func merged(find func(term, after string) iter.Seq[string], terms []string, after string) iter.Seq[string] {
	if len(terms) == 1 {
		return find(terms[0], after)
	}
	return func(yield func(string) bool) {
		heads := map[string][]func() (string, bool){} // by the ID that comes next
		for _, t := range terms {
			next, stop := iter.Pull(find(t, after))
			defer stop()
			if id, ok := next(); ok {
				heads[id] = append(heads[id], next)
			}
		}
		for len(heads) > 0 {
			least, first := "", true
			for id := range heads {
				if first || id < least {
					least, first = id, false
				}
			}
			followers := heads[least]
			delete(heads, least)
			if !yield(least) {
				return
			}
			for _, next := range followers {
				if id, ok := next(); ok {
					heads[id] = append(heads[id], next)
				}
			}
		}
	}
}
