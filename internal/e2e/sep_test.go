package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/vault"
)

// sepHub starts a hub with three SMs in two trust domains. Two of them have the
// same name, so that a check by the name alone would show.
func sepHub(t *testing.T, args ...string) (*hubProcess, []*endpoint) {
	h := startHub(t, args...)
	h.do("trust-domain", "create", "north")
	h.do("trust-domain", "create", "south")
	var all []*endpoint
	for _, sm := range [][2]string{{"north", "alpha"}, {"north", "beta"}, {"south", "alpha"}} {
		all = append(all, h.register(sm[0], sm[1])...)
	}
	return h, all
}

func sepPrint(c tls.Certificate) string {
	sum := sha256.Sum256(c.Certificate[0])
	return hex.EncodeToString(sum[:])
}

// sepRefusals returns the attempts that were recorded in the trust domains, by
// server name and fingerprint, as the command line lists them.
func sepRefusals(t *testing.T, h *hubProcess) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, domain := range []string{"north", "south"} {
		var records []struct {
			Data struct{ ServerName, Fingerprint, Reason string }
		}
		out := h.do("trust-domain", "records", domain, "--kind", "access.refused", "-o", "json")
		if err := json.Unmarshal([]byte(out), &records); err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			found[domain+" "+r.Data.ServerName+" "+r.Data.Fingerprint] = r.Data.Reason
		}
	}
	return found
}

// sepRecorded waits until attempts are recorded in the domains that own the
// endpoints.
func sepRecorded(t *testing.T, h *hubProcess, want map[string]string) {
	t.Helper()
	missing := ""
	eventually(t, "refused attempts are recorded", patience, func() bool {
		found := sepRefusals(t, h)
		for key, reason := range want {
			if found[key] != reason {
				missing = fmt.Sprintf("%s: recorded as %q, want %q", key, found[key], reason)
				t.Log(missing)
				return false
			}
		}
		return true
	})
}

// Covers: Security.001, Security.003, Security.006
func TestSeparation_EveryCredentialAtEveryEndpoint(t *testing.T) {
	t.Parallel()
	h, all := sepHub(t)
	refused := map[string]string{}
	for _, ep := range all {
		for _, own := range all {
			if own == ep {
				ep.mustOpen(t, &own.Cert)
				continue
			}
			ep.mustRefuse(t, "the credential of "+own.identity(), ep.tls(&own.Cert))
			refused[ep.Domain+" "+ep.ServerName+" "+sepPrint(own.Cert)] = "untrusted-credential"
		}
		ep.mustRefuse(t, "no credential", ep.tls(nil))
		refused[ep.Domain+" "+ep.ServerName+" "] = "no-credential"
	}
	if len(all) != 15 || len(refused) != 15*15 {
		t.Fatalf("tried %d endpoints and %d refusals; want 15 and 225", len(all), len(refused))
	}
	sepRecorded(t, h, refused)
}

// sepForge makes a credential for names, signed by issuer, or by itself without
// one.
func sepForge(t *testing.T, issuer *tls.Certificate, names ...string) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "alpha"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	for _, name := range names {
		u, err := url.Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		tmpl.URIs = append(tmpl.URIs, u)
	}
	parent, signer, chain := tmpl, any(key), [][]byte(nil)
	if issuer != nil {
		parent, signer, chain = issuer.Leaf, issuer.PrivateKey, issuer.Certificate
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: append([][]byte{der}, chain...), PrivateKey: key}
}

// sepStolenCA returns the client CA of an endpoint with its key, as somebody has
// them who holds the data directory and the unlock key.
func sepStolenCA(t *testing.T, h *hubProcess, ep *endpoint) *tls.Certificate {
	t.Helper()
	v, err := vault.Open(filepath.Join(h.data, "unlock.key"))
	if err != nil {
		t.Fatal(err)
	}
	label := "sm/" + ep.SM + "/" + string(ep.Interface)
	blob, err := os.ReadFile(filepath.Join(h.data, "keys", ep.Domain, "sm_"+ep.SM+"_"+string(ep.Interface)+".key"))
	if err != nil {
		t.Fatal(err)
	}
	der, err := v.Open("ca/"+ep.Domain+"/"+label, blob)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := x509.ParseCertificate(ep.Cert.Certificate[1])
	if err != nil {
		t.Fatal(err)
	}
	if !ca.IsCA || !ca.PublicKey.(*ecdsa.PublicKey).Equal(key.(*ecdsa.PrivateKey).Public()) {
		t.Fatalf("the key of %s is not that of its client CA", label)
	}
	return &tls.Certificate{Certificate: ep.Cert.Certificate[1:], PrivateKey: key, Leaf: ca}
}

// Covers: Security.001, Security.003
func TestSeparation_ForgedCredentials(t *testing.T) {
	t.Parallel()
	h, all := sepHub(t)
	refused := map[string]string{}
	for n, ep := range all {
		next := all[(n+1)%len(all)]
		ca := sepStolenCA(t, h, ep)
		try := func(at *endpoint, what, reason string, cert *tls.Certificate) {
			at.mustRefuse(t, what, at.tls(cert))
			refused[at.Domain+" "+at.ServerName+" "+sepPrint(*cert)] = reason
		}
		try(ep, "a self-signed credential of the right name", "untrusted-credential", sepForge(t, nil, ep.identity()))
		// Even the endpoint's own CA does not help: what the hub did not issue is unknown.
		try(ep, "a forged credential of its own CA", "unknown-credential", sepForge(t, ca, ep.identity()))
		try(ep, "a name of another endpoint from its own CA", sepOtherName(ep, next), sepForge(t, ca, next.identity()))
		try(ep, "two names from its own CA", "wrong-identity", sepForge(t, ca, ep.identity(), fmt.Sprintf("spiffe://%s/sm/other/sc-vi.telem", ep.Domain)))
		try(ep, "no name from its own CA", "wrong-identity", sepForge(t, ca))
		try(next, "its name from the CA of another endpoint", "untrusted-credential", sepForge(t, ca, next.identity()))
	}
	sepRecorded(t, h, refused)
}

