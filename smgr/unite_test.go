package smgr

import (
	"slices"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

// Every action of the vocabulary has a row, and two targets that differ in what
// the action changes are two subjects.
func TestSubject(t *testing.T) {
	all := hub.Target{NsInstanceID: "n", VnfInstanceID: "v", VnfProfileID: "p", VnfPkgID: "k", HostID: "h", ImageID: "i", CertificateRequestID: "c"}
	for a, want := range map[hub.ActionType]string{
		hub.ActionAlert: "", hub.ActionTerminateVnf: "vnf/v", hub.ActionStopHost: "host/h", hub.ActionInsertSecurityVnf: "ns/n/profile/p/vnf/v",
		hub.ActionModifySecurityVnf: "vnf/v", hub.ActionRemoveSecurityVnf: "ns/n/vnf/v",
		hub.ActionDenyCertificate: "certificate-request/c", hub.ActionDowngradeAttestation: "certificate-request/c", "reboot": "",
	} {
		if got := Subject(a, all); got != want {
			t.Errorf("%s: %q, want %q", a, got, want)
		}
		if subjects[a] == nil && a != "reboot" {
			t.Errorf("%s has no row", a)
		}
	}
	if len(subjects) != 8 {
		t.Errorf("%d rows for 8 actions", len(subjects))
	}
}

func TestOrderID(t *testing.T) {
	var ids []string
	for _, n := range []int{1, 2, 9, 10, 255, 256, 1 << 20} {
		id := OrderID("red", "north", hub.ActionStopHost, "host/h", n)
		if OrderNumber(id) != n || len(id) != 36 {
			t.Errorf("%d: %s", n, id)
		}
		ids = append(ids, id)
	}
	if slices.Reverse(ids); !slices.IsSorted(ids) {
		t.Errorf("the newest does not sort first: %v", ids)
	}
	for _, other := range []string{
		OrderID("red", "north", hub.ActionStopHost, "host/i", 1), OrderID("blue", "north", hub.ActionStopHost, "host/h", 1),
		OrderID("red", "south", hub.ActionStopHost, "host/h", 1), OrderID("red", "north", hub.ActionTerminateVnf, "host/h", 1),
	} {
		if slices.Contains(ids, other) {
			t.Errorf("%s is used twice", other)
		}
	}
	for _, id := range []string{"", "o", "no-number-at-all"} {
		if n := OrderNumber(id); n != 0 {
			t.Errorf("%q has the number %d", id, n)
		}
	}
}

func terminate(l Level, a hub.Action) *Order {
	a.Type = hub.ActionTerminateVnf
	return &Order{ID: "o", DecisionID: "d", Policy: "p", Severity: hub.SeverityLow, Action: a, Target: hub.Target{VnfInstanceID: "v"}, Scope: Scope{Subject: "vnf/v"}, Level: l, State: OrderPlanned}
}

// What an open order takes in, by level, arguments and how far it has come.
func TestCanTake(t *testing.T) {
	yes, no := true, false
	begun := func(o *Order) *Order { o.Steps = []Step{{Name: "x"}}; return o }
	approved := func(o *Order) *Order { o.Approval = &Approval{Approved: true}; return o }
	in := func(o *Order, s OrderState) *Order { o.State = s; return o }
	erase := hub.Action{Erase: true}
	for name, tt := range map[string]struct {
		open, other *Order
		want        bool
	}{
		"the same":                         {terminate(LevelAdvise, hub.Action{}), terminate(LevelAdvise, hub.Action{}), true},
		"more at one level":                {terminate(LevelAdvise, hub.Action{}), terminate(LevelAdvise, erase), true},
		"less at one level":                {terminate(LevelAdvise, erase), terminate(LevelAdvise, hub.Action{}), true},
		"raised":                           {terminate(LevelAdvise, hub.Action{}), terminate(LevelEnforce, hub.Action{}), true},
		"raised with more":                 {terminate(LevelAdvise, hub.Action{}), terminate(LevelEnforce, erase), true},
		"raised beyond what is asked for":  {terminate(LevelAdvise, erase), terminate(LevelEnforce, hub.Action{}), false},
		"lesser level, covered":            {terminate(LevelEnforce, erase), terminate(LevelAdvise, hub.Action{}), true},
		"lesser level asks for more":       {terminate(LevelEnforce, hub.Action{}), terminate(LevelAdvise, erase), false},
		"begun, covered":                   {begun(terminate(LevelEnforce, erase)), terminate(LevelEnforce, hub.Action{}), true},
		"begun, more":                      {begun(terminate(LevelEnforce, hub.Action{})), terminate(LevelEnforce, erase), false},
		"approved, covered":                {approved(terminate(LevelApprove, erase)), terminate(LevelApprove, hub.Action{}), true},
		"approved, more":                   {approved(terminate(LevelApprove, hub.Action{})), terminate(LevelApprove, erase), false},
		"bar and replacement":              {terminate(LevelEnforce, hub.Action{Replace: &yes}), terminate(LevelEnforce, hub.Action{Replace: &no}), false},
		"to replace is what nothing means": {begun(terminate(LevelEnforce, hub.Action{})), terminate(LevelEnforce, hub.Action{Replace: &yes}), true},
		"completed":                        {in(terminate(LevelEnforce, hub.Action{}), OrderCompleted), terminate(LevelEnforce, hub.Action{}), false},
		"expired":                          {in(terminate(LevelAdvise, hub.Action{}), OrderExpired), terminate(LevelAdvise, hub.Action{}), false},
	} {
		if got := tt.open.CanTake(tt.other); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	other := terminate(LevelEnforce, hub.Action{})
	other.Scope.Subject = "vnf/w"
	if terminate(LevelEnforce, hub.Action{}).CanTake(other) {
		t.Error("another subject")
	}
}

// What is taken in is united, raised and named, once for each policy.
func TestTake(t *testing.T) {
	o := terminate(LevelAdvise, hub.Action{Snapshot: true})
	other := terminate(LevelEnforce, hub.Action{Snapshot: true, Erase: true, DisablePackage: true})
	other.DecisionID, other.Policy, other.Finding, other.Also, other.Severity, other.Target.VnfPkgID = "e", "q", 3, []int{5}, hub.SeverityHigh, "k"
	other.Scope.Ends = []string{"v", "w"}
	for range 2 {
		o.Take(other)
	}
	if !o.Action.Erase || !o.Action.Snapshot || o.Level != LevelEnforce || o.Severity != hub.SeverityHigh || o.Target.VnfPkgID != "k" || !slices.Equal(o.Scope.Ends, []string{"v", "w"}) {
		t.Errorf("%+v", o)
	}
	if len(o.Taken) != 1 || o.Taken[0].DecisionID != "e" || !slices.Equal(o.Taken[0].Findings, []int{3, 5}) || o.DecisionID != "d" {
		t.Errorf("%+v", o.Taken)
	}
	if err := o.Action.Check(o.Target); err != nil {
		t.Error(err)
	}
	for i := range 2 * maxTaken {
		other.Policy = strings.Repeat("x", i+1)
		o.Take(other)
	}
	if len(o.Taken) != maxTaken {
		t.Errorf("%d are listed", len(o.Taken))
	}
}
