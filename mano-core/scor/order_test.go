package scor

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
)

func TestAttributes(t *testing.T) {
	for _, tt := range []struct {
		name, params string
		want         []string
		refused      string // in the error's text
	}{
		{"none", `{}`, nil, ""},
		{"another's parameter", `{"vendor.x": 1}`, nil, ""},
		{"may be replaced", `{"manoward.replace": true}`, []string{"replace"}, ""},
		{"may not be replaced", `{"manoward.replace": false}`, []string{"replace"}, ""},
		{"not asked for", `{"manoward.erase": false}`, nil, ""},
		{"all", `{"manoward.replace": false, "manoward.snapshotFirst": true, "manoward.disablePackage": true, "manoward.coHosted": true, "manoward.erase": true}`,
			[]string{"co-hosted", "disable-package", "erase", "replace", "snapshot"}, ""},
		{"misspelt", `{"manoward.eraze": true}`, nil, "manoward.eraze"},
		{"no boolean", `{"manoward.erase": "yes"}`, nil, "manoward.erase must be true or false"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var params sol005.KeyValuePairs
			if err := json.Unmarshal([]byte(tt.params), &params); err != nil {
				t.Fatal(err)
			}
			got, err := attributes(&sol005.UpdateNsRequest{TerminateVnfData: []sol005.TerminateVnfData{{AdditionalParams: params}}})
			if tt.refused != "" {
				if hub.CodeOf(err) != hub.Unprocessable || !strings.Contains(hub.SafeText(err), tt.refused) {
					t.Fatalf("got %v, want a refusal that names %s", err, tt.refused)
				}
				return
			}
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("attributes = %v, %v; want %v", got, err, tt.want)
			}
		})
	}
}

// Every place of an order that can name a VNF is looked at: one that were missed
// could carry another domain's.
func TestVnfs(t *testing.T) {
	const order = `{
	  "addVnfIstance": [{"vnfInstanceId": "a"}], "removeVnfInstanceId": ["b"], "terminateVnfData": [{"vnfInstanceId": "c"}],
	  "operateVnfData": [{"vnfInstanceId": "d"}], "modifyVnfInfoData": [{"vnfInstanceId": "e"}], "changeVnfFlavourData": [{"vnfInstanceId": "f"}],
	  "changeExtVnfConnectivityData": [{"vnfInstanceId": "g"}], "changeVnfPackageData": [{"vnfInstanceId": "h"}],
	  "moveVnfInstanceData": [{"targetNsInstanceId": "t", "vnfInstanceId": ["i", "j"]}], "createSnapshotData": {"vnfInstanceId": "k"},
	  "revertVnfToSnapshotData": {"vnfInstanceId": "l"}, "deleteVnfSnapshotData": {"vnfInstanceId": "m"}}`
	var req sol005.UpdateNsRequest
	if err := json.Unmarshal([]byte(order), &req); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(vnfs(&req), ""), "abcdefghijklm"; got != want {
		t.Errorf("vnfs = %s, want %s", got, want)
	}
	// A field of the type that is not above must not carry a VNF.
	var all map[string]any
	raw, _ := json.Marshal(req)
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(raw), "nfInstanceId\""); n != 12 {
		t.Errorf("the order names VNFs in %d places, want 12: the test has fallen behind", n)
	}
}

func FuzzOrder(f *testing.F) {
	f.Add([]byte(`{"updateType":"REMOVE_VNF","removeVnfInstanceId":["a"],"terminateVnfData":[{"vnfInstanceId":"a","additionalParams":{"manoward.erase":true}}]}`))
	f.Add([]byte(`{"terminateVnfData":[{"additionalParams":{"manoward.":null}}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var req sol005.UpdateNsRequest
		if json.Unmarshal(raw, &req) != nil {
			return
		}
		attrs, err := attributes(&req)
		if err != nil && hub.CodeOf(err) != hub.Unprocessable {
			t.Errorf("attributes of %q: %v", raw, err)
		}
		if !slices.IsSorted(attrs) || len(attrs) > len(terminationAttributes) {
			t.Errorf("attributes of %q: %v", raw, attrs)
		}
		if slices.Contains(vnfs(&req), "") {
			t.Errorf("vnfs of %q holds an empty one", raw)
		}
	})
}
