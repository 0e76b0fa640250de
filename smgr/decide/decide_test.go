package decide

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/policies"
	"github.com/manoward/manoward/smgr"
)

func TestHandle(t *testing.T) {
	w := newWorld(t)
	d := w.active(one())
	_, err := d.Levels().Set(t.Context(), Rule{Policy: Every, Scope: Every, Level: smgr.LevelEnforce, By: "ben"})
	check(t, err)
	e := review(1)
	check(t, d.Handle(t.Context(), e, 1))

	all := list(t, d, Query{})
	if len(all) != 1 {
		t.Fatalf("%d decisions", len(all))
	}
	dec := all[0]
	active, _ := d.Policies().Active()
	if dec.EventID != e.ID || dec.PolicyRevision != active.PolicyRevision || dec.DataRevision != active.DataRevision ||
		dec.Engine != policies.EngineVersion() || !dec.EventTime.Equal(e.Time) || len(dec.Labels) == 0 || dec.Undecided != nil {
		t.Errorf("%+v", dec)
	}
	if len(dec.Findings) != 1 || dec.Findings[0].Policy != "evil-provider" || !slices.Equal(dec.Levels, []smgr.Level{smgr.LevelEnforce}) {
		t.Errorf("findings %+v at %v", dec.Findings, dec.Levels)
	}
	raw, err := d.Input(t.Context(), &dec)
	check(t, err)
	if want := input(e, nil); !bytes.Equal(raw, want) || dec.InputDigest != digest(want) {
		t.Errorf("the input is kept as %s under %s", raw, dec.InputDigest)
	}
	if len(w.orders) != 1 || !slices.Equal(dec.Orders, w.planned) {
		t.Fatalf("orders %v, planned %v", dec.Orders, w.planned)
	}
	o := w.orders[dec.Orders[0]]
	if o.Action.Type != hub.ActionTerminateVnf || !o.Action.Snapshot || o.State != smgr.OrderPlanned || o.Level != smgr.LevelEnforce || o.Key != smgr.KeyNs("n1") || o.DecisionID != dec.ID {
		t.Errorf("order %+v", o)
	}
	kinds := w.kinds()
	if kinds[RecordDecision] != 1 || kinds[RecordAlert] != 1 || kinds[RecordUndecided] != 0 || w.told != 1 {
		t.Errorf("records %v, told %d times", kinds, w.told)
	}

	// The same event again, also by another process and with another time, finds
	// its decision.
	late := e
	late.Time = late.Time.Add(time.Minute)
	for _, e := range []smgr.Event{e, late} {
		check(t, d.Handle(t.Context(), e, 1))
		check(t, w.process().Handle(t.Context(), e, 1))
	}
	if n, kinds := len(list(t, d, Query{})), w.kinds(); n != 1 || len(w.planned) != 1 || kinds[RecordDecision] != 1 {
		t.Errorf("%d decisions, orders %v, records %v after repetitions", n, w.planned, kinds)
	}
}

