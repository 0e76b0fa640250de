package lifecycle_test

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/cmf/authority"
	"github.com/manoward/manoward/cmf/lifecycle"
	"github.com/manoward/manoward/connectors/stepca"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/catest"
	"github.com/manoward/manoward/internal/testkit/testbus"
)

// memKeys are CA keys in memory, which outlive a process.
type memKeys struct {
	mu   sync.Mutex
	keys map[string]crypto.Signer
	new  func() crypto.Signer
}

func (k *memKeys) Kind(string) string { return hub.KeysInFile }

func (k *memKeys) Open(_ context.Context, domain, _ string) (authority.Keys, error) {
	return domainKeys{k, domain}, nil
}

type domainKeys struct {
	*memKeys
	domain string
}

func (k domainKeys) Create(_ context.Context, label string) (crypto.Signer, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.keys[k.domain+label] != nil {
		return nil, hub.E(hub.Conflict, "create key", "it is there", nil)
	}
	k.keys[k.domain+label] = k.new()
	return k.keys[k.domain+label], nil
}

func (k domainKeys) Signer(_ context.Context, label string) (crypto.Signer, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if key := k.keys[k.domain+label]; key != nil {
		return key, nil
	}
	return nil, hub.E(hub.NotFound, "find key", "there is none", nil)
}

func (k domainKeys) Delete(_ context.Context, label string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.keys, k.domain+label)
	return nil
}

// real is a process with the embedded authority, on a bus.
type real struct {
	*process
	cas *authority.Authorities
}

func startReal(t testing.TB, w *world, keys *memKeys) *real {
	t.Helper()
	r := &real{}
	r.process = w.start(t, func(c *lifecycle.Config) {
		r.cas = authority.New(authority.Config{
			Space: c.Store.Space, Keys: keys, Now: w.now, Log: slog.New(slog.DiscardHandler), Self: c.Self,
			Records: func(ctx context.Context, domain string, record hub.Record) error {
				return w.record(ctx, domain, record)
			},
			Open: func(current authority.Signer, earlier ...authority.Signer) (authority.CA, error) {
				var list []stepca.Issuer
				for _, e := range earlier {
					list = append(list, stepca.Issuer(e))
				}
				return stepca.Open(stepca.Issuer(current), list...)
			},
			Wait: func(ctx context.Context, _ time.Duration) error { <-ctx.Done(); return ctx.Err() },
		})
		c.Authorities = r.cas
	})
	return r
}

// issue issues a certificate of a trust domain and stores it, as enrol does.
func (r *real) issue(t testing.TB, domain string) (*cmf.Certificate, hub.IssuedCertificate) {
	t.Helper()
	key, err := newKey()
	if err != nil {
		t.Fatal(err)
	}
	order := catest.NewOrder(t, catest.NewCSR(t, key, &x509.CertificateRequest{}))
	issued, err := r.cas.Issue(t.Context(), domain, order)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(issued.Chain[0])
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	c := &cmf.Certificate{
		ID: order.ID, TrustDomain: domain, Manager: "spiffe://" + domain + "/vnfm/one", CertType: certmgmt.VNFCICert, SubjectID: order.ID, RegistrationID: "reg-1",
		AttesterID: "att-1", Assurance: "hardware", Serial: leaf.SerialNumber, Issuer: issued.Issuer, KeyHash: hex.EncodeToString(sum[:]),
		NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter, DER: leaf.Raw,
	}
	if _, err := r.store.Certificates.Create(t.Context(), domain, c.ID, c); err != nil {
		t.Fatal(err)
	}
	return c, issued
}

