package lifecycle_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/cmf/authority"
	"github.com/manoward/manoward/cmf/lifecycle"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/internal/testkit/memstate"
)

var (
	operator = hub.Identity{TrustDomain: "hub", Kind: hub.KindOperator, Name: "admin"}
	vnfm     = hub.Identity{TrustDomain: "north", Kind: hub.KindVNFM, Name: "one"}
	another  = hub.Identity{TrustDomain: "north", Kind: hub.KindVNFM, Name: "two"}
	stranger = hub.Identity{TrustDomain: "south", Kind: hub.KindVNFM, Name: "one"}
)

// world is a CMF's tables and records, which survive when a process of it ends.
type world struct {
	tables  state.Tables
	domains []string
	ca      lifecycle.Authorities
	cas     map[string]authority.Issuer // by trust domain; mu covers Revoked
	keys    map[string]crypto.Signer    // of the issuers
	leaf    []byte                      // DER of a certificate, for what is put

	mu      sync.Mutex // covers what is below
	records []hub.Record
	offset  time.Duration // of the clock
	broken  func() error  // asked before each write of tables and records
}

// process is one process on it.
type process struct {
	*world
	*lifecycle.Service
	store *cmf.Store
	enrol *fakeEnrol
}

// newWorld has the trust domains north and south, in memory, and a CA that signs
// nothing but says what it was asked.
func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{cas: map[string]authority.Issuer{}, keys: map[string]crypto.Signer{}}
	w.domains = []string{"north", "south"}
	w.tables = &memstate.Bus{Domains: w.domains, Fail: func(string, string, string) error { return w.fails() }}
	for _, domain := range w.domains {
		c, key := selfSigned(t, domain)
		w.keys[domain] = key
		w.cas[domain] = authority.Issuer{ID: hex.EncodeToString(c.SubjectKeyId), Certificate: c.Raw}
		w.leaf = c.Raw
	}
	w.ca = &fakeCA{world: w}
	return w
}

func newKey() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

func selfSigned(t testing.TB, name string) (*x509.Certificate, crypto.Signer) {
	t.Helper()
	key, err := newKey()
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(5, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	c.Subject.CommonName = name
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return made, key
}

func (w *world) fails() error {
	w.mu.Lock()
	f := w.broken
	w.mu.Unlock()
	if f == nil {
		return nil
	}
	return f()
}

func (w *world) breaks(f func() error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken = f
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.offset)
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.offset += d
}

// record appends records; an ID that is there has no second effect.
func (w *world) record(_ context.Context, domain string, list ...hub.Record) error {
	if err := w.fails(); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range list {
		if domain == "" || !json.Valid(r.Data) {
			return fmt.Errorf("record %+v of trust domain %q", r, domain)
		}
		if !slices.ContainsFunc(w.records, func(was hub.Record) bool { return was.ID == r.ID }) {
			w.records = append(w.records, r)
		}
	}
	return nil
}

// recorded lists the records of a kind about a subject; all subjects if it is "".
func (w *world) recorded(kind, subject string) (list []hub.Record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.records {
		if r.Kind == kind && (subject == "" || r.Subject == subject) {
			list = append(list, r)
		}
	}
	return list
}

// start starts a process. alter may be nil.
func (w *world) start(t testing.TB, alter func(*lifecycle.Config)) *process {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	p := &process{world: w, store: cmf.NewStore(state.New(w.tables, "CMF", log)), enrol: &fakeEnrol{}}
	c := lifecycle.Config{
		Store: p.store, Enrol: p.enrol, Authorities: w.ca, Records: w.record, Now: w.now, Log: log,
		Self: hub.Identity{TrustDomain: "hub", Kind: hub.KindCMF, Name: "hub"},
	}
	if alter != nil {
		alter(&c)
	}
	p.Service = lifecycle.New(c)
	work, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	if err := p.store.Space.Open(t.Context(), work, w.domains...); err != nil {
		t.Fatal(err)
	}
	return p
}

// put stores a certificate of vnfm's that was issued now for a month.
func (p *process) put(t testing.TB, n int, alter func(*cmf.Certificate)) *cmf.Certificate {
	t.Helper()
	now := p.now().UTC().Truncate(time.Second)
	key := sha256.Sum256(fmt.Append(nil, n))
	c := &cmf.Certificate{
		TrustDomain: "north", Manager: vnfm.String(), CertType: certmgmt.VNFCICert, SubjectID: fmt.Sprint("vnfc-", n),
		VnfInstanceID: "vnf-1", RegistrationID: "reg-1", AttesterID: "att-1", Assurance: "hardware",
		Serial: big.NewInt(int64(n) + 1000), KeyHash: hex.EncodeToString(key[:]), NotBefore: now, NotAfter: now.AddDate(0, 0, 30), DER: p.leaf,
	}
	if alter != nil {
		alter(c)
	}
	c.Issuer = p.cas[c.TrustDomain].ID
	c.ID = hub.DeriveID("certificate", c.TrustDomain, fmt.Sprint(n))
	if _, err := p.store.Certificates.Create(t.Context(), c.TrustDomain, c.ID, c); err != nil {
		t.Fatal(err)
	}
	return c
}

// register stores what certificates are issued for.
func (p *process) register(t testing.TB, id string, subjects ...string) {
	t.Helper()
	r := &cmf.Registration{Registration: certmgmt.Registration{
		ID: id, TrustDomain: "north", Manager: vnfm.String(), CertType: certmgmt.VNFCICert, SubjectID: subjects, VnfInstanceID: "vnf-1", AttesterIDs: []string{"att-1"}, Registered: p.now(),
	}}
	if _, err := p.store.Registrations.Create(t.Context(), "north", id, r); err != nil {
		t.Fatal(err)
	}
}

