package e2e_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/internal/testkit/memstate"
	"github.com/manoward/manoward/smgr"
	"github.com/manoward/manoward/smgr/enforce"
)

// enforcing is the enforcement of a Security Manager at the hub's NFVO. Its
// queue hands out one item after the other.
type enforcing struct {
	*enforce.Enforcer
	h     *nsHub
	items chan enforce.Item
	mu    sync.Mutex
	recs  map[string]hub.Record
}

func (x *enforcing) Push(_ context.Context, it enforce.Item) error { x.items <- it; return nil }

func (x *enforcing) Consume(ctx context.Context, handler func(context.Context, enforce.Item) error) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case it := <-x.items:
			for it.Attempt = 1; handler(ctx, it) != nil && ctx.Err() == nil; it.Attempt++ {
				if waitFor(ctx, 50*time.Millisecond) != nil {
					return nil
				}
			}
		}
	}
}

func waitFor(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Places leaves all to the NFVO.
func (x *enforcing) Places(context.Context, string) ([]enforce.Place, error) { return nil, nil }
func (x *enforcing) Profile(context.Context, string, string) (enforce.Profile, error) {
	return enforce.Profile{}, nil
}
func (x *enforcing) CoHosted(context.Context, string) ([]string, error) { return nil, nil }
func (x *enforcing) OnHost(context.Context, string) ([]string, error)   { return nil, nil }

func (h *nsHub) enforcing(s *scorSM, mode hub.Mode, foreign bool) *enforcing {
	h.t.Helper()
	x := &enforcing{h: h, items: make(chan enforce.Item, 100), recs: map[string]hub.Record{}}
	client := func(i hub.Interface, api, version string) *httpapi.Client {
		return &httpapi.Client{Base: s.at[i].URL + api, HTTP: s.clients[i], Version: version}
	}
	at := func(i hub.Interface) enforce.Interface {
		in := enforce.Interface{
			NsLcm: client(i, "/nslcm/v2", "2.3.0"), VnfPkgm: client(i, "/vnfpkgm/v2", "2.4.0"),
			ScOr: client(i, "/sc-or/v1", "1.0.0"), Session: client(i, "/manoward/v1", "1.0.0"),
		}
		if foreign {
			in.Session = nil
		}
		return in
	}
	space := state.New(new(memstate.Bus), "SM-"+s.name, slog.New(slog.DiscardHandler))
	x.Enforcer = enforce.New(enforce.Config{
		TrustDomain: s.domain, Name: s.name, Space: space, Queue: x, Topology: x,
		Records: func(_ context.Context, list ...hub.Record) error {
			x.mu.Lock()
			defer x.mu.Unlock()
			for _, r := range list {
				x.recs[r.ID] = r
			}
			return nil
		},
		Mode:    func(context.Context) (hub.Mode, error) { return mode, nil },
		Authors: func(context.Context, smgr.Order) ([]string, error) { return nil, nil },
		NFVO:    enforce.NFVO{SecEnforce: at(hub.ScOrSecEnforce), SecurityVnfMgmt: at(hub.ScOrSecurityVnfMgmt)},
		Limits:  enforce.Limits{Orders: 100}, Now: time.Now, Wait: waitFor, Log: slog.New(slog.DiscardHandler),
	})
	ctx, cancel := context.WithCancel(context.Background())
	if err := space.Open(ctx, ctx, s.domain); err != nil {
		h.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- x.Run(ctx) }()
	h.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			h.t.Error(err)
		}
	})
	return x
}

// carry plans an order and waits until it goes on no further by itself.
func (x *enforcing) carry(want smgr.OrderState, a hub.Action, target hub.Target) smgr.Order {
	x.h.t.Helper()
	o := smgr.Order{
		ID: hub.NewID(), DecisionID: "d", Policy: "p", Severity: hub.SeverityHigh, Message: "a test", Action: a, Target: target,
		Key: smgr.KeyNs(target.NsInstanceID), Level: smgr.LevelEnforce, State: smgr.OrderPlanned,
	}
	if err := x.Plan(context.Background(), o); err != nil {
		x.h.t.Fatal(err)
	}
	eventually(x.h.t, "the order ends", 20*time.Second, func() bool {
		var err error
		if o, err = x.Get(context.Background(), o.ID); err != nil {
			x.h.t.Fatal(err)
		}
		return o.State.Final() || o.State == smgr.OrderRecommended
	})
	if o.State != want {
		x.h.t.Fatalf("the order %+v to %+v is %s (%s), want %s; steps %+v", a, target, o.State, o.Reason, want, o.Steps)
	}
	return o
}

