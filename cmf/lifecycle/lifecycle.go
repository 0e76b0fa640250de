package lifecycle

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/cmf/authority"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
)

// Enrol signs for what was registered.
type Enrol interface {
	// SignRenewal is a signing request whose certificate takes the place of another one.
	SignRenewal(ctx context.Context, who hub.Identity, domain string, in certmgmt.SigningRequest, renews string) (certmgmt.Signing, error)
}

// Authorities signs as the issuers of a trust domain, hub.NotFound for an issuer
// that the domain never had. It is met by [authority.Authorities].
type Authorities interface {
	// Issuers returns the CA certificates of a trust domain, earlier ones and roots
	// among them.
	Issuers(ctx context.Context, domain string) ([]authority.Issuer, error)
	// Chain returns the certificates from the issuer up in DER, without the root, and the root.
	Chain(ctx context.Context, domain, issuer string) (chain [][]byte, root []byte, err error)
	// RevocationList returns a list with what it is asked for. An authority
	// elsewhere has numbers and times of its own; it is hub.Conflict for an earlier
	// issuer as which it signs no list any more.
	RevocationList(ctx context.Context, domain string, l hub.RevocationList) ([]byte, error)
	// OCSP is hub.Unprocessable where OCSP answers are not signed.
	OCSP(ctx context.Context, domain string, s hub.CertificateStatus) ([]byte, error)
}

// Rules are what a trust domain's profile says of a type of certificates.
type Rules struct {
	// RenewFrom is the percentage of a certificate's life after which it can be
	// renewed without a reason; 0 stands for 50.
	RenewFrom int
	// Reattest is how old the attestation of a key may become; 0 is no limit, the
	// default: a certificate's life bounds it. A certificate of an attested key
	// that is older, and whose key no later certificate attested, is alarmed, and
	// revoked after Grace. Both are counted in whole days, UTC.
	Reattest, Grace time.Duration
}

// Times are how long things take and last. Zero stands for the default.
type Times struct {
	List   time.Duration // validity of a revocation list; 24 h
	Answer time.Duration // validity of an OCSP answer; 1 h
	Every  time.Duration // between two looks of [Service.Run]; 1 min
	Settle time.Duration // how long a request may be signed at most; 5 min
	// Alarms are the thresholds before a certificate's end, in whole days; 30, 7
	// and 1 day.
	Alarms []time.Duration
}

const day = 24 * time.Hour

func (t Times) orDefaults() Times {
	for _, d := range []struct {
		at    *time.Duration
		value time.Duration
	}{{&t.List, day}, {&t.Answer, time.Hour}, {&t.Every, time.Minute}, {&t.Settle, 5 * time.Minute}} {
		if *d.at == 0 {
			*d.at = d.value
		}
	}
	if t.Alarms == nil {
		t.Alarms = []time.Duration{30 * day, 7 * day, day}
	}
	return t
}

// Metrics takes counts and durations; each member may be nil.
type Metrics struct {
	Revoked  func(reason string)                   // a certificate was revoked
	Expiring func(days int)                        // one was alarmed, this long before its end at most
	Overdue  func()                                // one was alarmed because its key was not attested again
	Orphaned func()                                // one was alarmed because its issuer was revoked
	List     func(entries int, took time.Duration) // a revocation list was signed and stored
	Answered func(status string)                   // an OCSP answer: "good", "revoked", "unknown", or that it is an error
}

// Config is what a [Service] is made of. Metrics and Rules may be nil.
type Config struct {
	Store       *cmf.Store // of a space that is not open yet
	Enrol       Enrol
	Authorities Authorities
	// Records appends to a domain's records; an ID that is there already has no
	// second effect.
	Records func(ctx context.Context, domain string, records ...hub.Record) error
	// RecordFirst lets nobody be told of a revocation before Records has returned: no
	// OCSP answer and no list has it until then. Otherwise OCSP has it at once.
	RecordFirst bool
	Rules       func(domain string, t certmgmt.CertType) Rules
	Times       Times
	Metrics     Metrics
	Self        hub.Identity // the CMF, for what it does by itself
	Now         func() time.Time
	Log         *slog.Logger
}

// Service is the life of the certificates of all trust domains. It is safe for
// concurrent use, and several processes may share its space.
type Service struct {
	Config
	lists  *state.Kind[list]
	sweeps *state.Kind[sweep]
	marks  *state.Kind[mark]

	mu      sync.Mutex // covers what is below
	issuers map[issuerKey]*issuer
	named   map[nameKey]*issuer // by how OCSP requests name them
	trouble error               // of the last look
}

