package e2e_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// scenarioSays are texts that each scenario has to tell, in their order. It tells them
// once it has read them back from NFVO, VIM and records.
var scenarioSays = map[string][]string{
	"host-compromise": {
		"The VIM says that bonn-1 is UNTRUSTED",
		"assistant had portal ended; the NFVO keeps snapshot ",
		"To erase keys is a recommendation: mode SEMI_ACTIVE does not allow ns.update:REMOVE_VNF+erase",
		"To quarantine bonn-1 is one too: mode SEMI_ACTIVE does not allow host.stop-use+quarantine",
		"The VIM tells that it erased its content and its TPM slot at ",
		"ledger was migrated to bonn-2, and bonn-1 is quarantined for bank",
		"Its chain is whole and sealed: input, policies, decision, order, operation, outcome",
		"meter of water runs on bonn-1 as before",
		"No record of water names anything of bank",
	},
	"two-domains": {
		"That of rail is not there for it: 404",
		"Refused with 404: an order on the network service of rail",
		"Refused with 404: an order on its own network service that names the VNF of rail",
		"The NFVO has no operation but the first",
		"The records of rail have both attempts",
		"The records of tram have both attempts",
		"warden was told of both attempts, and raised an alert that names spiffe://tram/sm/intruder/sc-or.sec-enforce. Nobody in tram was told.",
		"Its chain is whole and sealed: input, policies, decision, notice",
	},
	"bring-your-own-policy": {
		"its tests and samples pass, and the bundle wall.tar.gz is signed",
		"It judges, and nothing is done.",
		"the firewall is off still",
		"the firewall inspects strictly again",
		"Its chain is whole and sealed: input, policies, decision, order, operation, outcome",
		"and the parameter inspection is",
	},
}

// The scenarios of examples/ run one after the other on one hub, each reads back what it
// says, and the records of all trust domains are as they were sealed.
//
// Covers: Sc-Or.NsLcm.003, Sc-Or.SecEnforce.002, Sc-Or.SecEnforce.003, Sc-Or.SecEnforce.004, Sc-Or.SecurityVnfMgmt.001, Security.003
func TestScenarios(t *testing.T) {
	t.Parallel()
	program, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	line := []string{program, "demo", "--exit", "-o", "json"}
	for name := range scenarioSays {
		line = append(line, "--scenario", name)
	}
	h := &hubProcess{t: t, home: t.TempDir()}
	cmd := h.command(t.Context(), line...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v:\n%s%s", err, &out, &errs)
	}
	told, took := map[string]string{}, 0.0
	for text := range strings.Lines(out.String()) {
		var e struct {
			Elapsed              float64
			Kind, Scenario, Text string
		}
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			t.Fatalf("%v: %q", err, text)
		}
		if e.Kind == "failed" {
			t.Errorf("%s: %s", e.Scenario, e.Text)
		}
		if e.Kind == "fact" {
			told[e.Scenario] += e.Text + "\n"
		}
		took = e.Elapsed
	}
	for name, texts := range scenarioSays {
		rest := told[name]
		for _, want := range texts {
			_, after, found := strings.Cut(rest, want)
			if !found {
				t.Errorf("%s does not say %q, or not in this place:\n%s", name, want, told[name])
				continue
			}
			rest = after
		}
	}
	t.Logf("%d scenarios took %.1f s", len(scenarioSays), took)
}
