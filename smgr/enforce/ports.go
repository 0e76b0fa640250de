package enforce

import (
	"context"
	"log/slog"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/smgr"
)

// Item is one piece of work in a [Queue].
type Item struct {
	ID      string // unique in its queue while it waits
	Key     string // items of one key are handled in order, one at a time
	Data    []byte
	Attempt int // from 1; not kept over a change of owner
}

// Queue is durable work, shared by all processes of a Security Manager. An item
// whose handler fails is tried again after the queue's back-off, for ever, and
// holds up its own key alone. It needs a worker for each NS that may change at
// the same time.
type Queue interface {
	// Push makes an item durable. An ID that still waits adds nothing.
	Push(ctx context.Context, it Item) error
	// Consume handles items until ctx ends. What a handler answers with [ErrPaused]
	// is tried again after [PausePoll], and has not failed. A handler's context ends when the work
	// becomes another process's.
	Consume(ctx context.Context, handler func(context.Context, Item) error) error
}

// Place is where a VNF instance is used: an NS, and the profile that it has there.
type Place struct {
	NsInstanceID string
	VnfProfileID string // empty: not known
}

// Profile is a VNF profile of an NS as it stands.
type Profile struct {
	MinInstances   int      // 0: none is stated
	VnfInstanceIDs []string // its instances
}

// Topology is what the Security Manager knows of the inventory. What it does not
// know is empty and no error.
type Topology interface {
	Places(ctx context.Context, vnfInstanceID string) ([]Place, error)
	Profile(ctx context.Context, nsInstanceID, vnfProfileID string) (Profile, error)
	// CoHosted lists the domain's other VNFs with a compute on a host of this one.
	CoHosted(ctx context.Context, vnfInstanceID string) ([]string, error)
	// OnHost lists the domain's VNFs with a compute on the host.
	OnHost(ctx context.Context, hostID string) ([]string, error)
}

// Interface is one of the Security Manager's endpoints at the NFVO. Its clients
// carry the credentials and a time limit.
type Interface struct {
	NsLcm   *httpapi.Client // {apiRoot}/nslcm/v2
	VnfPkgm *httpapi.Client // {apiRoot}/vnfpkgm/v2; of sc-or.sec-enforce only
	ScOr    *httpapi.Client // {apiRoot}/sc-or/v1; of sc-or.sec-enforce only
	// Session is {apiRoot}/manoward/v1, by which an NFVO of ours is known; nil
	// for one that is foreign.
	Session *httpapi.Client
}

// NFVO is how the NFVO is reached.
type NFVO struct {
	SecEnforce      Interface // sc-or.sec-enforce
	SecurityVnfMgmt Interface // sc-or.security-vnf-mgmt; its NsLcm only
}

// Limits bound what a policy gone wild can do.
type Limits struct {
	Orders int           // destructive orders within Window; 0: 5
	Window time.Duration // 0: 10 min
}

// Metrics takes counts and durations; each member may be nil.
type Metrics struct {
	Order   func(action hub.ActionType, state smgr.OrderState) // an order came into a state
	Request func(outcome string)                               // a request that changes something: accepted, retry, refused, gone, busy, failed
	Alarm   func(kind string)                                  // an alarm was raised: limit, minimum, stuck, conflict, expired
	Wire    func(d time.Duration)                              // from the planned or approved order to its first step's request
}

// Config is what an [Enforcer] needs.
type Config struct {
	TrustDomain string
	Name        string       // of the Security Manager
	Space       *state.Space // of the Security Manager, not open yet
	Queue       Queue        // of its orders
	// Records appends to the trust domain's record log. A record whose ID is
	// there has no second effect.
	Records  func(ctx context.Context, records ...hub.Record) error
	Topology Topology
	// Mode is the Security Manager's mode as it is registered now.
	Mode func(ctx context.Context) (hub.Mode, error)
	// Authors lists the identities of those who brought the policy of an order to
	// act: they cannot approve what it asks for.
	Authors    func(ctx context.Context, o smgr.Order) ([]string, error)
	NFVO       NFVO
	Limits     Limits
	AlarmAfter time.Duration // without progress of an order; 0: 5 min
	Expiry     time.Duration // how long an order waits for a person before it ends; 0: [DefaultExpiry]
	Sweep      time.Duration // between two looks for orders whose item was lost in a crash; 0: 1 min
	Hold       time.Duration // how long a worker follows one operation before it does other work in between; 0: 30 s
	Metrics    Metrics
	Now        func() time.Time
	// Wait blocks for d or until ctx ends, and then returns its error.
	Wait func(ctx context.Context, d time.Duration) error
	Log  *slog.Logger
}

// DefaultExpiry is how long an order waits for a person, or is a recommendation.
const DefaultExpiry = 7 * 24 * time.Hour

// Enforcer carries out the orders of one Security Manager. Any number of
// processes may run one. It is safe for concurrent use.
type Enforcer struct {
	Config
	orders    *state.Kind[order]
	pauses    *state.Kind[pause]
	windows   *state.Kind[window]
	removals  *state.Kind[removal]
	peer      peer
	resting   resting
	following following
}

// New adds the enforcer's kinds to the space, which the caller opens next.
func New(c Config) *Enforcer {
	if c.Limits.Orders <= 0 {
		c.Limits.Orders = 5
	}
	for d, standard := range map[*time.Duration]time.Duration{
		&c.Limits.Window: 10 * time.Minute, &c.AlarmAfter: 5 * time.Minute, &c.Sweep: time.Minute, &c.Hold: 30 * time.Second,
		&c.Expiry: DefaultExpiry,
	} {
		if *d <= 0 {
			*d = standard
		}
	}
	return &Enforcer{
		Config: c,
		orders: state.NewRecent(c.Space, "order", (*order).terms),
		// What is one of a kind for the whole Security Manager.
		pauses:   state.NewKept[pause](c.Space, "pause", nil),
		windows:  state.NewRecent[window](c.Space, "limit", nil),
		removals: state.NewKind[removal](c.Space, "removal", nil),
		resting:  resting{since: map[string]time.Time{}}, following: following{ends: map[string]context.CancelFunc{}},
	}
}

// identity is the Security Manager as the actor of records.
func (s *Enforcer) identity() string {
	return hub.Identity{TrustDomain: s.TrustDomain, Kind: hub.KindSM, Name: s.Name, Interface: hub.ScOrSecEnforce}.String()
}

func (s *Enforcer) now() time.Time { return s.Now().UTC() }
