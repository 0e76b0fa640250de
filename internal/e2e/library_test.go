package e2e_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/testkit/csartest"
	"github.com/manoward/manoward/policies"
	"github.com/manoward/manoward/policies/library"
	"github.com/manoward/manoward/smgr"
)

// libCase is a policy of the library and what is done on the MANO side so that
// it finds something.
type libCase struct {
	policy string
	domain string

	parameters   map[string]any // set before anything is made; nil: the defaults
	profile, vnf string         // a VNF profile of the case's own, and its VNFD, by name
	pkg          *libPackage    // of that VNFD, unless it is one of nskit
	sign         func(*libDomain) *csartest.Signer
	also         []string // further findings that are right too, as "policy/code"

	run func(d *libDomain, c *libCase)
}

// libCases is the table: every policy of the library has a row.
func libCases() []*libCase {
	return slices.Concat(libNorth(), libSouth(), libWest(), libCoast())
}

// Every policy of the library finds, on a whole hub, what is really done on the
// MANO side, and what it orders is carried out there; it finds nothing in NSs
// that are well.
//
// Covers: Sc-Or.SecEnforce.001, Sc-Or.SecEnforce.002, Sc-Or.SecEnforce.003, Sc-Or.SecEnforce.004, Sc-Or.SecurityVnfMgmt.001, Sc-Or.NsLcm.002, Sc-Or.NsLcm.003, Sc-Vi.Telem.001, Sc-Vi.Telem.002
func TestSm_Library(t *testing.T) {
	t.Parallel()
	cases := libCases()
	libComplete(t, cases)
	domains := libHub(t)
	t.Run("domains", func(t *testing.T) {
		for name, d := range domains {
			var own []*libCase
			for _, c := range cases {
				if c.domain == name {
					own = append(own, c)
				}
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				d := d.of(t)
				d.put("/levels/*/*", map[string]any{"level": smgr.LevelEnforce})
				d.prepare(own)
				t.Run("healthy", func(t *testing.T) { d.of(t).healthy() })
				for _, c := range own {
					for _, also := range c.also {
						d.owners.expect(c, also)
					}
					t.Run(c.policy, func(t *testing.T) { c.run(d.of(t), c) })
				}
			})
		}
	})
	for _, d := range domains {
		d.settles()
		d.nothingElse()
	}
}

// libComplete wants a row for each policy of a Security Manager, and no other.
func libComplete(t *testing.T, cases []*libCase) {
	schemas, err := policies.OwnSchemas()
	if err != nil {
		t.Fatal(err)
	}
	set, problems := policies.Load(t.Context(), library.FS(), policies.Options{Schemas: schemas})
	if set == nil {
		t.Fatalf("the library does not load: %v", problems)
	}
	rows := map[string]int{}
	for _, c := range cases {
		rows[c.policy]++
	}
	for _, p := range set.Policies() {
		if p.On(hub.EventCertificateRequest) {
			continue // the CMF judges it
		}
		if rows[p.ID] != 1 {
			t.Errorf("policy %s has %d cases in libCases, want one", p.ID, rows[p.ID])
		}
		delete(rows, p.ID)
	}
	for id := range rows {
		t.Errorf("there is a case of %s, which is no policy of the library", id)
	}
}

// healthy is an NS that is well, through its life. Whatever a policy finds in it
// is seen at the end, by nothingElse.
func (d *libDomain) healthy() {
	c := &libCase{policy: "healthy"}
	ns := d.newNs(c)
	web := d.add(ns, "web")
	if d.name == "west" { // the only domain with hosts for security VNFs
		d.owners.expect(c, noCertificate)
		d.heal(ns, d.add(ns, "unproven"))
	}
	reviewed := d.reviews(ns)
	d.setParameters("compute-failed", map[string]any{"maxPerHour": 4}) // has all reviewed
	d.mustComplete(ns, "scale", libScale(web, "SCALE_OUT"))
	d.heal(ns, web)
	for _, to := range []sol005.OperationalStates{sol005.OperationalStatesStopped, sol005.OperationalStatesStarted} {
		d.operate(ns, web, to)
	}
	libEventually(d.t, "the NS is reviewed", func() bool { return d.reviews(ns) > reviewed })
	d.mustComplete(ns, "update", scorRemove([]string{web}))
	d.add(ns, "web")
	d.mustComplete(ns, "terminate", map[string]string{})
}

// reviews is how often an NS was reviewed.
func (d *libDomain) reviews(ns string) (n int) {
	d.t.Helper()
	for dec, err := range httpapi.All[smgr.Decision](d.t.Context(), d.manager(), "/decisions", url.Values{"key": {smgr.KeyNs(ns)}}) {
		if err != nil {
			d.t.Fatal(err)
		}
		if dec.Kind == hub.EventReview {
			n++
		}
	}
	return n
}

