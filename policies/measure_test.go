package policies

import (
	"context"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

func TestMeasure(t *testing.T) {
	s := mustSnapshot(t, mustLoad(t, base()), nil)
	in := review(t, map[string]any{
		"packages": map[string]any{"p1": map[string]any{"id": "p1", "signer": "CN=evil"}},
		"vnfs":     map[string]any{"v1": map[string]any{"id": "v1", "vnfPkgId": "p1"}},
	})
	c, err := s.Measure(t.Context(), in, 20*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if c.Policies != 1 || c.Findings != 1 {
		t.Errorf("%d policies found %d", c.Policies, c.Findings)
	}
	for name, w := range map[string]Work{"decision": c.Decision, "engine": c.Engine} {
		if w.Runs < leastRounds || w.Duration <= 0 || w.Duration > time.Second || w.PerSecond <= 0 || w.Allocs == 0 || w.Bytes < w.Allocs {
			t.Errorf("%s: %+v", name, w)
		}
	}
	// The decision does all that the engine alone does, and decodes its answer.
	if c.Decision.Allocs <= c.Engine.Allocs || c.Ratio <= 0 {
		t.Errorf("ratio %f, allocations %d and %d", c.Ratio, c.Decision.Allocs, c.Engine.Allocs)
	}
}

func TestMeasureRefuses(t *testing.T) {
	set := mustLoad(t, add(base(), "conflict", ns+`
findings contains {"code": "y", "message": pick, "target": {"nsInstanceId": "n"}} if input.ns.flavourId == "both"
pick := "a" if input.ns.id
pick := "b" if input.ns.flavourId == "both"
`))
	s := mustSnapshot(t, set, nil)
	both := review(t, map[string]any{"ns": map[string]any{"id": "n1", "flavourId": "both"}})
	if _, err := s.Measure(t.Context(), both, time.Millisecond); hub.CodeOf(err) != hub.Undecided {
		t.Errorf("a policy that conflicts: %v", err)
	} else {
		wantText(t, hub.SafeText(err), "the policy conflict is undecided", "conflict.rego:")
	}
	alarm, err := ownSchemas(t).ParseInput([]byte(`{"schema":"manoward.policy-input/1","kind":"alarm","time":"2026-01-01T00:00:00Z",
		"sm":{"name":"a","trustDomain":"b","mode":"PASSIVE"},"subject":{},"vnfs":{},"packages":{},"computes":{},"hosts":{},"images":{},"recent":[],"asOf":{},
		"event":{"id":"n","notificationType":"AlarmNotification","timeStamp":"2026-01-01T00:00:00Z","alarm":{"alarmId":"a","managedObjectId":"h","alarmRaisedTime":"2026-01-01T00:00:00Z","state":"FIRED"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Measure(t.Context(), alarm, time.Millisecond); hub.CodeOf(err) != hub.Invalid {
		t.Errorf("no policy is for it: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Measure(ctx, badNS(t), time.Hour); err == nil {
		t.Error("it measures for a caller who has gone")
	}
}
