package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// scorRow is a row of the printed decision table.
type scorRow struct {
	Party, Interface, Operation, Attribute, Modes string
	OtherDomain                                   bool
}

func (r scorRow) name() string { return r.Operation + "+" + r.Attribute }

// scorThings are things of one trust domain that requests can be about.
type scorThings struct {
	ns, pkg, compute string
	subscriptions    map[hub.Interface]string // of one SM of the domain
}

// scorCell is one request of the matrix.
type scorCell struct {
	sm    *scorSM
	mode  string
	iface hub.Interface
	row   scorRow
}

func (c scorCell) String() string {
	return fmt.Sprintf("%s %s %s", c.mode, c.iface, c.row.name())
}

// scorMatrix drives the printed matrix.
type scorMatrix struct {
	*testing.T
	h          *nsHub
	rules      []scorRow
	own, other scorThings
	stranger   *scorSM // of the other domain
	inboxes    map[*scorSM]map[hub.Interface]*scorInbox
	recorded   []scorExpected
	cells      map[string]int
}

// scorExpected is a refusal that must be in a domain's records.
type scorExpected struct{ domain, actor, operation string }

// Each cell of the printed matrix (mode x interface x operation x attribute x own
// or other trust domain) is put to the hub as a real request, and the hub does
// what the table says.
//
// Covers: Sc-Or.001, Sc-Or.002, Sc-Or.003, Sc-Or.004, Sc-Or.NsLcm.008, Sc-Or.SecEnforce.005, Sc-Or.SecurityVnfMgmt.002, Security.003
func TestScOr_Matrix(t *testing.T) {
	t.Parallel()
	h := newNsHub(t, 2, "north", "south")
	m := &scorMatrix{T: t, h: h, cells: map[string]int{}, inboxes: map[*scorSM]map[hub.Interface]*scorInbox{}}
	if err := json.Unmarshal([]byte(h.do("trust", "matrix", "-o", "json")), &m.rules); err != nil {
		t.Fatal(err)
	}
	m.rules = slices.DeleteFunc(m.rules, func(r scorRow) bool { return r.Party != "sm" })
	sms := map[string]*scorSM{}
	for _, mode := range []string{"passive", "semi-active", "fully-active"} {
		sms[mode] = h.scorSM("north", mode, mode)
	}
	m.stranger = h.scorSM("south", "stranger", "fully-active")
	m.things(sms)

	var asked []scorRow // each operation and attribute that some row of the table has
	for _, r := range m.rules {
		if !slices.ContainsFunc(asked, func(a scorRow) bool { return a.name() == r.name() }) {
			asked = append(asked, r)
		}
	}
	for _, mode := range []string{"passive", "semi-active", "fully-active"} {
		for _, i := range hub.Interfaces() {
			for _, row := range asked {
				cell := scorCell{sms[mode], mode, i, row}
				m.checkOwn(cell)
				m.checkOther(cell)
				if len(m.recorded) > 100 {
					m.awaitRecords()
				}
			}
		}
	}
	m.awaitRecords()
	want := 3 * len(hub.Interfaces()) * len(asked)
	t.Logf("%d rows, %d operations and attributes; cells: %v of %d each", len(m.rules), len(asked), m.cells, want)
	if m.cells["own"] != want || m.cells["other"] != want {
		t.Errorf("%v cells were driven, want %d each", m.cells, want)
	}
}

