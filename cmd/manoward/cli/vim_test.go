package cli

import (
	"testing"
	"time"

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

// Whoever had something erased sees of each storage whether it was.
func TestStorageRow(t *testing.T) {
	erased := time.Date(2026, 11, 23, 1, 2, 3, 0, time.UTC)
	for want, s := range map[string]ifa006.Storage{
		"s1\t-\tnorth\t5\t-\t-":                        {ID: "s1", TrustDomain: "north", SizeGiB: 5},
		"s2\tdata\tnorth\t1\tv1\t2026-11-23 01:02:03Z": {ID: "s2", Name: "data", TrustDomain: "north", SizeGiB: 1, Metadata: map[string]string{"vnfInstanceId": "v1"}, ErasedAt: &erased},
	} {
		if got := storageRow(s); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
