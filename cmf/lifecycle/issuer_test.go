package lifecycle_test

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/cmf/lifecycle"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/catest"
)

// revokeIssuer has an intermediate revoked, as the API does.
func (r *real) revokeIssuer(domain, issuer string) error {
	order, err := r.IssuerRevocation(operator, certmgmt.RevokeRequest{Reason: "cACompromise", Comment: "a test"})
	if err != nil {
		return err
	}
	ctx, end := contextOf()
	defer end()
	if err := r.cas.RevokeIntermediate(ctx, domain, issuer, order); err != nil {
		return err
	}
	return r.IssuersRevoked(ctx, domain)
}

// whole is what openssl says of a chain by the lists of its issuer and of its root.
func (r *real) whole(t *testing.T, c *cmf.Certificate, issued hub.IssuedCertificate) string {
	t.Helper()
	_, root, err := r.cas.Chain(t.Context(), c.TrustDomain, c.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	own, err := r.CRL(t.Context(), c.TrustDomain, c.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	above, err := r.CRL(t.Context(), c.TrustDomain, r.root(t, c.TrustDomain))
	if err != nil {
		t.Fatal(err)
	}
	return catest.Verify(t, issued, root, "-crl_check_all", "-CRLfile", catest.PEM(t, "X509 CRL", own.DER, above.DER))
}

// root is the key identifier of a trust domain's root.
func (r *real) root(t *testing.T, domain string) string {
	t.Helper()
	all, err := r.cas.Issuers(t.Context(), domain)
	if err != nil {
		t.Fatal(err)
	}
	return all[0].ID
}

func realWorld(t *testing.T) (*world, *memKeys) {
	t.Helper()
	return newWorld(t), &memKeys{keys: map[string]crypto.Signer{}, new: func() crypto.Signer { k, _ := newKey(); return k }}
}

// What a revoked intermediate issued is refused by openssl by the list of the root, is
// revoked by OCSP, also where it was just said to be good, and is shown as what has to
// be renewed, which it can be at once. Another process and another trust domain have
// it the same.
func TestIssuerRevoked(t *testing.T) {
	w, keys := realWorld(t)
	p := startReal(t, w, keys)
	c, issued := p.issue(t, "north")
	foreign, far := p.issue(t, "south")
	if list, ocsp := p.openssl(t, c, issued); list != "good" || ocsp != "good" || !strings.HasSuffix(p.whole(t, c, issued), ": OK") {
		t.Fatalf("before: %s by the list, %s by OCSP, %s", list, ocsp, p.whole(t, c, issued))
	}
	for range 2 {
		if err := p.revokeIssuer("north", c.Issuer); err != nil {
			t.Fatal(err)
		}
	}
	if told := w.recorded("authority.revoked", "authority/north"); len(told) != 1 || told[0].Actor != operator.String() || !strings.Contains(string(told[0].Data), "cACompromise") {
		t.Errorf("records: %+v", told)
	}
	next, after := p.issue(t, "north")
	for name, q := range map[string]*real{"the same process": p, "another one": startReal(t, w, keys)} {
		if list, ocsp := q.openssl(t, c, issued); list != "good" || ocsp != "revoked" {
			t.Errorf("%s: %s by the issuer's own list, %s by OCSP", name, list, ocsp)
		}
		if out := q.whole(t, c, issued); !strings.Contains(out, "certificate revoked") {
			t.Errorf("%s: openssl takes the chain: %s", name, out)
		}
		if _, ocsp := q.openssl(t, next, after); ocsp != "good" || !strings.HasSuffix(q.whole(t, next, after), ": OK") {
			t.Errorf("%s: what the new one issued: %s by OCSP, %s", name, ocsp, q.whole(t, next, after))
		}
		if _, ocsp := q.openssl(t, foreign, far); ocsp != "good" || !strings.HasSuffix(q.whole(t, foreign, far), ": OK") {
			t.Errorf("%s: what another trust domain issued: %s by OCSP, %s", name, ocsp, q.whole(t, foreign, far))
		}
		found := map[string]bool{}
		for x, err := range q.Certificates(t.Context(), operator, lifecycle.Query{Issuer: c.Issuer}, "") {
			if err != nil || x.IssuerRevoked == nil || x.State != certmgmt.CertificateValid {
				t.Errorf("%s: the inventory has %+v: %v", name, x, err)
			}
			found[x.ID] = true
		}
		for _, query := range []lifecycle.Query{{IssuerRevoked: true}, {IssuerRevoked: true, NotRenewed: true}, {IssuerRevoked: true, TrustDomain: "south"}} {
			var ids []string
			for x, err := range q.Certificates(t.Context(), operator, query, "") {
				if err != nil {
					t.Error(err)
				}
				ids = append(ids, x.ID)
			}
			if want := query.TrustDomain == ""; slices.Contains(ids, c.ID) != want || len(ids) > 1 {
				t.Errorf("%s: found by %+v: %v", name, query, ids)
			}
		}
		for who, want := range map[hub.Identity]int{vnfm: 1, another: 0, stranger: 0} {
			n := 0
			for x, err := range q.Certificates(t.Context(), who, lifecycle.Query{IssuerRevoked: true}, "") {
				if n++; err != nil || x.ID != c.ID {
					t.Errorf("%s: %s is shown %+v: %v", name, who, x, err)
				}
			}
			if n != want {
				t.Errorf("%s: %s is shown %d, want %d", name, who, n, want)
			}
		}
		if len(found) != 1 || !found[c.ID] {
			t.Errorf("%s: found by the issuer: %v", name, found)
		}
		if x, err := q.Certificate(t.Context(), operator, next.ID); err != nil || x.IssuerRevoked != nil {
			t.Errorf("%s: the new one is shown as %+v: %v", name, x, err)
		}
	}
	p.register(t, "reg-1", c.SubjectID)
	p.attester(t, "att-1")
	if a, err := p.Renew(t.Context(), operator, c.ID, certmgmt.SigningRequest{CSR: "a new one"}); err != nil || a.State != certmgmt.RequestIssued {
		t.Errorf("it is not renewed: %+v %v", a, err)
	}
	p.put(t, 40, func(n *cmf.Certificate) { n.Renews = c.ID }) // as the CMF notes it
	for notRenewed, want := range map[bool]int{false: 1, true: 0} {
		n := 0
		for range p.Certificates(t.Context(), operator, lifecycle.Query{IssuerRevoked: true, NotRenewed: notRenewed}, "") {
			n++
		}
		if n != want {
			t.Errorf("after the renewal %d have a revoked issuer (not renewed: %v), want %d", n, notRenewed, want)
		}
	}
	if _, err := p.CRL(t.Context(), "south", p.root(t, "north")); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("the list of another trust domain's root: %v", err)
	}
}

// What is left of a revocation that was cut off between any two writes is done by the
// next look of the next process: one record, and a list that tells it, whose number
// grew.
func TestIssuerRevoked_Killed(t *testing.T) {
	for step := 0; ; step++ {
		w, keys := realWorld(t)
		p := startReal(t, w, keys)
		c, issued := p.issue(t, "north")
		first, err := p.CRL(t.Context(), "north", p.root(t, "north"))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		w.breaks(func() error {
			if n++; n > step {
				return errDown
			}
			return nil
		})
		err = p.revokeIssuer("north", c.Issuer)
		w.breaks(nil)
		if err != nil && !errors.Is(err, errDown) {
			t.Fatalf("after %d writes: %v", step, err)
		}
		q := startReal(t, w, keys)
		if err := q.cas.Look(t.Context(), "north"); err != nil {
			t.Fatal(err)
		}
		if err := q.IssuersRevoked(t.Context(), "north"); err != nil {
			t.Fatal(err)
		}
		all, err2 := q.cas.Issuers(t.Context(), "north")
		if err2 != nil {
			t.Fatal(err2)
		}
		revoked := all[1].Revoked != nil
		if told := len(w.recorded("authority.revoked", "")); revoked != (told == 1) || told > 1 || revoked != strings.Contains(q.whole(t, c, issued), "certificate revoked") || err == nil && !revoked {
			t.Errorf("after %d writes: revoked: %v; %d records; openssl: %s", step, revoked, told, q.whole(t, c, issued))
		}
		last, err2 := q.CRL(t.Context(), "north", q.root(t, "north"))
		if err2 != nil || revoked == bytes.Equal(first.DER, last.DER) {
			t.Errorf("after %d writes: the list changed: %v, %v", step, !bytes.Equal(first.DER, last.DER), err2)
		}
		if err == nil {
			if step < 5 {
				t.Errorf("there are %d writes only", step)
			}
			return
		}
	}
}

// The living certificates of a revoked issuer are alarmed and counted once, except for
// those that another one took the place of.
func TestIssuerRevoked_Alarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		counted := 0
		p := w.start(t, func(c *lifecycle.Config) { c.Metrics.Orphaned = func() { counted++ } })
		living := p.put(t, 1, nil)
		p.put(t, 2, func(c *cmf.Certificate) { c.NotAfter = c.NotBefore.Add(time.Second) }) // ends
		renewed := p.put(t, 3, nil)
		p.put(t, 4, func(c *cmf.Certificate) { c.Renews = renewed.ID })
		p.put(t, 5, func(c *cmf.Certificate) { c.TrustDomain = "south" })
		time.Sleep(2 * time.Second)
		w.revokeCA("north", w.now())
		ctx, end := contextOf()
		done := make(chan error, 1)
		go func() { done <- p.Run(ctx) }()
		time.Sleep(10 * time.Minute)
		end()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		var about []string
		for _, r := range w.recorded("certificate.issuer-revoked", "") {
			about = append(about, r.Subject)
		}
		slices.Sort(about)
		if len(about) != 2 || !slices.Contains(about, "certificate/"+living.ID) || slices.Contains(about, "certificate/"+renewed.ID) || counted != 2 {
			t.Errorf("alarmed: %q, counted %d", about, counted)
		}
		if got := w.ca.(*fakeCA).roots(); got != 1 {
			t.Errorf("the list of the root was signed %d times for one revocation", got)
		}
	})
}