// The enforcement of a Security Manager carries its orders out at the real NFVO,
// as ours and as if it were a foreign one; the effect is read back from NFVO and
// VIM.
func TestEnforce_AtOurNFVO(t *testing.T) {
	t.Parallel()
	x := scorForces(t)
	fully, semi := x.enforcing(x.fully, hub.FullyActive, false), x.enforcing(x.semi, hub.SemiActive, false)
	plain := x.enforcing(x.fully, hub.FullyActive, true)
	k := x.kits["north"]
	no := false

	ns, web := x.scaled("enforced", 1)
	semi.carry(smgr.OrderCompleted, hub.Action{Type: hub.ActionTerminateVnf, Snapshot: true, Replace: &no}, hub.Target{VnfInstanceID: web[0], NsInstanceID: ns})
	x.gone(ns, web[0])
	semi.carry(smgr.OrderSuperseded, hub.Action{Type: hub.ActionTerminateVnf}, hub.Target{VnfInstanceID: web[0], NsInstanceID: ns})

	semi.carry(smgr.OrderCompleted, hub.Action{Type: hub.ActionInsertSecurityVnf}, hub.Target{NsInstanceID: ns, VnfProfileID: "guard"})
	guard := x.vnfsOf(ns, k.GuardVNFD())
	if len(guard) != 1 {
		t.Fatalf("the security VNFs are %v", guard)
	}
	semi.carry(smgr.OrderCompleted, hub.Action{Type: hub.ActionRemoveSecurityVnf}, hub.Target{NsInstanceID: ns, VnfInstanceID: guard[0]})
	x.gone(ns, guard[0])

	// An NFVO that refuses what this process thinks allowed: it is told so.
	lying := x.enforcing(x.semi, hub.FullyActive, false)
	lying.carry(smgr.OrderRecommended, hub.Action{Type: hub.ActionTerminateVnf, Erase: true}, hub.Target{VnfInstanceID: web[1], NsInstanceID: ns})

	// Plain SOL 005 does for what it can say.
	plain.carry(smgr.OrderCompleted, hub.Action{Type: hub.ActionTerminateVnf, Snapshot: true}, hub.Target{VnfInstanceID: web[1], NsInstanceID: ns})
	x.gone(ns, web[1])
	var kept []sol005.VnfSnapshotInfo
	x.semi.read(hub.ScOrSecEnforce, "/nslcm/v2/vnf_snapshots", &kept)
	if len(kept) != 2 {
		t.Errorf("the snapshots are %+v", kept)
	}

	other, more := x.scaled("others", 0)
	host := x.on(more[0])[0].HostID
	o := fully.carry(smgr.OrderCompleted, hub.Action{Type: hub.ActionStopHost, Vnfs: "migrate", Quarantine: true}, hub.Target{HostID: host, NsInstanceID: other})
	if at := x.on(more[0]); len(at) != 1 || at[0].HostID == host || !slices.Contains(x.host(host).QuarantinedFor, "north") {
		t.Errorf("after %+v the VNF is on %+v", o, at)
	}
	var pkgs []sol005.VnfPkgInfo
	x.fully.read(hub.ScOrSecEnforce, "/vnfpkgm/v2/vnf_packages?filter=(eq,vnfdId,"+x.web()+")", &pkgs)
	if len(pkgs) != 1 {
		t.Fatalf("the packages are %+v", pkgs)
	}
	everything := hub.Action{Type: hub.ActionTerminateVnf, Snapshot: true, Replace: &no, DisablePackage: true, CoHosted: true, Erase: true}
	fully.carry(smgr.OrderCompleted, everything, hub.Target{VnfInstanceID: more[0], NsInstanceID: other, VnfPkgID: pkgs[0].ID})
	x.gone(other, more[0])
	a := x.fully.must(http.StatusOK, hub.ScOrSecEnforce, http.MethodGet, "/vnfpkgm/v2/vnf_packages/"+pkgs[0].ID, nil)
	var pkg sol005.VnfPkgInfo
	if err := json.Unmarshal([]byte(a.body), &pkg); err != nil || pkg.OperationalState != sol005.PackageOperationalStateDisabled {
		t.Errorf("the package is %s (%v)", a.body, err)
	}
}
