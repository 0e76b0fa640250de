package authority_test

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/cmf/authority"
	"github.com/manoward/manoward/connectors/pkcs11"
	"github.com/manoward/manoward/connectors/stepca"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit"
	"github.com/manoward/manoward/internal/testkit/catest"
)

func (w *world) keyFile(domain, label string) string {
	return filepath.Join(w.dir, "keys", domain, strings.ReplaceAll(label, "/", "_")+".key")
}

// A key file that is gone stops what needs that key, and nothing else.
func TestKeys_Gone(t *testing.T) {
	w := newWorld(t)
	p := w.start()
	_, before := p.issue("north")
	p.rotate("north", intermediate)
	hide := func(label string) (bringBack func()) {
		path := w.keyFile("north", label)
		if err := os.Rename(path, path+".away"); err != nil {
			t.Fatal(err)
		}
		clear(w.files) // as in a new process
		return func() {
			if err := os.Rename(path+".away", path); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, label := range []string{"cmf/root-1", "cmf/issuer-2"} {
		defer hide(label)()
	}
	p = w.start()
	if _, issued := p.issue("north"); issued.Issuer == before.Issuer {
		t.Error("an earlier issuer signs")
	}
	if err := p.answers("north", before.Issuer); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("an issuer without its key answers: %v", err)
	}
	if err := p.Check(t.Context(), "north"); hub.CodeOf(err) != hub.Unavailable || !strings.Contains(err.Error(), "cmf/issuer-2") {
		t.Errorf("a key is gone and all is well: %v", err)
	}
	if err := p.Rotate(t.Context(), "north", intermediate, authority.AnyVersion, operator); hub.CodeOf(err) != hub.Unavailable || !strings.Contains(hub.SafeText(err), "cmf/root-1") || !strings.Contains(hub.SafeText(err), "ca rotate root") {
		t.Errorf("a rotation without the root's key: %v", err)
	}
	if _, issued := p.issue("north"); issued.Issuer == before.Issuer {
		t.Error("an earlier issuer signs")
	}
	bringBack := hide("cmf/issuer-3")
	p = w.start()
	if _, err := p.Issue(t.Context(), "north", w.order()); hub.CodeOf(err) != hub.Unavailable || !strings.Contains(hub.SafeText(err), "cmf/issuer-3") || !strings.Contains(hub.SafeText(err), "ca rotate intermediate") {
		t.Errorf("signed without a key: %v", err)
	}
	bringBack()
	p.issue("north")
}

// An earlier issuer whose key comes back answers again.
func TestKeys_Back(t *testing.T) {
	w := newWorld(t)
	p := w.start()
	_, before := p.issue("north")
	p.rotate("north", intermediate)
	path := w.keyFile("north", "cmf/issuer-2")
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	clear(w.files)
	p = w.start()
	if err := p.answers("north", before.Issuer); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("an issuer without its key answers: %v", err)
	}
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	w.pass(2 * time.Minute)
	if err := p.answers("north", before.Issuer); err != nil {
		t.Error(err)
	}
	if err := p.Check(t.Context(), "north"); err != nil {
		t.Error(err)
	}
}

// With a trust domain all its keys go, those of a rotation that was cut off too,
// and those of others stay. It can be repeated.
func TestDestroy(t *testing.T) {
	w := newWorld(t)
	p := w.start()
	p.issue("north")
	p.issue("south")
	p.rotate("north", root)
	w.bus.Delete("north")
	for range 2 {
		if err := p.Destroy(t.Context(), "north"); err != nil {
			t.Fatal(err)
		}
	}
	left, err := filepath.Glob(w.keyFile("*", "*"))
	if err != nil || len(left) != 2 || filepath.Base(filepath.Dir(left[0])) != "south" {
		t.Errorf("keys that are left: %q, %v", left, err)
	}
	p.issue("south")
}

// newToken puts the keys of a domain into a PKCS#11 token of its own.
func (w *world) newToken(hsm *testkit.HSM, domain string) {
	w.t.Helper()
	hsm.NewToken(domain, "1234")
	token, err := pkcs11.Open(w.t.Context(), pkcs11.Config{Module: hsm.Module, TokenLabel: domain, PIN: hub.Secret("1234")})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = token.Close() })
	w.tokens[domain] = token
}

