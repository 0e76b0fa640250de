package e2e_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/internal/testkit/memstate"
	"github.com/manoward/manoward/policies"
	"github.com/manoward/manoward/smgr"
	"github.com/manoward/manoward/smgr/topology"
)

// smgrTopology is the read model of a Security Manager over its own endpoints.
func smgrTopology(s *scorSM, mode hub.Mode) *topology.Topology {
	s.t.Helper()
	client := func(i hub.Interface, api, version string) *httpapi.Client {
		return &httpapi.Client{Base: s.at[i].URL + api, HTTP: s.clients[i], Version: version}
	}
	space := state.New(&memstate.Bus{}, "SM-"+s.name, slog.New(slog.DiscardHandler))
	top := topology.New(topology.Config{
		Name: s.name, TrustDomain: s.domain, Mode: func() hub.Mode { return mode }, Space: space, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Ns: client(hub.ScOrStatusInfo, "/nslcm/v2", "2.3.0"), Packages: client(hub.ScOrNsLcm, "/vnfpkgm/v2", "2.4.0"), Vi: client(hub.ScViTelem, "/sc-vi/v1", "1.0.0"),
		Timeout: 30 * time.Second,
	})
	if err := space.Open(s.t.Context(), s.t.Context(), s.domain); err != nil {
		s.t.Fatal(err)
	}
	return top
}

// smgrInput is an input as far as it is looked at here.
type smgrInput struct {
	Operation string `json:"operation"`
	Phase     string `json:"phase"`
	Ns        *struct {
		Vnfs []string                   `json:"vnfInstanceIds"`
		Bars map[string]json.RawMessage `json:"replacementBars"`
	} `json:"ns"`
	Vnfs map[string]struct {
		NsIDs        []string `json:"nsInstanceIds"`
		Profile      string   `json:"vnfProfileId"`
		PkgID        string   `json:"vnfPkgId"`
		State        string   `json:"instantiationState"`
		Min          *int     `json:"minInstances"`
		Security     *bool    `json:"securityVnf"`
		Connectivity []struct {
			Link string   `json:"virtualLinkInfoId"`
			Pnfs []string `json:"pnfIds"`
		} `json:"connectivity"`
		Computes []string `json:"computeIds"`
	} `json:"vnfs"`
	Packages map[string]struct {
		Integrity string          `json:"integrity"`
		Signer    string          `json:"signer"`
		Onboarded json.RawMessage `json:"onboardedChecksum"`
	} `json:"packages"`
	Computes map[string]struct {
		VnfID, HostID, ImageID string
		VnfInstanceID          string `json:"vnfInstanceId"`
	} `json:"computes"`
	Hosts map[string]struct {
		Integrity    string `json:"integrity"`
		OtherTenants *bool  `json:"otherTenants"`
	} `json:"hosts"`
	Images map[string]json.RawMessage `json:"images"`
	AsOf   map[string]time.Time       `json:"asOf"`
}

// smgrJudge takes an event in and returns its input, which must fit its schema.
func smgrJudge(t *testing.T, top *topology.Topology, schemas *policies.Schemas, e smgr.Event) (in smgrInput) {
	t.Helper()
	if err := top.Apply(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	raw, err := top.Input(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := schemas.ParseInput(raw); err != nil {
		t.Errorf("input of %s does not fit: %v\n%.2000s", e.Kind, err, raw)
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		t.Fatal(err)
	}
	return in
}

// smgrEventually waits for what can be seen.
func smgrEventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not seen in 30 s", what)
		}
	}
}

