package journal

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// testCA is an authority of two levels.
type testCA struct {
	t          testing.TB
	root, sign *x509.Certificate
	key        *ecdsa.PrivateKey
	chain      []byte // PEM
}

func newTestCA(t testing.TB) *testCA {
	t.Helper()
	ca := &testCA{t: t}
	var key *ecdsa.PrivateKey
	ca.root, key = ca.issue(&x509.Certificate{IsCA: true, SubjectKeyId: []byte{1}}, nil, nil)
	ca.sign, ca.key = ca.issue(&x509.Certificate{IsCA: true, SubjectKeyId: []byte{0xca, 0xfe}}, ca.root, key)
	ca.chain = slices.Concat(pemOf(ca.sign), pemOf(ca.root))
	return ca
}

func pemOf(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

func (ca *testCA) issue(made, above *x509.Certificate, by *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	ca.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		ca.t.Fatal(err)
	}
	if made.SerialNumber == nil {
		made.SerialNumber = big.NewInt(7)
	}
	made.Subject, made.BasicConstraintsValid = pkix.Name{CommonName: made.SerialNumber.String()}, true
	made.NotBefore, made.NotAfter = time.Unix(1e9, 0), time.Unix(4e9, 0)
	if made.IsCA {
		made.KeyUsage = x509.KeyUsageCertSign
	}
	if above == nil {
		above, by = made, key
	}
	der, err := x509.CreateCertificate(rand.Reader, made, above, &key.PublicKey, by)
	if err != nil {
		ca.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		ca.t.Fatal(err)
	}
	return cert, key
}

// addRecord stores a record of a kind with these data.
func (w *world) addRecord(t testing.TB, kind, actor string, data map[string]any) {
	t.Helper()
	raw, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	line, err := json.Marshal(hub.Record{ID: hub.DeriveID(kind, string(raw)), Kind: kind, Actor: actor, Data: raw})
	if err != nil {
		t.Fatal(err)
	}
	w.records.add(kind)
	w.records.tamper(func(l []Batch) []Batch { l[len(l)-1].Lines[0] = line; return l })
}

func sum(raw []byte) string {
	s := sha256.Sum256(raw)
	return hex.EncodeToString(s[:])
}

// contentWorld is a journal whose records name contents of every kind.
func contentWorld(t testing.TB) (*world, *testCA) {
	t.Helper()
	w, ca := newWorld(t), newTestCA(t)
	bundle, set := []byte{0x1f, 0x8b, 0xff, 0}, []byte(`{"host-integrity":{"grace":5}}`)
	w.kept["policies rev-1"], w.kept["parameters rev-1/data-1"], w.kept["chain cafe"] = bundle, set, ca.chain
	w.addRecord(t, "sm.policies.pushed", "spiffe://hub/operator/root", map[string]any{"revision": "rev-1", "content": sum(bundle)})
	w.addRecord(t, "sm.policies.activate", "spiffe://hub/operator/root", map[string]any{"policyRevision": "rev-1", "dataRevision": "data-1", "parameters": sum(set)})
	for n := range 3 {
		input := fmt.Appendf(nil, `{"event":{"id":"n%d"}}`, n)
		id := fmt.Sprintf("dec-%d", n)
		w.kept["input "+id] = input
		w.addRecord(t, "sm.decision", "spiffe://north/sm/alpha", map[string]any{"id": id, "inputDigest": sum(input), "policyRevision": "rev-1", "dataRevision": "data-1"})
		cert, _ := ca.issue(&x509.Certificate{SerialNumber: big.NewInt(int64(10 + n))}, ca.sign, ca.key)
		id = fmt.Sprintf("cert-%d", n)
		w.kept["certificate "+id] = pemOf(cert)
		data := map[string]any{"requestId": id, "serialNumber": fmt.Sprintf("%02x", 10+n), "keyHash": sum(cert.RawSubjectPublicKeyInfo), "issuer": "cafe"}
		if n > 0 { // the first one is from before records had it
			data["fingerprint"] = sum(cert.Raw)
		}
		w.addRecord(t, "certificate.issued", "spiffe://north/vnfm/v", data)
	}
	w.addRecord(t, "sm.decision", "spiffe://north/sm/alpha", map[string]any{"id": "dec-0-1", "part": 1, "inputDigest": "of part 0"})
	law := []byte(`{"trustDomain":"north","profiles":{}}`)
	w.kept["certificate-policies "+sum(law)] = law
	w.addRecord(t, "cmf.policies.in-force", "spiffe://hub/cmf/hub", map[string]any{"content": sum(law)})
	w.addRecord(t, "certificate.refused", "spiffe://north/vnfm/v", map[string]any{"requestId": "csr-9", "inForce": map[string]any{"content": sum(law)}})
	w.sealAll(t, 4)
	return w, ca
}