// TestCrash cuts the handling of an event off at each durable step, before and
// after the step took place, and repeats it in a new process.
func TestCrash(t *testing.T) {
	rules := map[string]string{
		"evil-provider": finder(`[{"type": "terminate-vnf", "snapshot": true}]`),
		"unwanted":      finder(`[{"type": "remove-security-vnf"}, {"type": "alert"}]`),
	}
	rules["unwanted"] = strings.Replace(rules["unwanted"], `{"vnfInstanceId": v.id}`, `{"vnfInstanceId": v.id, "nsInstanceId": "n1"}`, 1)
	for n := range 4 {
		after, large := n%2 == 1, n > 1
		for at := 1; ; at++ {
			w := newWorld(t)
			if large {
				w.inputs = func(_ context.Context, e smgr.Event) ([]byte, error) { return bulky(t, input(e, nil)), nil }
			}
			d := w.active(files(rules))
			_, err := d.Levels().Set(t.Context(), Rule{Policy: "unwanted", Scope: Every, Level: smgr.LevelEnforce, By: "ben"})
			check(t, err)
			before := w.kinds()
			n, cut := 0, ""
			w.step = func(what string, do func() error) error {
				w.mu.Lock()
				n++
				mine := n == at
				w.mu.Unlock()
				if !mine {
					return do()
				}
				cut = what
				if after {
					check(t, do())
				}
				return hub.E(hub.Unavailable, what, "the process ends here", nil)
			}
			err = d.Handle(t.Context(), review(1), 1)
			w.step = nil
			if cut == "" {
				check(t, err)
				if want := map[bool]int{false: 4, true: 5}[large]; at-1 != want {
					t.Errorf("an event has %d durable steps, want %d: a large input, decision, records and two orders", at-1, want)
				}
				break
			}
			if err == nil {
				t.Fatalf("step %d (%s) failed, and the event is said to be done", at, cut)
			}
			// Meanwhile the world changes; what was decided stays.
			_, err = d.Levels().Set(t.Context(), Rule{Policy: "unwanted", Scope: Every, Level: smgr.LevelApprove, By: "ben"})
			check(t, err)
			d = w.process()
			check(t, d.Handle(t.Context(), review(1), 1))
			all, kinds := list(t, d, Query{}), w.kinds()
			if len(all) != 1 || len(all[0].Orders) != 2 || !slices.Equal(all[0].Orders, w.planned) || kinds[RecordDecision]-before[RecordDecision] != 1 || kinds[RecordAlert] != 1 {
				t.Errorf("step %d (%s, after: %t): decisions %+v, orders %v, records %v", at, cut, after, all, w.planned, kinds)
			}
			for _, o := range w.orders {
				if want := all[0].Levels[o.Finding]; o.Level != want {
					t.Errorf("step %d (%s, after: %t): order at level %s, its finding at %s", at, cut, after, o.Level, want)
				}
			}
			if _, err := d.Input(t.Context(), &all[0]); err != nil {
				t.Errorf("step %d (%s): the input is lost: %v", at, cut, err)
			}
		}
	}
}

// bulky returns an input that is too large to be stored with its decision.
func bulky(t testing.TB, raw []byte) []byte {
	t.Helper()
	var doc map[string]any
	check(t, json.Unmarshal(raw, &doc))
	noise := make([]byte, mostWithin)
	rand.NewChaCha8([32]byte{}).Read(noise) // never fails
	doc["images"] = map[string]any{"i": map[string]any{"id": "i", "name": hex.EncodeToString(noise)}}
	raw, err := json.Marshal(doc)
	check(t, err)
	return raw
}

// TestTwoProcesses has two processes judge one event at once, with different
// knowledge: one decision is made, and the other's input does not stay.
func TestTwoProcesses(t *testing.T) {
	w := newWorld(t)
	a := w.active(one())
	b := w.process()
	less := bulky(t, input(review(1), map[string]any{"vnfs": map[string]any{}}))
	w.inputs = func(ctx context.Context, e smgr.Event) ([]byte, error) {
		w.inputs = nil
		check(t, b.Handle(ctx, e, 1)) // in between
		return less, nil
	}
	// a looked for a decision before b made one.
	check(t, a.Handle(t.Context(), review(1), 1))
	all := list(t, w.process(), Query{})
	if len(all) != 1 || len(w.planned) != 1 || len(all[0].Findings) != 1 {
		t.Errorf("decisions %+v, orders %v", all, w.planned)
	}
	if _, err := a.blobs.get(t.Context(), blobInput, digest(less)); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("the input that nobody needs: %v", err)
	}
}

