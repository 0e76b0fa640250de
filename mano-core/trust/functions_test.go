package trust

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"net"
	"slices"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

func derCSR(t *testing.T) []byte {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, newKey(t))
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// A function gets one certificate, to listen and to ask with, and it is recorded.
func TestSignFunction(t *testing.T) {
	h := newTestHub(t)
	names := []string{"os-ma.hub.manoward.internal", "or-vnfm.hub.manoward.internal"}
	cert := functionCert(t, h, hub.KindNFVO, names...)
	between := x509.NewCertPool()
	ca, err := x509.ParseCertificate(cert.Certificate[1])
	if err != nil {
		t.Fatal(err)
	}
	between.AddCert(ca)
	for _, name := range append(names, "127.0.0.1") {
		for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
			_, err := cert.Leaf.Verify(x509.VerifyOptions{
				DNSName: name, Roots: hubRoots(t, h), Intermediates: between,
				CurrentTime: h.clock.Now(), KeyUsages: []x509.ExtKeyUsage{usage},
			})
			if err != nil {
				t.Errorf("%s for usage %d: %v", name, usage, err)
			}
		}
	}
	if id, err := certIdentity(cert.Leaf); err != nil || id.String() != "spiffe://hub/nfvo/hub" {
		t.Errorf("identity %v %v", id, err)
	}
	if life := cert.Leaf.NotAfter.Sub(cert.Leaf.NotBefore); life != h.EndpointLifetime+backdate {
		t.Errorf("it lives for %s", life)
	}
	var data map[string]string
	var record hub.Record
	err = h.Records(t.Context(), HubDomain, "", func(_ string, rec hub.Record) bool {
		if rec.Kind == RecordFunctionSigned {
			record = rec
		}
		return true
	})
	if err != nil || json.Unmarshal(record.Data, &data) != nil || record.Subject != "nfvo/hub" || data["serial"] != cert.Leaf.SerialNumber.Text(16) {
		t.Errorf("recorded: %+v %v", record, err)
	}
}

func TestSignFunction_Refusals(t *testing.T) {
	h := newTestHub(t)
	sm, keys := h.register(t, "north", "alpha", hub.Passive)
	vnfm := FunctionIdentity(hub.KindVNFM)
	good := []string{"vnfm.hub.manoward.internal"}
	weakKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	weak, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, weakKey)
	if err != nil {
		t.Fatal(err)
	}
	shared, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, keys[hub.ScViTelem])
	if err != nil {
		t.Fatal(err)
	}
	broken := derCSR(t)
	broken[len(broken)-1] ^= 1
	for what, c := range map[string]struct {
		id    hub.Identity
		names []string
		csr   []byte
		code  hub.Code
	}{
		"an operator":                {operator, good, derCSR(t), hub.Invalid},
		"nobody":                     {hub.Identity{}, good, derCSR(t), hub.Invalid},
		"a function of a domain":     {hub.Identity{TrustDomain: "north", Kind: hub.KindVNFM, Name: FunctionName}, good, derCSR(t), hub.Invalid},
		"a function of another name": {hub.Identity{TrustDomain: HubDomain, Kind: hub.KindVNFM, Name: "x"}, good, derCSR(t), hub.Invalid},
		"a CMF":                      {FunctionIdentity(hub.KindCMF), good, derCSR(t), hub.Invalid},
		"a Security Manager":         {sm.Identity(hub.ScViTelem), good, derCSR(t), hub.Invalid},
		"no name":                    {vnfm, nil, derCSR(t), hub.Invalid},
		"the name of the admin":      {vnfm, []string{"admin.hub.manoward.internal"}, derCSR(t), hub.Invalid},
		"the name of the NFVO":       {vnfm, append(slices.Clone(good), "os-ma.hub.manoward.internal"), derCSR(t), hub.Invalid},
		"no request":                 {vnfm, good, []byte("x"), hub.Invalid},
		"a request that was altered": {vnfm, good, broken, hub.Invalid},
		"a weak key":                 {vnfm, good, weak, hub.Invalid},
		"the key of an SM":           {vnfm, good, shared, hub.Conflict},
	} {
		_, err := h.SignFunction(t.Context(), c.id, c.names, []net.IP{net.IPv4(127, 0, 0, 1)}, c.csr)
		if got := hub.CodeOf(err); got != c.code {
			t.Errorf("%s: %q (%v), want %q", what, got, err, c.code)
		}
	}
	// What is not recorded is not handed out.
	h.bus.fail = func(write string) (before, after error) {
		if write == "append" {
			before = hub.E(hub.Unavailable, "append", "the bus does not answer", nil)
		}
		return before, nil
	}
	_, err = h.SignFunction(t.Context(), vnfm, good, nil, derCSR(t))
	wantCode(t, err, hub.Unavailable)
}

