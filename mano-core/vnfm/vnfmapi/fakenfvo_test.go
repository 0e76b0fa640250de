package vnfmapi_test

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/manoward/manoward/internal/sol/sol003"
)

// fakeNFVO grants what is asked for: at once, or after it has been asked again,
// or not at all. A repetition of a request gets the same grant.
type fakeNFVO struct {
	t        testing.TB
	mu       sync.Mutex
	refusal  string // answered with 403
	late     string // refusal of a grant that was to be decided later
	nowhere  bool   // no Location of what is decided later
	later    int    // how often a grant is not decided yet
	busy     int    // how often it answers 503
	bare     bool   // grants without assets
	image    string // its name in grants
	ext      []sol003.ExtVirtualLinkData
	managed  []sol003.ExtManagedVirtualLinkData
	grants   map[string]sol003.Grant
	requests map[string]sol003.GrantRequest // by operation
}

func (n *fakeNFVO) configure(fn func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	fn()
}

func (n *fakeNFVO) request(op string) sol003.GrantRequest {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.requests[op]
}

func (n *fakeNFVO) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if r.Header.Get("Version") != "1.7.0" {
		problem(w, 400, "Version is missing")
		return
	}
	if r.Method == http.MethodGet {
		id := strings.TrimPrefix(r.URL.Path, "/grant/v1/grants/")
		if n.later--; n.later >= 0 {
			w.WriteHeader(202)
			return
		}
		if n.late != "" {
			problem(w, 403, n.late)
			return
		}
		answer(w, 200, n.grants[id])
		return
	}
	if n.busy--; n.busy >= 0 {
		problem(w, 503, "busy")
		return
	}
	if n.refusal != "" {
		problem(w, 403, n.refusal)
		return
	}
	var in sol003.GrantRequest
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		problem(w, 400, err.Error())
		return
	}
	if r.Header.Get("Idempotency-Key") != in.VnfLcmOpOccID {
		n.t.Errorf("Idempotency-Key %q, want the operation", r.Header.Get("Idempotency-Key"))
	}
	n.requests[in.VnfLcmOpOccID] = in
	grant := n.grant(in)
	n.grants[grant.ID] = grant
	if n.nowhere {
		w.WriteHeader(202)
		return
	}
	w.Header().Set("Location", "https://nfvo.test/grant/v1/grants/"+grant.ID)
	if n.later > 0 {
		w.WriteHeader(202)
		return
	}
	answer(w, 201, grant)
}

func (n *fakeNFVO) grant(in sol003.GrantRequest) sol003.Grant {
	g := sol003.Grant{ID: "grant-of-" + in.VnfLcmOpOccID, VnfInstanceID: in.VnfInstanceID, VnfLcmOpOccID: in.VnfLcmOpOccID, Zones: []sol003.ZoneInfo{{ID: "z", ZoneID: "zone-1"}}}
	g.VimAssets = &sol003.GrantVimAssets{}
	for _, d := range in.AddResources {
		info := sol003.GrantInfo{ResourceDefinitionID: d.ID, VimConnectionID: "vim-1"}
		if d.Type == "COMPUTE" {
			info.ZoneID = "z"
			has := func(f sol003.VimComputeResourceFlavour) bool { return f.VnfdVirtualComputeDescID == d.VduID }
			if !n.bare && !slices.ContainsFunc(g.VimAssets.ComputeResourceFlavours, has) {
				g.VimAssets.ComputeResourceFlavours = append(g.VimAssets.ComputeResourceFlavours, sol003.VimComputeResourceFlavour{VnfdVirtualComputeDescID: d.VduID, VimFlavourID: "flavour-" + d.VduID})
			}
		}
		g.AddResources = append(g.AddResources, info)
	}
	g.VimAssets.SoftwareImages = []sol003.VimSoftwareImage{{VnfdSoftwareImageID: cmp.Or(n.image, "web-image"), VimSoftwareImageID: "vim-web-image"}}
	g.ExtVirtualLinks, g.ExtManagedVirtualLinks = n.ext, n.managed
	g.VimConnectionInfo = map[string]sol003.VimConnectionInfo{"vim-1": {VimType: "manoward"}}
	return g
}