func TestUndecided(t *testing.T) {
	loops := files(map[string]string{"a": finder(`[]`), "b": finder(`[]`) + "\nfindings contains f if { some v in input.vnfs; v.id == \"v1\"; v.productName == \"bad\"; f := {\"code\": v.provider, \"message\": \"m\", \"target\": {\"vnfInstanceId\": v.id}} }"})
	certificate := strings.Replace(finder(`[{"type": "deny-certificate"}]`), `{"vnfInstanceId": v.id}`, `{"certificateRequestId": "c"}`, 1)
	for name, tt := range map[string]struct {
		set      map[string]string
		inputs   func(e smgr.Event) ([]byte, error)
		inactive bool
		policy   string
		reason   string
		findings int
	}{
		"no input":        {inputs: func(smgr.Event) ([]byte, error) { return nil, hub.E(hub.Unprocessable, "x", "too large", nil) }, policy: Every, reason: "too large"},
		"event of no use": {inputs: func(smgr.Event) ([]byte, error) { return nil, hub.E(hub.Invalid, "x", "it names no NS", nil) }, policy: Every, reason: "names no NS"},
		"not the schema":  {inputs: func(e smgr.Event) ([]byte, error) { return input(e, map[string]any{"more": 1}), nil }, policy: Every, reason: "more"},
		"another kind": {inputs: func(e smgr.Event) ([]byte, error) {
			return input(e, map[string]any{"kind": "ns-identifier", "operation": "CREATE", "event": map[string]any{"id": "i", "notificationType": "NsIdentifierCreationNotification", "nsInstanceId": "n1", "timestamp": "2026-01-01T00:00:00Z"}}), nil
		}, policy: Every, reason: "its input of ns-identifier"},
		"event that is no JSON": {inputs: func(smgr.Event) ([]byte, error) { return nil, hub.E(hub.Invalid, "x", "it is no JSON", nil) }, policy: Every, reason: "no JSON"},
		"nothing active":        {inactive: true, policy: Every, reason: "no policies are active"},
		"malformed":             {policy: "b", reason: "no code", findings: 1},
		"certificate":           {set: map[string]string{"a": certificate}, policy: "a", reason: "no request for a certificate", findings: 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			var d *Decider
			switch {
			case tt.inactive:
				d = w.process()
			case tt.set != nil:
				d = w.active(files(tt.set))
			default:
				d = w.active(loops)
			}
			w.inputs = func(_ context.Context, e smgr.Event) ([]byte, error) {
				if tt.inputs != nil {
					return tt.inputs(e)
				}
				bad := map[string]any{"id": "v1", "provider": "evil", "productName": "bad"}
				if name == "malformed" {
					bad["provider"] = "UPPER"
				}
				return input(e, map[string]any{"vnfs": map[string]any{"v1": bad, "v2": map[string]any{"id": "v2", "provider": "evil"}}}), nil
			}
			if name == "certificate" {
				w.inputs = nil
			}
			e := review(1)
			if name == "event that is no JSON" {
				e.Body = append(e.Body, '}')
			}
			check(t, d.Handle(t.Context(), e, 1))
			all := list(t, d, Query{Undecided: true})
			if len(all) != 1 || len(all[0].Undecided) != 1 || all[0].Undecided[0].Policy != tt.policy || !strings.Contains(all[0].Undecided[0].Reason, tt.reason) {
				t.Fatalf("%+v", all)
			}
			if len(all[0].Findings) != tt.findings || len(w.orders) != 0 {
				t.Errorf("findings %+v, orders %v", all[0].Findings, w.orders)
			}
			if kinds := w.kinds(); kinds[RecordUndecided] != 1 || kinds[RecordDecision] != 1 {
				t.Errorf("records %v", kinds)
			}
			if raw, err := d.Input(t.Context(), &all[0]); err != nil || !bytes.Contains(raw, []byte(`"reason":"periodic"`)) && name != "another kind" || name == "not the schema" && !bytes.Contains(raw, []byte(`"more":1`)) {
				t.Errorf("kept input %s, %v", raw, err)
			}
		})
	}
}