// The cells that matter most, written down a second time by hand.
func TestDecide_Parties(t *testing.T) {
	d := NewDecider()
	for _, c := range []struct {
		iface hub.Interface
		op    Operation
		who   []hub.Kind
	}{
		{OsMaInterface, "ns.terminate", []hub.Kind{hub.KindOperator, hub.KindOSS}},
		{OsMaInterface, "package.upload", []hub.Kind{hub.KindOperator, hub.KindOSS}},
		{OsMaInterface, "ns.query", []hub.Kind{hub.KindOperator, hub.KindOSS, hub.KindClient}},
		{OsMaInterface, "replacement-bar.query", []hub.Kind{hub.KindOperator, hub.KindOSS, hub.KindClient}},
		{OsMaInterface, "replacement-bar.lift", []hub.Kind{hub.KindOperator}},
		{OsMaInterface, "package.verify", []hub.Kind{hub.KindOperator}},
		{OsMaInterface, "allowance.query", []hub.Kind{hub.KindOperator}},
		{OsMaInterface, "allowance.set", []hub.Kind{hub.KindOperator}},
		{OsMaInterface, "allowance.delete", []hub.Kind{hub.KindOperator}},
		{OsMaInterface, "grant.request", nil},
		{OrVnfmInterface, "grant.request", []hub.Kind{hub.KindVNFM}},
		{OrVnfmInterface, "notification.deliver", []hub.Kind{hub.KindVNFM, hub.KindVIM}},
		{OrVnfmInterface, "package.delete", nil},
		{VNFMInterface, "vnf.instantiate", []hub.Kind{hub.KindOperator, hub.KindNFVO}},
		{VNFMInterface, "vnf.terminate", []hub.Kind{hub.KindOperator, hub.KindNFVO}},
		{VNFMInterface, "vnf.heal", []hub.Kind{hub.KindOperator, hub.KindNFVO, hub.KindEM}},
		{VNFMInterface, "vnf.query", []hub.Kind{hub.KindOperator, hub.KindNFVO, hub.KindEM, hub.KindOSS, hub.KindCMF}},
		{VNFMInterface, "subscription.create", []hub.Kind{hub.KindOperator, hub.KindNFVO, hub.KindCMF}},
		{CmVnfmInterface, "csr.create", []hub.Kind{hub.KindOperator, hub.KindVNFM}},
		{CmVnfmInterface, "ca.rotate", []hub.Kind{hub.KindOperator}},
		{CmVnfmInterface, "ca.revoke", []hub.Kind{hub.KindOperator}},
		{CmVnfmInterface, "notification.deliver", nil},
		{CmVnfmInterface, "vnf.end", nil},
		{VIMInterface, "resource.query", []hub.Kind{hub.KindOperator, hub.KindNFVO, hub.KindVNFM, hub.KindNFVI}},
		{VIMInterface, "resource.manage", []hub.Kind{hub.KindOperator, hub.KindVNFM}},
		{VIMInterface, "host.query", []hub.Kind{hub.KindOperator, hub.KindNFVI}},
		{VIMInterface, "host.stop-use", []hub.Kind{hub.KindOperator}},
		{VIMInterface, "host.release", []hub.Kind{hub.KindOperator}},
		{VIMInterface, "inventory.load", []hub.Kind{hub.KindOperator}},
		{VIMInterface, "event.inject", []hub.Kind{hub.KindOperator}},
		{VIMInterface, "event.report", []hub.Kind{hub.KindOperator, hub.KindNFVI}},
		{AdminInterface, "ns.query", nil},
		{AdminInterface, "reference-point.read", []hub.Kind{hub.KindOperator, hub.KindClient}},
	} {
		for _, kind := range []hub.Kind{hub.KindOperator, hub.KindOSS, hub.KindClient, hub.KindVNFM, hub.KindNFVO, hub.KindVIM, hub.KindNFVI, hub.KindEM, hub.KindCMF, hub.KindSM} {
			v := d.Decide(Question{Caller: hub.Identity{TrustDomain: "d", Kind: kind, Name: "x", Interface: c.iface}, Mode: hub.FullyActive, Interface: c.iface, Operation: c.op, TargetDomain: "d"})
			if want := slices.Contains(c.who, kind); v.Allowed != want {
				t.Errorf("%s on %s by %s: allowed %v, want %v", c.op, c.iface, kind, v.Allowed, want)
			}
		}
	}
}

