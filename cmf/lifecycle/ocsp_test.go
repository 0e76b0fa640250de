package lifecycle_test

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"math/big"
	"sync"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

// question is an OCSP request, in the shape of RFC 6960 clause 4.1.1.
type question struct {
	issuer     []byte // DER
	serials    []*big.Int
	hash       crypto.Hash
	extensions []pkix.Extension
}

func (q question) der(t testing.TB) []byte {
	t.Helper()
	issuer, err := x509.ParseCertificate(q.issuer)
	if err != nil {
		t.Fatal(err)
	}
	var key struct {
		Algorithm pkix.AlgorithmIdentifier
		Bits      asn1.BitString
	}
	if _, err := asn1.Unmarshal(issuer.RawSubjectPublicKeyInfo, &key); err != nil {
		t.Fatal(err)
	}
	oid := asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}
	if q.hash == crypto.SHA256 {
		oid = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	}
	sum := func(b []byte) []byte {
		d := q.hash.New()
		d.Write(b)
		return d.Sum(nil)
	}
	type id struct {
		Hash      pkix.AlgorithmIdentifier
		Name, Key []byte
		Serial    *big.Int
	}
	type one struct{ ID id }
	type tbs struct {
		List       []one
		Extensions []pkix.Extension `asn1:"explicit,tag:2,optional,omitempty"`
	}
	var list []one
	for _, serial := range q.serials {
		list = append(list, one{id{pkix.AlgorithmIdentifier{Algorithm: oid, Parameters: asn1.NullRawValue}, sum(issuer.RawSubject), sum(key.Bits.Bytes), serial}})
	}
	der, err := asn1.Marshal(struct{ Request tbs }{tbs{list, q.extensions}})
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func nonce(t testing.TB, n int) pkix.Extension {
	t.Helper()
	value, err := asn1.Marshal(make([]byte, n))
	if err != nil {
		t.Fatal(err)
	}
	return pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 2}, Value: value}
}

// ask asks about a certificate, and returns "good", "revoked" or "unknown", or why
// there is no signed answer.
func (p *process) ask(t testing.TB, domain string, serial *big.Int) string {
	t.Helper()
	return p.asked(t, domain, question{issuer: p.cas[domain].Certificate, serials: []*big.Int{serial}, hash: crypto.SHA1}.der(t))
}

func (p *process) asked(t testing.TB, domain string, request []byte) string {
	t.Helper()
	got, err := p.OCSP(t.Context(), domain, request)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.DER) == 5 {
		if !got.NextUpdate.IsZero() {
			t.Error("an answer that says nothing is to be kept")
		}
		return map[byte]string{1: "malformed", 2: "internal", 3: "later", 6: "unauthorized"}[got.DER[4]]
	}
	var s hub.CertificateStatus
	if err := json.Unmarshal(got.DER, &s); err != nil {
		t.Fatal(err)
	}
	switch {
	case s.Revoked != nil:
		return "revoked"
	case s.Known:
		return "good"
	}
	return "unknown"
}

