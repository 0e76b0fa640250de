package trust

import (
	"fmt"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

// Every cell of party x interface x operation x mode x domain is asked, and the
// answer is compared with what the printed row says.
func TestDecide_EveryCell(t *testing.T) {
	d := NewDecider()
	listed := map[ruleKey]Rule{}
	for _, r := range Rules() {
		for _, i := range r.interfaces() {
			key := ruleKey{r.Party, i, r.Operation, r.Attribute}
			if _, twice := listed[key]; twice {
				t.Errorf("row %v is listed twice", key)
			}
			listed[key] = r
		}
	}
	cells := 0
	for key := range listed {
		for _, at := range append(hub.Interfaces(), AdminInterface) {
			for _, mode := range append(hub.Modes(), "") {
				for _, own := range []bool{true, false} {
					cells++
					checkCell(t, d, listed, key, at, mode, own)
				}
			}
		}
	}
	t.Logf("%d cells", cells)
}

func checkCell(t *testing.T, d *Decider, listed map[ruleKey]Rule, key ruleKey, at hub.Interface, mode hub.Mode, own bool) {
	t.Helper()
	q := Question{
		Caller: hub.Identity{TrustDomain: "own", Kind: key.party, Name: "x", Interface: at},
		Mode:   mode, Interface: at, Operation: key.operation, Attribute: key.attribute, TargetDomain: "own",
	}
	if !own {
		q.TargetDomain = "other"
	}
	rule, exists := listed[ruleKey{key.party, at, key.operation, key.attribute}]
	modeFits := exists && (rule.Modes == "-" || mode != "" && contains(rule.Modes, mode.Letter()))
	want := exists && modeFits && (own || rule.OtherDomain)
	got := d.Decide(q)
	if got.Allowed != want {
		t.Errorf("%+v: allowed = %v, the table says %v", q, got.Allowed, want)
	}
	if !got.Allowed && (got.Code == "" || got.Reason == "") {
		t.Errorf("%+v: refused without code or reason: %+v", q, got)
	}
	if !own && !want && !rule.OtherDomain && got.Code != hub.NotFound {
		t.Errorf("%+v: another domain's thing is answered %s, which shows that it exists", q, got.Code)
	}
}

func contains(letters, letter string) bool {
	for _, r := range letters {
		if string(r) == letter {
			return true
		}
	}
	return false
}

// The rows that IFA 033 fixes, written down a second time by hand.
func TestDecide_ModesOfIFA033(t *testing.T) {
	d := NewDecider()
	for _, c := range []struct {
		iface hub.Interface
		op    Operation
		attr  Attribute
		psf   string
	}{
		{hub.ScOrNsLcm, "subscription.create", "", "PSF"},
		{hub.ScOrStatusInfo, "ns.query", "", "PSF"},
		{hub.ScOrSecEnforce, "ns.update:REMOVE_VNF", "", "SF"},
		{hub.ScOrSecEnforce, "ns.update:REMOVE_VNF", Snapshot, "SF"},
		{hub.ScOrSecEnforce, "ns.update:REMOVE_VNF", Erase, "F"},
		{hub.ScOrSecEnforce, "ns.update:REMOVE_VNF", CoHosted, "F"},
		{hub.ScOrSecEnforce, "vnf-package.update", "", "F"},
		{hub.ScOrSecEnforce, "host.stop-use", Migrate, "SF"},
		{hub.ScOrSecEnforce, "host.stop-use", Quarantine, "F"},
		{hub.ScOrSecurityVnfMgmt, "ns.update:INSTANTIATE_VNF", "", "SF"},
		{hub.ScViTelem, "telemetry.query", "", "PSF"},
		{hub.ScOrNsLcm, "ns.update:REMOVE_VNF", "", ""},
		{hub.ScViTelem, "ns.query", "", ""},
	} {
		got := ""
		for _, m := range hub.Modes() {
			q := Question{Caller: hub.Identity{TrustDomain: "d", Kind: hub.KindSM, Name: "x", Interface: c.iface}, Mode: m, Interface: c.iface, Operation: c.op, Attribute: c.attr, TargetDomain: "d"}
			if d.Decide(q).Allowed {
				got += m.Letter()
			}
		}
		if got != c.psf {
			t.Errorf("%s %s %s: allowed in %q, IFA 033 says %q", c.iface, c.op, c.attr, got, c.psf)
		}
	}
}

func TestDecide_InterfaceOfCredential(t *testing.T) {
	d := NewDecider()
	q := Question{
		Caller: hub.Identity{TrustDomain: "d", Kind: hub.KindSM, Name: "x", Interface: hub.ScOrNsLcm},
		Mode:   hub.FullyActive, Interface: hub.ScOrSecEnforce, Operation: "ns.update:REMOVE_VNF", TargetDomain: "d",
	}
	if v := d.Decide(q); v.Allowed || v.Code != hub.Denied {
		t.Errorf("a credential of another interface: %+v", v)
	}
}

// An operation of a kind has the row of the operation where it has none of its own,
// and an operation that has rows by kind only has none for another kind.
func TestDecide_KindOfOperation(t *testing.T) {
	oss := hub.Identity{TrustDomain: "d", Kind: hub.KindOSS, Name: "shop"}
	sm := hub.Identity{TrustDomain: "d", Kind: hub.KindSM, Name: "a", Interface: hub.ScOrSecEnforce}
	for _, tc := range []struct {
		caller    hub.Identity
		at        hub.Interface
		operation Operation
		domain    string
		allowed   bool
		code      hub.Code
	}{
		{oss, OsMaInterface, "ns.update:REMOVE_VNF", "d", true, ""},
		{oss, OsMaInterface, "ns.update:", "d", true, ""},
		{oss, OsMaInterface, "ns.update:REMOVE_VNF", "other", false, hub.NotFound},
		{oss, OsMaInterface, "host.stop-use:x", "d", false, hub.Denied},
		{sm, hub.ScOrSecEnforce, "ns.update:REMOVE_VNF", "d", true, ""},
		{sm, hub.ScOrSecEnforce, "ns.update:CHANGE_EXT_VNF_CONNECTIVITY", "d", false, hub.Denied},
		{sm, hub.ScOrSecEnforce, "ns.update", "d", false, hub.Denied},
	} {
		v := NewDecider().Decide(Question{Caller: tc.caller, Mode: hub.FullyActive, Interface: tc.at, Operation: tc.operation, TargetDomain: tc.domain})
		if v.Allowed != tc.allowed || v.Code != tc.code {
			t.Errorf("%s asks for %s: %+v", tc.caller, tc.operation, v)
		}
	}
}

func TestAllowed(t *testing.T) {
	d := NewDecider()
	for mode, want := range map[hub.Mode]string{
		hub.Passive: "[session.read credential.renew]",
		hub.SemiActive: "[session.read credential.renew ns.query ns.update:REMOVE_VNF ns.update:REMOVE_VNF+replace " +
			"ns.update:REMOVE_VNF+snapshot ns.update:CREATE_VNF_SNAPSHOT ns.update:ADD_VNF ns.update:INSTANTIATE_VNF " +
			"vnf-package.query host.stop-use+migrate host.stop-use+terminate]",
	} {
		if got := fmt.Sprint(d.Allowed(hub.ScOrSecEnforce, mode)); got != want {
			t.Errorf("%s:\n got %s\nwant %s", mode, got, want)
		}
	}
}