// What a Security Manager reads over its own endpoints, and every notification
// that it is sent, makes inputs that are whole and fit the schemas of policies.
func TestSmgr_Topology(t *testing.T) {
	t.Parallel()
	h := newNsHub(t, 1, "north", "south")
	sm := h.scorSM("north", "watcher", "passive")
	inbox, _ := sm.subscribe(nil)
	h.instantiate("south", "far")
	ns := h.instantiate("north", "edge")
	schemas, err := policies.OwnSchemas()
	if err != nil {
		t.Fatal(err)
	}
	top := smgrTopology(sm, hub.Passive)
	work, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { top.Run(work); close(done) }()
	t.Cleanup(func() { stop(); <-done })
	smgrEventually(t, "the first reading", func() bool { return top.Check(work) == nil })
	review := smgr.Event{ID: "r", Kind: hub.EventReview, Key: smgr.KeyNs(ns), Time: time.Now(), Body: json.RawMessage(`{"reason":"periodic"}`)}
	in := smgrJudge(t, top, schemas, review)
	checkSmgrInput(t, in, ns)
	smgrEventually(t, "who else is on the hosts", func() bool {
		for _, host := range smgrJudge(t, top, schemas, review).Hosts {
			if host.OtherTenants == nil {
				return false
			}
		}
		return true
	})

	// All that was told since, to a model that learns it from the events.
	h.mustComplete(ns, "terminate", map[string]string{})
	inbox.await(t, "the end", func(n scorNote) bool { return n.Operation == "TERMINATE" && n.Status == "RESULT" })
	late := smgrTopology(sm, hub.Passive)
	kinds := map[string]hub.EventKind{
		"NsLcmOperationOccurrenceNotification": hub.EventNsOperation, "NsChangeNotification": hub.EventNsChange,
		"NsIdentifierCreationNotification": hub.EventNsIdentifier, "NsIdentifierDeletionNotification": hub.EventNsIdentifier,
	}
	told := 0
	for _, n := range inbox.got() {
		kind := kinds[n.Type]
		if kind == "" {
			t.Errorf("a notification of type %s", n.Type)
			continue
		}
		for _, model := range []*topology.Topology{top, late} {
			got := smgrJudge(t, model, schemas, smgr.Event{ID: n.ID, Kind: kind, Key: smgr.KeyNs(n.Ns), Time: n.Timestamp, Body: n.raw})
			if n.Status != "" && got.Phase != n.Status || got.Ns == nil && kind != hub.EventNsIdentifier {
				t.Errorf("%s: %+v", n.line(), got)
			}
		}
		told++
	}
	if told < 6 {
		t.Errorf("only %d notifications", told)
	}
	if end := smgrJudge(t, top, schemas, review); end.Ns == nil || len(end.Ns.Vnfs) != 0 || len(end.Vnfs) != 0 {
		t.Errorf("after the end: %+v", end.Ns)
	}
}

func checkSmgrInput(t *testing.T, in smgrInput, ns string) {
	t.Helper()
	if in.Ns == nil || len(in.Ns.Vnfs) == 0 || len(in.Vnfs) != len(in.Ns.Vnfs) || in.Ns.Bars == nil {
		t.Fatalf("NS: %+v, VNFs %v", in.Ns, in.Vnfs)
	}
	for id, v := range in.Vnfs {
		p, there := in.Packages[v.PkgID]
		if !there || p.Integrity != "OK" || p.Onboarded == nil || p.Signer == "" {
			t.Errorf("package of %s: %+v", id, p)
		}
		if !slices.Equal(v.NsIDs, []string{ns}) || v.Profile == "" || v.State != "INSTANTIATED" || v.Min == nil || v.Security == nil || len(v.Computes) == 0 || len(v.Connectivity) == 0 {
			t.Errorf("VNF %s: %+v", id, v)
		}
		for _, cp := range v.Connectivity {
			if cp.Link == "" {
				t.Errorf("VNF %s: its connection point is on no link", id)
			}
		}
		for _, c := range v.Computes {
			compute := in.Computes[c]
			host, there := in.Hosts[compute.HostID]
			if compute.VnfInstanceID != id || !there || host.Integrity == "" || in.Images[compute.ImageID] == nil {
				t.Errorf("compute %s: %+v on %+v", c, compute, host)
			}
		}
	}
	for _, part := range strings.Fields("ns vnfs packages computes hosts images") {
		if in.AsOf[part].IsZero() {
			t.Errorf("asOf says nothing of %s", part)
		}
	}
}
