package scor

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// guarded is an NS whose NSD foresees the firewall profile fw of VNFD fw, with the
// VNF f of it, beside the profile web with the VNF w.
type guarded struct{ NFVO }

func (guarded) SecurityProfile(_ context.Context, _, profile, vnfd string) (bool, error) {
	return profile == "fw" || profile == "" && vnfd == "fw", nil
}

func (guarded) SecurityMember(_ context.Context, _, vnf string) (bool, error) {
	if vnf != "f" && vnf != "w" {
		return false, hub.E(hub.NotFound, "find VNF", "none", nil)
	}
	return vnf == "f", nil
}

func (guarded) SecurityVnfd(_ context.Context, _, vnfd string) (bool, error) {
	return vnfd == "fw" || vnfd == "fw-2", nil
}

// Every way in which an order can be about another VNF than a security VNF.
func TestSecurityVNFsOnly(t *testing.T) {
	for order, want := range map[string]hub.Code{
		`{"instantiateVnfData":[{"vnfProfileId":"fw"}]}`:                           "",
		`{"instantiateVnfData":[{"vnfdId":"fw"}]}`:                                 "",
		`{"instantiateVnfData":[{"vnfProfileId":"web"}]}`:                          hub.Denied,
		`{"instantiateVnfData":[{"vnfProfileId":"web","vnfdId":"fw"}]}`:            hub.Denied,
		`{"instantiateVnfData":[{"vnfProfileId":"fw"},{"vnfdId":"web"}]}`:          hub.Denied,
		`{"instantiateVnfData":[{}]}`:                                              hub.Denied,
		`{"addVnfIstance":[{"vnfInstanceId":"x","vnfProfileId":"fw"}]}`:            "",
		`{"addVnfIstance":[{"vnfInstanceId":"x","vnfProfileId":"web"}]}`:           hub.Denied,
		`{"addVnfIstance":[{"vnfInstanceId":"x"}]}`:                                hub.Denied,
		`{"changeVnfPackageData":[{"vnfInstanceId":"f","vnfdId":"fw-2"}]}`:         "",
		`{"changeVnfPackageData":[{"vnfInstanceId":"f","vnfdId":"web"}]}`:          hub.Denied,
		`{"changeVnfPackageData":[{"vnfInstanceId":"w","vnfdId":"fw"}]}`:           hub.Denied,
		`{"removeVnfInstanceId":["f"],"terminateVnfData":[{"vnfInstanceId":"f"}]}`: "",
		`{"removeVnfInstanceId":["f","w"]}`:                                        hub.Denied,
		`{"removeVnfInstanceId":["f"],"terminateVnfData":[{"vnfInstanceId":"w"}]}`: hub.Denied,
		`{"modifyVnfInfoData":[{"vnfInstanceId":"w","vnfInstanceName":"mine"}]}`:   hub.Denied,
		`{"modifyVnfInfoData":[{"vnfInstanceId":"x","vnfInstanceName":"mine"}]}`:   hub.NotFound,
	} {
		var req sol005.UpdateNsRequest
		if err := json.Unmarshal([]byte(order), &req); err != nil {
			t.Fatal(err)
		}
		reason, err := (&Producer{NFVO: guarded{}}).noSecurityVNF(t.Context(), "ns", &req)
		got := hub.CodeOf(err)
		if reason != "" {
			got = hub.Denied
		}
		if got != want {
			t.Errorf("%s: %q, %v, want %q", order, reason, err, want)
		}
	}
}
