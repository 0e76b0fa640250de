package enrol

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
)

// Authorities are the certificate authorities of the trust domains. Their errors
// are hub errors.
type Authorities interface {
	// Issue signs what was ordered as the domain's current issuer. After
	// [hub.Unavailable] it is not known whether it did.
	Issue(ctx context.Context, domain string, o hub.CertificateOrder) (hub.IssuedCertificate, error)
	// Limits says from when until when the current issuer is valid, and its key identifier.
	Limits(ctx context.Context, domain string) (notBefore, notAfter time.Time, issuer string, err error)
	// Chain returns the certificates above a leaf of an issuer, DER, without the root,
	// and the root.
	Chain(ctx context.Context, domain, issuer string) (chain [][]byte, root []byte, err error)
	// Elsewhere says whether an authority outside of this hub signs for a trust domain:
	// what it signed it keeps.
	Elsewhere(domain string) bool
}

// Ledger is the record log of each trust domain: what is issued is decided there.
type Ledger interface {
	// Append makes a record durable. An ID that is among the newest records is not
	// added again: [hub.Conflict] when it is there with another content.
	Append(ctx context.Context, domain string, r hub.Record) error
	// Read hands out the records after a message of the log, in order, up to the end that
	// there is when it is called, with the sequence of the message of each, until each
	// returns an error, which it returns.
	Read(ctx context.Context, domain string, after uint64, each func(at uint64, r hub.Record) error) error
	// End is the sequence of the newest message, 0 for an empty log.
	End(ctx context.Context, domain string) (uint64, error)
}

// Judge asks the policies of a request's trust domain. An error refuses the
// request.
type Judge interface {
	Judge(ctx context.Context, q cmf.Question) (cmf.Judgement, error)
}

// Verifier judges attestations outside of this process (CMF.Relying). An error,
// whatever it is, refuses the request.
type Verifier interface {
	Verify(ctx context.Context, r attestation.Request) (attestation.Verdict, error)
}

// Config is what the service needs. Verifier, Roots, PolicyArc, Random and Limits
// may be zero, and Judge may be nil: then everything without a good attestation is
// refused.
type Config struct {
	Store       *cmf.Store
	Authorities Authorities
	Formats     *attestation.Registry
	Judge       Judge
	// Profiles returns the certificate profile of a trust domain.
	Profiles func(domain string, t certmgmt.CertType) Profile
	// Policies returns the Rego policies of a trust domain, their parameters, and the
	// text of both as one file. It may be nil with a nil Judge.
	Policies func(domain string) ([]cmf.PolicyInForce, map[string]json.RawMessage, []byte, error)
	// Roots returns the certificates of makers of devices that a trust domain's
	// operator trusts: of endorsement keys, and of attestation keys.
	Roots func(domain string) []*x509.Certificate
	// Verifier returns who judges a trust domain's attestations instead of this
	// process; nil where nobody does.
	Verifier func(domain string) Verifier
	// Records appends to a trust domain's record log. A record whose ID is there
	// already has no second effect.
	Records func(ctx context.Context, domain string, records ...hub.Record) error
	// Ledger is the log that Records appends to.
	Ledger Ledger
	// Publish says where the revocation lists, OCSP answers and certificate of an
	// issuer are; they go into the certificates.
	Publish   func(domain, issuer string) (crl, ocsp, issuerURL []string)
	PolicyArc string       // see [AssurancePolicy]
	Self      hub.Identity // of the CMF, for records of what nobody asked for
	Limits    Limits
	Now       func() time.Time
	Log       *slog.Logger
	Random    io.Reader // of serial numbers and nonces; crypto/rand when nil
}

// Limits bound what is held and how long. Zero stands for the default.
type Limits struct {
	Subjects     int           // of a registration; 100
	Attesters    int           // of a registration; 8
	Challenge    time.Duration // how long a challenge is good; 5 minutes
	Challenges   int           // open ones of a consumer; 1000
	Authority    time.Duration // for the authority to sign; 10 s
	Verifier     time.Duration // for an outside verifier; 5 s
	AfterFailure time.Duration // after which a request without outcome is taken as failed; 30 s
}