// Three trust domains, two with tokens of their own: no chain, key, list, answer
// or serial number of one serves another. openssl is the judge.
func TestDomains_Apart(t *testing.T) {
	hsm := testkit.SoftHSM(t)
	w := newWorld(t)
	w.tokens = map[string]authority.Keys{}
	w.newToken(hsm, "north")
	w.newToken(hsm, "south")
	p := w.start()
	type domain struct {
		name   string
		leaf   *x509.Certificate
		issued hub.IssuedCertificate
		root   []byte
		crl    []byte
		ocsp   []byte
	}
	now := w.clock()
	serial := big.NewInt(4711) // the same one in each: every domain has its own numbers
	var domains []domain
	for _, name := range w.bus.Domains {
		p.issue(name)
		p.rotate(name, intermediate)
		o := w.order()
		o.Serial = serial
		issued, err := p.Issue(t.Context(), name, o)
		if err != nil {
			t.Fatal(err)
		}
		d := domain{name: name, issued: issued, root: p.root(name, "")}
		if d.leaf, err = x509.ParseCertificate(issued.Chain[0]); err != nil {
			t.Fatal(err)
		}
		revoked := hub.RevokedCertificate{Serial: serial, Revoked: now, Reason: 1}
		d.crl, err = p.RevocationList(t.Context(), name, hub.RevocationList{Issuer: issued.Issuer, Number: big.NewInt(1), ThisUpdate: now, NextUpdate: now.Add(time.Hour), Revoked: []hub.RevokedCertificate{revoked}})
		if err != nil {
			t.Fatal(err)
		}
		d.ocsp, err = p.OCSP(t.Context(), name, hub.CertificateStatus{Issuer: issued.Issuer, Serial: serial, Known: true, ThisUpdate: now, NextUpdate: now.Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		domains = append(domains, d)
	}
	for _, mine := range domains {
		for _, theirs := range domains {
			same := mine.name == theirs.name
			if out := catest.Verify(t, mine.issued, theirs.root); strings.HasSuffix(out, ": OK") != same {
				t.Errorf("a certificate of %s and the root of %s: %s", mine.name, theirs.name, out)
			}
			out := catest.Verify(t, mine.issued, mine.root, "-crl_check", "-CRLfile", catest.PEM(t, "X509 CRL", theirs.crl))
			if strings.Contains(out, "certificate revoked") != same || strings.HasSuffix(out, ": OK") {
				t.Errorf("a certificate of %s and the list of %s: %s", mine.name, theirs.name, out)
			}
			out = catest.AskOCSP(t, theirs.ocsp, serial, append(mine.issued.Chain[1:len(mine.issued.Chain):len(mine.issued.Chain)], mine.root)...)
			if good := strings.Contains(out, "Response verify OK") && strings.Contains(out, ": good"); good != same {
				t.Errorf("an answer of %s for who asks about %s: %s", theirs.name, mine.name, out)
			}
			if same {
				continue
			}
			if err := p.answers(theirs.name, mine.issued.Issuer); hub.CodeOf(err) != hub.NotFound {
				t.Errorf("%s answers for the issuer of %s: %v", theirs.name, mine.name, err)
			}
			if _, _, err := p.Chain(t.Context(), theirs.name, mine.issued.Issuer); hub.CodeOf(err) != hub.NotFound {
				t.Errorf("%s has the chain of %s: %v", theirs.name, mine.name, err)
			}
		}
	}
	if got := domains[0].leaf.SerialNumber; got.Cmp(domains[2].leaf.SerialNumber) != 0 {
		t.Errorf("serial number %v", got)
	}
	w.distinctKeys(p)
}

// distinctKeys proves that no CA of a domain shares a key with another, and that
// each key is where it has to be.
func (w *world) distinctKeys(p *process) {
	w.t.Helper()
	seen := map[string]string{}
	for _, name := range w.bus.Domains {
		list, err := p.Issuers(w.t.Context(), name)
		if err != nil || len(list) != 3 {
			w.t.Fatalf("%d CAs, %v", len(list), err)
		}
		for _, i := range list {
			if seen[i.ID] != "" {
				w.t.Errorf("%s %d has the key of one in %s", name, i.Number, seen[i.ID])
			}
			seen[i.ID] = name
			if i.KeyPlace != w.Kind(name) {
				w.t.Errorf("the key %s of %s is in %s", i.KeyLabel, name, i.KeyPlace)
			}
			cert, err := x509.ParseCertificate(i.Certificate)
			if err != nil {
				w.t.Fatal(err)
			}
			if w.tokens[name] == nil {
				continue
			}
			key, err := w.tokens[name].Signer(w.t.Context(), i.KeyLabel)
			if err != nil || !key.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(cert.PublicKey) {
				w.t.Errorf("the key %s of %s is not in its token: %v", i.KeyLabel, name, err)
			}
		}
	}
	files, err := filepath.Glob(w.keyFile("*", "*"))
	if err != nil || len(files) != 3 || filepath.Base(filepath.Dir(files[0])) != "west" {
		w.t.Errorf("key files: %q, %v", files, err)
	}
}

// A token that disappears is said to be away, and used again when it is back.
func TestToken_Away(t *testing.T) {
	hsm := testkit.SoftHSM(t)
	w := newWorld(t)
	w.tokens = map[string]authority.Keys{}
	w.newToken(hsm, "north")
	p := w.start()
	p.issue("north")
	bringBack := hsm.TakeAway("north")
	if _, err := p.Issue(t.Context(), "north", w.order()); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("a token that is away signs: %v", err)
	}
	p.issue("south")
	bringBack()
	if err := w.tokens["north"].(*pkcs11.Token).Reopen(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.issue("north")
}

// An authority elsewhere signs for a domain that had one of its own: the earlier
// issuers go on answering, and rotation is not ours.
func TestRemote(t *testing.T) {
	w := newWorld(t)
	w.remotes = map[string]authority.CA{}
	p := w.start()
	_, own := p.issue("north")
	elsewhere := func() authority.CA { // stands for a step-ca; see connectors/stepca for a real one
		other := newWorld(t)
		q := other.start()
		q.issue("north")
		chain, root, err := q.Chain(t.Context(), "north", "")
		if err != nil {
			t.Fatal(err)
		}
		return other.signer(q, chain, root)
	}
	w.remotes["north"] = elsewhere()
	w.remotes["south"] = w.remotes["north"]
	p = w.start()
	_, issued := p.issue("north")
	if issued.Issuer == own.Issuer || p.current("north") != issued.Issuer || p.states("north") != "root 1 RETIRING, issuer 2 RETIRING, root 3 ACTIVE, issuer 4 ACTIVE" {
		t.Errorf("signed by %s, %s", issued.Issuer, p.states("north"))
	}
	for _, i := range []hub.IssuedCertificate{own, issued} {
		if err := p.answers("north", i.Issuer); err != nil {
			t.Error(err)
		}
		if err := w.verifies(i, p.root("north", i.Issuer)); err != nil {
			t.Error(err)
		}
	}
	if err := p.Rotate(t.Context(), "north", intermediate, authority.AnyVersion, operator); hub.CodeOf(err) != hub.Conflict {
		t.Errorf("a rotation that is not ours: %v", err)
	}
	if err := p.RevokeIntermediate(t.Context(), "north", issued.Issuer, w.revocation()); hub.CodeOf(err) != hub.Conflict || !strings.Contains(hub.SafeText(err), "revoke and rotate it there") {
		t.Errorf("a revocation that is not ours: %v", err)
	}
	p.issue("south") // never had one of its own
	w.remotes["north"] = elsewhere()
	p.look("north")
	if got := p.states("north"); got != "root 1 RETIRING, issuer 2 RETIRING, root 3 RETIRING, issuer 4 RETIRING, root 5 ACTIVE, issuer 6 ACTIVE" {
		t.Error(got)
	}
	if _, err := p.RevocationList(t.Context(), "north", hub.RevocationList{Issuer: issued.Issuer, Number: big.NewInt(1)}); hub.CodeOf(err) != hub.Conflict {
		t.Errorf("a list of an issuer that was replaced elsewhere: %v", err)
	}
	delete(w.remotes, "north")
	p = w.start()
	if _, back := p.issue("north"); back.Issuer != own.Issuer {
		t.Error("without the authority elsewhere another signs than before")
	}
	if err := p.answers("north", issued.Issuer); hub.CodeOf(err) != hub.Conflict {
		t.Errorf("an authority elsewhere that is not configured answers: %v", err)
	}
}

// signer is the authority of a process as one elsewhere.
func (w *world) signer(p *process, chain [][]byte, root []byte) authority.CA {
	w.t.Helper()
	issuer := stepca.Issuer{}
	for _, der := range append(chain, root) {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			w.t.Fatal(err)
		}
		issuer.Chain = append(issuer.Chain, c)
	}
	issuer.Root, issuer.Chain = issuer.Chain[len(chain)], issuer.Chain[:len(chain)]
	list, err := p.Issuers(w.t.Context(), "north")
	if err != nil {
		w.t.Fatal(err)
	}
	keys, err := w.Open(w.t.Context(), "north", hub.KeysInFile)
	if err != nil {
		w.t.Fatal(err)
	}
	if issuer.Key, err = keys.Signer(w.t.Context(), list[len(list)-1].KeyLabel); err != nil || !bytes.Equal(list[len(list)-1].Certificate, chain[0]) {
		w.t.Fatalf("the key of the issuer: %v", err)
	}
	ca, err := stepca.Open(issuer)
	if err != nil {
		w.t.Fatal(err)
	}
	return ca
}