// things makes what requests are about: in each domain an NS that is not
// instantiated, so that what is allowed does no harm, one with a compute, and
// subscriptions; and an event in each domain, for who may receive it.
func (m *scorMatrix) things(sms map[string]*scorSM) {
	h := m.h
	all := append([]*scorSM{m.stranger}, sms["passive"], sms["semi-active"], sms["fully-active"])
	subscriptions := map[*scorSM]map[hub.Interface]string{}
	for _, s := range all {
		in, id := s.subscribe(nil)
		vi := s.inbox(hub.ScViTelem, s.at[hub.ScViTelem])
		a := s.must(http.StatusCreated, hub.ScViTelem, "POST", "/sc-vi/v1/subscriptions", map[string]string{"callbackUri": vi.url})
		m.inboxes[s] = map[hub.Interface]*scorInbox{hub.ScOrNsLcm: in, hub.ScViTelem: vi}
		subscriptions[s] = map[hub.Interface]string{hub.ScViTelem: a.id()}
		for _, i := range hub.Interfaces()[:4] {
			subscriptions[s][i] = id // those of the interface that has them
		}
	}
	make := func(domain string, owner *scorSM) scorThings {
		h.instantiate(domain, "running")
		list := resources[ifa006.Compute](h, "computes", "(eq,trustDomain,"+domain+")")
		var pkgs []sol005.VnfPkgInfo
		owner.read(hub.ScOrNsLcm, "/vnfpkgm/v2/vnf_packages", &pkgs)
		return scorThings{h.createNs(domain, "idle"), pkgs[0].ID, list[0].ID, subscriptions[owner]}
	}
	m.own, m.other = make("north", sms["passive"]), make("south", m.stranger)
}

// allowed says what the printed table says of a cell.
func (m *scorMatrix) allowed(c scorCell) bool {
	return slices.ContainsFunc(m.rules, func(r scorRow) bool {
		return (r.Interface == "*" || r.Interface == string(c.iface)) && r.name() == c.row.name() && strings.Contains(r.Modes, strings.ToUpper(c.mode[:1]))
	})
}

// served says whether the reference point of an interface has the resource of an
// operation at all.
func (c scorCell) served() bool {
	telemetry := strings.HasPrefix(c.row.Operation, "telemetry.")
	both := strings.HasPrefix(c.row.Operation, "subscription.") || strings.HasPrefix(c.row.Operation, "session.") || strings.HasPrefix(c.row.Operation, "credential.") || c.row.Operation == "notification.receive"
	return both || telemetry == (c.iface == hub.ScViTelem)
}

func (m *scorMatrix) checkOwn(c scorCell) {
	m.cells["own"]++
	if c.row.Operation == "notification.receive" {
		m.checkReceived(c)
		return
	}
	things := m.own
	if strings.HasPrefix(c.row.Operation, "subscription.") {
		things.subscriptions = m.mySubscriptions(c)
	}
	a := m.request(c, things)
	m.judge(c, a, "own")
	if a.status == http.StatusForbidden {
		m.expect("north", c)
	}
}

func (m *scorMatrix) judge(c scorCell, a scorAnswer, whose string) {
	switch allowed := m.allowed(c); {
	case allowed && (a.status == 403 || a.status == 404 || a.status >= 500):
		m.Errorf("%s, %s domain: the table allows it and the answer is %d %s", c, whose, a.status, a.body)
	case !allowed && c.served() && a.status != http.StatusForbidden:
		m.Errorf("%s, %s domain: the table refuses it and the answer is %d %s", c, whose, a.status, a.body)
	case !allowed && !c.served() && a.status != http.StatusNotFound:
		m.Errorf("%s: there is no such resource on this reference point and the answer is %d %s", c, a.status, a.body)
	}
}

// mySubscriptions are one's own, for the operations on them; one that is ended is
// made for it.
func (m *scorMatrix) mySubscriptions(c scorCell) map[hub.Interface]string {
	in := m.inboxes[c.sm]
	again := sol005.LccnSubscriptionRequest{CallbackURI: in[hub.ScOrNsLcm].url, Filter: &sol005.LifecycleChangeNotificationsFilter{NotificationTypes: []string{"NsIdentifierDeletionNotification"}}}
	or := c.sm.ask(hub.ScOrNsLcm, "POST", "/nslcm/v2/subscriptions", again).id()
	vi := c.sm.ask(hub.ScViTelem, "POST", "/sc-vi/v1/subscriptions", map[string]any{"callbackUri": in[hub.ScViTelem].url, "filter": map[string]any{"zoneIds": []string{"zone-2"}}}).id()
	ids := map[hub.Interface]string{}
	for _, i := range hub.Interfaces() {
		if ids[i] = or; i == hub.ScViTelem {
			ids[i] = vi
		}
	}
	return ids
}

