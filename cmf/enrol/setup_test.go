package enrol_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/formats"
	"github.com/manoward/manoward/attestation/tpm"
	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/cmf/enrol"
	"github.com/manoward/manoward/connectors/stepca"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/internal/testkit/attestkit"
	"github.com/manoward/manoward/internal/testkit/devicekit"
	"github.com/manoward/manoward/internal/testkit/memlog"
	"github.com/manoward/manoward/internal/testkit/memstate"
)

// The parties of the tests.
var (
	alpha    = hub.Identity{TrustDomain: "north", Kind: hub.KindVNFM, Name: "alpha"}
	beta     = hub.Identity{TrustDomain: "north", Kind: hub.KindVNFM, Name: "beta"}
	south    = hub.Identity{TrustDomain: "south", Kind: hub.KindVNFM, Name: "alpha"}
	ownVnfm  = hub.Identity{TrustDomain: "hub", Kind: hub.KindVNFM, Name: "hub"}
	operator = hub.Identity{TrustDomain: "hub", Kind: hub.KindOperator, Name: "anna"}
)

// world is what outlives a process: tables, records, authorities and clock.
type world struct {
	testing.TB
	tables   state.Tables
	ca       *authorities
	profiles map[string]enrol.Profile
	roots    []*x509.Certificate
	verifier enrol.Verifier
	judge    enrol.Judge
	judgeOf  func(*cmf.Store) enrol.Judge // instead, if set
	policies func(string) ([]cmf.PolicyInForce, map[string]json.RawMessage, []byte, error)
	// log takes the records instead of the world, if set.
	log    func(ctx context.Context, domain string, records ...hub.Record) error
	ledger enrol.Ledger
	logs   *memlog.Logs

	mu    sync.Mutex // covers what is below
	clock time.Time
	// left is how many durable things happen before the process dies; below 0 it
	// lives.
	left int
}

func newWorld(t testing.TB, tables state.Tables) *world {
	w := &world{
		TB: t, tables: tables, clock: time.Now().Truncate(time.Second), logs: &memlog.Logs{}, left: -1,
		profiles: map[string]enrol.Profile{"north": {DNSSuffixes: []string{"north.example"}}, "south": {DNSSuffixes: []string{"south.example"}}},
	}
	w.logs.Point, w.ledger = w.point, w.logs
	w.ca = newAuthorities(t, w, "north", "south")
	return w
}

// memory is a world whose tables are in memory.
func memory(t testing.TB) *world {
	w := newWorld(t, nil)
	w.tables = &memstate.Bus{Domains: []string{"north", "south", "new"}, Fail: func(string, string, string) error { return w.point() }}
	return w
}

func (w *world) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.clock
}

func (w *world) wait(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock = w.clock.Add(d)
}

var errDead = errors.New("the process is dead")

// point is passed before each durable thing; it fails once the process is dead.
func (w *world) point() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.left == 0 {
		return hub.E(hub.Unavailable, "test", "the process is dead", errDead)
	}
	if w.left > 0 {
		w.left--
	}
	return nil
}

// live lets the process live for a number of durable things, below 0 for ever. It
// returns how many were left.
func (w *world) live(n int) (left int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	left, w.left = w.left, n
	return left
}

func (w *world) append(ctx context.Context, domain string, list ...hub.Record) error {
	if w.log != nil {
		return w.log(ctx, domain, list...)
	}
	for _, r := range list {
		err := w.logs.Append(ctx, domain, r)
		if hub.CodeOf(err) != hub.Conflict {
			return err
		}
		if r.Kind == "certificate.issued" {
			w.Errorf("record %s (%s) came again with another content: %s", r.ID, r.Kind, r.Data)
		}
	}
	return nil
}

// kinds returns the records of a kind, each trust domain's in their order.
func (w *world) kinds(kind string) (list []hub.Record) {
	for _, domain := range []string{"north", "south"} {
		for _, r := range w.logs.Records(domain) {
			if r.Kind == kind {
				list = append(list, r)
			}
		}
	}
	return list
}

// process is a service with its own memory, on the world's tables.
type process struct {
	*enrol.Service
	w     *world
	store *cmf.Store
}

