package authority_test

import (
	"context"
	"crypto"
	"crypto/x509"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/cmf/authority"
	"github.com/manoward/manoward/connectors/stepca"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/internal/testkit/catest"
	"github.com/manoward/manoward/internal/testkit/memstate"
	"github.com/manoward/manoward/internal/vault"
	"github.com/manoward/manoward/mano-core/trust"
)

var operator = hub.Identity{TrustDomain: "hub", Kind: hub.KindOperator, Name: "anna"}

// world is what survives a process: a bus, keys, records, and the time.
type world struct {
	t       testing.TB
	bus     memstate.Bus
	tables  state.Tables // bus, unless a test has another
	dir     string
	vault   *vault.Vault
	times   authority.Times
	tokens  map[string]authority.Keys // of domains whose keys are not in files
	remotes map[string]authority.CA

	mu      sync.Mutex // covers what is below
	files   map[string]authority.Keys
	now     time.Time
	records []hub.Record
	fail    func(step string) error // asked before each effect
	steps   []string
}

func newWorld(t testing.TB) *world {
	t.Helper()
	dir := t.TempDir()
	v, err := vault.Create(filepath.Join(dir, "unlock.key"))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, files: map[string]authority.Keys{}, dir: dir, vault: v, now: time.Now().Truncate(time.Second)}
	w.bus.Domains = []string{"north", "south", "west"}
	w.tables = &w.bus
	w.bus.Fail = func(_, _, _ string) error { return w.step("store") }
	return w
}

// step notes an effect that is about to be, or stops it.
func (w *world) step(name string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.steps = append(w.steps, name)
	if w.fail == nil {
		return nil
	}
	return w.fail(name)
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// append is a record log: what is there stands.
func (w *world) append(_ context.Context, domain string, r hub.Record) error {
	if err := w.step("record"); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, there := range w.records {
		if there.ID == r.ID {
			return nil
		}
	}
	if r.Subject != "authority/"+domain {
		w.t.Errorf("a record of %s in the log of %s", r.Subject, domain)
	}
	w.records = append(w.records, r)
	return nil
}

func (w *world) kinds(kind string) (list []hub.Record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.records {
		if r.Kind == kind {
			list = append(list, r)
		}
	}
	return list
}

// Kind and Open are the key stores.
func (w *world) Kind(domain string) string {
	if w.tokens[domain] != nil {
		return hub.KeysInPKCS11
	}
	return hub.KeysInFile
}

func (w *world) Open(_ context.Context, domain, kind string) (authority.Keys, error) {
	if kind == hub.KeysInPKCS11 {
		return stepKeys{w.tokens[domain], w}, nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.files[domain] == nil { // one for all processes, which share the key store
		files, err := trust.OpenFileKeys(filepath.Join(w.dir, "keys", domain), domain, w.vault)
		if err != nil {
			return nil, err
		}
		w.files[domain] = files
	}
	return stepKeys{w.files[domain], w}, nil
}

// stepKeys notes when a key is made.
type stepKeys struct {
	authority.Keys
	w *world
}

func (k stepKeys) Create(ctx context.Context, label string) (crypto.Signer, error) {
	if err := k.w.step("key"); err != nil {
		return nil, err
	}
	return k.Keys.Create(ctx, label)
}

// process is one run of the CMF.
type process struct {
	*authority.Authorities
	w   *world
	end context.CancelFunc
}

// start starts a process, which ends with the test.
func (w *world) start() *process {
	w.t.Helper()
	ctx, end := context.WithCancel(context.Background())
	w.t.Cleanup(end)
	log := slog.New(slog.DiscardHandler)
	space := state.New(w.tables, "cmf", log)
	a := authority.New(authority.Config{
		Space: space, Keys: w, Records: w.append, Times: w.times, Now: w.clock, Log: log,
		Open: func(current authority.Signer, earlier ...authority.Signer) (authority.CA, error) {
			list := make([]stepca.Issuer, 0, len(earlier))
			for _, e := range earlier {
				list = append(list, stepca.Issuer(e))
			}
			return stepca.Open(stepca.Issuer(current), list...)
		},
		Published: published,
		Remote:    func(domain string) authority.CA { return w.remotes[domain] },
		Self:      hub.Identity{TrustDomain: "hub", Kind: hub.KindCMF, Name: "hub"},
		Wait: func(ctx context.Context, d time.Duration) error {
			if d < time.Minute { // for another process
				w.pass(d)
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		},
	})
	if err := space.Open(w.t.Context(), ctx, w.bus.Domains...); err != nil {
		w.t.Fatal(err)
	}
	return &process{Authorities: a, w: w, end: end}
}

// published is where the list and the certificate of a root would be.
func published(domain, root string) (crl, certificate []string) {
	return []string{"http://pki.example/crl/" + domain + "/" + root}, []string{"http://pki.example/ca/" + domain + "/" + root}
}

// order is an order that ends in an hour of the world's time.
func (w *world) order() hub.CertificateOrder {
	w.t.Helper()
	o := catest.NewOrder(w.t, catest.NewCSR(w.t, catest.NewKey(w.t), &x509.CertificateRequest{}))
	o.NotBefore, o.NotAfter = w.clock().Add(-time.Minute), w.clock().Add(time.Hour)
	return o
}

// issue issues a certificate and returns it read.
func (p *process) issue(domain string) (*x509.Certificate, hub.IssuedCertificate) {
	p.w.t.Helper()
	issued, err := p.Issue(p.w.t.Context(), domain, p.w.order())
	if err != nil {
		p.w.t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(issued.Chain[0])
	if err != nil {
		p.w.t.Fatal(err)
	}
	return leaf, issued
}

// current is the issuer that signs.
func (p *process) current(domain string) string {
	p.w.t.Helper()
	_, _, issuer, err := p.Limits(p.w.t.Context(), domain)
	if err != nil {
		p.w.t.Fatal(err)
	}
	return issuer
}