func (p *process) attester(t testing.TB, id string) {
	t.Helper()
	a := &cmf.Attester{Attester: certmgmt.Attester{ID: id, Name: "rack 7"}, TrustDomain: "north", By: vnfm.String()}
	if _, err := p.store.Attesters.Create(t.Context(), "north", id, a); err != nil {
		t.Fatal(err)
	}
}

// stored is a certificate as it is in the table.
func (p *process) stored(t testing.TB, id string) cmf.Certificate {
	t.Helper()
	e, err := p.store.Certificates.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return e.Value
}

// list is the revocation list of a trust domain.
func (p *process) list(t testing.TB, domain string) *x509.RevocationList {
	t.Helper()
	got, err := p.CRL(t.Context(), domain, p.cas[domain].ID)
	if err != nil {
		t.Fatal(err)
	}
	l, err := x509.ParseRevocationList(got.DER)
	if err != nil {
		t.Fatal(err)
	}
	if !l.ThisUpdate.Equal(got.ThisUpdate) || !l.NextUpdate.Equal(got.NextUpdate) {
		t.Errorf("the list is from %s to %s, and is given out as from %s to %s", l.ThisUpdate, l.NextUpdate, got.ThisUpdate, got.NextUpdate)
	}
	return l
}

// listed says with which reason a certificate is in a list; -1 if it is not.
func listed(l *x509.RevocationList, c *cmf.Certificate) int {
	for _, r := range l.RevokedCertificateEntries {
		if r.SerialNumber.Cmp(c.Serial) == 0 {
			return r.ReasonCode
		}
	}
	return -1
}

// fakeCA signs lists, and gives what OCSP answers have to say as JSON.
type fakeCA struct {
	*world
	mu     sync.Mutex // covers what is below
	signed int
	rooted int // lists of roots
	down   error
	hold   chan struct{} // if set, a list is signed when it is closed
	during func()        // if set, done once while an OCSP answer is signed
}

// Issuers has a root that signs nothing beside the issuer.
func (f *fakeCA) Issuers(_ context.Context, domain string) ([]authority.Issuer, error) {
	f.world.mu.Lock()
	defer f.world.mu.Unlock()
	i, ok := f.cas[domain]
	if !ok {
		return nil, hub.E(hub.NotFound, "find issuers", "there is no such trust domain", nil)
	}
	i.Parent, i.Serial = "root", "2a"
	return []authority.Issuer{{ID: "root", Root: true, NotAfter: time.Now().AddDate(9, 0, 0)}, i}, nil
}

// revokeCA revokes the issuer of a trust domain.
func (w *world) revokeCA(domain string, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := w.cas[domain]
	i.Revoked = &authority.Revocation{At: at.UTC().Truncate(time.Second), Reason: 2, By: operator.String()}
	w.cas[domain] = i
}

// contextOf is a context that outlives what a test tells to end.
func contextOf() (context.Context, context.CancelFunc) {
	return context.WithCancel(context.Background())
}

// roots says how many lists of roots were signed.
func (f *fakeCA) roots() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rooted
}

func (f *fakeCA) Chain(_ context.Context, domain, issuer string) (chain [][]byte, root []byte, err error) {
	if f.cas[domain].ID != issuer {
		return nil, nil, hub.E(hub.NotFound, "find chain", "no such issuer", nil)
	}
	return [][]byte{f.cas[domain].Certificate}, f.cas[domain].Certificate, nil
}

func (f *fakeCA) RevocationList(_ context.Context, domain string, l hub.RevocationList) ([]byte, error) {
	f.mu.Lock()
	hold := f.hold
	f.signed++
	f.mu.Unlock()
	if hold != nil {
		<-hold
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.down != nil:
		return nil, f.down
	case l.Issuer == "root":
		f.rooted++
	case f.cas[domain].ID != l.Issuer:
		return nil, hub.E(hub.NotFound, "sign", "no such issuer", nil)
	}
	t := &x509.RevocationList{Number: l.Number, ThisUpdate: l.ThisUpdate, NextUpdate: l.NextUpdate}
	for _, r := range l.Revoked {
		t.RevokedCertificateEntries = append(t.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: r.Serial, RevocationTime: r.Revoked, ReasonCode: r.Reason})
	}
	issuer, err := x509.ParseCertificate(f.cas[domain].Certificate)
	if err != nil {
		return nil, err
	}
	return x509.CreateRevocationList(rand.Reader, t, issuer, f.keys[domain])
}

func (f *fakeCA) OCSP(_ context.Context, domain string, s hub.CertificateStatus) ([]byte, error) {
	f.mu.Lock()
	during := f.during
	f.during = nil
	f.mu.Unlock()
	if during != nil {
		during()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.signed++
	if f.down != nil {
		return nil, f.down
	}
	if f.cas[domain].ID != s.Issuer {
		return nil, hub.E(hub.NotFound, "sign", "no such issuer", nil)
	}
	return json.Marshal(s)
}

// set changes what it does.
func (f *fakeCA) set(down error, hold chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down, f.hold = down, hold
}

func (f *fakeCA) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.signed
}

// fakeEnrol signs everything that it is asked for.
type fakeEnrol struct {
	mu    sync.Mutex
	asked []certmgmt.SigningRequest
}

func (f *fakeEnrol) SignRenewal(_ context.Context, _ hub.Identity, domain string, in certmgmt.SigningRequest, renews string) (certmgmt.Signing, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, in)
	return certmgmt.Signing{ID: hub.DeriveID(domain, renews, in.CSR), State: certmgmt.RequestIssued}, nil
}

var errDown = errors.New("the process is gone")
