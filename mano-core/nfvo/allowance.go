package nfvo

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
)

// Limits bound what is granted. One that is not there does not bind.
type Limits struct {
	VCPUs        *int64 `json:"vcpus,omitempty"`
	MemoryMiB    *int64 `json:"memoryMiB,omitempty"`
	StorageGiB   *int64 `json:"storageGiB,omitempty"`
	VnfInstances *int64 `json:"vnfInstances,omitempty"`
}

// resources are the names of what is limited, in the order of weights.
var resources = [4]string{"vcpus", "memoryMiB", "storageGiB", "vnfInstances"}

// limitFlags are the flags of "manoward allowance set" that raise them.
var limitFlags = [4]string{"--vcpus", "--memory-mib", "--storage-gib", "--vnfs"}

func (l *Limits) list() [4]*int64 {
	return [4]*int64{l.VCPUs, l.MemoryMiB, l.StorageGiB, l.VnfInstances}
}

// maxLimit keeps sums and JSON numbers exact.
const maxLimit = int64(1) << 53

func (l *Limits) check() error {
	bound := false
	for i, limit := range l.list() {
		if limit == nil {
			continue
		}
		bound = true
		if *limit < 0 || *limit > maxLimit {
			return hub.E(hub.Invalid, "set allowance", fmt.Sprintf("limits/%s is %d; give a whole number from 0 to %d", resources[i], *limit, maxLimit), nil)
		}
	}
	if !bound {
		return hub.E(hub.Invalid, "set allowance", "an allowance without a limit bounds nothing; give limits/"+strings.Join(resources[:], ", limits/")+", or delete it", nil)
	}
	return nil
}

// allowance is a stored permitted allowance (ETSI GS NFV-IFA 010): how much of the
// infrastructure the VNFs of a scope may be granted together.
type allowance struct {
	TrustDomain string `json:"trustDomain"`
	Scope       string `json:"scope"`
	Limits      Limits `json:"limits"`
}

// The scopes of allowances: all that is granted to VNFMs for a trust domain, an NS, or
// the instances of a VNFD.
const (
	ScopeVnfm  = "vnfm"
	scopeNs    = "ns/"
	scopeVnfd  = "vnfd/"
	maxScopeID = 255
)

// sumTerm is under which the VNFs of a scope are added up; empty for all of the trust
// domain.
func sumTerm(scope string) string {
	if id, ok := strings.CutPrefix(scope, scopeNs); ok {
		return ofNs(id)
	}
	if id, ok := strings.CutPrefix(scope, scopeVnfd); ok {
		return ofVnfd(id)
	}
	return ""
}

// AllowanceState says how much of an allowance is left.
type AllowanceState string

// The states of an allowance, of that limit which is used most.
const (
	AllowanceFree    AllowanceState = "FREE"
	AllowanceNear    AllowanceState = "NEAR"    // nine tenths of a limit are used
	AllowanceReached AllowanceState = "REACHED" // all of a limit is used, or more
)

// stateOf compares what is used with limits.
func (l *Limits) stateOf(used state.Weight) AllowanceState {
	worst := AllowanceFree
	for i, limit := range l.list() {
		switch {
		case limit == nil:
		case used[i] >= *limit:
			return AllowanceReached
		case used[i] >= *limit-*limit/10:
			worst = AllowanceNear
		}
	}
	return worst
}

// Allowance is a permitted allowance as it is shown, with what is used of it. Used is
// what was granted and not given back: of an operation that runs, what it may add.
type Allowance struct {
	ID          string         `json:"id"`
	TrustDomain string         `json:"trustDomain"`
	Scope       string         `json:"scope"` // vnfm, ns/<NS instance> or vnfd/<VNFD>
	Limits      Limits         `json:"limits"`
	Used        Amount         `json:"used"`
	State       AllowanceState `json:"state"`
	// Uncounted says that VNFs of an older version of the hub are still being counted:
	// until then Used is too small, and nothing is granted of the allowance.
	Uncounted bool `json:"uncounted,omitempty"`
}

// Share is how much of one limit is used: 1 is all of it, and more is possible. Of a
// limit of 0 it is 1, and 1 more for each unit that is used.
type Share struct {
	Resource string // as in Limits
	Ratio    float64
}

