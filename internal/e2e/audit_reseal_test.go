package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/manoward/manoward/internal/journal"
)

// fillBlocks writes notes into the records of north until its log has four files, and
// returns the second: what is in the middle.
func (h *hubProcess) fillBlocks() string {
	h.t.Helper()
	api, text := h.operator(), strings.Repeat("x", 16_000)
	for round := 0; ; round++ {
		logs, err := filepath.Glob(h.file("bus", "*", "*", "*", "streams", "LOG_RECORDS", "msgs", "4.blk"))
		if err == nil && len(logs) == 0 {
			logs, err = filepath.Glob(h.file("bus", "*", "*", "*", "*", "streams", "LOG_RECORDS", "msgs", "4.blk"))
		}
		if err != nil {
			h.t.Fatal(err)
		}
		if len(logs) > 0 {
			return filepath.Join(filepath.Dir(logs[0]), "2.blk")
		}
		if round > 400 {
			h.t.Fatal("the log of north never had four files")
		}
		var work sync.WaitGroup
		for n := range 16 {
			work.Go(func() {
				body := map[string]string{"id": fmt.Sprintf("%d-%d", round, n), "text": text}
				if _, err := api.Do(context.Background(), "POST", "/trust_domains/north/notes", body, nil); err != nil {
					h.t.Error(err)
				}
			})
		}
		work.Wait()
	}
}

// Records that lost a file in their middle are begun anew: the hub starts without
// accepting damage and records again, what is left is read, and an auditor sees in
// both journals, away from the hub too, what is proven and what was given up.
func TestAudit_Reseal(t *testing.T) {
	t.Parallel()
	h := startHub(t)
	h.do("trust-domain", "create", "north")
	dir := t.TempDir()
	keys := filepath.Join(dir, "keys")
	oldKey := h.do("audit", "key", "--trust-domain", "north")
	middle := h.fillBlocks()
	h.awaitSealed("north")
	h.fails(5, "fit together", "audit", "reseal", "--trust-domain", "north", "--reason", "none", "--yes")
	h.stop()
	if err := os.Remove(middle); err != nil {
		t.Fatal(err)
	}
	h.args = []string{"--set", "nats.acceptDamage=true"}
	h.start()
	if _, _, code := h.cli("trust-domain", "note", "north", "lost?"); code == 0 {
		t.Error("damaged records took a note")
	}
	if _, _, code := h.cli("audit", "reseal", "--trust-domain", "north", "--reason", "no backup"); code != 2 {
		t.Errorf("without --yes: exit code %d; want 2", code)
	}
	says(t, h.do("audit", "reseal", "--trust-domain", "north", "--reason", "no backup", "--yes"), "missing: messages", "start every process of the hub again")
	h.stop()
	h.args = nil
	h.start()
	h.do("trust-domain", "note", "north", "goes on")
	writeFile(t, keys, oldKey+"\n"+h.do("audit", "key", "--trust-domain", "north")+"\n", 0o600)

	both := func(args ...string) []journal.Report {
		t.Helper()
		reports, code := h.verified(append(args, "--keys", keys)...)
		if code != 0 || len(reports) != 2 || reports[0].Resealed == nil || reports[0].Resealed.Reason != "no backup" || len(reports[1].Accepted) == 0 {
			t.Fatalf("audit verify %s: exit code %d, %+v", args, code, reports)
		}
		return reports
	}
	both("--trust-domain", "north")
	out, _, _ := h.cli("audit", "verify", "--trust-domain", "north")
	says(t, out, "north/2 was begun anew after north by spiffe://hub/operator/admin: no backup", "this was lost, and accepted as lost")
	kinds := map[string]int{}
	for _, r := range h.records("north") {
		kinds[r.Kind]++
	}
	if kinds["trust-domain.created"] != 1 || kinds[journal.KindResealed] != 1 {
		t.Errorf("the records are %v; want those of before too", kinds)
	}
	tarred, folder := filepath.Join(dir, "evidence.tar"), filepath.Join(dir, "evidence")
	h.do("audit", "export", "--trust-domain", "north", "-f", tarred)
	h.do("audit", "export", "--trust-domain", "north", "-f", folder)
	// A chain is walked through both, from the hub and from a pack.
	first := h.records("north")[0].ID
	for _, args := range [][]string{{"--trust-domain", "north"}, {"--pack", tarred}, {"--pack", folder}} {
		says(t, h.do(append([]string{"audit", "show", first}, args...)...), "record 1/0 trust-domain.created, sealed as index 0")
		for _, r := range h.records("north") {
			if r.Kind == journal.KindResealed {
				says(t, h.do(append([]string{"audit", "show", r.ID}, args...)...), "record 1/0 of epoch 2 journal.resealed, sealed as index 0")
			}
		}
	}
	tiles := filepath.Join(dir, "tiles")
	says(t, h.do("audit", "tiles", "--pack", tarred, "--keys", keys, "-f", tiles), "manoward/journal/north/2", "epoch-1/")
	for _, file := range []string{"checkpoint", "tile/0/000.p", "epoch-1/checkpoint", "epoch-1/tile/entries"} {
		if _, err := os.Stat(filepath.Join(tiles, file)); err != nil {
			t.Error(err)
		}
	}
	h.stop()
	both("--pack", tarred)
	both("--pack", folder)
	file := filepath.Join(folder, "epoch-1", "records", "000001.jsonl")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, bytes.Replace(raw, []byte("trust-domain.created"), []byte("trust-domain.erased"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if reports, code := h.verified("--pack", folder, "--keys", keys); code != 3 || !strings.Contains(fmt.Sprintf("%+v", reports), "trust-domain.created") {
		t.Errorf("an altered record of before: exit code %d, %+v", code, reports)
	}
}