// The hub's own NFVO works at the VIM as no other NFVO may: what a Security Manager
// has ordered of a host goes through it, and another one cannot take it back.
func TestDecide_OwnNFVO(t *testing.T) {
	d := NewDecider()
	ask := func(who hub.Identity, op Operation) Verdict {
		return d.Decide(Question{Caller: who, Interface: VIMInterface, Operation: op, TargetDomain: HubDomain})
	}
	for _, op := range []Operation{"resource.query", "resource.manage", "host.query", "host.stop-use", "host.release", "subscription.create"} {
		if v := ask(FunctionIdentity(hub.KindNFVO), op); !v.Allowed {
			t.Errorf("%s by the hub's own NFVO: %s", op, v.Reason)
		}
	}
	for _, who := range []hub.Identity{{TrustDomain: HubDomain, Kind: hub.KindNFVO, Name: "x"}, FunctionIdentity(hub.KindVNFM)} {
		if v := ask(who, "host.release"); v.Allowed || v.Code != hub.Denied {
			t.Errorf("host.release by %s: %+v", who, v)
		}
	}
	if v := ask(FunctionIdentity(hub.KindNFVO), "event.inject"); v.Allowed {
		t.Error("the hub's own NFVO injects events")
	}
}

// Clients of each party, their trust domains, and what is stored of the first
// version, which knew readers only.
func TestCreateClient_Parties(t *testing.T) {
	h := newTestHub(t)
	h.register(t, "north", "alpha", hub.Passive)
	for what, c := range map[string]struct {
		want hub.OAuthClient
		code hub.Code
	}{
		"a reader of a domain":   {hub.OAuthClient{Name: "a", TrustDomain: "north"}, hub.Invalid},
		"an OSS without one":     {hub.OAuthClient{Name: "a", Party: hub.KindOSS}, hub.Invalid},
		"a domain that is not":   {hub.OAuthClient{Name: "a", Party: hub.KindOSS, TrustDomain: "south"}, hub.NotFound},
		"a VIM":                  {hub.OAuthClient{Name: "a", Party: hub.KindVIM, TrustDomain: "north"}, hub.Invalid},
		"an operator":            {hub.OAuthClient{Name: "a", Party: hub.KindOperator, TrustDomain: HubDomain}, hub.Invalid},
		"a VNF by another name":  {hub.OAuthClient{Name: "web", Party: hub.KindVNF, TrustDomain: "north"}, hub.Invalid},
		"a VNF of all domains":   {hub.OAuthClient{Name: hub.NewID(), Party: hub.KindVNF, TrustDomain: HubDomain}, hub.Invalid},
		"an NFVI of a domain":    {hub.OAuthClient{Name: "a", Party: hub.KindNFVI, TrustDomain: "north"}, hub.Invalid},
		"the name of a function": {hub.OAuthClient{Name: FunctionName, Party: hub.KindNFVO, TrustDomain: HubDomain}, hub.Invalid},
	} {
		if _, err := h.CreateClient(t.Context(), operator, c.want); hub.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %q", what, err, c.code)
		}
	}
	for party, scope := range scopeOf {
		domain, name := "north", "c-"+string(party)
		if party == hub.KindClient || party == hub.KindNFVI {
			domain = HubDomain
		}
		if party == hub.KindVNF {
			name = hub.NewID()
		}
		want := "spiffe://" + domain + "/" + string(party) + "/" + name
		h.makeClient(t, name, party, domain)
		c, err := h.Client(t.Context(), name)
		if err != nil || c.Identity.String() != want || !slices.Equal(c.Scopes, []string{scope}) {
			t.Errorf("%s: %+v %v", party, c, err)
		}
	}
	var old oauthClient
	if err := json.Unmarshal([]byte(`{"name":"prometheus"}`), &old); err != nil {
		t.Fatal(err)
	}
	if who := old.public().Identity().String(); who != "spiffe://hub/client/prometheus" {
		t.Errorf("a client of the first version is %s", who)
	}
}
