package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/journal"
	"github.com/manoward/manoward/internal/journal/trail"
)

// verified runs audit verify and returns its reports and its exit code.
func (h *hubProcess) verified(args ...string) ([]journal.Report, int) {
	h.t.Helper()
	out, errs, code := h.cli(append([]string{"audit", "verify", "-o", "json"}, args...)...)
	var reports []journal.Report
	if err := json.Unmarshal([]byte(out), &reports); err != nil {
		h.t.Fatalf("audit verify: exit code %d, %v\n%s%s", code, err, out, errs)
	}
	return reports, code
}

// awaitSealed waits until every record of a trust domain is sealed, and returns
// the report.
func (h *hubProcess) awaitSealed(domain string, args ...string) journal.Report {
	h.t.Helper()
	for deadline := time.Now().Add(patience); ; {
		reports, code := h.verified(append([]string{"--trust-domain", domain}, args...)...)
		if code != 0 {
			h.t.Fatalf("audit verify of %s: exit code %d, %+v", domain, code, reports)
		}
		if reports[0].Recent == 0 && reports[0].Records > 0 {
			return reports[0]
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("not all records of %s are sealed: %+v", domain, reports)
		}
	}
}

// Every record that was acknowledged is sealed once, over kill -9 at any instant,
// in one tree that goes on from what an auditor took away before.
func TestAudit_Kill(t *testing.T) {
	t.Parallel()
	h := startHub(t)
	h.do("trust-domain", "create", "north")
	h.awaitSealed("north")
	keys := filepath.Join(t.TempDir(), "keys")
	writeFile(t, keys, h.do("audit", "key", "--trust-domain", "north")+"\n", 0o600)
	early := filepath.Join(t.TempDir(), "early")
	h.do("audit", "export", "--trust-domain", "north", "-f", early)
	noted := 0
	for round := range soak(4) {
		api := h.operator()
		for i := range 5 + round%7 {
			var out struct{ ID string }
			body := map[string]string{"id": fmt.Sprintf("%d-%d", round, i), "text": "note"}
			if _, err := api.Do(context.Background(), "POST", "/trust_domains/north/notes", body, &out); err != nil {
				t.Fatal(err)
			}
			noted++
		}
		h.kill()
		h.start()
	}
	r := h.awaitSealed("north", "--keys", keys, "--checkpoint", filepath.Join(early, "checkpoint"))
	if got := len(h.records("north")); got != r.Records || uint64(got) != r.Size || got < noted {
		t.Errorf("%d records, %d compared, %d in the tree; want all of them, and at least %d", got, r.Records, r.Size, noted)
	}
	h.awaitSealed("hub")
	if _, code := h.verified(); code != 0 {
		t.Errorf("audit verify of all journals: exit code %d", code)
	}
}

// The commands of docs/howto/audit-a-trust-domain.md do what the page says, and an
// evidence pack that was altered is refused without a hub.
func TestHowto_Audit(t *testing.T) {
	t.Parallel()
	h := startHub(t)
	h.do("trust-domain", "create", "north")
	h.awaitSealed("north")
	dir := t.TempDir()
	for path, code := range map[string]hub.Code{
		"/trust_domains/north/journal/evidence?from=yesterday":          hub.Invalid,
		"/trust_domains/north/journal/evidence?to=1":                    hub.Invalid,
		"/trust_domains/north/journal/evidence?contents=maybe":          hub.Invalid,
		"/trust_domains/north/journal/evidence?to=2000-01-01T00:00:00Z": hub.NotFound,
		"/trust_domains/west/journal/evidence":                          hub.NotFound,
	} {
		if _, _, err := h.operator().Download(t.Context(), path, "application/x-tar"); hub.CodeOf(err) != code {
			t.Errorf("GET %s: %v; want %s", path, err, code)
		}
	}
	says(t, h.runPages(dir, "audit-a-trust-domain.md"), "TRUST DOMAIN", "north", `"findings": []`, "wrote evidence.tar")
	h.stop()
	h.checkAltered(dir)
	file := filepath.Join(dir, "evidence", "records", "000001.jsonl")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	altered := bytes.Replace(raw, []byte("trust-domain.created"), []byte("trust-domain.erased"), 1)
	if err := os.WriteFile(file, altered, 0o600); err != nil {
		t.Fatal(err)
	}
	reports, code := h.verified("--pack", filepath.Join(dir, "evidence"), "--keys", filepath.Join(dir, "journal.keys"))
	text := fmt.Sprintf("%+v", reports)
	if code != 3 || !strings.Contains(text, "altered") || !strings.Contains(text, "trust-domain.created") {
		t.Errorf("an altered record: exit code %d, %s; want 3, and the record named", code, text)
	}
}

