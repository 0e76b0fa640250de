package smgrapi

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/policies"
	"github.com/manoward/manoward/smgr"
	"github.com/manoward/manoward/smgr/decide"
	"github.com/manoward/manoward/smgr/enforce"
)

// Version is the version of the resources below /manoward/v1.
const Version = "1.0.0"

// Authorize says who sent a request and whether it may do an operation to what is
// of a trust domain; an empty targetDomain is the caller's own. target is for the
// record of a refusal. It answers hub.NotFound for what is another domain's.
type Authorize func(r *http.Request, operation, targetDomain, target string) (hub.Identity, error)

// Config is what a [Manager] needs. All members but Deadline are needed.
type Config struct {
	TrustDomain string
	Name        string
	Space       *state.Space // of the Security Manager, not open yet
	Decide      *decide.Decider
	Enforce     *enforce.Enforcer
	Schemas     *policies.Schemas
	Keys        func() []policies.VerificationKey // that may sign policies now
	// Input makes the input of an event from what is known now. It takes nothing in.
	Input func(ctx context.Context, e smgr.Event) ([]byte, error)
	// Records appends to the trust domain's record log. A record whose ID is there
	// has no second effect.
	Records   func(ctx context.Context, records ...hub.Record) error
	Publisher Publisher     // the outbox of its trust domain
	Deadline  time.Duration // of a dry run, at least; 0: ten times policies.DefaultDeadline
	Now       func() time.Time
	Peer      func() *Peer // what is known of its NFVO; nil: nothing yet
	// Check says what the Security Manager lacks, such as policies, what is known of the
	// trust domain, or a subscription.
	Check func(ctx context.Context) error
}

// Peer is what the NFVO of a Security Manager can do for it.
type Peer struct {
	Extensions bool     `json:"extensions"`       // it is one of ours
	Cannot     []string `json:"cannot,omitempty"` // in words for an operator
}

// Manager is one Security Manager as it is served here. It is safe for concurrent
// use.
type Manager struct {
	Config
	resources *state.Kind[resource]
	// changing has the changes of this process made one after another, so that they
	// do not fail for each other. Preconditions do not rest on it: they are compared
	// with what is stored, at the revision that the change replaces.
	changing sync.Mutex
	working  chan struct{} // slots for evaluations, explanations and traces
}

// maxWorking bounds how many evaluations run at once for those who ask here, so
// that they leave the processors to the events.
const maxWorking = 2

// maxParameters bounds the parameters of one policy: a list of 10,000 packages with
// their checksums is 2.5 MB.
const maxParameters = 16 << 20

// NewManager adds what is stored here to the space, which the caller opens next.
func NewManager(c Config) *Manager {
	if c.Deadline <= 0 {
		c.Deadline = 10 * policies.DefaultDeadline
	}
	return &Manager{
		Config: c, working: make(chan struct{}, maxWorking),
		resources: state.NewKind(c.Space, "sol012-policy", (*resource).terms),
	}
}

// work takes a slot for an evaluation; the caller gives it back with done.
func (m *Manager) work(op string) (done func(), err error) {
	select {
	case m.working <- struct{}{}:
		return func() { <-m.working }, nil
	default:
		return nil, hub.E(hub.RateLimited, op, fmt.Sprintf("%d evaluations are being made for others; try again", maxWorking), nil)
	}
}

// API serves Security Managers. Its fields must not change once it serves; it is
// then safe for concurrent use.
type API struct {
	Authorize Authorize
	Managers  []*Manager // of this process
	// SeesAll says who sees what is of every trust domain, where Authorize lets it.
	SeesAll func(caller hub.Identity) bool
	// Subscriptions are those of nfvpolicy/v1.
	Subscriptions notify.Store
}

// handler answers a request about one Security Manager; who sent it may do so.
type handler func(m *Manager, who hub.Identity, w http.ResponseWriter, r *http.Request) error

