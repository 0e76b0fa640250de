package stepca

import (
	"crypto"
	"crypto/x509"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/catest"
	"github.com/manoward/manoward/internal/testkit/stepcakit"
)

// crlURL is that of the orders of catest.
const crlURL = "http://crl.north.example/1.crl"

func remoteConfig(s *stepcakit.Server) RemoteConfig {
	return RemoteConfig{URL: s.URL, Roots: []string{s.Pin}, Provisioner: stepcakit.Provisioner, Key: s.Key, Chain: s.Chain}
}

func openRemote(t testing.TB, s *stepcakit.Server) *Remote {
	t.Helper()
	r, err := OpenRemote(t.Context(), remoteConfig(s))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A real step-ca does what every authority does, by either kind of provisioner.
func TestRemote(t *testing.T) {
	for name, x5c := range map[string]bool{"JWK": false, "X5C": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stepcakit.Start(t, stepcakit.Options{Template: Template, X5C: x5c, CRLURL: crlURL})
			catest.Run(t, catest.Can{}, func(t *testing.T) catest.CA { return openRemote(t, s) })
		})
	}
}

// remoteOrder is an order that a remote authority follows.
func remoteOrder(t testing.TB) hub.CertificateOrder {
	t.Helper()
	o := catest.NewOrder(t, catest.NewCSR(t, catest.NewKey(t), &x509.CertificateRequest{}))
	o.OCSPURLs = nil
	return o
}

