package catalogueapi_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/csartest"
	"github.com/manoward/manoward/mano-core/catalogue"
)

// A package is checked again as it is stored, under the policy of now, and that
// changes nothing but what an altered file changes.
func TestVerify(t *testing.T) {
	r := newRig(t)
	ca, s := signer(t)
	r.trust("north", ca)
	id := r.onboard(alice, catalogue.VNF, vnfPackage(t, "d1", s, nil))
	at := "/manoward/v1/vnf_packages/" + id + "/verify"
	verify := func() (verdict string, rules []string, signers int) {
		t.Helper()
		got := r.want(http.StatusOK, operator, "POST", at, map[string]any{}).json(t)
		for _, f := range got["findings"].([]any) {
			if f := f.(map[string]any); f["severity"] == "error" {
				rules = append(rules, f["rule"].(string))
			}
		}
		return got["verdict"].(string), rules, len(got["signers"].([]any))
	}
	if verdict, rules, signers := verify(); verdict != "ACCEPTED" || len(rules) != 0 || signers != 1 {
		t.Errorf("a good package is %s %v, %d signers", verdict, rules, signers)
	}

	r.trust("north", csartest.NewCA(t, "another"))
	if verdict, rules, _ := verify(); verdict != "REFUSED" || len(rules) != 1 || rules[0] != "chain" {
		t.Errorf("without its anchor the package is %s %v", verdict, rules)
	}
	r.trust("north", ca)
	if verdict, _, _ := verify(); verdict != "ACCEPTED" {
		t.Errorf("with its anchor again the package is %s", verdict)
	}

	path := filepath.Join(r.dir, "north", r.stored("north")[0])
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(raw), "echo hello", "echo hallo", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if verdict, rules, _ := verify(); verdict != "REFUSED" || len(rules) == 0 || rules[0] != "altered" {
			t.Errorf("an altered package is %s %v", verdict, rules)
		}
	}
	if n := len(r.recorded(catalogue.RecordAltered)); n != 1 {
		t.Errorf("%d records of the alteration", n)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if verdict, rules, _ := verify(); verdict != "REFUSED" || len(rules) != 2 {
		t.Errorf("a package whose file is gone is %s %v", verdict, rules)
	}

	r.want(404, operator, "POST", "/manoward/v1/vnf_packages/none/verify", map[string]any{})
	r.want(404, bob, "POST", at, map[string]any{})
	r.want(403, hub.Identity{TrustDomain: "north", Kind: hub.KindClient, Name: "reader"}, "POST", at, map[string]any{})
	r.want(405, operator, "GET", at, nil)
	created := r.create(alice, packages, nil)
	r.want(409, operator, "POST", "/manoward/v1/vnf_packages/"+created+"/verify", map[string]any{})
}

// What was wrong with a refused package is shown reason by reason.
func TestOnboarding_Findings(t *testing.T) {
	r := newRig(t)
	id := r.create(alice, packages, nil)
	_, s := signer(t)
	r.want(http.StatusAccepted, alice, "PUT", packages+"/"+id+"/package_content", vnfPackage(t, "d1", s, nil))
	r.waitState(catalogue.VNF, id, catalogue.Failed)
	details := r.want(200, alice, "GET", packages+"/"+id, nil).json(t)["onboardingFailureDetails"].(map[string]any)
	list, _ := details["manoward.findings"].([]any)
	if len(list) != 1 || details["detail"] != list[0] {
		t.Errorf("details are %v", details)
	}
}