// edit changes the only line about a content in an exported pack, and signs it anew:
// what is found then is not found by the manifest. A nil line takes it away.
func edit(t testing.TB, w *world, list []packFile, key string, change func(*contentLine) []byte) []packFile {
	t.Helper()
	changed := 0
	var sums strings.Builder
	for i, f := range list {
		if f.name == fileManifest {
			signed, err := w.key.signNote(manifestTitle(version) + "\n" + w.key.Public().Origin() + "\n" + sums.String())
			if err != nil {
				t.Fatal(err)
			}
			list[i].raw = []byte(signed)
			continue
		}
		if strings.HasPrefix(f.name, folderContents+"/") {
			var out bytes.Buffer
			for _, line := range splitLines(f.raw) {
				var l contentLine
				if err := json.Unmarshal(line, &l); err != nil {
					t.Fatal(err)
				}
				if l.key() == key {
					changed++
					if line = change(&l); line == nil {
						continue
					}
				}
				out.Write(append(line, '\n'))
			}
			list[i].raw = out.Bytes()
		}
		fmt.Fprintf(&sums, "%s %d %s\n", sum(list[i].raw), len(list[i].raw), f.name)
	}
	if changed != 1 {
		t.Fatalf("%d lines are about %s; want one", changed, key)
	}
	return list
}

func lineOf(t testing.TB, l *contentLine) []byte {
	t.Helper()
	raw, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// A pack has every content that its records name, once, and says which are gone.
func TestContents(t *testing.T) {
	w, _ := contentWorld(t)
	r := verify(t, w.key.Public(), w.export(t, Request{Contents: true}))
	if len(r.Findings) > 0 || r.Contents != 10 || r.NotKept != 0 {
		t.Errorf("%d contents, %d not kept, findings %+v; want 10, 0 and none", r.Contents, r.NotKept, r.Findings)
	}
	// The same revision may have been pushed to another Security Manager as other bytes.
	twice, _ := contentWorld(t)
	twice.addRecord(t, "sm.policies.pushed", "spiffe://hub/operator/root", map[string]any{"revision": "rev-1", "content": sum([]byte("PK"))})
	twice.sealAll(t, 4)
	if r := verify(t, twice.key.Public(), twice.export(t, Request{Contents: true})); len(r.Findings) > 0 {
		t.Errorf("with a revision that was pushed twice: findings %+v; want none", r.Findings)
	}
	// Without the pushing in the pack's time, the policies are there all the same.
	list, _ := w.records.snapshot()
	if r = verify(t, w.key.Public(), w.export(t, Request{Contents: true, From: list[4].Stored})); len(r.Findings) > 0 || r.Contents < 4 {
		t.Errorf("of a time: %d contents, findings %+v", r.Contents, r.Findings)
	}
	// Of an hour in which nothing was judged, they are there by what the review said.
	quiet, _ := contentWorld(t)
	quiet.addRecord(t, "sm.policies.in-force", "spiffe://north/sm/alpha", map[string]any{"policyRevision": "rev-1", "dataRevision": "data-1", "parameters": sum(quiet.kept["parameters rev-1/data-1"])})
	quiet.sealAll(t, 4)
	list, _ = quiet.records.snapshot()
	if r = verify(t, quiet.key.Public(), quiet.export(t, Request{Contents: true, From: list[len(list)-1].Stored})); len(r.Findings) > 0 || r.Contents != 2 {
		t.Errorf("of a quiet hour: %d contents, findings %+v; want the policies and their parameters", r.Contents, r.Findings)
	}
	delete(w.kept, "input dec-1")
	if r = verify(t, w.key.Public(), w.export(t, Request{Contents: true})); len(r.Findings) > 0 || r.Contents != 9 || r.NotKept != 1 {
		t.Errorf("with one that is gone: %d contents, %d not kept, findings %+v; want 9, 1 and none", r.Contents, r.NotKept, r.Findings)
	}
	if r = verify(t, w.key.Public(), w.export(t, Request{})); len(r.Findings) > 0 || r.Contents != 0 {
		t.Errorf("a pack without: %d contents, findings %+v", r.Contents, r.Findings)
	}
	raw, err := FindInput(t.Context(), filesOf(w.export(t, Request{Contents: true})), sum(w.kept["input dec-2"]))
	if err != nil || !bytes.Equal(raw, w.kept["input dec-2"]) {
		t.Errorf("FindInput = %q, %v", raw, err)
	}
	if _, err := FindInput(t.Context(), filesOf(w.export(t, Request{Contents: true})), sum([]byte("other"))); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("FindInput of what is not there = %v; want not found", err)
	}
	s := Source{Records: w.records, Seals: w.seals, Key: w.key, Now: time.Now, Contents: func(context.Context, Reference) ([]byte, error) { return nil, errBus }}
	if err := WritePack(t.Context(), &bytes.Buffer{}, s, Request{TrustDomain: "north", Contents: true}); !errors.Is(err, errBus) {
		t.Errorf("contents that cannot be read: %v; want that", err)
	}
}

