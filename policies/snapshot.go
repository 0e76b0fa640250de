package policies

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/topdown/cache"

	"github.com/manoward/manoward/internal/hub"
)

// Snapshot is a set with the parameters of one trust domain: all that a
// decision depends on besides the input. It is never changed and safe for
// concurrent use.
type Snapshot struct {
	set          *Set
	dataRevision string
	parameters   map[string]any // by policy, complete
	store        storage.Store
	values       cache.InterQueryValueCache // compiled patterns
}

// Snapshot returns the set with the parameters: by policy, a JSON object with
// the values that differ from the defaults. The error has code Invalid and names
// every policy and parameter that does not fit.
func (s *Set) Snapshot(parameters map[string]json.RawMessage) (*Snapshot, error) {
	var wrong []string
	for _, id := range slices.Sorted(maps.Keys(parameters)) {
		if s.find(id) == nil {
			ids := make([]string, len(s.policies))
			for i, p := range s.policies {
				ids[i] = p.ID
			}
			wrong = append(wrong, fmt.Sprintf("there is no policy %q; %s", clip(id), didYouMean(id, ids)))
		}
	}
	all := make(map[string]any, len(s.policies))
	for _, p := range s.policies {
		values, err := p.values(parameters[p.ID])
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("the parameters of %s %s", p.ID, err))
		}
		all[p.ID] = values
	}
	if wrong != nil {
		return nil, hub.E(hub.Invalid, "take parameters of policies", strings.Join(wrong, "\n"), nil)
	}
	raw, err := json.Marshal(all) // names sorted: the same values give the same bytes
	if err != nil {
		return nil, fmt.Errorf("take parameters of policies: %w", err)
	}
	sum := sha256.Sum256(raw)
	data := map[string]any{"manoward": map[string]any{"parameters": all}}
	return &Snapshot{
		set: s, dataRevision: hex.EncodeToString(sum[:]), parameters: all,
		store:  inmem.NewFromObjectWithOpts(data, inmem.OptRoundTripOnWrite(false)),
		values: newValueCache(),
	}, nil
}

// newValueCache returns a cache of compiled patterns. It is bounded, because a
// pattern can come out of an input.
func newValueCache() cache.InterQueryValueCache {
	most := 1000
	return cache.NewInterQueryValueCache(context.Background(), &cache.Config{
		InterQueryBuiltinValueCache: cache.InterQueryBuiltinValueCacheConfig{MaxNumEntries: &most},
	})
}

// values returns the defaults with the given values over them.
func (p *policy) values(raw json.RawMessage) (map[string]any, error) {
	values := maps.Clone(p.defaults)
	if len(raw) == 0 {
		return values, nil
	}
	doc, err := decodeJSON(raw)
	if err != nil {
		return nil, fmt.Errorf("are no JSON: %s", clip(err.Error()))
	}
	given, ok := doc.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("are no JSON object")
	}
	names := slices.Sorted(maps.Keys(p.defaults))
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("have no %q; %s", clip(name), didYouMean(name, names))
		}
		values[name] = given[name]
	}
	if len(given) == 0 {
		return values, nil // a policy without parameters has no schema of them
	}
	if err := p.params.Validate(map[string]any(values)); err != nil {
		return nil, fmt.Errorf("do not fit: %s", violation(err))
	}
	return values, nil
}

// Set returns the set of policies.
func (s *Snapshot) Set() *Set { return s.set }

// PolicyRevision is the revision of the set.
func (s *Snapshot) PolicyRevision() string { return s.set.revision }

// DataRevision identifies the parameters: SHA-256, in hexadecimal, over all of
// them with the defaults.
func (s *Snapshot) DataRevision() string { return s.dataRevision }

// Parameters returns the values that a policy sees, or nil for a policy that is
// not in the set.
func (s *Snapshot) Parameters(policy string) json.RawMessage {
	values, ok := s.parameters[policy]
	if !ok {
		return nil
	}
	return encode(values)
}

// Engine holds the snapshot that is active now. The zero value has none. Safe
// for concurrent use: an evaluation that has begun ends with the snapshot that
// it began with.
type Engine struct {
	active atomic.Pointer[Snapshot]
}

// Activate puts the snapshot in the place of the active one, which it returns;
// nil when there was none.
func (e *Engine) Activate(s *Snapshot) *Snapshot { return e.active.Swap(s) }

// Active returns the active snapshot, or nil when there is none.
func (e *Engine) Active() *Snapshot { return e.active.Load() }

// Evaluate judges the input by the active snapshot. Without one, the error has
// code Undecided.
func (e *Engine) Evaluate(ctx context.Context, in *Input, o EvalOptions) (*Result, error) {
	s := e.active.Load()
	if s == nil {
		return nil, hub.E(hub.Undecided, "evaluate policies", "no policies are active; push a set and activate it", nil)
	}
	return s.Evaluate(ctx, in, o)
}