// checkReceived: who may receive notifications on an interface got that of its
// domain's event; who may not has no subscription there.
func (m *scorMatrix) checkReceived(c scorCell) {
	in := m.inboxes[c.sm][c.iface]
	if in == nil {
		if m.allowed(c) {
			m.Errorf("%s: the table allows it; where is the inbox?", c)
		}
		m.judge(scorCell{c.sm, c.mode, c.iface, scorRow{Operation: "subscription.create"}}, m.create(c), "own")
		m.expect("north", scorCell{c.sm, c.mode, c.iface, scorRow{Operation: "subscription.create"}})
		return
	}
	in.await(m, c.String(), func(scorNote) bool { return true })
}

// checkOther: what belongs to another trust domain is answered as what does not
// exist. What a request cannot name is what is behind the endpoints of the other
// domain's Security Managers, which end the handshake.
func (m *scorMatrix) checkOther(c scorCell) {
	m.cells["other"]++
	switch c.row.Operation {
	case "session.read", "credential.renew", "subscription.create", "host.stop-use", "telemetry.query":
		m.stranger.at[c.iface].mustRefuse(m, "the credential of "+c.sm.name, m.stranger.at[c.iface].tls(&c.sm.at[c.iface].Cert))
		return
	case "notification.receive":
		for _, n := range m.inboxes[c.sm][hub.ScOrNsLcm].got() {
			if n.Ns == m.other.ns || strings.HasPrefix(n.Source.Identity, "spiffe://south") {
				m.Errorf("%s: a notification of another domain: %s", c, n.line())
			}
		}
		return
	}
	nothing := scorThings{ns: hub.NewID(), pkg: hub.NewID(), compute: hub.NewID(), subscriptions: map[hub.Interface]string{}}
	for _, i := range hub.Interfaces() {
		nothing.subscriptions[i] = hub.NewID()
	}
	a, none := m.request(c, m.other), m.request(c, nothing)
	if a.status != http.StatusNotFound || m.problem(a, m.other) != m.problem(none, nothing) || a.status != none.status {
		m.Errorf("%s, other domain: %d %s\nwhat does not exist: %d %s", c, a.status, a.body, none.status, none.body)
	}
	if c.served() && a.status == http.StatusNotFound {
		m.expect("north", c)
		m.expect("south", c)
	}
}

// scorProblem is a problem without what is of one occurrence.
func scorProblem(body string) string {
	var p httpapi.ProblemDetails
	if json.Unmarshal([]byte(body), &p) != nil {
		return body
	}
	p.Instance, p.RequestID = "", ""
	raw, _ := json.Marshal(p)
	return string(raw)
}

// problem is a problem in which the identifiers that were asked about are the
// same.
func (m *scorMatrix) problem(a scorAnswer, x scorThings) string {
	text := scorProblem(a.body)
	ids := []string{x.ns, x.pkg, x.compute}
	for _, id := range x.subscriptions {
		ids = append(ids, id)
	}
	for _, id := range ids {
		text = strings.ReplaceAll(text, id, "ID")
	}
	return text
}

func (m *scorMatrix) create(c scorCell) scorAnswer {
	if c.iface == hub.ScViTelem {
		return c.sm.ask(c.iface, "POST", "/sc-vi/v1/subscriptions", map[string]string{})
	}
	return c.sm.ask(c.iface, "POST", "/nslcm/v2/subscriptions", map[string]string{})
}

