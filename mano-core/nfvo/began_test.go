package nfvo

import (
	"testing"
	"time"

	"github.com/manoward/manoward/internal/sol/sol003"
)

// The VNFM says when an operation began, within what the NFVO knows itself.
func TestBegan(t *testing.T) {
	now := time.Date(2026, 11, 24, 5, 0, 0, 0, time.UTC)
	ordered := &expectation{VnfOp: "op", At: now.Add(-time.Hour)}
	for name, c := range map[string]struct {
		pending     *expectation
		start, want time.Duration // from now
	}{
		"as the VNFM says":                       {ordered, -30 * time.Minute, -30 * time.Minute},
		"not before the order":                   {ordered, -2 * time.Hour, -time.Hour},
		"not in the future":                      {ordered, time.Minute, 0},
		"by an order of an earlier version":      {&expectation{VnfOp: "op"}, -time.Hour, 0},
		"of an operation that is not the order":  {&expectation{VnfOp: "other", At: now}, -time.Second, -time.Second},
		"of an operation of its own, just begun": {nil, -ownStart, -ownStart},
		"of an operation of its own, long ago":   {nil, -ownStart - 1, 0},
	} {
		occ := &sol003.VnfLcmOpOcc{ID: "op", StartTime: now.Add(c.start)}
		if got := began(&vnf{Pending: c.pending}, occ, now); !got.Equal(now.Add(c.want)) {
			t.Errorf("%s: %v from now, want %v", name, got.Sub(now), c.want)
		}
	}
}
