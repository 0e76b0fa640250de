package e2e_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

// natsServer builds nats-server, as a user installs it, for who starts it as a process.
var natsServer = sync.OnceValues(func() (string, error) {
	path, err := filepath.Abs(filepath.Join("..", "..", ".cache", "e2e", "nats-server"))
	if err != nil {
		return "", err
	}
	out, err := exec.Command("go", "build", "-trimpath", "-o", path, "github.com/nats-io/nats-server/v2").CombinedOutput()
	if err != nil {
		return "", &exec.Error{Name: string(out), Err: err}
	}
	return path, nil
})

// examples/distributed: each role of a hub in two processes, on three NATS servers, and the
// scenario rogue-package on it. Of each role a process, and one NATS server, are killed with
// kill -9 when an order may be under way; with MANOWARD_SOAK before each step but the first,
// and in delegated-certificates too. All steps succeed, and what was killed left nothing
// undone and nothing doubled.
func TestSoak_Distributed(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"bash", "curl", "jq", "python3"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%s is not installed, and the example uses it; run: make deps", tool)
		}
	}
	server, err := natsServer()
	if err != nil {
		t.Fatal(err)
	}
	script, err := filepath.Abs("../../examples/distributed/run.sh")
	if err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(t.TempDir(), "distributed")
	flags, domains, wantCertificates, wantKills := []string{"--scenario", "rogue-package", "--disturb", "5"}, 2, 1, 1
	if soak(1) > 1 {
		flags, domains, wantCertificates, wantKills = []string{"--disturb", "2,3,4,5,6,7"}, 3, 3, 12
	}
	d := startDemo(t, filepath.Dir(server)+":"+os.Getenv("PATH"), append([]string{"--hub", script, "--home", home}, flags...)...)
	d.limit = 10 * patience // what was killed is taken over, and tried again after pauses
	t.Cleanup(func() {
		if raw, err := os.ReadFile(filepath.Join(home, "hub.log")); t.Failed() {
			t.Logf("what the script said: %s, %v", raw, err)
			d.lastWords(filepath.Join(home, "data", "log"))
		}
	})
	d.until("the commands to try", func(e demoEvent) bool { return e.Kind == "next" && strings.HasSuffix(e.Text, "audit verify") })
	if failed := d.of("failed"); len(failed) > 0 || len(d.of("journal")) != domains || len(d.of("software")) > 0 {
		t.Fatalf("failed: %+v, journals %+v, software %+v", failed, d.of("journal"), d.of("software"))
	}
	kills, took := 0, d.seen[len(d.seen)-1].Elapsed
	for _, e := range d.of("fact") {
		if strings.HasPrefix(e.Text, "Killed with kill -9: nats-") {
			kills++
		}
		if strings.HasPrefix(e.Text, "The others have the work") {
			t.Log(e.Text)
		}
	}
	if kills != wantKills {
		t.Errorf("processes were killed %d times, want %d", kills, wantKills)
	}
	t.Logf("all scenarios, with %d kills, after %.1f s", kills, took)
	d.once(home, wantCertificates)
	if err := d.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if code := d.ends(); code != 0 {
		t.Errorf("exit code %d: %s", code, &d.errs)
	}
	eventually(t, "the script has ended its processes", patience, func() bool {
		_, err := os.Stat(filepath.Join(home, "data", "pid"))
		return os.IsNotExist(err)
	})
}

// once wants each thing that was done in the scenarios to have been done once.
func (d *demoRun) once(home string, wantCertificates int) {
	d.t.Helper()
	program, err := binary()
	if err != nil {
		d.t.Fatal(err)
	}
	h := &hubProcess{t: d.t, binary: program, home: d.home, context: filepath.Join(home, "data", "operator.context.json")}
	var records []hub.Record
	if err := json.Unmarshal([]byte(h.do("trust-domain", "records", "shop", "-o", "json")), &records); err != nil {
		d.t.Fatal(err)
	}
	ids, done := map[string]bool{}, map[string][]string{}
	for _, r := range records {
		if ids[r.ID] {
			d.t.Errorf("two records have the ID %s", r.ID)
		}
		ids[r.ID] = true
		var what struct{ ID, State string }
		if r.Kind != "sm.order" || json.Unmarshal(r.Data, &what) != nil {
			continue
		}
		done[what.ID] = append(done[what.ID], what.State)
	}
	if len(done) != 1 {
		d.t.Errorf("there are %d orders, want one: %v", len(done), done)
	}
	for id, states := range done {
		completed := slices.DeleteFunc(states, func(s string) bool { return s != "completed" })
		if len(completed) != 1 {
			d.t.Errorf("order %s completed %d times", id, len(completed))
		}
	}
	var certificates []struct{ SubjectID string }
	if err := json.Unmarshal([]byte(h.do("cert", "list", "-o", "json")), &certificates); err != nil {
		d.t.Fatal(err)
	}
	if len(certificates) != wantCertificates {
		d.t.Errorf("%d certificates were issued, want %d: one of the VNF, and two that a vendor asked for", len(certificates), wantCertificates)
	}
}

// lastWords tells the end of each log in a directory.
func (d *demoRun) lastWords(dir string) {
	logs, err := os.ReadDir(dir)
	if err != nil {
		d.t.Log(err)
	}
	for _, log := range logs {
		raw, err := os.ReadFile(filepath.Join(dir, log.Name()))
		if err != nil || strings.HasPrefix(log.Name(), "nats-") {
			continue
		}
		d.t.Logf("%s: %s", log.Name(), raw[max(0, len(raw)-1500):])
	}
}
