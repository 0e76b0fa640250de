package e2e_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/manoward/manoward/cmd/manoward/cli"
	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/journal/trail"
	"github.com/manoward/manoward/smgr"
)

// smPorts counts the ports that this process has given out.
var smPorts atomic.Int64

// smPort is an address on loopback that nothing listens on. It is below those that
// the system gives to whoever asks for any, and is given out once.
func smPort(t testing.TB) string {
	t.Helper()
	const first, count = 20_000, 12_000
	for range 100 {
		n := int64(os.Getpid())*97 + smPorts.Add(1)
		address := fmt.Sprintf("127.0.0.1:%d", first+n%count)
		if l, err := net.Listen("tcp", address); err == nil {
			l.Close()
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}

// smConfig is the configuration of Security Manager alpha of trust domain north.
func smConfig(t testing.TB, credentials string) string {
	t.Helper()
	return fmt.Sprintf("securityManagers:\n  - {name: alpha, trustDomain: north, credentials: %q, scOr: %q, scVi: %q}\n", credentials, smPort(t), smPort(t))
}

// smHub is a hub that runs the Security Manager alpha of trust domain north,
// which is registered in a mode, with an NS.
func smHub(t testing.TB, mode string) (*nsHub, *scorSM, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "manoward.yaml")
	started := newHub(t, "--config", file)
	writeFile(t, file, smConfig(t, filepath.Join(started.home, "north-alpha")), 0o600)
	h := newNsHubOn(t, started.start(), 1, "north")
	ns := h.instantiate("north", "edge")
	if _, missing := h.readyz(); !slices.ContainsFunc(missing, func(m missingCheck) bool { return m.Name == "security-manager/north/alpha" }) {
		t.Errorf("readiness does not miss the Security Manager: %+v", missing)
	}
	sm := h.scorSM("north", "alpha", mode)
	h.smReady()
	return h, sm, ns
}

// smReady waits until the Security Manager works.
func (h *nsHub) smReady() {
	h.t.Helper()
	var missing []missingCheck
	eventually(h.t, "the Security Manager is ready", patience, func() bool {
		_, missing = h.readyz()
		return len(missing) == 0
	})
}

// smRecords reads what the records of the trust domain north say of one kind.
func smRecords[T any](h *nsHub, kind string) []T {
	h.t.Helper()
	return smRecordsOf[T](h, "north", kind)
}

// smRecordsOf reads what a trust domain's records say of one kind.
func smRecordsOf[T any](h *nsHub, domain, kind string) []T {
	h.t.Helper()
	var records []hub.Record
	if err := json.Unmarshal([]byte(h.do("trust-domain", "records", domain, "--kind", kind, "-o", "json")), &records); err != nil {
		h.t.Fatal(err)
	}
	list := make([]T, len(records))
	for i, r := range records {
		if err := json.Unmarshal(r.Data, &list[i]); err != nil {
			h.t.Fatal(err)
		}
	}
	return list
}

// smOrder waits for the record of an order of a policy that is in a state.
func (h *nsHub) smOrder(policy string, state smgr.OrderState) smgr.Order {
	h.t.Helper()
	var found smgr.Order
	eventually(h.t, fmt.Sprintf("an order of %s is %s", policy, state), patience, func() bool {
		list := smRecords[smgr.Order](h, "sm.order")
		n := slices.IndexFunc(list, func(o smgr.Order) bool { return o.Policy == policy && o.State == state })
		if n >= 0 {
			found = list[n]
		}
		return n >= 0
	})
	return found
}

// smHost is a host that an NS uses.
func (h *nsHub) smHost() string {
	h.t.Helper()
	return resources[ifa006.Compute](h, "computes", "")[0].HostID
}

// At level advise, which every policy has at first, an untrusted host becomes a
// decision and a recommended order, and nothing is done to the host. At level
// enforce its use is ended, also when the process dies right after the change.
//
// Covers: Sc-Or.SecEnforce.004
func TestSm_HostIntegrity(t *testing.T) {
	t.Parallel()
	h, _, _ := smHub(t, "semi-active")
	host := h.smHost()
	h.do("vim", "event", "host-integrity", host, "UNTRUSTED")
	order := h.smOrder("host-integrity", smgr.OrderRecommended)
	if order.Action.Type != hub.ActionStopHost || order.Target.HostID != host || order.Level != smgr.LevelAdvise {
		t.Errorf("the order is %+v", order)
	}
	decisions := smRecords[smgr.Decision](h, "sm.decision")
	n := slices.IndexFunc(decisions, func(d smgr.Decision) bool { return d.ID == order.DecisionID })
	if n < 0 || decisions[n].Kind != hub.EventHostChange || len(decisions[n].Labels) == 0 || decisions[n].InputDigest == "" || len(decisions[n].Undecided) != 0 {
		t.Fatalf("the decision of %+v is not among %+v", order, decisions)
	}
	for _, x := range resources[ifa006.Host](h, "hosts", "") {
		if len(x.StoppedFor) != 0 {
			t.Errorf("host %s was stopped at level advise", x.ID)
		}
	}

	recommended := order.ID
	h.smLevel("host-integrity", smgr.LevelEnforce)
	h.do("vim", "event", "host-integrity", host, "TRUSTED")
	about := func() (n int) {
		for _, d := range smRecords[smgr.Decision](h, "sm.decision") {
			if d.Key == smgr.KeyHost(host) {
				n++
			}
		}
		return n
	}
	eventually(t, "the host was judged again", patience, func() bool { return about() == 2 })

	// What is told when the process dies is judged after, once, and carried out.
	h.do("vim", "event", "host-integrity", host, "UNTRUSTED")
	h.kill()
	h.start()
	h.smReady()
	order = h.smOrder("host-integrity", smgr.OrderCompleted)
	if order.Target.HostID != host || order.Level != smgr.LevelEnforce || len(order.Steps) != 1 || order.ID != recommended { // the finding repeated
		t.Errorf("the order is %+v, %s was recommended", order, recommended)
	}
	hosts := resources[ifa006.Host](h, "hosts", "")
	if x := hosts[slices.IndexFunc(hosts, func(x ifa006.Host) bool { return x.ID == host })]; !slices.Contains(x.StoppedFor, "north") {
		t.Errorf("the host is %+v", x)
	}
	for _, c := range resources[ifa006.Compute](h, "computes", "") {
		if c.HostID == host {
			t.Errorf("compute %s is still on the host", c.ID)
		}
	}
	if n := about(); n < 3 { // a further one is on what the order did to the host
		t.Errorf("%d decisions on the host, want 3 at least", n)
	}
	events, ended := map[string]int{}, map[string]int{}
	for _, d := range smRecords[smgr.Decision](h, "sm.decision") {
		events[d.EventID]++
	}
	for _, o := range smRecords[smgr.Order](h, "sm.order") {
		if o.State.Final() {
			ended[o.ID]++
		}
	}
	for id, n := range events {
		if n != 1 {
			t.Errorf("event %s was decided %d times", id, n)
		}
	}
	for id, n := range ended {
		if n != 1 {
			t.Errorf("order %s ended %d times", id, n)
		}
	}

	// An auditor follows it from the input to the outcome, with the hub and without.
	chain, report := h.chainOf("north", order.ID)
	steps := stepsOf(chain) // each decision that asked for it comes first
	if chain.Is != trail.Order || !strings.HasPrefix(steps, "input policies decision notice ") || !strings.HasSuffix(steps, " order outcome operation outcome") {
		t.Errorf("the chain of the order is of %s: %s\n%+v", chain.Is, steps, chain)
	}
	told := chain.Links[slices.IndexFunc(chain.Links, func(l trail.Link) bool { return l.Step == trail.StepInput })].Text
	notification := told[strings.LastIndexByte(told, ' ')+1:]
	if chain, _ := h.chainOf("north", notification); chain.Is != trail.Event || !strings.Contains(stepsOf(chain), "decision") {
		t.Errorf("the chain of notification %s, of %q, is of %s: %s", notification, told, chain.Is, stepsOf(chain))
	}
	if report.Contents == 0 || report.NotKept != 0 {
		t.Errorf("the evidence has %d contents, %d were not kept; want all", report.Contents, report.NotKept)
	}
}

// A Security Manager in a process of its own, on a bus that it shares with the
// MANO functions, judges what it was told while it was dead, each event once.
func TestSm_OwnProcess(t *testing.T) {
	t.Parallel()
	c := extStart(t, 1, nil)
	h := newNsHubOn(t, startHub(t, append([]string{"serve", "trust", "nfvo", "vnfm", "vim"}, c.flags()...)...), 1, "north")
	h.instantiate("north", "edge")
	h.scorSM("north", "alpha", "semi-active")
	file, host := filepath.Join(t.TempDir(), "manoward.yaml"), h.smHost()
	writeFile(t, file, smConfig(t, filepath.Join(h.home, "north-alpha")), 0o600)
	// Until the trust role can be reached, readiness says what is missing.
	h.stop()
	probes := smPort(t)
	sm := startHub(t, append([]string{"serve", "sm", "--config", file, "--probes", probes}, c.flags()...)...)
	probe := func(path string) (int, string) {
		resp, text := call(t, http.DefaultClient, "GET", "http://"+probes+path, nil, "")
		return resp.StatusCode, text
	}
	for _, check := range []string{"certificate/sm", "security-manager/north/alpha"} {
		if status, text := probe("/readyz"); status != 503 || !strings.Contains(text, check) {
			t.Errorf("/readyz does not miss %s: %d %s", check, status, text)
		}
	}
	h.start()
	told := func() map[string]int {
		events := map[string]int{}
		for _, d := range smRecords[smgr.Decision](h, "sm.decision") {
			if d.Key == smgr.KeyHost(host) {
				events[d.EventID]++
			}
		}
		return events
	}
	subscribed := func() bool {
		n := 0
		for _, id := range []string{"nslcm", "sc-vi"} {
			if strings.Contains(h.do("subscription", "list", "-o", "json"), id) {
				n++
			}
		}
		return n == 2
	}
	eventually(t, "the Security Manager has subscribed", patience, subscribed)
	h.do("vim", "event", "host-integrity", host, "UNTRUSTED")
	if o := h.smOrder("host-integrity", smgr.OrderRecommended); o.Target.HostID != host {
		t.Errorf("the order is %+v", o)
	}
	eventually(t, "the process of the Security Manager is ready", patience, func() bool { status, _ := probe("/readyz"); return status == 200 })
	// The order is on record before the decision is counted.
	eventually(t, "/metrics of its process shows the decision", patience, func() bool {
		_, text := probe("/metrics")
		return strings.Contains(text, `manoward_sm_decisions_total{kind="host-change",sm="alpha",`)
	})
	sm.kill()
	h.do("vim", "event", "host-integrity", host, "TRUSTED")
	h.do("vim", "event", "host-integrity", host, "UNTRUSTED")
	sm.start()
	eventually(t, "what was told meanwhile is judged", 90*time.Second, func() bool { return len(told()) == 3 })
	for id, n := range told() {
		if n != 1 {
			t.Errorf("event %s was decided %d times", id, n)
		}
	}
	h.smElsewhere(host)
	sm.stop()
}

// smElsewhere reads decisions of a Security Manager in a process of its own, and
// approves an order there. An auditor gets its token there, and a token of the
// trust role's entrance opens nothing.
func (h *nsHub) smElsewhere(host string) {
	h.t.Helper()
	point := h.points()[hub.SM]
	if point.SecurityManager != "north/alpha" || point.URL == h.points()[hub.Admin].URL {
		h.t.Fatalf("the Security Manager is said to be at %+v", point)
	}
	operator := &smClient{h.t, h.at(point, true), point.URL, ""}
	audit := h.createClient("audit", "--party", "auditor", "--trust-domain", "north")
	auditor := &smClient{h.t, h.at(point, false), point.URL, h.token(point, audit)}
	var decisions []smgr.Decision
	if err := json.Unmarshal([]byte(auditor.ask("GET", "/decisions?key="+url.QueryEscape(smgr.KeyHost(host)), "", 200)), &decisions); err != nil || len(decisions) < 3 {
		h.t.Errorf("%d decisions are read: %v", len(decisions), err)
	}
	other := &smClient{h.t, h.at(point, false), point.URL, h.token(h.points()[hub.Admin], audit)}
	other.ask("GET", "/decisions", "", 401)
	(&smClient{h.t, h.at(point, false), point.URL, ""}).ask("GET", "/decisions", "", 401)
	operator.send("GET", "/manoward/v1/trust_domains", "", 404) // which the trust role serves alone
	operator.ask("PUT", "/levels/*/*", `{"level":"off","reason":"x"`, 400)
	var orders []smgr.Order
	if err := json.Unmarshal([]byte(operator.ask("GET", "/orders?state=recommended&policy=host-integrity", "", 200)), &orders); err != nil || len(orders) == 0 {
		h.t.Fatalf("%d orders are recommended: %v", len(orders), err)
	}
	auditor.ask("POST", "/orders/"+orders[0].ID+"/approve", `{"reason":"no person"}`, 403)
	operator.ask("POST", "/orders/"+orders[0].ID+"/approve", `{"reason":"checked"}`, 200)
	if done := h.smOrder("host-integrity", smgr.OrderCompleted); done.ID != orders[0].ID || done.Approval == nil {
		h.t.Errorf("the order is %+v", done)
	}
	// The verbs find it there by themselves.
	if got := h.do("order", "show", orders[0].ID); !strings.Contains(got, "completed") || !strings.Contains(got, ": checked") {
		h.t.Errorf("the order is shown as %s", got)
	}
}

// smLevel sets how far a policy is acted upon, as an operator.
func (h *nsHub) smLevel(policy string, level smgr.Level) {
	h.t.Helper()
	c := h.operatorContext()
	api := &httpapi.Client{Base: c.Server + "/manoward/v1", Version: "1.0.0", HTTP: httpClient(h.t, adminTLS(h.t, c, true), true)}
	in := map[string]any{"level": level, "reason": "of a test"}
	if _, err := api.Do(h.t.Context(), http.MethodPut, "/security_managers/alpha/levels/"+policy+"/*", in, nil); err != nil {
		h.t.Fatal(err)
	}
}

// At level approve an order waits for a second person: not who set the level, no
// program, and nobody whose credential was taken away. An auditor of the trust
// domain reads all of it and changes nothing, and one of another trust domain
// learns nothing. What happened is in the metrics.
//
// Covers: Security.003
func TestSm_SecondPerson(t *testing.T) {
	t.Parallel()
	h, _, _ := smHub(t, "semi-active")
	h.do("trust-domain", "create", "south")
	h.do("operator", "create", "ben", "--out", filepath.Join(h.home, "ben.json"))
	h.do("operator", "create", "eve", "--out", filepath.Join(h.home, "eve.json"))
	admin := h.points()[hub.Admin]
	own := &smClient{t, h.at(admin, true), admin.URL, ""}
	person := func(name string) *smClient {
		c, err := cli.ReadContext(filepath.Join(h.home, name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		return &smClient{t, httpClient(t, adminTLS(t, c, true), true), admin.URL, ""}
	}
	program := func(name string, flags ...string) *smClient {
		return &smClient{t, h.at(admin, false), admin.URL, h.token(admin, h.createClient(append([]string{name}, flags...)...))}
	}
	ben, eve := person("ben"), person("eve")
	auditor, stranger := program("audit", "--party", "auditor", "--trust-domain", "north"), program("audit-south", "--party", "auditor", "--trust-domain", "south")
	oss, reader := program("portal", "--party", "oss", "--trust-domain", "north"), program("prometheus")

	own.ask("PUT", "/levels/host-integrity/*", `{"level":"approve","reason":"two persons"}`, 200)
	host := h.smHost()
	h.do("vim", "event", "host-integrity", host, "UNTRUSTED")
	order := h.smOrder("host-integrity", smgr.OrderWaiting)
	approve := "/orders/" + order.ID + "/approve"
	const yes = `{"reason":"the measurement was checked"}`

	own.ask("POST", approve, yes, 403) // set the level
	for _, c := range []*smClient{auditor, oss, reader} {
		for _, change := range []string{"POST " + approve, "POST /orders/" + order.ID + "/reject", "POST /pause", "PUT /levels/*/*", "POST /rollback", "PUT /policies/host-integrity/parameters"} {
			method, path, _ := strings.Cut(change, " ")
			c.ask(method, path, yes, 403)
		}
		c.nfvPolicy("POST", "/subscriptions", `{"callbackUri":"https://example.net/x"}`, 403)
	}
	for _, path := range []string{"/status", "/decisions", "/decisions/" + order.DecisionID, "/decisions/" + order.DecisionID + "/input", "/orders", "/orders/" + order.ID, "/levels", "/policies", "/revisions", "/activations"} {
		auditor.ask("GET", path, "", 200)
		for _, c := range []*smClient{oss, reader} {
			c.ask("GET", path, "", 403)
		}
		stranger.ask("GET", path, "", 404)
	}
	stranger.ask("POST", approve, yes, 403) // whether there is such an order or not:
	stranger.ask("POST", "/orders/none/approve", yes, 403)
	if got := auditor.nfvPolicy("GET", "/policies", "", 200); strings.TrimSpace(got) != "[]" {
		t.Errorf("policies of SOL 012: %s", got)
	}
	for _, path := range []string{"/manoward/v1/trust_domains", "/manoward/v1/trust_domains/north/records", "/metrics"} {
		if resp, _ := call(t, auditor.http, "GET", admin.URL+path, http.Header{"Authorization": {"Bearer " + auditor.token}}, ""); resp.StatusCode != 403 && resp.StatusCode != 401 {
			t.Errorf("an auditor is answered %s for %s", resp.Status, path)
		}
	}
	h.do("operator", "delete", "eve")
	eve.ask("POST", approve, yes, 401)
	ben.ask("POST", approve, yes, 200)
	done := h.smOrder("host-integrity", smgr.OrderCompleted)
	if done.ID != order.ID || done.Approval == nil || done.Approval.By != "spiffe://hub/operator/ben" {
		t.Errorf("the order is %+v", done)
	}
	for _, x := range resources[ifa006.Host](h, "hosts", "") {
		if slices.Contains(x.StoppedFor, "north") != (x.ID == host) {
			t.Errorf("the host is %+v", x)
		}
	}
	records := smRecords[map[string]any](h, "sm.order")
	if len(records) == 0 || !strings.Contains(h.do("trust-domain", "records", "hub", "--kind", "operator.deleted"), "eve") {
		t.Error("the records do not tell of the order or of the operator")
	}
	h.fails(5, "your own credential", "operator", "delete", "admin")
	h.smMetrics()
}

// smClient asks for a Security Manager of the name alpha as somebody.
type smClient struct {
	t     testing.TB
	http  *http.Client
	url   string
	token string // empty: the certificate of http is shown
}

func (c *smClient) ask(method, path, body string, want int) string {
	c.t.Helper()
	return c.send(method, "/manoward/v1/security_managers/alpha"+path, body, want)
}

func (c *smClient) nfvPolicy(method, path, body string, want int) string {
	c.t.Helper()
	return c.send(method, "/nfvpolicy/v1"+path, body, want)
}

func (c *smClient) send(method, path, body string, want int) string {
	c.t.Helper()
	header := http.Header{"Version": {"1.0.0"}}
	if body != "" {
		header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		header.Set("Authorization", "Bearer "+c.token)
	}
	resp, got := call(c.t, c.http, method, c.url+path, header, body)
	if resp.StatusCode != want {
		c.t.Errorf("%s %s is answered %s, want %d: %.400s", method, path, resp.Status, want, got)
	}
	return got
}

// smMetrics wants each metric of a Security Manager that has decided and ordered
// to be shown, and documented.
func (h *nsHub) smMetrics() {
	h.t.Helper()
	c := h.operatorContext()
	resp, text := call(h.t, httpClient(h.t, adminTLS(h.t, c, true), true), "GET", c.Server+"/metrics", nil, "")
	if resp.StatusCode != http.StatusOK {
		h.t.Fatalf("/metrics: %s", resp.Status)
	}
	const who = `sm="alpha",`
	for _, series := range []string{
		`manoward_sm_notifications_total{interface="sc-vi.telem",outcome="accepted",` + who,
		`manoward_sm_decisions_total{kind="host-change",` + who,
		`manoward_sm_orders_total{action="stop-host",` + who + `state="completed",`,
		`manoward_sm_order_requests_total{outcome=`,
		`manoward_sm_order_wire_seconds_count{` + who,
		`manoward_sm_parts{queue="orders",` + who,
		`manoward_sm_topology_elements{kind="host",` + who,
	} {
		if !strings.Contains(text, series) {
			h.t.Errorf("/metrics has no %s", series)
		}
	}
	page, err := os.ReadFile("../../docs/howto/operate-a-hub.md")
	if err != nil {
		h.t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (manoward_sm_\w+) (\w+)`).FindAllStringSubmatch(text, -1) {
		if !strings.Contains(string(page), "| `"+m[1]+"` | "+m[2]+" |") {
			h.t.Errorf("docs/howto/operate-a-hub.md has no row of %s, a %s", m[1], m[2])
		}
	}
}
