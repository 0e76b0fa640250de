package trust

import (
	"crypto/tls"
	"crypto/x509"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// parties are one caller of each kind, on one door.
func (d *door) parties(t *testing.T) map[hub.Kind]*caller {
	t.Helper()
	list := map[hub.Kind]*caller{hub.KindOperator: d.with(t, operatorCert(t, d.hub, "op-"+string(d.Interface)))}
	list[hub.KindVIM] = d.with(t, functionCert(t, d.hub, hub.KindVIM))
	for _, kind := range hub.ClientParties() {
		domain := "north"
		switch kind {
		case hub.KindClient:
			domain = ""
		case hub.KindNFVI:
			domain = HubDomain
		}
		name := string(kind) + "-" + string(d.Interface)
		if kind == hub.KindVNF {
			name = hub.NewID()
		}
		list[kind] = d.signIn(t, d.hub.makeClient(t, name, kind, domain))
	}
	return list
}

// Each cell of party x interface x operation is asked over TLS, and answered as
// the printed row says; so are things of another trust domain.
//
// Covers: Sec.6
func TestEntrance_EveryRow(t *testing.T) {
	h := newTestHub(t)
	h.register(t, "north", "alpha", hub.Passive)
	h.register(t, "south", "gamma", hub.Passive)
	allowed := map[ruleKey]bool{}
	operations := map[hub.Interface]map[Operation]bool{}
	for _, r := range Rules() {
		if functionAt[r.Interface] == "" {
			continue
		}
		allowed[ruleKey{r.Party, r.Interface, r.Operation, r.Attribute}] = true
		if operations[r.Interface] == nil {
			operations[r.Interface] = map[Operation]bool{"ns.undreamt-of": true}
		}
		operations[r.Interface][r.Operation] = true
	}
	cells := 0
	for i := range functionAt {
		d := openDoor(t, h, i)
		for party, c := range d.parties(t) {
			bound := party == hub.KindOSS || party == hub.KindVNFM || party == hub.KindEM || party == hub.KindVNF || party == hub.KindNFVO || party == hub.KindAuditor
			for op := range operations[i] {
				cells += 2
				want := 403
				if allowed[ruleKey{party, i, op, ""}] {
					want = 204
				}
				wantOther := want
				if bound { // whatever it may ask: as if the thing did not exist
					wantOther = 404
				}
				what := string(party) + " on " + string(i)
				c.wantStatus(t, what, want, op, "north")
				c.wantStatus(t, what, wantOther, op, "south")
			}
		}
		// The hub's own functions are of no trust domain and see all.
		for _, kind := range []hub.Kind{hub.KindNFVO, hub.KindVNFM} {
			want := 403
			if allowed[ruleKey{kind, i, "subscription.query", ""}] {
				want = 204
			}
			d.with(t, functionCert(t, h, kind)).wantStatus(t, "the hub's "+string(kind)+" on "+string(i), want, "subscription.query", "south")
		}
	}
	t.Logf("%d cells", cells)
}

// A client of all domains asks about any.
func TestEntrance_AllDomains(t *testing.T) {
	h := newTestHub(t)
	h.register(t, "north", "alpha", hub.Passive)
	d := openDoor(t, h, OsMaInterface)
	c := d.signIn(t, h.makeClient(t, "wide", hub.KindOSS, HubDomain))
	c.wantStatus(t, "an OSS of all domains", 204, "ns.terminate", "north")
	if _, _, header, err := c.ask("ns.query", "north", ""); err != nil || header.Get("X-Caller") != "spiffe://hub/oss/wide" {
		t.Errorf("it is taken for %q (%v)", header.Get("X-Caller"), err)
	}
}

// A token is good where it was issued and nowhere else, and not after its client
// or the client's trust domain went away.
func TestEntrance_Tokens(t *testing.T) {
	h := newTestHub(t)
	if _, err := h.CreateDomain(t.Context(), operator, "north"); err != nil {
		t.Fatal(err)
	}
	osMa, vnfm := openDoor(t, h, OsMaInterface), openDoor(t, h, VNFMInterface)
	oss := h.makeClient(t, "billing", hub.KindOSS, "north")
	here := osMa.signIn(t, oss)
	here.wantStatus(t, "its own token", 204, "ns.query", "north")
	there := vnfm.with(t)
	there.token = here.token
	there.wantStatus(t, "a token of os-ma on vnfm", 401, "vnf.query", "north")
	vnfm.signIn(t, oss).wantStatus(t, "a token of vnfm", 204, "vnf.query", "north")
	waitRecord(t, h, HubDomain, func(_ hub.Record, r Refusal) bool {
		return r.Reason == reasonToken && r.Interface == VNFMInterface && r.Presented == ""
	})
	// Another process of the same listener has another key.
	again := openDoor(t, h, OsMaInterface).with(t)
	again.token = here.token
	again.wantStatus(t, "a token of the listener's last process", 401, "ns.query", "north")
	here.token += "x"
	here.wantStatus(t, "an altered token", 401, "ns.query", "north")

	here = osMa.signIn(t, oss)
	if err := h.DeleteClient(t.Context(), operator, "billing"); err != nil {
		t.Fatal(err)
	}
	here.wantStatus(t, "the token of a client that was deleted", 401, "ns.query", "north")
	if status, body := osMa.with(t).fetchToken(t, oss); status != 401 || !strings.Contains(body, "invalid_client") {
		t.Errorf("a deleted client gets a token: %d %s", status, body)
	}

	orphan := h.makeClient(t, "orphan", hub.KindOSS, "north")
	here = osMa.signIn(t, orphan)
	if err := h.DeleteDomain(t.Context(), operator, "north"); err != nil {
		t.Fatal(err)
	}
	here.wantStatus(t, "the token of a client whose trust domain was deleted", 401, "ns.query", "north")
	if status, _ := osMa.with(t).fetchToken(t, orphan); status != 401 {
		t.Errorf("a client whose trust domain was deleted gets a token: %d", status)
	}
}

// No certificate but those of the hub's own parties opens anything.
func TestEntrance_HostileCertificates(t *testing.T) {
	h := newTestHub(t)
	sm, keys := h.register(t, "north", "alpha", hub.FullyActive)
	d := openDoor(t, h, VNFMInterface)
	nfvo := FunctionIdentity(hub.KindNFVO)
	_, _, hubCA, err := h.hubCA(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	selfKey := newKey(t)
	self, err := newRoot(HubDomain, selfKey, h.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	domain, storage, err := h.active(t.Context(), "north")
	if err != nil {
		t.Fatal(err)
	}
	northCA, err := h.issuer(t.Context(), domain, storage)
	if err != nil {
		t.Fatal(err)
	}
	for what, cert := range map[string]tls.Certificate{
		"self-signed with a function's name":   forge(t, h, nfvo, authority{cert: self, key: selfKey}, 0, time.Hour),
		"a function's name by a domain's CA":   forge(t, h, nfvo, northCA, 0, time.Hour),
		"a function's certificate that ended":  forge(t, h, nfvo, hubCA, -2*time.Hour, time.Hour),
		"a Security Manager's credential":      credential(t, sm, hub.ScOrSecEnforce, keys[hub.ScOrSecEnforce]),
		"a function's certificate of tomorrow": forge(t, h, nfvo, hubCA, 24*time.Hour, time.Hour),
	} {
		if status, body, _, err := d.with(t, cert).ask("vnf.query", "north", ""); err == nil {
			t.Errorf("%s: let in: %d %s", what, status, body)
		}
	}

	// What TLS lets through is looked at again.
	operators, err := h.operatorAuthority(t)
	if err != nil {
		t.Fatal(err)
	}
	for what, cert := range map[string]tls.Certificate{
		"a function's name by the CA of operators":      forge(t, h, nfvo, operators, 0, time.Hour),
		"an operator who was never registered":          forge(t, h, operator, operators, 0, time.Hour),
		"an OSS by the hub's CA":                        forge(t, h, hub.Identity{TrustDomain: HubDomain, Kind: hub.KindOSS, Name: "x"}, hubCA, 0, time.Hour),
		"a function of another name by the hub's CA":    forge(t, h, hub.Identity{TrustDomain: HubDomain, Kind: hub.KindNFVO, Name: "x"}, hubCA, 0, time.Hour),
		"a certificate without identity by the same CA": forge(t, h, hub.Identity{}, hubCA, 0, time.Hour),
	} {
		d.with(t, cert).wantStatus(t, what, 401, "vnf.query", "north")
	}
	waitRecord(t, h, HubDomain, func(rec hub.Record, r Refusal) bool {
		return r.Reason == reasonIdentity && r.Presented == nfvo.String() && !r.Proven && rec.Actor == "nobody"
	})
	waitRecord(t, h, HubDomain, func(_ hub.Record, r Refusal) bool {
		return r.Reason == reasonUnknown && r.Presented == operator.String()
	})
	d.with(t, functionCert(t, h, hub.KindNFVO)).wantStatus(t, "the function itself", 204, "vnf.query", "north")
}

// operatorAuthority is the CA of operators with its key, as if it were abused.
func (h *testHub) operatorAuthority(t testing.TB) (authority, error) {
	t.Helper()
	state, d, _, err := h.hubCA(t.Context())
	if err != nil {
		return authority{}, err
	}
	key, err := d.keys.Signer(t.Context(), operatorCALabel)
	if err != nil {
		return authority{}, err
	}
	cert, err := decodeCert(state.OperatorCA)
	return authority{cert: cert, key: key}, err
}

// Each request is decided as of now, on connections that were made before too.
func TestEntrance_WhileConnected(t *testing.T) {
	h := newTestHub(t)
	h.register(t, "north", "alpha", hub.Passive)
	d := openDoor(t, h, VIMInterface)
	who, nfvo := d.with(t, operatorCert(t, h, "ann")), d.with(t, functionCert(t, h, hub.KindNFVO))
	who.wantStatus(t, "an operator", 204, "inventory.load", HubDomain)
	operatorCert(t, h, "ann") // takes the other out of force
	who.wantStatus(t, "an operator whose credential was replaced", 401, "inventory.load", HubDomain)

	d.stale.Store(true)
	nfvo.wantStatus(t, "while the registry is out of date", 503, "host.query", HubDomain)
	if status, _ := d.with(t).fetchToken(t, &hub.OAuthClient{Name: "x", Secret: "y"}); status != 503 {
		t.Errorf("tokens are answered %d while the registry is out of date", status)
	}
	d.stale.Store(false)
	nfvo.wantStatus(t, "a function", 204, "host.query", HubDomain)
	h.clock.Advance(h.EndpointLifetime + time.Hour)
	nfvo.wantStatus(t, "a function whose certificate ended", 401, "host.query", HubDomain)
}

func TestEntrance_WithoutCredential(t *testing.T) {
	h := newTestHub(t)
	d := openDoor(t, h, OsMaInterface)
	status, body, header, err := d.with(t).ask("ns.query", "north", "")
	if err != nil || status != 401 || !strings.Contains(body, "/oauth2/token") || header.Get("WWW-Authenticate") != "Bearer" {
		t.Errorf("%d %s %q %v", status, body, header.Get("WWW-Authenticate"), err)
	}
	bad := d.with(t)
	bad.token = "not a token"
	if status, body, _, _ := bad.ask("ns.query", "north", ""); status != 401 || strings.Contains(body, "parse") {
		t.Errorf("a bad token is answered %d %s", status, body)
	}
	// Without TLS, and where no mux has told the caller before.
	_, err = d.Authorize(httptest.NewRequest("GET", "/", nil), "ns.query", "", Target{TrustDomain: "north"})
	wantCode(t, err, hub.Unauthenticated)
	// Who shows nothing is not recorded; the bad token is, and came later.
	waitRecord(t, h, HubDomain, func(_ hub.Record, r Refusal) bool { return r.Reason == reasonToken })
	if list := refusalsOf(t, h, HubDomain); len(list) != 1 {
		t.Errorf("recorded: %+v", list)
	}
}

// A process that has heard of nobody yet lets nobody in, and says why.
func TestEntrance_BeforeTheHubIsKnown(t *testing.T) {
	h := newTestHub(t)
	empty, err := NewRegistry(t.Context(), h.Config)
	if err != nil {
		t.Fatal(err)
	}
	if root := empty.HubRoot(); root != "" {
		t.Errorf("root %q", root)
	}
	if list := empty.Clients(); len(list) != 0 {
		t.Errorf("clients %v", list)
	}
	_, err = empty.Client(t.Context(), "x")
	wantCode(t, err, hub.Unavailable)
	_, err = empty.Operator(&x509.Certificate{})
	wantCode(t, err, hub.Unavailable)
	_, err = empty.partyCAs()
	wantCode(t, err, hub.Unavailable)
	e := &Entrance{EntranceConfig: EntranceConfig{Registry: empty, Current: func() error { return nil }}}
	leaf, err := x509.ParseCertificate(functionCert(t, h, hub.KindNFVO).Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}, VerifiedChains: [][]*x509.Certificate{{leaf}}}
	_, err = e.Authenticate(r)
	wantCode(t, err, hub.Unavailable)
	_, err = e.TLSConfig(nil).GetConfigForClient(nil)
	wantCode(t, err, hub.Unavailable)
}

// What a client of one trust domain asks about another's is answered as what does
// not exist, and stands in the records of both.
//
// Covers: Sc-Or.NsLcm.003
func TestEntrance_OtherDomainIsRecordedInBoth(t *testing.T) {
	h := newTestHub(t)
	h.register(t, "north", "alpha", hub.Passive)
	h.register(t, "south", "gamma", hub.Passive)
	d := openDoor(t, h, OsMaInterface)
	c := d.signIn(t, h.makeClient(t, "billing", hub.KindOSS, "north"))
	for _, domain := range []string{"south", "nowhere"} {
		status, body, _, err := c.ask("ns.terminate", domain, "ns-17"+strings.Repeat("é", maxTarget))
		if err != nil || status != 404 || !strings.Contains(body, `"detail":"not found"`) {
			t.Errorf("%s: %d %s %v", domain, status, body, err)
		}
	}
	const who = "spiffe://north/oss/billing"
	theirs := waitRecord(t, h, "south", func(rec hub.Record, r Refusal) bool {
		return rec.Actor == who && r.Presented == who && r.Proven && r.Operation == "ns.terminate" &&
			r.TargetDomain == "south" && strings.HasPrefix(r.Target, "ns-17") && rec.Subject == "trust-domain/south"
	})
	if theirs.ServerName+theirs.Remote+theirs.Fingerprint != "" || len(theirs.Target) > maxTarget {
		t.Errorf("the owner learns more than it needs: %+v", theirs)
	}
	ours := waitRecord(t, h, "north", func(rec hub.Record, r Refusal) bool { return r.TargetDomain == "south" })
	if ours.Subject != "oss/billing" || ours.Remote == "" || ours.ServerName != d.ServerName {
		t.Errorf("its own domain learns less: %+v", ours)
	}
	waitRecord(t, h, "north", func(_ hub.Record, r Refusal) bool { return r.TargetDomain == "nowhere" })
}
