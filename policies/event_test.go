package policies

import (
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

// TestCheckEvent checks events by themselves, as intake does.
func TestCheckEvent(t *testing.T) {
	s, err := OwnSchemas()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.CheckEvent(hub.EventReview, []byte(`{"reason": "periodic"}`)); err != nil {
		t.Error(err)
	}
	for _, tt := range []struct {
		kind      hub.EventKind
		raw, want string
	}{
		{hub.EventReview, `{"reason": "boredom"}`, "does not fit the schema of review"},
		{hub.EventReview, `{`, "is no JSON document"},
		{hub.EventReview, `[]`, "does not fit"},
		{"weather", `{}`, "no schema of events of the kind"},
	} {
		err := s.CheckEvent(tt.kind, []byte(tt.raw))
		if hub.CodeOf(err) != hub.Invalid || !strings.Contains(hub.SafeText(err), tt.want) {
			t.Errorf("%s %s: %v, want %q", tt.kind, tt.raw, err, tt.want)
		}
	}
}