// checkAltered holds that one byte of any file of the evidence in a folder, a file that is
// gone, one that was added, and a byte between two files of the tar file are found and
// named by the built program.
func (h *hubProcess) checkAltered(dir string) {
	h.t.Helper()
	refused := func(what, named, pack string) {
		h.t.Helper()
		out, errs, code := h.cli("audit", "verify", "--pack", pack, "--keys", filepath.Join(dir, "journal.keys"))
		if code != 3 && code != 2 || !strings.Contains(out+errs, named) {
			h.t.Errorf("%s: exit code %d, and %q is not named:\n%s%s", what, code, named, out, errs)
		}
		if code == 3 && !strings.Contains(errs, "findings: ") {
			h.t.Errorf("%s: it is not said what to do: %s", what, errs)
		}
	}
	err := filepath.WalkDir(filepath.Join(dir, "evidence"), func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, at := range []int{0, len(raw) / 2, len(raw) - 1} {
			bad := append(bytes.Clone(raw), 'x') // of an empty file
			if at >= 0 && at < len(raw) {
				bad = bad[:len(raw)]
				bad[at] ^= 1
			}
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				return err
			}
			refused(fmt.Sprintf("byte %d of %s", at, path), e.Name(), filepath.Join(dir, "evidence"))
		}
		if err := os.Remove(path); err != nil {
			return err
		}
		refused("without "+path, e.Name(), filepath.Join(dir, "evidence"))
		return os.WriteFile(path, raw, 0o600)
	})
	if err != nil {
		h.t.Fatal(err)
	}
	more := filepath.Join(dir, "evidence", "records", "more.jsonl")
	writeFile(h.t, more, "{}", 0o600)
	refused("with another file", "more.jsonl", filepath.Join(dir, "evidence"))
	if err := os.Remove(more); err != nil {
		h.t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "evidence.tar"))
	if err != nil {
		h.t.Fatal(err)
	}
	end := bytes.IndexByte(raw[512:], '\n') + 512 // of about.json, which is one line
	bad := filepath.Join(dir, "bad.tar")
	raw[end+1] ^= 1
	writeFile(h.t, bad, string(raw), 0o600)
	refused("between two files", fmt.Sprintf("at byte %d something stands between two files", end+1), bad)
	writeFile(h.t, bad, string(raw[:len(raw)/2]), 0o600)
	refused("half a pack", "this pack is not as the hub wrote it", bad)
}

// chainOf walks the chain of an ID on the hub and in a pack that it exports, which
// are to say the same and to be sealed, and returns it with the pack's report.
func (h *hubProcess) chainOf(domain, id string) (trail.Trail, journal.Report) {
	h.t.Helper()
	h.awaitSealed(domain)
	pack := filepath.Join(h.t.TempDir(), "evidence.tar")
	h.do("audit", "export", "--trust-domain", domain, "-f", pack)
	var online, offline trail.Trail
	for args, into := range map[string]*trail.Trail{"--trust-domain": &online, "--pack": &offline} {
		value := map[string]string{"--trust-domain": domain, "--pack": pack}[args]
		out, errs, code := h.cli("audit", "show", id, args, value, "-o", "json")
		if code != 0 {
			h.t.Fatalf("audit show %s %s: exit code %d\n%s%s", args, value, code, out, errs)
		}
		if err := json.Unmarshal([]byte(out), into); err != nil {
			h.t.Fatal(err)
		}
		if strings.Contains(errs, "reading the whole log") {
			h.t.Errorf("the hub does not know when %s was: %s", id, errs)
		}
	}
	if !reflect.DeepEqual(online, offline) {
		h.t.Errorf("the chain of %s on the hub\n%+v\nand in a pack\n%+v", id, online, offline)
	}
	for _, l := range offline.Links {
		if l.Record != nil && (l.Record.Leaf == nil || l.Record.Altered) {
			h.t.Errorf("a link is not sealed: %+v", l)
		}
	}
	reports, code := h.verified("--pack", pack)
	if code != 0 {
		h.t.Errorf("the pack: exit code %d, %+v", code, reports)
	}
	return offline, reports[0]
}

// stepsOf lists the steps of a chain that a record tells of, in order, each once.
func stepsOf(t trail.Trail) string {
	var list []string
	for _, l := range t.Links {
		if l.Record != nil {
			list = append(list, l.Step)
		}
	}
	return strings.Join(slices.Compact(list), " ")
}