// openssl says what openssl finds of a certificate: by the list of its issuer, and
// by an OCSP answer to a request of its own, with a nonce.
func (r *real) openssl(t testing.TB, c *cmf.Certificate, issued hub.IssuedCertificate) (byList, byOCSP string) {
	t.Helper()
	_, root, err := r.cas.Chain(t.Context(), c.TrustDomain, c.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	crl, err := r.CRL(t.Context(), c.TrustDomain, c.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	switch out := catest.Verify(t, issued, root, "-crl_check", "-CRLfile", catest.PEM(t, "X509 CRL", crl.DER)); {
	case strings.HasSuffix(out, ": OK"):
		byList = "good"
	case strings.Contains(out, "certificate revoked"):
		byList = "revoked"
	default:
		byList = out
	}
	dir := t.TempDir()
	request, response := filepath.Join(dir, "request"), filepath.Join(dir, "response")
	issuer, leaf := catest.PEM(t, "CERTIFICATE", issued.Chain[1]), catest.PEM(t, "CERTIFICATE", issued.Chain[0])
	run(t, "ocsp", "-sha256", "-issuer", issuer, "-cert", leaf, "-reqout", request)
	asked, err := os.ReadFile(request)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := r.OCSP(t.Context(), c.TrustDomain, asked)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(response, answer.DER, 0o600); err != nil {
		t.Fatal(err)
	}
	out := run(t, "ocsp", "-sha256", "-no_nonce", "-reqin", request, "-respin", response, "-issuer", issuer, "-cert", leaf, "-CAfile", catest.PEM(t, "CERTIFICATE", root), "-verify_other", issuer)
	if !strings.Contains(out, "Response verify OK") || strings.Contains(out, "WARNING: no nonce") {
		t.Errorf("openssl ocsp: %s", out)
	}
	for _, status := range []string{"good", "revoked", "unknown"} {
		if strings.Contains(out, ": "+status) {
			byOCSP = status
		}
	}
	return byList, byOCSP
}

func run(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "openssl", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("openssl %s: %v\n%s", args[0], err, out)
	}
	return string(out)
}

// TestReal revokes on a real bus and with real authorities, of three trust domains,
// over a rotation and a restart; openssl judges lists and OCSP answers.
func TestReal(t *testing.T) {
	domains := []string{"north", "south", "west"}
	dir := t.TempDir()
	bus := testbus.Open(t, dir, domains...)
	w := &world{tables: bus.Tables(), domains: domains}
	keys := &memKeys{keys: map[string]crypto.Signer{}, new: func() crypto.Signer { k, _ := newKey(); return k }}
	p := startReal(t, w, keys)
	type one struct {
		c      *cmf.Certificate
		issued hub.IssuedCertificate
		want   string
	}
	var all []one
	add := func(domain, want string) {
		c, issued := p.issue(t, domain)
		all = append(all, one{c, issued, want})
		if want == "revoked" {
			revoke(t, p.process, c.ID, "keyCompromise")
		}
	}
	for _, d := range domains {
		add(d, "good")
		add(d, "revoked")
	}
	if err := p.cas.Rotate(t.Context(), "north", "intermediate", authority.AnyVersion, operator); err != nil {
		t.Fatal(err)
	}
	add("north", "good")
	check := func() {
		t.Helper()
		for _, o := range all {
			if list, ocsp := p.openssl(t, o.c, o.issued); list != o.want || ocsp != o.want {
				t.Errorf("a certificate of %s: %s by the list and %s by OCSP, want %s", o.c.TrustDomain, list, ocsp, o.want)
			}
			for _, other := range domains {
				if other == o.c.TrustDomain {
					continue
				}
				if _, err := p.CRL(t.Context(), other, o.c.Issuer); hub.CodeOf(err) != hub.NotFound {
					t.Errorf("%s has the list of an issuer of %s: %v", other, o.c.TrustDomain, err)
				}
			}
		}
	}
	check()
	number := func() string {
		l, err := p.CRL(t.Context(), "north", all[1].c.Issuer)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := x509.ParseRevocationList(l.DER)
		if err != nil {
			t.Fatal(err)
		}
		return parsed.Number.String()
	}
	before := number()
	bus.Close()
	bus = testbus.Open(t, dir, domains...)
	w.tables = bus.Tables()
	p = startReal(t, w, keys)
	if err := p.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := number(); after != before {
		t.Errorf("after a restart the list is %s, and was %s", after, before)
	}
	revoke(t, p.process, all[0].c.ID, "superseded")
	all[0].want = "revoked"
	all = slices.Concat(all[:2], all[6:]) // the rest is as it was
	check()
}