func (d *libDomain) heal(ns, vnf string) {
	d.t.Helper()
	d.mustComplete(ns, "heal", sol005.HealNsRequest{HealVnfData: []sol005.HealVnfData{{VnfInstanceID: vnf, Cause: "a test"}}})
}

func (d *libDomain) operate(ns, vnf string, to sol005.OperationalStates) {
	d.t.Helper()
	d.mustComplete(ns, "update", sol005.UpdateNsRequest{UpdateType: sol005.UpdateOperateVnf, OperateVnfData: []sol005.OperateVnfData{{VnfInstanceID: vnf, ChangeStateTo: to}}})
}

// settles waits until all that was told is judged.
func (d *libDomain) settles() {
	d.t.Helper()
	c := d.operatorContext()
	client := httpClient(d.t, adminTLS(d.t, c, true), true)
	count := func(text, metric, label string) (n int) {
		for _, m := range regexp.MustCompile(`(?m)^`+metric+`\{(.*)\} (\d+)$`).FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], `trust_domain="`+d.name+`"`) && strings.Contains(m[1], label) && !strings.Contains(m[1], `kind="review"`) {
				value, err := strconv.Atoi(m[2])
				if err != nil {
					d.t.Fatal(err)
				}
				n += value
			}
		}
		return n
	}
	libEventually(d.t, "all that was told in "+d.name+" is judged", func() bool {
		for s, err := range httpapi.All[struct{ Pending int }](d.t.Context(), d.osMa("/manoward/v1", "1.0.0"), "/subscriptions", nil) {
			if err != nil {
				d.t.Fatal(err)
			}
			if s.Pending > 0 {
				return false
			}
		}
		_, text := call(d.t, client, http.MethodGet, c.Server+"/metrics", nil, "")
		told := count(text, "manoward_sm_notifications_total", `outcome="accepted"`)
		return told > 0 && count(text, "manoward_sm_decisions_total", "") >= told
	})
}

// nothingElse wants that all that was found belongs to a case, that nothing was
// undecided, and that nothing is left of the orders.
func (d *libDomain) nothingElse() {
	d.t.Helper()
	api := d.manager()
	judged := 0
	for dec, err := range httpapi.All[smgr.Decision](d.t.Context(), api, "/decisions", url.Values{}) {
		if err != nil {
			d.t.Fatal(err)
		}
		judged++
		for _, u := range dec.Undecided {
			d.t.Errorf("%s is undecided on a %s: %s", u.Policy, dec.Kind, u.Reason)
		}
		for i := range dec.Findings {
			if f := &dec.Findings[i]; d.owners.owner(f) == nil {
				d.t.Errorf("false finding in %s: %s/%s on %s, of a %s: %s", d.name, f.Policy, f.Code, f.Target, dec.Kind, f.Message)
			}
		}
	}
	if judged == 0 {
		d.t.Errorf("nothing was judged in %s", d.name)
	}
	for o, err := range httpapi.All[smgr.Order](d.t.Context(), api, "/orders", nil) {
		if err != nil {
			d.t.Fatal(err)
		}
		if o.State != smgr.OrderCompleted && o.State != smgr.OrderSuperseded {
			d.t.Errorf("an order of %s to %s %s is %s: %s", o.Policy, o.Action.Type, o.Target, o.State, o.Reason)
		}
	}
}

// libTarget is a VNF of a profile in an NS.
func libTarget(ns, vnf, profile string) hub.Target {
	return hub.Target{NsInstanceID: ns, VnfInstanceID: vnf, VnfProfileID: profile}
}

// libEnded is the case of a policy that ends a VNF as soon as it is there: it is
// made, found, and ended.
func libEnded(code string, severity hub.Severity, snapshot, barred bool) func(*libDomain, *libCase) {
	return func(d *libDomain, c *libCase) {
		ns := d.newNs(c)
		vnf := d.add(ns, c.profile)
		d.ended(c, ns, vnf, libWant{code: code, severity: severity, target: libTarget(ns, vnf, c.profile)}, snapshot, barred)
	}
}

// ended wants a finding on a VNF, and that the VNF is ended for it.
func (d *libDomain) ended(c *libCase, ns, vnf string, w libWant, snapshot, barred bool) {
	d.t.Helper()
	w.action = hub.ActionTerminateVnf
	d.finds(c, w)
	d.orders(c, hub.ActionTerminateVnf, hub.Target{VnfInstanceID: vnf})
	d.gone(ns, vnf, c.profile, snapshot, barred)
}