// Shares are those of the limits that an allowance has.
func (a *Allowance) Shares() (list []Share) {
	used := a.Used.weight()
	for i, limit := range a.Limits.list() {
		switch {
		case limit == nil:
		case *limit == 0:
			list = append(list, Share{resources[i], float64(used[i] + 1)})
		default:
			list = append(list, Share{resources[i], float64(used[i]) / float64(*limit)})
		}
	}
	return list
}

func (s *Service) showAllowance(id string, a *allowance) Allowance {
	used := s.used(a.TrustDomain, a.Scope, "")
	return Allowance{ID: id, TrustDomain: a.TrustDomain, Scope: a.Scope, Limits: a.Limits, Used: amountOf(used), State: a.Limits.stateOf(used), Uncounted: s.uncounted() != ""}
}

// used is what the VNFs of a scope use, but for one. It reads memory.
func (s *Service) used(domain, scope, without string) state.Weight {
	ours, others := s.vnfs.Sum(domain, sumTerm(scope), without), s.outsiders.Sum(domain, sumTerm(scope), without)
	return amountOf(ours).plus(amountOf(others)).weight()
}

// uncounted is a VNF of which nobody has counted what it uses, empty if there is none.
func (s *Service) uncounted() string {
	for id := range s.vnfs.FindAfter(uncountedTerm, "") {
		return id
	}
	for id := range s.outsiders.FindAfter(uncountedTerm, "") {
		return id
	}
	return ""
}

// AllowanceID is the identifier of the allowance of a scope: there is one at most.
func AllowanceID(domain, scope string) string { return hub.DeriveID("allowance", domain, scope) }

// AllowanceDomain returns the trust domain of an allowance.
func (s *Service) AllowanceDomain(id string) (string, bool) { return s.allowed.Domain(id) }

// Allowances lists what visible shows, by ID. It answers from memory.
func (s *Service) Allowances(visible func(domain string) bool) []Allowance {
	list := []Allowance{}
	for id := range s.allowed.IDs("") {
		if a := s.allowed.Kept(id); a != nil && visible(a.TrustDomain) {
			list = append(list, s.showAllowance(id, a))
		}
	}
	return list
}

// Allowance returns one allowance: hub.NotFound if there is none.
func (s *Service) Allowance(ctx context.Context, id string) (Allowance, error) {
	e, err := s.allowed.Get(ctx, id)
	if err != nil {
		return Allowance{}, noAllowance(err)
	}
	return s.showAllowance(id, &e.Value), nil
}

func noAllowance(err error) error {
	if hub.CodeOf(err) == hub.NotFound {
		return hub.E(hub.NotFound, "find allowance", "there is no such allowance; list them with GET /allowances", nil)
	}
	return err
}

// checkScope refuses a scope that can have no VNFs: hub.Invalid for one that is none,
// hub.Unprocessable for an NS that is not there, hub.NotFound for a trust domain.
func (s *Service) checkScope(ctx context.Context, domain, scope string) error {
	const op = "set allowance"
	ns, isNs := strings.CutPrefix(scope, scopeNs)
	vnfd, isVnfd := strings.CutPrefix(scope, scopeVnfd)
	switch {
	case domain == "" || domain == "hub":
		return hub.E(hub.Invalid, op, "trustDomain must name the trust domain whose VNFs are bounded; the hub itself has none", nil)
	case !slices.Contains(s.space.Domains(), domain):
		return hub.E(hub.NotFound, op, fmt.Sprintf("there is no trust domain %q; list them with: manoward trust-domain list", clip(domain)), nil)
	case len(scope) > maxScopeID:
		return hub.E(hub.Invalid, op, fmt.Sprintf("scope is longer than %d bytes; it is vnfm, ns/NS-ID or vnfd/VNFD-ID", maxScopeID), nil)
	case isNs && ns != "":
		if e, err := s.seen(ctx, ns); hub.CodeOf(err) == hub.NotFound || err == nil && e.Domain != domain {
			return hub.E(hub.Unprocessable, op, fmt.Sprintf("trust domain %s has no NS %q; list them with: manoward ns list", domain, clip(ns)), nil)
		} else if err != nil {
			return err
		}
	case scope != ScopeVnfm && (!isVnfd || vnfd == "" || strings.ContainsFunc(vnfd, func(r rune) bool { return r <= ' ' || r == 0x7f })):
		return hub.E(hub.Invalid, op, fmt.Sprintf("%q is no scope; it is vnfm, ns/NS-ID or vnfd/VNFD-ID", clip(scope)), nil)
	}
	return nil
}