// New adds what is kept to the CMF's space, before that is opened.
func New(c Config) *Service {
	c.Times = c.Times.orDefaults()
	if c.Rules == nil {
		c.Rules = func(string, certmgmt.CertType) Rules { return Rules{} }
	}
	return &Service{
		Config:  c,
		lists:   state.NewKept[list](c.Store.Space, "crl", nil),
		sweeps:  state.NewKind[sweep](c.Store.Space, "sweep", nil),
		marks:   state.NewKept[mark](c.Store.Space, "mark", nil),
		issuers: map[issuerKey]*issuer{},
		named:   map[nameKey]*issuer{},
	}
}

// issuer is what is in memory of an issuer of a trust domain.
type issuer struct {
	domain, id string
	cert       *x509.Certificate
	book
	cache answers
}

type issuerKey struct{ domain, id string }

type nameKey struct {
	domain string
	certID
}

// Forget drops what is in memory of a trust domain that was deleted.
func (s *Service) Forget(domain string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.issuers, func(k issuerKey, _ *issuer) bool { return k.domain == domain })
	maps.DeleteFunc(s.named, func(k nameKey, _ *issuer) bool { return k.domain == domain })
}

// issuersOf returns those who sign certificates in a trust domain, or did.
func (s *Service) issuersOf(ctx context.Context, domain string) ([]*issuer, error) {
	known, err := s.Authorities.Issuers(ctx, domain)
	if err != nil {
		return nil, fmt.Errorf("find the issuers of trust domain %s: %w", domain, err)
	}
	list := make([]*issuer, 0, len(known))
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range known {
		if k.Root {
			continue
		}
		i := s.issuers[issuerKey{domain, k.ID}]
		if i == nil {
			cert, err := x509.ParseCertificate(k.Certificate)
			if err != nil {
				return nil, hub.E(hub.Unavailable, "read issuer", fmt.Sprintf("the CA certificate %s of trust domain %s cannot be read; restore it from a backup", k.ID, domain), err)
			}
			names, err := namesOf(cert)
			if err != nil {
				return nil, hub.E(hub.Unavailable, "read issuer", fmt.Sprintf("the key of CA certificate %s of trust domain %s cannot be read; restore it from a backup", k.ID, domain), err)
			}
			i = &issuer{domain: domain, id: k.ID, cert: cert}
			s.issuers[issuerKey{domain, k.ID}] = i
			for _, name := range names {
				s.named[nameKey{domain, name}] = i
			}
		}
		list = append(list, i)
	}
	return list, nil
}

// issuer returns an issuer of a trust domain, hub.NotFound if it never was one.
func (s *Service) issuer(ctx context.Context, domain, id string) (*issuer, error) {
	s.mu.Lock()
	i := s.issuers[issuerKey{domain, id}]
	s.mu.Unlock()
	if i != nil {
		return i, nil
	}
	all, err := s.issuersOf(ctx, domain)
	if err != nil && hub.CodeOf(err) != hub.NotFound {
		return nil, err
	}
	for _, i := range all {
		if i.id == id {
			return i, nil
		}
	}
	return nil, hub.E(hub.NotFound, "find issuer", "not found", nil)
}

// certificate returns a certificate that a party sees.
func (s *Service) certificate(ctx context.Context, who hub.Identity, id string) (state.Entry[cmf.Certificate], error) {
	e, err := s.Store.Certificates.Get(ctx, id)
	if hub.CodeOf(err) == hub.NotFound || err == nil && !cmf.Sees(who, e.Domain, e.Value.Manager) {
		err = hub.E(hub.NotFound, "find certificate", "there is no such certificate; list them with GET /certificates", nil)
	}
	return e, err
}

// newRecord makes a record. The same parts make the same one.
func (s *Service) newRecord(kind string, actor, subject string, at time.Time, data any, parts ...string) (hub.Record, error) {
	raw, err := json.Marshal(data)
	if err != nil {
		return hub.Record{}, fmt.Errorf("encode record %s: %w", kind, err)
	}
	id := hub.DeriveID(append([]string{"record", kind, subject}, parts...)...)
	return hub.Record{ID: id, Kind: kind, Time: at.UTC(), Actor: actor, Subject: subject, Data: raw}, nil
}