// Routes adds our resources to the group manoward/v1.
func (a *API) Routes(g *httpapi.Group) {
	const root = "/security_managers/{name}"
	handle := func(method, path, operation string, h handler, options ...httpapi.RouteOption) {
		g.Handle(method+" "+root+path, func(w http.ResponseWriter, r *http.Request) error {
			m, who, err := a.find(r, operation)
			if err != nil {
				return err
			}
			return h(m, who, w, r)
		}, options...)
	}
	handle("GET", "/status", "sm.status.read", showStatus)
	handle("GET", "/decisions", "sm.decision.read", listDecisions)
	handle("GET", "/decisions/{id}", "sm.decision.read", showDecision)
	handle("GET", "/decisions/{id}/input", "sm.decision.read", showInput)
	handle("GET", "/decisions/{id}/explanations", "sm.decision.read", explain)
	handle("GET", "/decisions/{id}/trace", "sm.decision.read", trace, httpapi.Produces("text/plain"))
	handle("POST", "/evaluations", "sm.decision.evaluate", evaluate, httpapi.MaxBody(policies.MaxInput))

	handle("GET", "/orders", "sm.order.read", listOrders)
	handle("GET", "/orders/{id}", "sm.order.read", showOrder)
	handle("POST", "/orders/{id}/approve", "sm.order.approve", approve)
	handle("POST", "/orders/{id}/reject", "sm.order.reject", reject)
	handle("POST", "/pause", "sm.pause", pause)
	handle("POST", "/resume", "sm.resume", resume)
	handle("POST", "/limits/reset", "sm.limit.reset", resetLimit)

	handle("GET", "/levels", "sm.level.read", listLevels)
	handle("GET", "/levels/{policy}/{scope...}", "sm.level.read", showLevel)
	handle("PUT", "/levels/{policy}/{scope...}", "sm.level.set", putLevel)
	handle("DELETE", "/levels/{policy}/{scope...}", "sm.level.set", deleteLevel)

	handle("GET", "/policies", "sm.policy.read", listPolicies)
	handle("GET", "/policies/{policy}/parameters", "sm.policy.read", showParameters)
	handle("PUT", "/policies/{policy}/parameters", "sm.parameter.set", putParameters, httpapi.MaxBody(maxParameters))
	handle("DELETE", "/policies/{policy}/parameters", "sm.parameter.set", deleteParameters)
	handle("GET", "/revisions", "sm.policy.read", listRevisions)
	handle("GET", "/revisions/{revision}", "sm.policy.read", showRevision)
	handle("POST", "/revisions/{revision}/activate", "sm.policy.activate", activate)
	handle("GET", "/activations", "sm.policy.read", listActivations)
	handle("POST", "/rollback", "sm.policy.activate", rollback)
}

// paramDomain says which of several Security Managers of one name is meant.
const paramDomain = "trustDomain"

// find returns the Security Manager of the path, if the caller may do the
// operation to it.
func (a *API) find(r *http.Request, operation string) (*Manager, hub.Identity, error) {
	return a.named(r, operation, r.URL.Query().Get(paramDomain), r.PathValue("name"))
}

// named returns the Security Manager of a name: that of the trust domain that is
// said, else the caller's own, else the only one. What belongs to another trust
// domain answers as what does not exist.
func (a *API) named(r *http.Request, operation, domain, name string) (*Manager, hub.Identity, error) {
	caller := httpapi.Caller(r.Context()).TrustDomain
	var found []*Manager
	for _, m := range a.Managers {
		if m.Name != name || domain != "" && m.TrustDomain != domain {
			continue
		}
		if m.TrustDomain == caller {
			found = []*Manager{m}
			break
		}
		found = append(found, m)
	}
	missing := hub.E(hub.NotFound, operation, fmt.Sprintf("there is no Security Manager %q here; list them with \"manoward sm list\"", clip(name)), nil)
	var m *Manager
	var there error = missing
	var owner string
	if len(found) > 0 {
		m, owner, there = found[0], found[0].TrustDomain, nil
	}
	who, err := httpapi.AuthorizeOwned(func(domain string) (hub.Identity, error) {
		return a.Authorize(r, operation, domain, "sm/"+name)
	}, owner, there, missing)
	if err != nil {
		return nil, hub.Identity{}, err
	}
	if len(found) > 1 {
		// Only who may see other trust domains comes here.
		return nil, hub.Identity{}, hub.E(hub.Conflict, operation, fmt.Sprintf("several trust domains have a Security Manager %q; say which with ?%s=%s", name, paramDomain, strings.Join(domains(found), " or ")), nil)
	}
	return m, who, nil
}

func domains(list []*Manager) []string {
	var all []string
	for _, m := range list {
		all = append(all, m.TrustDomain)
	}
	slices.Sort(all)
	return all
}

// because is the body of what a person orders: why is recorded.
type because struct {
	Reason string `json:"reason"`
}

// reasonOf reads the body of a request that says why.
func reasonOf(r *http.Request) (string, error) {
	var in because
	if err := httpapi.Decode(r, &in); err != nil {
		return "", err
	}
	return in.Reason, checkReason(in.Reason)
}

const maxReason = 1000

func checkReason(reason string) error {
	if strings.TrimSpace(reason) == "" || len(reason) > maxReason {
		return hub.E(hub.Invalid, "read reason", fmt.Sprintf("say why in \"reason\", in 1 to %d bytes; it is recorded", maxReason), nil)
	}
	return nil
}

func writeTagged(w http.ResponseWriter, r *http.Request, v any) error {
	tag, err := httpapi.ETag(v)
	if err != nil {
		return err
	}
	return httpapi.WriteTagged(w, r, tag, v)
}

// writeChanged answers with what something is after a change, and its tag.
func writeChanged(w http.ResponseWriter, v any) error {
	tag, err := httpapi.ETag(v)
	if err != nil {
		return err
	}
	w.Header().Set("ETag", tag)
	return httpapi.Write(w, http.StatusOK, v)
}

// checkMatch compares the preconditions of a request with what is there; nil for
// nothing.
func checkMatch(r *http.Request, v any) error {
	if v == nil {
		return httpapi.CheckMatch(r, "")
	}
	tag, err := httpapi.ETag(v)
	if err != nil {
		return err
	}
	return httpapi.CheckMatch(r, tag)
}

// clip keeps hostile path segments out of answers at full length.
func clip(s string) string {
	const most = 80
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