func (w *world) process() process {
	w.Helper()
	space := state.New(w.tables, "CMF", slog.New(slog.DiscardHandler))
	registry, err := formats.New(formats.Config{})
	if err != nil {
		w.Fatal(err)
	}
	store := cmf.NewStore(space)
	judge := w.judge
	if w.judgeOf != nil {
		judge = w.judgeOf(store)
	}
	s, err := enrol.New(enrol.Config{
		Store: store, Authorities: w.ca, Formats: registry, Judge: judge, Policies: w.policies,
		Profiles: func(domain string, _ certmgmt.CertType) enrol.Profile { return w.profiles[domain] },
		Roots:    func(string) []*x509.Certificate { return w.roots },
		Verifier: func(string) enrol.Verifier { return w.verifier },
		Records:  w.append, Ledger: w.ledger,
		Publish: func(domain, issuer string) (crl, ocsp, ca []string) {
			return []string{"http://pki.example/" + domain + "/" + issuer + ".crl"}, []string{"http://pki.example/" + domain + "/ocsp"}, nil
		},
		Now: w.Now, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		w.Fatal(err)
	}
	work, stop := context.WithCancel(context.Background())
	w.Cleanup(stop)
	opening, cancel := context.WithTimeout(work, 30*time.Second)
	defer cancel()
	if err := space.Open(opening, work, "north", "south"); err != nil {
		w.Fatal(err)
	}
	return process{s, w, store}
}

// vnfc is a registered VNFC instance with its device.
type vnfc struct {
	id       string
	device   *devicekit.Soft
	attester string
	reg      certmgmt.Registration
}

// register registers a new VNFC instance of a consumer.
func (p process) register(who hub.Identity, domain string) vnfc {
	p.w.Helper()
	v := vnfc{id: hub.NewID(), device: devicekit.NewSoft(p.w)}
	reg, err := p.Register(p.w.Context(), who, domain, v.request())
	if err != nil {
		p.w.Fatal(err)
	}
	v.reg, v.attester = reg, reg.AttesterIDs[0]
	return v
}

func (v vnfc) request() certmgmt.RegisterRequest {
	return certmgmt.RegisterRequest{
		CertType: certmgmt.VNFCICert, SubjectID: []string{v.id}, TypeOfVnfcCertHandling: certmgmt.DelegationMode,
		VnfInstanceID: "vnf-1", Attesters: []certmgmt.Attester{{StatementOID: tpm.OID, PublicKey: string(v.device.AKPEM())}},
	}
}

// csr is a request with an attested key that asks for no name.
func (v vnfc) csr(t testing.TB, nonce []byte) certmgmt.SigningRequest {
	t.Helper()
	key := attestkit.P256(t)
	return v.sends(attestkit.SignCSR(t, key, v.info(t, key, attestkit.Seq(), attestkit.Attribute(t, v.bundle(t, key, nonce)))))
}

// sends is a request with a CSR in DER.
func (v vnfc) sends(csr []byte) certmgmt.SigningRequest {
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: csr})
	return certmgmt.SigningRequest{VnfcID: v.id, CertType: certmgmt.VNFCICert, CertChainRequest: true, CSR: string(text)}
}

func (v vnfc) bundle(t testing.TB, key crypto.Signer, nonce []byte) []byte {
	t.Helper()
	made := v.device.CSR(t, devicekit.Want{Nonce: nonce, Again: &devicekit.Made{Key: key}})
	csr, err := attestation.ParseCSR(made.DER)
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := attestation.BundleOf(csr, false)
	if err != nil {
		t.Fatal(err)
	}
	return attestkit.Bundle([][]byte{attestkit.Statement(t, bundle.Statements[0].OID, bundle.Statements[0].DER)})
}

// info is a CertificationRequestInfo.
func (v vnfc) info(t testing.TB, key crypto.Signer, name []byte, attributes ...[]byte) []byte {
	t.Helper()
	return attestkit.Seq(attestkit.Int(0), name, attestkit.SPKI(t, key), attestkit.Explicit(0, attributes...))
}

// nonce asks for a challenge.
func (p process) nonce(who hub.Identity, v vnfc) (nonce []byte, id string) {
	p.w.Helper()
	c, err := p.Challenge(p.w.Context(), who, v.reg.TrustDomain, certmgmt.ChallengeRequest{RegistrationID: v.reg.ID})
	if err != nil {
		p.w.Fatal(err)
	}
	if nonce, err = base64.StdEncoding.DecodeString(c.Nonce); err != nil || len(nonce) != 32 {
		p.w.Fatalf("the nonce %q: %v", c.Nonce, err)
	}
	return nonce, c.ID
}

// withdraw withdraws an attester, as cmf/lifecycle does.
func (p process) withdraw(id string) {
	p.w.Helper()
	now := p.w.Now()
	if _, err := p.store.Attesters.Update(p.w.Context(), id, func(a *cmf.Attester) error { a.Withdrawn = &now; return nil }); err != nil {
		p.w.Fatal(err)
	}
}