// TestTransient holds that an outage is no decision, however long it lasts, and
// that a defect becomes one.
func TestTransient(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		last int // attempt that decides; 0: none
	}{
		"unavailable": {hub.E(hub.Unavailable, "read", "the bus does not answer", nil), 0},
		"busy":        {hub.E(hub.RateLimited, "read", "too many", nil), 0},
		"defect":      {errors.New("index out of range"), defects},
		"not found":   {hub.E(hub.NotFound, "read", "there is no such NS", nil), 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			d := w.active(one())
			w.inputs = func(context.Context, smgr.Event) ([]byte, error) { return nil, tt.err }
			for attempt := 1; attempt <= 20; attempt++ {
				err := d.Handle(t.Context(), review(1), attempt)
				if decided := err == nil; decided != (tt.last != 0 && attempt >= tt.last) {
					t.Fatalf("attempt %d: %v", attempt, err)
				}
			}
			if n := len(list(t, d, Query{})); n != min(tt.last, 1) {
				t.Errorf("%d decisions", n)
			}
		})
	}
	w := newWorld(t)
	d := w.active(one())
	ctx, cancel := context.WithCancel(t.Context())
	w.inputs = func(_ context.Context, e smgr.Event) ([]byte, error) { cancel(); return input(e, nil), nil }
	if err := d.Handle(ctx, review(1), 9); err == nil || len(list(t, d, Query{})) != 0 {
		t.Errorf("a process that ends has decided: %v", err)
	}
}

func TestOff(t *testing.T) {
	w := newWorld(t)
	d := w.active(files(map[string]string{"a": finder(`[{"type": "alert"}]`), "b": finder(`[{"type": "terminate-vnf"}]`)}))
	set := func(policy, scope string, level smgr.Level) {
		t.Helper()
		_, err := d.Levels().Set(t.Context(), Rule{Policy: policy, Scope: scope, Level: level, By: "ben"})
		check(t, err)
	}
	set("a", "ns/n1", smgr.LevelOff)
	set("b", "*", smgr.LevelShadow)
	check(t, d.Handle(t.Context(), review(1), 1))
	dec := list(t, d, Query{})[0]
	if !slices.Equal(dec.Off, []string{"a"}) || len(dec.Findings) != 1 || dec.Findings[0].Policy != "b" {
		t.Errorf("off %v, findings %+v", dec.Off, dec.Findings)
	}
	if o := w.orders[w.planned[0]]; o.State != smgr.OrderShadow || o.Reason == "" {
		t.Errorf("%+v", o)
	}
	if kinds := w.kinds(); kinds[RecordAlert] != 0 {
		t.Errorf("somebody was told of what is off or in shadow: %v", kinds)
	}
}

// TestTooMuch holds that what is judged at once is bounded, and says what it left
// out.
func TestTooMuch(t *testing.T) {
	decision := func(counts map[string]int, size int) *smgr.Decision {
		dec := &smgr.Decision{}
		for _, id := range slices.Sorted(maps.Keys(counts)) {
			for range counts[id] {
				dec.Findings = append(dec.Findings, hub.Finding{Policy: id, Code: "c", Actions: []hub.Action{{Properties: map[string]string{"a": strings.Repeat("x", size)}}}})
				dec.Levels = append(dec.Levels, smgr.LevelAdvise)
			}
		}
		return dec
	}
	for name, tt := range map[string]struct {
		dec  *smgr.Decision
		left int
		out  []string
	}{
		"fits":       {decision(map[string]int{"a": 1000, "b": 1000, "c": 100}, 100), 2100, nil},
		"too large":  {decision(map[string]int{"a": 70, "b": 60, "c": 1}, 1_000_000), 61, []string{"a"}},
		"one giant":  {decision(map[string]int{"a": 1}, 9<<20), 0, []string{"a"}},
		"giant":      {decision(map[string]int{"a": 1, "b": 0}, maxBytes), 0, []string{"a"}},
		"no finding": {decision(nil, 0), 0, nil},
	} {
		bound(tt.dec)
		var out []string
		for _, u := range tt.dec.Undecided {
			out = append(out, u.Policy)
		}
		if len(tt.dec.Findings) != tt.left || len(tt.dec.Levels) != tt.left || !slices.Equal(out, tt.out) {
			t.Errorf("%s: %d findings, %d levels, undecided %q", name, len(tt.dec.Findings), len(tt.dec.Levels), out)
		}
	}
}