// sepOtherName is why a name of another endpoint is refused: a name of another
// domain does not even get past the name constraints of the CA.
func sepOtherName(ep, other *endpoint) string {
	if ep.Domain != other.Domain {
		return "untrusted-credential"
	}
	return "wrong-identity"
}

// Covers: Security.003, Security.004
func TestSeparation_ServerNamesAndListeners(t *testing.T) {
	t.Parallel()
	h, all := sepHub(t)
	listeners := map[string]bool{}
	for _, address := range h.ready.Endpoints {
		listeners[address] = true
	}
	points := []string{"admin", "osMa", "orVnfm", "vnfm", "vim", "scOr", "scVi", "cmVnfm", "cmfStatus"}
	for _, name := range points {
		if h.ready.Endpoints[name] == "" || len(listeners) != len(points) {
			t.Fatalf("listeners %v: want an address of its own for each of %v", h.ready.Endpoints, points)
		}
	}
	delete(listeners, h.ready.Endpoints["cmfStatus"]) // it is plain HTTP, and takes no credential
	operator := operatorCredential(t, h.operatorContext())
	for _, ep := range all {
		noName := ep.tls(&ep.Cert)
		noName.ServerName, noName.InsecureSkipVerify = "", true // without a name there is no SNI
		ep.mustRefuse(t, "its own credential and no server name", noName)
		wrong := ep.tls(&ep.Cert)
		wrong.ServerName, wrong.InsecureSkipVerify = "x."+ep.ServerName, true
		ep.mustRefuse(t, "its own credential and a wrong server name", wrong)
		ep.mustRefuse(t, "the operator's credential", ep.tls(&operator))

		elsewhere := maps.Clone(listeners)
		delete(elsewhere, ep.URL)
		for address := range elsewhere {
			moved, conf := *ep, ep.tls(&ep.Cert)
			moved.URL, conf.InsecureSkipVerify = address, true
			moved.mustRefuse(t, "its own credential at "+address, conf)
		}
		bare, conf := *ep, ep.tls(nil)
		conf.InsecureSkipVerify = true
		for _, name := range []string{"admin", "osMa", "orVnfm", "vnfm", "vim"} {
			bare.URL = h.ready.Endpoints[name]
			if _, status, err := bare.try(t, conf); err != nil || (status != http.StatusUnauthorized && status != http.StatusNotFound) {
				t.Errorf("%s without a credential answers %d, %v to what is asked of %s", name, status, err, ep.identity())
			}
		}
	}
}

// sepKeys collects public keys and complains when one is found twice.
type sepKeys struct {
	t     *testing.T
	owner map[string]string // owner by key
}

func (k *sepKeys) add(whose string, c *x509.Certificate) {
	k.t.Helper()
	key := string(c.RawSubjectPublicKeyInfo)
	if was := k.owner[key]; was != "" && was != whose {
		k.t.Errorf("%s and %s share a key", was, whose)
	}
	k.owner[key] = whose
}

func (k *sepKeys) addPEM(whose, text string) {
	k.t.Helper()
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		k.t.Fatalf("%s: no certificate", whose)
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		k.t.Fatal(err)
	}
	k.add(whose, c)
}

// Covers: Security.001, Security.006
func TestSeparation_NoKeyIsShared(t *testing.T) {
	t.Parallel()
	h, all := sepHub(t)
	keys := &sepKeys{t, map[string]string{}}
	for _, ep := range all {
		leaf, err := x509.ParseCertificate(ep.Cert.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		keys.add("credential of "+ep.identity(), leaf)
		conn, err := tls.Dial("tcp", ep.address(), ep.tls(&ep.Cert))
		if err != nil {
			t.Fatal(err)
		}
		keys.add("endpoint of "+ep.identity(), conn.ConnectionState().PeerCertificates[0])
		conn.Close()
	}
	var sms []hub.SecurityManager
	if err := json.Unmarshal([]byte(h.do("sm", "list", "-o", "json")), &sms); err != nil {
		t.Fatal(err)
	}
	for _, sm := range sms {
		for _, ep := range sm.Endpoints {
			keys.addPEM("client CA of "+sm.Identity(ep.Interface).String(), ep.ClientCA)
		}
	}
	for _, name := range []string{"north", "south"} {
		var domain hub.TrustDomain
		if err := json.Unmarshal([]byte(h.do("trust-domain", "show", name, "-o", "json")), &domain); err != nil {
			t.Fatal(err)
		}
		keys.addPEM("root of "+name, domain.Root)
		keys.addPEM("CA of "+name, domain.Intermediate)
	}
	ctx := h.operatorContext()
	keys.addPEM("root of the hub", ctx.CA)
	keys.addPEM("operator", ctx.Certificate)
	const want = 15 + 15 + 15 + 2*2 + 2 // credentials, endpoints, client CAs, CAs of domains, the hub's
	if len(keys.owner) != want {
		t.Errorf("%d keys; want %d", len(keys.owner), want)
	}
}