func publicPEM(t testing.TB, key crypto.Signer) string {
	t.Helper()
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: attestkit.SPKI(t, key)}))
}

// leaf reads the certificate of an answer.
func leaf(t testing.TB, a certmgmt.Signing) *x509.Certificate {
	t.Helper()
	return attestkit.Parse(t, der(t, a.Certificate))
}

// der is the content of a PEM block.
func der(t testing.TB, text string) []byte {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		t.Fatalf("%q is no PEM", text)
	}
	return block.Bytes
}

// authorities are embedded authorities, one for each trust domain.
type authorities struct {
	w *world
	// They are asked before and after an order is signed, if set: an answer may be lost.
	before, after func() error
	elsewhere     bool // they keep what they signed

	mu         sync.Mutex // covers what is below
	cas        map[string]*stepca.Embedded
	begin, end map[string]time.Time
	serials    []string // of what was signed
}

func newAuthorities(t testing.TB, w *world, domains ...string) *authorities {
	a := &authorities{w: w, cas: map[string]*stepca.Embedded{}, begin: map[string]time.Time{}, end: map[string]time.Time{}}
	for _, d := range domains {
		rootKey, key := attestkit.P256(t), attestkit.P256(t)
		root := newCA(t, "root of "+d, nil, nil, rootKey)
		issuer := newCA(t, "CA of "+d, root, rootKey, key)
		ca, err := stepca.Open(stepca.Issuer{Chain: []*x509.Certificate{issuer}, Root: root, Key: key})
		if err != nil {
			t.Fatal(err)
		}
		a.cas[d], a.begin[d], a.end[d] = ca, issuer.NotBefore, issuer.NotAfter
	}
	return a
}

// anyPolicy lets a CA issue under any policy (RFC 5280 clause 4.2.1.4).
func anyPolicy() ([]x509.OID, error) {
	oid, err := x509.ParseOID("2.5.29.32.0")
	return []x509.OID{oid}, err
}

// strangeRoot is a root of somebody else's.
func strangeRoot(t testing.TB) *x509.Certificate {
	t.Helper()
	return newCA(t, "somebody", nil, nil, attestkit.P256(t))
}

func newCA(t testing.TB, name string, parent *x509.Certificate, parentKey, key *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(30 * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	if parent == nil {
		parent, parentKey = c, key
	} else if c.Policies, err = anyPolicy(); err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), parentKey)
	if err != nil {
		t.Fatal(err)
	}
	return attestkit.Parse(t, der)
}

func (a *authorities) Issue(ctx context.Context, domain string, o hub.CertificateOrder) (hub.IssuedCertificate, error) {
	if a.before != nil {
		if err := a.before(); err != nil {
			return hub.IssuedCertificate{}, err
		}
	}
	issued, err := a.cas[domain].Issue(ctx, o)
	if err == nil {
		a.mu.Lock()
		a.serials = append(a.serials, fmt.Sprintf("%x", o.Serial.Bytes()))
		a.mu.Unlock()
	}
	if err == nil && a.after != nil {
		err = a.after()
	}
	return issued, err
}

func (a *authorities) Limits(ctx context.Context, domain string) (begin, end time.Time, issuer string, err error) {
	issuer, _, err = a.cas[domain].Chain(ctx)
	return a.begin[domain], a.end[domain], issuer, err
}

func (a *authorities) Chain(ctx context.Context, domain, _ string) ([][]byte, []byte, error) {
	_, chain, err := a.cas[domain].Chain(ctx)
	if err != nil {
		return nil, nil, err
	}
	return chain[:len(chain)-1], chain[len(chain)-1], nil
}

func (a *authorities) Elsewhere(string) bool { return a.elsewhere }

// signed returns how many certificates were signed.
func (a *authorities) signed() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.serials)
}

// wantRefused checks that a request is refused for exactly these reasons.
func wantRefused(t testing.TB, a certmgmt.Signing, err error, codes ...attestation.Code) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var got []attestation.Code
	for _, r := range a.Reasons {
		got = append(got, attestation.Code(r.Code))
		if r.Detail == "" || r.Mend == "" {
			t.Errorf("the reason %+v says too little", r)
		}
	}
	if a.State != certmgmt.RequestRefused || a.Certificate != "" || !slices.Equal(got, codes) {
		t.Fatalf("%s for %v, want a refusal for %q", a.State, a.Reasons, codes)
	}
}