// request sends the request of a cell about things. Every operation of the table
// has one here: an operation without is an error.
func (m *scorMatrix) request(c scorCell, x scorThings) scorAnswer {
	s, i := c.sm, c.iface
	subscriptions := "/nslcm/v2/subscriptions/"
	if i == hub.ScViTelem {
		subscriptions = "/sc-vi/v1/subscriptions/"
	}
	kind, updateType, _ := strings.Cut(c.row.Operation, ":")
	switch kind {
	case "session.read":
		return s.ask(i, "GET", "/manoward/v1/session", nil)
	case "credential.renew":
		return s.ask(i, "POST", "/manoward/v1/credentials", map[string]string{"certificateSigningRequest": "none"})
	case "subscription.create":
		return m.create(c)
	case "subscription.query":
		return s.ask(i, "GET", subscriptions+x.subscriptions[i], nil)
	case "subscription.terminate":
		return s.ask(i, "DELETE", subscriptions+x.subscriptions[i], nil)
	case "ns.query":
		return s.ask(i, "GET", "/nslcm/v2/ns_instances/"+x.ns, nil)
	case "vnf-package.query":
		return s.ask(i, "GET", "/vnfpkgm/v2/vnf_packages/"+x.pkg, nil)
	case "vnf-package.update":
		return s.ask(i, "PATCH", "/vnfpkgm/v2/vnf_packages/"+x.pkg, map[string]string{"operationalState": "ENABLED"})
	case "ns.update":
		in := sol005.UpdateNsRequest{UpdateType: updateType}
		if name := scorParameters[c.row.Attribute]; name != "" {
			in.TerminateVnfData = []sol005.TerminateVnfData{{AdditionalParams: sol005.KeyValuePairs{name: true}}}
		}
		return s.ask(i, "POST", "/nslcm/v2/ns_instances/"+x.ns+"/update", in)
	case "host.stop-use": // of a host that holds nothing
		body := map[string]any{"vnfs": map[string]string{"terminate": "TERMINATE"}[c.row.Attribute]}
		if body["vnfs"] == "" {
			body["vnfs"] = "MIGRATE"
		}
		if c.row.Attribute == "quarantine" {
			body["quarantine"] = true
		}
		return s.ask(i, "POST", "/sc-or/v1/hosts/host-8/stop_use", body)
	case "telemetry.query":
		return s.ask(i, "GET", "/sc-vi/v1/compute_flavours", nil)
	case "telemetry.query-location":
		return s.ask(i, "GET", "/sc-vi/v1/computes/"+x.compute, nil)
	}
	m.Fatalf("the table has the operation %s, which this test does not know", c.row.Operation)
	return scorAnswer{}
}

var scorParameters = map[string]string{
	"replace": "manoward.replace", "snapshot": "manoward.snapshotFirst", "disable-package": "manoward.disablePackage",
	"co-hosted": "manoward.coHosted", "erase": "manoward.erase",
}

// expect notes that the refusal of a cell must be in a domain's records.
func (m *scorMatrix) expect(domain string, c scorCell) {
	m.recorded = append(m.recorded, scorExpected{domain: domain, actor: c.sm.at[c.iface].identity(), operation: c.row.Operation})
}

// awaitRecords waits until the refusals are recorded. It comes after each few
// cells, because only so many different refusals are recorded at once.
func (m *scorMatrix) awaitRecords() {
	missing := m.recorded
	deadline := time.Now().Add(10 * time.Second)
	for tick := time.NewTicker(50 * time.Millisecond); len(missing) > 0; <-tick.C {
		found := map[scorExpected]bool{}
		for _, domain := range []string{"north", "south"} {
			for _, r := range m.h.records(domain) {
				var d struct{ Operation, Presented string }
				if r.Kind == "access.refused" && json.Unmarshal(r.Data, &d) == nil {
					found[scorExpected{domain: domain, actor: d.Presented, operation: d.Operation}] = true
				}
			}
		}
		missing = slices.DeleteFunc(slices.Clone(missing), func(x scorExpected) bool { return found[x] })
		if time.Now().After(deadline) {
			m.Errorf("refused and not recorded: %+v", missing)
			break
		}
	}
	m.recorded = nil
}