// A list of a root that cannot be renewed is served as long as it is in force; one
// that does not tell a revocation is not.
func TestRootList_Kept(t *testing.T) {
	w := newWorld(t)
	ca := w.ca.(*fakeCA)
	p := w.start(t, nil)
	first, err := p.CRL(t.Context(), "north", "root")
	if err != nil {
		t.Fatal(err)
	}
	ca.set(hub.E(hub.Unavailable, "sign", "the token is away", nil), nil)
	w.pass(20 * time.Hour) // most of its time
	if again, err := p.CRL(t.Context(), "north", "root"); err != nil || !bytes.Equal(again.DER, first.DER) {
		t.Errorf("in force: %v", err)
	}
	w.revokeCA("north", w.now())
	if _, err := p.CRL(t.Context(), "north", "root"); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("one that does not tell it: %v", err)
	}
	ca.set(nil, nil)
	l, err := p.CRL(t.Context(), "north", "root")
	if err != nil {
		t.Fatal(err)
	}
	if parsed, err := x509.ParseRevocationList(l.DER); err != nil || len(parsed.RevokedCertificateEntries) != 1 {
		t.Errorf("the list has %+v: %v", parsed, err)
	}
	ca.set(hub.E(hub.Unavailable, "sign", "the token is away", nil), nil)
	w.pass(25 * time.Hour)
	if _, err := p.CRL(t.Context(), "north", "root"); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("one that is over: %v", err)
	}
}
