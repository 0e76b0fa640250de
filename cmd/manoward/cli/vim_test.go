package cli

import (
	"testing"

	"github.com/manoward/manoward/internal/ifa006"
)

// A host that goes on for some trust domains and not for others says for which.
func TestEndedFor(t *testing.T) {
	for want, h := range map[string]ifa006.Host{
		"-":                          {State: "ENABLED"},
		"all":                        {State: "QUARANTINED", StoppedFor: []string{"north"}},
		"north, south (quarantined)": {State: "ENABLED", StoppedFor: []string{"north", "south"}, QuarantinedFor: []string{"south"}},
	} {
		if got := endedFor(&h); got != want {
			t.Errorf("ended for %q, want %q", got, want)
		}
	}
}