func (l Limits) orDefaults() Limits {
	number := func(at *int, value int) {
		if *at == 0 {
			*at = value
		}
	}
	duration := func(at *time.Duration, value time.Duration) {
		if *at == 0 {
			*at = value
		}
	}
	number(&l.Subjects, 100)
	number(&l.Attesters, 8)
	number(&l.Challenges, 1000)
	duration(&l.Challenge, 5*time.Minute)
	duration(&l.Authority, 10*time.Second)
	duration(&l.Verifier, 5*time.Second)
	duration(&l.AfterFailure, 30*time.Second)
	return l
}

// Service is the enrolment of all trust domains. It is safe for concurrent use, and
// several processes may share its store.
type Service struct {
	Config
	arc string

	registering sync.Mutex // held while it is looked whether subjects and names are free, until they are taken

	keeping chan struct{} // holds one value for each certificate that is stored after its answer
	later   sync.WaitGroup
	beside  crew // does what goes on beside a request

	checking   atomic.Int64 // requests that are being checked
	processors int          // that there are
	reading    sync.Mutex   // held while the log is read for what is not stored

	attesters sync.Map // of attesterRead by the ID of the attester, of which there are no fewer in memory
	chains    sync.Map // certificates of authorities in PEM, by what they are in DER; of these there are few

	lawful sync.Mutex // covers laws, and is held while one is recorded
	laws   map[string]known

	mu   sync.Mutex // covers busy
	busy map[string]*turn
}

// mostKept bounds the certificates that are stored after their answers at once.
const mostKept = 64

// New makes the service. It does nothing until it is called.
func New(c Config) (*Service, error) {
	c.Limits = c.Limits.orDefaults()
	if c.Random == nil {
		c.Random = rand.Reader
	}
	if c.Roots == nil {
		c.Roots = func(string) []*x509.Certificate { return nil }
	}
	if c.Verifier == nil {
		c.Verifier = func(string) Verifier { return nil }
	}
	if c.Judge == nil {
		c.Judge = strict{}
	}
	if c.PolicyArc == "" {
		c.PolicyArc = AssuranceArc
	}
	if _, err := x509.ParseOID(c.PolicyArc + ".0"); err != nil {
		return nil, hub.E(hub.Invalid, "set up enrolment", fmt.Sprintf("%q is no OID in dotted form; give the arc of the policies that name an assurance as in %s", c.PolicyArc, AssuranceArc), err)
	}
	return &Service{Config: c, arc: c.PolicyArc, keeping: make(chan struct{}, mostKept), beside: newCrew(), processors: runtime.GOMAXPROCS(0), busy: map[string]*turn{}, laws: map[string]known{}}, nil
}

// strict is the judge of trust domains without policies: it adds nothing, so that
// only a good attestation has a certificate.
type strict struct{}

func (strict) Judge(context.Context, cmf.Question) (cmf.Judgement, error) {
	return cmf.Judgement{Revision: "none"}, nil
}

// turnOf names what one goroutine at a time works at: a CSR of a trust domain.
func turnOf(domain string, csr []byte) string { return domain + " " + digest(csr) }

// turn lets one goroutine at a time work at one CSR.
type turn struct {
	hold  chan struct{} // holds one value while nobody works at it
	users int
}

// take waits for its turn at a CSR, see turnOf, and returns how to end it.
func (s *Service) take(ctx context.Context, id string) (end func(), err error) {
	s.mu.Lock()
	t := s.busy[id]
	if t == nil {
		t = &turn{hold: make(chan struct{}, 1)}
		t.hold <- struct{}{}
		s.busy[id] = t
	}
	t.users++
	s.mu.Unlock()
	leave := func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if t.users--; t.users == 0 {
			delete(s.busy, id)
		}
	}
	select {
	case <-t.hold:
		return func() { t.hold <- struct{}{}; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, hub.E(hub.Unavailable, "wait for the same request", "the same request is being carried out; ask again", ctx.Err())
	}
}