// CreateAllowance bounds a scope that has no allowance: hub.Conflict if it has one. What
// is used by then counts, and may be more than the limits: nothing is taken away, but
// nothing more is granted.
func (s *Service) CreateAllowance(ctx context.Context, caller hub.Identity, domain, scope string, limits Limits) (Allowance, error) {
	if err := limits.check(); err != nil {
		return Allowance{}, err
	}
	if err := s.checkScope(ctx, domain, scope); err != nil {
		return Allowance{}, err
	}
	lock := s.allowanceLock(domain)
	lock.Lock()
	defer lock.Unlock()
	id := AllowanceID(domain, scope)
	if _, there := s.allowed.Domain(id); there {
		return Allowance{}, hub.E(hub.Conflict, "set allowance", fmt.Sprintf("%s has the allowance %s; change that one", scope, id), nil)
	}
	a := allowance{TrustDomain: domain, Scope: scope, Limits: limits}
	if err := s.recordAllowance(ctx, caller, "allowance.set", id, &a); err != nil {
		return Allowance{}, err
	}
	if _, err := s.allowed.Create(ctx, domain, id, &a); err != nil {
		return Allowance{}, err
	}
	return s.showAllowance(id, &a), nil
}

// ChangeAllowance replaces all limits of an allowance.
func (s *Service) ChangeAllowance(ctx context.Context, caller hub.Identity, id string, limits Limits) (Allowance, error) {
	if err := limits.check(); err != nil {
		return Allowance{}, err
	}
	e, err := s.allowed.Get(ctx, id)
	if err != nil {
		return Allowance{}, noAllowance(err)
	}
	lock := s.allowanceLock(e.Domain)
	lock.Lock()
	defer lock.Unlock()
	e.Value.Limits = limits
	if err := s.recordAllowance(ctx, caller, "allowance.set", id, &e.Value); err != nil {
		return Allowance{}, err
	}
	next, err := s.allowed.Update(ctx, id, func(a *allowance) error { a.Limits = limits; return nil })
	if err != nil {
		return Allowance{}, noAllowance(err)
	}
	return s.showAllowance(id, &next.Value), nil
}

// DeleteAllowance lets a scope use what there is.
func (s *Service) DeleteAllowance(ctx context.Context, caller hub.Identity, id string) error {
	e, err := s.allowed.Get(ctx, id)
	if err != nil {
		return noAllowance(err)
	}
	lock := s.allowanceLock(e.Domain)
	lock.Lock()
	defer lock.Unlock()
	if err := s.recordAllowance(ctx, caller, "allowance.deleted", id, &e.Value); err != nil {
		return err
	}
	return noAllowance(s.allowed.Delete(ctx, id, nil))
}

// recordAllowance records what an operator is about to change. It may come to the same
// limits twice, so each record is one of its own.
func (s *Service) recordAllowance(ctx context.Context, caller hub.Identity, kind, id string, a *allowance) error {
	data, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("encode record of allowance %s: %w", id, err)
	}
	return s.record(ctx, a.TrustDomain, hub.Record{ID: hub.NewID(), Kind: kind, Actor: caller.String(), Subject: "allowance/" + id, Data: data})
}

// concerned are the allowances that the VNFs with these terms are under, by ID.
func (s *Service) concerned(domain string, nss []string, use *use) map[string]*allowance {
	scopes := []string{ScopeVnfm}
	for _, id := range nss {
		scopes = append(scopes, scopeNs+id)
	}
	for _, term := range use.terms() {
		scopes = append(scopes, scopeVnfd+strings.TrimPrefix(term, vnfdPrefix))
	}
	slices.Sort(scopes)
	found := map[string]*allowance{}
	for _, scope := range slices.Compact(scopes) {
		id := AllowanceID(domain, scope)
		if a := s.allowed.Kept(id); a != nil {
			found[id] = a
		}
	}
	return found
}
