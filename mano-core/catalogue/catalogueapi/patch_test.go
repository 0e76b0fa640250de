package catalogueapi

import (
	"encoding/json"
	"net/http/httptest"
	"testing"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/mano-core/catalogue"
)

// Whatever a patch holds, it changes nothing that is not a caller's to change.
func FuzzModification(f *testing.F) {
	for _, seed := range []string{`{"operationalState": "DISABLED"}`, `{"userDefinedData": {"a": null, "b": {"c": 1}}}`, `{"userDefinedData": null}`, `{"userDefinedData": [{"manoward.trustDomain": "x"}]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var patch httpapi.Patch
		if json.Unmarshal(body, &patch) != nil {
			return
		}
		p := &catalogue.Package{ID: "id1", Kind: catalogue.VNF, Domain: "north", State: catalogue.Onboarded, UserData: map[string]any{"a": 1}}
		m, err := modification(p, "operationalState", patch)
		if code := hub.CodeOf(err); err != nil && code != hub.Invalid && code != hub.Unprocessable {
			t.Fatalf("error is %v", err)
		}
		if err == nil && m.UserData != nil {
			if v, there := (*m.UserData)[catalogue.KeyTrustDomain]; there && v != "north" {
				t.Fatalf("the trust domain became %v", v)
			}
		}
		if p.UserData["a"] != 1 {
			t.Fatal("the package itself was changed")
		}
	})
}

func TestAccepts(t *testing.T) {
	for header, want := range map[string]bool{
		"": true, "*/*": true, "text/*": true, "text/plain": true, "application/zip": false, "text/plain;q=0": false,
		"application/zip, text/plain;q=0.5": true, ";;": false,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Accept", header)
		if got := accepts(r, typeText); got != want {
			t.Errorf("Accept %q: %v, want %v", header, got, want)
		}
	}
}