func TestOCSP(t *testing.T) {
	w := newWorld(t)
	p := w.start(t, nil)
	one, two := p.put(t, 1, nil), p.put(t, 2, nil)
	revoke(t, p, two.ID, "superseded")
	north, south := w.cas["north"].Certificate, w.cas["south"].Certificate
	mine := []*big.Int{one.Serial}
	critical := pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: []byte{5, 0}}
	ignored := pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 3}, Value: []byte{5, 0}}
	none, _ := selfSigned(t, "none")
	for name, c := range map[string]struct {
		q    question
		want string
	}{
		"good":                       {question{issuer: north, serials: mine}, "good"},
		"revoked":                    {question{issuer: north, serials: []*big.Int{two.Serial}}, "revoked"},
		"never issued":               {question{issuer: north, serials: []*big.Int{big.NewInt(5)}}, "unknown"},
		"a serial number below zero": {question{issuer: north, serials: []*big.Int{big.NewInt(-5)}}, "unknown"},
		"a nonce of 1":               {question{issuer: north, serials: mine, extensions: []pkix.Extension{nonce(t, 1)}}, "good"},
		"a nonce of 128":             {question{issuer: north, serials: mine, extensions: []pkix.Extension{nonce(t, 128)}}, "good"},
		"other extensions":           {question{issuer: north, serials: mine, extensions: []pkix.Extension{ignored}}, "good"},
		"an empty nonce":             {question{issuer: north, serials: mine, extensions: []pkix.Extension{nonce(t, 0)}}, "malformed"},
		"a nonce of 129":             {question{issuer: north, serials: mine, extensions: []pkix.Extension{nonce(t, 129)}}, "malformed"},
		"two nonces":                 {question{issuer: north, serials: mine, extensions: []pkix.Extension{nonce(t, 4), nonce(t, 4)}}, "malformed"},
		"a critical extension":       {question{issuer: north, serials: mine, extensions: []pkix.Extension{critical}}, "malformed"},
		"two certificates":           {question{issuer: north, serials: []*big.Int{one.Serial, two.Serial}}, "malformed"},
		"none":                       {question{issuer: north}, "malformed"},
		"a long serial number":       {question{issuer: north, serials: []*big.Int{new(big.Int).Lsh(big.NewInt(1), 161)}}, "malformed"},
		"another domain's issuer":    {question{issuer: south, serials: mine}, "unauthorized"},
		"nobody's issuer":            {question{issuer: none.Raw, serials: mine}, "unauthorized"},
	} {
		for _, hash := range []crypto.Hash{crypto.SHA1, crypto.SHA256} {
			c.q.hash = hash
			for range 2 { // the second one from what was kept
				if got := p.asked(t, "north", c.q.der(t)); got != c.want {
					t.Errorf("%s, %s: %q, want %q", name, hash, got, c.want)
				}
			}
		}
	}
	if got := p.asked(t, "nowhere", question{issuer: north, serials: mine, hash: crypto.SHA1}.der(t)); got != "unauthorized" {
		t.Errorf("a trust domain that there is not: %q", got)
	}
	p.Forget("north") // and what is asked for afterwards is found again
	if got := p.ask(t, "north", two.Serial); got != "revoked" {
		t.Errorf("after it was forgotten: %q", got)
	}
	for _, bad := range [][]byte{nil, {0x30, 0}, append(question{issuer: north, serials: mine, hash: crypto.SHA1}.der(t), 0), make([]byte, 10_000)} {
		if got := p.asked(t, "north", bad); got != "malformed" {
			t.Errorf("%x: %q", bad[:min(len(bad), 10)], got)
		}
	}
}

// Answers are kept until something of the issuer is revoked, or their time is
// half over, and never with a nonce.
func TestOCSP_Kept(t *testing.T) {
	w := newWorld(t)
	p := w.start(t, nil)
	ca := w.ca.(*fakeCA)
	one, two := p.put(t, 1, nil), p.put(t, 2, nil)
	signed := func(fn func()) int {
		n := ca.count()
		fn()
		return ca.count() - n
	}
	ask := func() {
		if got := p.ask(t, "north", one.Serial); got != "good" {
			t.Errorf("%s", got)
		}
	}
	ask()
	if n := signed(ask); n != 0 {
		t.Errorf("the second answer was signed %d times", n)
	}
	w.pass(31 * 60 * 1e9)
	if n := signed(ask); n != 1 {
		t.Errorf("after half of its time it was signed %d times", n)
	}
	revoke(t, p, two.ID, "superseded")
	if n := signed(ask); n != 1 {
		t.Errorf("after a revocation it was signed %d times", n)
	}
	q := question{issuer: w.cas["north"].Certificate, serials: []*big.Int{one.Serial}, hash: crypto.SHA1, extensions: []pkix.Extension{nonce(t, 32)}}.der(t)
	if n := signed(func() { p.asked(t, "north", q); p.asked(t, "north", q) }); n != 2 {
		t.Errorf("two with a nonce were signed %d times", n)
	}
	revoke(t, p, one.ID, "superseded")
	if got := p.ask(t, "north", one.Serial); got != "revoked" {
		t.Errorf("what was kept hides the revocation: %s", got)
	}
	three, hold := p.put(t, 3, nil), make(chan struct{})
	var wg sync.WaitGroup
	ca.mu.Lock()
	ca.during = func() {
		n := ca.count()
		ca.set(nil, hold)
		wg.Go(func() { revoke(t, p, three.ID, "superseded") })
		waitFor(t, func() bool { return ca.count() > n }) // it is revoked, and its list is being signed
	}
	ca.mu.Unlock()
	p.ask(t, "north", three.Serial) // thought of before the revocation, and signed after it
	if got := p.ask(t, "north", three.Serial); got != "revoked" {
		t.Errorf("an answer from before the revocation is kept: %s", got)
	}
	close(hold)
	wg.Wait()
	ca.set(hub.E(hub.Unavailable, "sign", "the token is away", nil), nil)
	if got := p.asked(t, "north", q); got != "later" {
		t.Errorf("without the authority: %s", got)
	}
	ca.set(errDown, nil)
	if got := p.asked(t, "north", q); got != "internal" {
		t.Errorf("with a broken authority: %s", got)
	}
}
