package wire

import (
	"context"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

// A process notices that another one began records anew, whether it was told so while
// it ran or before it looked, and not of what was so before it opened them.
func TestWatchEpochs(t *testing.T) {
	h := startProcess(t, func(*hubProcess) {})
	ctx, stop := context.WithCancel(t.Context())
	for _, domain := range []string{"north", "south", "west"} {
		if _, err := h.registry.CreateDomain(ctx, hub.Identity{}, domain); err != nil {
			t.Fatal(err)
		}
	}
	table, err := accounts{h.bus}.Hub().Table(ctx, epochTable)
	if err != nil {
		t.Fatal(err)
	}
	begin := func(domain string) {
		t.Helper()
		if err := put(ctx, table, domain, "2"); err != nil {
			t.Fatal(err)
		}
	}
	outdated := func(domain string) bool {
		for _, m := range h.health.Missing() {
			if m.Name == "journal/"+domain && strings.Contains(m.Reason, "start it again") {
				return true
			}
		}
		return false
	}
	begin("west")
	h.logs.forget("west")
	if _, err := h.logs.open(ctx, "west"); err != nil { // of the second epoch
		t.Fatal(err)
	}
	begin("north") // its log is open
	done := make(chan error, 1)
	go func() { done <- h.watchEpochs(ctx, map[string]string{}) }()
	eventually(t, "that north is outdated", func() bool { return outdated("north") })
	begin("south")
	eventually(t, "that south is outdated", func() bool { return outdated("south") })
	if outdated("west") {
		t.Error("west was opened as it is, and is called outdated")
	}
	stop()
	<-done
}