// What is missing, altered or added of the contents is found and named, by whoever
// can sign the pack's manifest too.
func TestContents_Changed(t *testing.T) {
	w, ca := contentWorld(t)
	other, _ := ca.issue(&x509.Certificate{SerialNumber: big.NewInt(10)}, ca.sign, ca.key)
	alter := func(text string) func(*contentLine) []byte {
		return func(l *contentLine) []byte {
			l.Text, l.Base64 = text, ""
			l.SHA256 = digestOf(l.Kind, []byte(text))
			return lineOf(t, l)
		}
	}
	law := "certificate-policies " + sum([]byte(`{"trustDomain":"north","profiles":{}}`))
	twice := func(l *contentLine) []byte { return slices.Concat(lineOf(t, l), []byte{'\n'}, lineOf(t, l)) }
	for name, c := range map[string]struct {
		key    string
		change func(*contentLine) []byte
		what   string
		says   string
	}{
		"input gone":    {"input dec-1", func(*contentLine) []byte { return nil }, Missing, `the input of "dec-1"`},
		"input altered": {"input dec-1", alter(`{"event":{"id":"n9"}}`), Altered, "it is not what its record names"},
		"input added": {"input dec-1", func(l *contentLine) []byte {
			more := *l
			more.Name = "dec-9"
			return slices.Concat(lineOf(t, l), []byte{'\n'}, lineOf(t, &more))
		}, Added, `the input of "dec-9": no record names it`},
		"input twice":         {"input dec-1", twice, Added, "twice"},
		"text alone":          {"input dec-1", func(l *contentLine) []byte { l.Text += " "; return lineOf(t, l) }, Altered, "SHA-256 that stands beside it"},
		"unreadable":          {"input dec-1", func(*contentLine) []byte { return []byte(`{"kind":7}`) }, BadFormat, "contents/"},
		"policies altered":    {"policies rev-1", alter("package x"), Altered, `the policies of "rev-1"`},
		"policies gone":       {"policies rev-1", func(*contentLine) []byte { return nil }, Missing, `the policies of "rev-1"`},
		"parameters altered":  {"parameters rev-1/data-1", alter("{}"), Altered, `the parameters of "rev-1/data-1"`},
		"certificate altered": {"certificate cert-1", alter(string(pemOf(other))), Altered, `the certificate of "cert-1"`},
		"before fingerprints": {"certificate cert-0", alter(string(pemOf(other))), Altered, "it is for another key than its record"},
		"another serial":      {"certificate cert-0", alter(string(w.kept["certificate cert-1"])), Altered, "another serial number"},
		"no certificate":      {"certificate cert-0", alter("none"), Altered, "it is not certificates in PEM"},
		"a bundle":            {"certificate cert-0", alter(string(w.kept["certificate cert-0"]) + string(ca.chain)), Altered, "more than one certificate"},
		"chain altered":       {"chain cafe", alter(string(pemOf(ca.root))), Altered, "another issuer's"},
		"chain cut":           {"chain cafe", alter(string(pemOf(ca.sign))), Altered, "not signed by the next"},
		"CMF's altered":       {law, alter(`{"trustDomain":"north"}`), Altered, "it is not what its record names"},
		"CMF's gone":          {law, func(*contentLine) []byte { return nil }, Missing, "the certificate-policies of"},
		"chain gone":          {"chain cafe", func(*contentLine) []byte { return nil }, Missing, `the chain of "cafe"`},
	} {
		r := verify(t, w.key.Public(), edit(t, w, w.export(t, Request{Contents: true}), c.key, c.change))
		if !slices.ContainsFunc(r.Findings, func(f Finding) bool {
			return f.What == c.what && strings.Contains(f.File+" "+f.Text, c.says)
		}) {
			t.Errorf("%s: findings %+v; want %s that says %q", name, r.Findings, c.what, c.says)
		}
	}
	// Whoever cannot sign is found by the manifest as well.
	list := w.export(t, Request{Contents: true})
	at := slices.IndexFunc(list, func(f packFile) bool { return strings.HasPrefix(f.name, folderContents) })
	for what, changed := range map[string][]packFile{"missing": slices.Delete(slices.Clone(list), at, at+1), "added": slices.Insert(slices.Clone(list), at, packFile{"contents/000001-000009.jsonl", nil})} {
		if r := verify(t, w.key.Public(), changed); !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.What == BadFile && strings.Contains(f.Text, what) }) {
			t.Errorf("a file of contents that is %s: findings %+v", what, r.Findings)
		}
	}
}

