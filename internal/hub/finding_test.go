package hub

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestAction_Check(t *testing.T) {
	no := false
	vnf := Target{NsInstanceID: "n", VnfInstanceID: "v", VnfPkgID: "p"}
	for name, c := range map[string]struct {
		action Action
		target Target
		wrong  string // part of the reason; empty: it is right
	}{
		"alert needs nothing":        {Action{Type: ActionAlert}, Target{}, ""},
		"terminate, all of it":       {Action{Type: ActionTerminateVnf, Snapshot: true, Replace: &no, DisablePackage: true, CoHosted: true, Erase: true, BelowMinimum: true}, vnf, ""},
		"terminate without a VNF":    {Action{Type: ActionTerminateVnf}, Target{NsInstanceID: "n"}, "vnfInstanceId"},
		"disable without a package":  {Action{Type: ActionTerminateVnf, DisablePackage: true}, Target{VnfInstanceID: "v"}, "vnfPkgId"},
		"stop a host":                {Action{Type: ActionStopHost, Vnfs: "migrate", Quarantine: true}, Target{HostID: "h"}, ""},
		"stop a host, how":           {Action{Type: ActionStopHost}, Target{HostID: "h"}, "migrate"},
		"stop a host, unknown":       {Action{Type: ActionStopHost, Vnfs: "explode"}, Target{HostID: "h"}, "explode"},
		"stop no host":               {Action{Type: ActionStopHost, Vnfs: "migrate"}, vnf, "hostId"},
		"insert":                     {Action{Type: ActionInsertSecurityVnf}, Target{NsInstanceID: "n", VnfProfileID: "fw"}, ""},
		"insert without a profile":   {Action{Type: ActionInsertSecurityVnf}, Target{NsInstanceID: "n"}, "vnfProfileId"},
		"modify":                     {Action{Type: ActionModifySecurityVnf, Properties: map[string]string{"a": "b"}}, vnf, ""},
		"modify nothing":             {Action{Type: ActionModifySecurityVnf}, vnf, "properties"},
		"remove":                     {Action{Type: ActionRemoveSecurityVnf}, vnf, ""},
		"deny":                       {Action{Type: ActionDenyCertificate}, Target{CertificateRequestID: "c"}, ""},
		"downgrade without request":  {Action{Type: ActionDowngradeAttestation}, vnf, "certificateRequestId"},
		"unknown":                    {Action{Type: "reboot"}, vnf, "reboot"},
		"argument of another action": {Action{Type: ActionAlert, Snapshot: true}, vnf, "snapshot"},
		"replace of another action":  {Action{Type: ActionStopHost, Vnfs: "migrate", Replace: &no}, Target{HostID: "h"}, "replace"},
	} {
		err := c.action.Check(c.target)
		switch {
		case c.wrong == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.wrong != "" && (CodeOf(err) != Invalid || !strings.Contains(SafeText(err), c.wrong)):
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFinding_Check(t *testing.T) {
	good := Finding{Code: "signer-unknown", Severity: SeverityHigh, Message: "nobody knows the signer", Target: Target{VnfPkgID: "p"}}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for part, change := range map[string]func(*Finding){
		"severity": func(f *Finding) { f.Severity = "awful" },
		"code":     func(f *Finding) { f.Code = "Signer Unknown" },
		"message":  func(f *Finding) { f.Message = strings.Repeat("x", 1001) },
		"target":   func(f *Finding) { f.Target = Target{} },
		"action 2": func(f *Finding) { f.Actions = []Action{{Type: ActionAlert}, {Type: ActionTerminateVnf}} },
	} {
		f := good
		change(&f)
		if err := f.Check(); CodeOf(err) != Invalid || !strings.Contains(SafeText(err), part) {
			t.Errorf("%s: %v", part, err)
		}
	}
}

// TestVocabulary_Complete holds that every action has its needs written down,
// and that an action reads back as it was written.
func TestVocabulary_Complete(t *testing.T) {
	destructive := 0
	for a := range actionNeeds {
		raw, err := json.Marshal(Action{Type: a})
		if err != nil {
			t.Fatal(err)
		}
		if want := `{"type":"` + string(a) + `"}`; string(raw) != want {
			t.Errorf("%s, want %s", raw, want)
		}
		if (Action{Type: a}).Destructive() {
			destructive++
		}
	}
	if len(actionNeeds) != 8 || destructive != 3 {
		t.Errorf("%d actions, %d destructive", len(actionNeeds), destructive)
	}
	if s := (Target{VnfInstanceID: "v", NsInstanceID: "n"}).String(); s != "vnf/v ns/n" {
		t.Error(s)
	}
}