// What is configured in a way that does not do is refused before anything is
// signed, and the text says what to change.
func TestOpenRemote_Refused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		options stepcakit.Options
		want    string
	}{
		"no database":          {options: stepcakit.Options{Template: Template, NoDB: true}, want: "crl.enabled"},
		"no list":              {options: stepcakit.Options{Template: Template, NoCRL: true}, want: "crl.enabled"},
		"no template":          {options: stepcakit.Options{}, want: "options.x509.template"},
		"other template":       {options: stepcakit.Options{Template: `{{ toJson .Insecure.CR }}`}, want: "another template"},
		"smallstep extensions": {options: stepcakit.Options{Template: Template, Named: true}, want: "disableSmallstepExtensions"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stepcakit.Start(t, test.options)
			if _, err := OpenRemote(t.Context(), remoteConfig(s)); hub.CodeOf(err) != hub.Invalid || !strings.Contains(hub.SafeText(err), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
	jwk, x5c := stepcakit.Start(t, stepcakit.Options{Template: Template}), stepcakit.Start(t, stepcakit.Options{Template: Template, X5C: true})
	for name, test := range map[string]struct {
		server *stepcakit.Server
		alter  func(*RemoteConfig)
		want   string
	}{
		"plain HTTP":         {jwk, func(c *RemoteConfig) { c.URL = strings.Replace(c.URL, "https", "http", 1) }, "https://host:port"},
		"no pin":             {jwk, func(c *RemoteConfig) { c.Roots = nil }, "SHA-256"},
		"bad pin":            {jwk, func(c *RemoteConfig) { c.Roots = []string{"abc"} }, "no SHA-256"},
		"another root":       {jwk, func(c *RemoteConfig) { c.Roots = []string{x5c.Pin} }, "that is pinned"},
		"no such name":       {jwk, func(c *RemoteConfig) { c.Provisioner = "admin" }, `no provisioner "admin"`},
		"another key":        {jwk, func(c *RemoteConfig) { c.Key = catest.NewKey(t) }, "another key"},
		"JWK with a chain":   {jwk, func(c *RemoteConfig) { c.Chain = x5c.Chain }, "not X5C"},
		"X5C without":        {x5c, func(c *RemoteConfig) { c.Chain = nil }, "not JWK"},
		"X5C, another key":   {x5c, func(c *RemoteConfig) { c.Key = catest.NewKey(t) }, "does not belong"},
		"X5C, another chain": {x5c, func(c *RemoteConfig) { c.Key, c.Chain = foreign(t) }, "does not accept our certificate"},
		"X5C, over":          {x5c, func(c *RemoteConfig) { c.Now = func() time.Time { return time.Now().AddDate(1, 0, 0) } }, "does not accept our certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			c := remoteConfig(test.server)
			test.alter(&c)
			if _, err := OpenRemote(t.Context(), c); hub.CodeOf(err) != hub.Invalid || !strings.Contains(hub.SafeText(err), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

// foreign is a key with a certificate that no provisioner knows.
func foreign(t *testing.T) (crypto.Signer, []*x509.Certificate) {
	t.Helper()
	i := newIssuer(t, time.Hour)
	return i.Key, i.Chain
}

// A template on the side of step-ca that is not ours is found out by what it
// signs, and the certificate is thrown away.
func TestRemote_TemplateChanged(t *testing.T) {
	t.Parallel()
	s := stepcakit.Start(t, stepcakit.Options{Template: Template})
	r := openRemote(t, s)
	s.Template(strings.Replace(Template, `"isCA": false`, `"isCA": true`, 1))
	s.Restart()
	if issued, err := r.Issue(t.Context(), remoteOrder(t)); hub.CodeOf(err) != hub.Unavailable || !strings.Contains(hub.SafeText(err), "basic constraint") || len(issued.Chain) > 0 {
		t.Errorf("%d certificates, %v", len(issued.Chain), err)
	}
}

// When its intermediate is rotated, the new issuer is learnt from what it signs,
// and of the earlier one there are no lists any more.
func TestRemote_Rotated(t *testing.T) {
	t.Parallel()
	s := stepcakit.Start(t, stepcakit.Options{Template: Template})
	r := openRemote(t, s)
	before, err := r.Issue(t.Context(), remoteOrder(t))
	if err != nil {
		t.Fatal(err)
	}
	s.NewIntermediate()
	s.Restart()
	now := time.Now().Truncate(time.Second)
	l := hub.RevocationList{Issuer: before.Issuer, Number: big.NewInt(1), ThisUpdate: now, NextUpdate: now.Add(time.Hour)}
	if _, err := r.RevocationList(t.Context(), l); hub.CodeOf(err) != hub.Conflict {
		t.Errorf("list of the earlier issuer, before the new one was seen: %v", err)
	}
	// An order that names the earlier issuer is thrown away, and revoked.
	overtaken := remoteOrder(t)
	overtaken.Issuer = before.Issuer
	if issued, err := r.Issue(t.Context(), overtaken); hub.CodeOf(err) != hub.Conflict || len(issued.Chain) != 0 {
		t.Errorf("an order for the earlier issuer: %d certificates, %v", len(issued.Chain), err)
	}
	after, err := r.Issue(t.Context(), remoteOrder(t))
	if err != nil || after.Issuer == before.Issuer {
		t.Fatalf("signed by %s and %s: %v", before.Issuer, after.Issuer, err)
	}
	if issuer, _, err := r.Chain(t.Context()); err != nil || issuer != after.Issuer {
		t.Errorf("the chain is of %s: %v", issuer, err)
	}
	if _, err := r.RevocationList(t.Context(), l); hub.CodeOf(err) != hub.Conflict {
		t.Errorf("list of the earlier issuer: %v", err)
	}
	l.Issuer = after.Issuer
	der, err := r.RevocationList(t.Context(), l)
	if err != nil {
		t.Fatalf("list of the new issuer: %v", err)
	}
	list, err := x509.ParseRevocationList(der)
	if err != nil || len(list.RevokedCertificateEntries) != 1 {
		t.Errorf("the list has %d entries, want that of the order that was thrown away: %v", len(list.RevokedCertificateEntries), err)
	}
}

// A step-ca that is away is said to be, once it is back it is used again, and what
// was never sent is known not to have been signed.
func TestRemote_Away(t *testing.T) {
	t.Parallel()
	s := stepcakit.Start(t, stepcakit.Options{Template: Template})
	r := openRemote(t, s)
	if err := r.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Stop()
	_, err := r.Issue(t.Context(), remoteOrder(t))
	if hub.CodeOf(err) != hub.Unavailable || !strings.Contains(hub.SafeText(err), "does not answer") || !unsent(answer{}, err) {
		t.Errorf("while it is away: %v", err)
	}
	if err := r.Check(t.Context()); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("while it is away it is well: %v", err)
	}
	if _, err := OpenRemote(t.Context(), remoteConfig(s)); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("opened while it is away: %v", err)
	}
	s.Restart()
	if _, err := r.Issue(t.Context(), remoteOrder(t)); err != nil {
		t.Errorf("when it is back: %v", err)
	}
}

// What step-ca refuses is told with its words.
func TestRemote_Unprocessable(t *testing.T) {
	t.Parallel()
	s := stepcakit.Start(t, stepcakit.Options{Template: Template})
	r := openRemote(t, s)
	o := remoteOrder(t)
	o.NotAfter = o.NotBefore.Add(time.Minute + time.Second) // its least is five minutes
	if _, err := r.Issue(t.Context(), o); hub.CodeOf(err) != hub.Unprocessable || !strings.Contains(hub.SafeText(err), "duration") {
		t.Errorf("%v", err)
	}
	o = catest.NewOrder(t, o.CSR)
	if _, err := r.Issue(t.Context(), o); hub.CodeOf(err) != hub.Invalid || !strings.Contains(hub.SafeText(err), "OCSP") {
		t.Errorf("an order with an OCSP URL: %v", err)
	}
}

// The page shows the template that is asked for.
func TestTemplate_Documented(t *testing.T) {
	page, err := os.ReadFile("../../docs/howto/use-a-remote-step-ca.md")
	if err != nil {
		t.Fatal(err)
	}
	squeeze := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	if !strings.Contains(squeeze(string(page)), squeeze(Template)) {
		t.Error("docs/howto/use-a-remote-step-ca.md has another template")
	}
}