// A pack of version 1, as earlier programs wrote it, is verified as it was; one of a
// version that is not known yet is refused.
func TestPackVersions(t *testing.T) {
	w := newWorld(t)
	w.records.add("k", "k")
	w.sealAll(t, 1)
	says := map[int]string{1: "", 3: `"version":3,`}
	old := func(n int) []packFile {
		list := w.export(t, Request{})
		var sums strings.Builder
		for i, f := range list {
			switch f.name {
			case fileAbout:
				list[i].raw = bytes.Replace(f.raw, []byte(`"version":2,`), []byte(says[n]), 1)
			case fileManifest:
				signed, err := w.key.signNote(manifestTitle(n) + "\n" + w.key.Public().Origin() + "\n" + sums.String())
				if err != nil {
					t.Fatal(err)
				}
				list[i].raw = []byte(signed)
				continue
			}
			fmt.Fprintf(&sums, "%s %d %s\n", sum(list[i].raw), len(list[i].raw), f.name)
		}
		return list
	}
	if bytes.Contains(old(1)[0].raw, []byte("version")) {
		t.Fatalf("about.json is %s", old(1)[0].raw)
	}
	if r := verify(t, w.key.Public(), old(1)); len(r.Findings) > 0 || r.Records != 2 {
		t.Errorf("version 1: %d records, findings %+v", r.Records, r.Findings)
	}
	if _, err := Verify(t.Context(), filesOf(old(3)), Trust{Key: w.key.Public()}); hub.CodeOf(err) != hub.Invalid || !strings.Contains(err.Error(), "version 3") {
		t.Errorf("version 3: %v; want that a newer program is needed", err)
	}
	// A pack of today that says it is of version 1 has another manifest.
	list := old(1)
	list[len(list)-1].raw = w.export(t, Request{})[len(list)-1].raw
	if r := verify(t, w.key.Public(), list); len(r.Findings) == 0 {
		t.Error("a pack with the manifest of another version: nothing found")
	}
}
