package topology

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/memstate"
	"github.com/manoward/manoward/smgr"
)

// FuzzEvent gives the model bodies from outside, each after the one before: none
// makes it panic, and what has an input has one that is JSON with its own kind.
func FuzzEvent(f *testing.F) {
	kinds := hub.EventKinds()
	seed := func(kind hub.EventKind, body string) {
		for i, k := range kinds {
			if k == kind {
				f.Add(uint8(i), body)
			}
		}
	}
	seed(hub.EventNsChange, string(nsChange("n1", "v1", "VNF_SCALE", "COMPLETED", noon, map[string]any{"manoward.change": map[string]any{"vnfcsAdded": []string{"a"}, "vnfcsRemoved": []string{"v1-vnfc"},
		"location": map[string]any{"after": map[string]any{"v1-vnfc": map[string]any{"host": "h2", "zone": "z"}}}, "configuration": map[string]any{"after": map[string]any{"a": []any{1}}}}}).Body))
	seed(hub.EventNsChange, `{"nsInstanceId":"n1","nsComponentType":"VNF","nsComponentId":"","manoward.vnf":{"vnfInstanceId":"","connectivity":[{}]}}`)
	seed(hub.EventNsOperation, `{"nsInstanceId":"n1","operation":"SCALE","notificationStatus":"RESULT","affectedVnf":[{"vnfInstanceId":"v9"}]}`)
	seed(hub.EventNsIdentifier, `{"nsInstanceId":"n1","notificationType":"NsIdentifierDeletionNotification"}`)
	seed(hub.EventUnauthorizedAttempt, string(attempt("vnf/v1", noon, 1).Body))
	seed(hub.EventComputeChange, `{"resourceType":"COMPUTE","virtualisedResourceId":"v1-c","changeType":"DELETED","hostId":"h1"}`)
	seed(hub.EventComputeChange, `{"resourceType":"COMPUTE","virtualisedResourceId":"v1-c","changeType":"MIGRATED","changedResourceData":{"hostId":"h9","formerHostId":"h1"}}`)
	seed(hub.EventHostChange, `{"virtualisedResourceId":"h1","changedResourceData":{"stateForTrustDomain":"QUARANTINED","integrityState":"?"},"physicalLocation":{"latitude":1.5}}`)
	seed(hub.EventImageChange, `{"virtualisedResourceId":"i1","changedResourceData":{"checksum":{"hash":"a"}}}`)
	seed(hub.EventAlarm, `{"alarm":{"managedObjectId":"v1-c","hostId":"h1","state":"FIRED"}}`)
	seed(hub.EventReview, `{"reason":"periodic"}`)
	f.Fuzz(func(t *testing.T, kind uint8, body string) {
		w := small()
		s := start1(t, w, &memstate.Bus{}, nil)
		if err := s.Rebuild(t.Context()); err != nil {
			t.Fatal(err)
		}
		e := smgr.Event{ID: "e", Kind: kinds[int(kind)%len(kinds)], Key: smgr.KeyNs("n1"), Time: noon.Add(time.Minute), Body: json.RawMessage(body)}
		if err := s.Apply(t.Context(), e); err != nil {
			if hub.CodeOf(err) != hub.Invalid {
				t.Fatalf("apply: %v", err)
			}
			return
		}
		for _, e := range []smgr.Event{e, review("n1", noon.Add(2*time.Minute))} {
			raw, err := s.Input(t.Context(), e)
			if err != nil {
				t.Fatalf("input: %v", err)
			}
			var in input
			if err := json.Unmarshal(raw, &in); err != nil || in.Kind != e.Kind {
				t.Fatalf("input of %s: %v\n%s", e.Kind, err, raw)
			}
		}
	})
}
