package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/journal"
)

// With journal.sealBeforeEffect the record of everything that was acknowledged is
// in a signed checkpoint at that moment, and over kill -9 between record, seal and
// effect each change takes effect once, as its last record says.
func TestAudit_SealBeforeEffect(t *testing.T) {
	t.Parallel()
	h := startHub(t, "--set", "journal.sealBeforeEffect=true")
	h.do("trust-domain", "create", "north")
	h.do("sm", "register", "alpha", "--trust-domain", "north", "--out", "alpha")
	api := h.operator()
	for n := range 10 {
		h.note(fmt.Sprint("first-", n))
		var state journal.State
		if _, err := api.Do(t.Context(), "GET", "/trust_domains/north/journal", nil, &state); err != nil {
			t.Fatal(err)
		}
		if got := uint64(len(h.records("north"))); state.Records != got {
			t.Fatalf("%d records are sealed of %d, the last of which was acknowledged", state.Records, got)
		}
	}
	acked := map[string]bool{}
	for round := range soak(3) {
		var work sync.WaitGroup
		enough := make(chan struct{})
		work.Go(func() {
			for n := 0; ; n++ {
				id := fmt.Sprintf("%d-%d", round, n)
				if _, err := api.Do(context.Background(), "POST", "/trust_domains/north/notes", map[string]string{"id": id, "text": "note"}, nil); err != nil {
					return // killed
				}
				acked[id] = true
				if n == 20+7*round {
					close(enough)
				}
			}
		})
		work.Go(func() {
			for mode := 0; ; mode++ {
				if _, _, code := h.cli("sm", "set-mode", "alpha", []string{"semi-active", "fully-active", "passive"}[mode%3], "--trust-domain", "north"); code != 0 {
					return
				}
			}
		})
		<-enough
		h.kill()
		work.Wait()
		h.start()
		api = h.operator()
	}
	seen, mode := map[string]bool{}, ""
	for _, r := range h.records("north") {
		if seen[r.ID] {
			t.Errorf("record %s is there twice", r.ID)
		}
		seen[r.ID] = true
		if name := strings.Split(r.ID, "/"); name[0] == "note" {
			delete(acked, name[1])
		}
		var change struct{ To string }
		if r.Kind == "security-manager.mode-set" {
			if err := json.Unmarshal(r.Data, &change); err != nil {
				t.Error(err)
			}
			mode = change.To
		}
	}
	if len(acked) > 0 {
		t.Errorf("acknowledged, and not recorded: %v", acked)
	}
	var sm hub.SecurityManager
	if _, err := api.Do(t.Context(), "GET", "/trust_domains/north/security_managers/alpha", nil, &sm); err != nil || mode == "" || string(sm.Mode) != mode {
		t.Errorf("the mode is %q, %v; its last record says %q", sm.Mode, err, mode)
	}
	h.awaitSealed("north")
	h.awaitSealed("hub")
}

// note adds a note to north that must be acknowledged.
func (h *hubProcess) note(id string) {
	h.t.Helper()
	if _, err := h.operator().Do(h.t.Context(), "POST", "/trust_domains/north/notes", map[string]string{"id": id, "text": "note"}, nil); err != nil {
		h.t.Fatal(err)
	}
}
