package e2e_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/testkit/nskit"
)

// runPages runs the shell commands of how-tos as one script in a folder, and
// returns what they print.
func (h *hubProcess) runPages(dir string, pages ...string) string {
	h.t.Helper()
	return h.runPagesWith(dir, nil, pages...)
}

// runPagesWith is runPages with variables, NAME=value, that the pages leave to their
// reader.
func (h *hubProcess) runPagesWith(dir string, env []string, pages ...string) string {
	h.t.Helper()
	script := "set -euo pipefail\n"
	for _, page := range pages {
		script += strings.Join(howtoBlocks(h.t.(*testing.T), "../../docs/howto/"+page, "sh"), "")
	}
	ctx, cancel := context.WithTimeout(h.t.Context(), 3*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", script)
	cmd.Dir = dir
	cmd.Env = []string{"HOME=" + h.home, "PATH=" + filepath.Dir(h.binary) + ":" + os.Getenv("PATH")}
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		h.t.Fatalf("%s: %v\n%s", strings.Join(pages, ", "), err, out)
	}
	return string(out)
}

func says(t *testing.T, out string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(out, text) {
			t.Errorf("the commands do not print %q:\n%s", text, out)
		}
	}
}

// The commands of the pages about packages, network services and enforcement do
// what the pages say, one after the other.
func TestHowto_NetworkService(t *testing.T) {
	t.Parallel()
	h := startHub(t)
	dir := t.TempDir()
	k := nskit.New(t, "north")
	for name, raw := range map[string][]byte{
		"anchor.pem": []byte(k.Anchor), "web.csar": k.Web, "guard.csar": k.Guard, "box.csar": k.PNF, "ns.csar": k.NSD,
		"inventory.yaml": []byte(nskit.Inventory(1)),
	} {
		writeFile(t, filepath.Join(dir, name), string(raw), 0o600)
	}
	says(t, h.runPages(dir, "onboard-packages.md"), "on-boarded Edge of north", "ACCEPTED", "is DISABLED", "is ENABLED")
	says(t, h.runPages(dir, "run-a-network-service.md"), "edge web 1", "HEAL", "UPDATE", "TERMINATE", "deleted")
	h.do("ns", "create", "--nsd", k.NSDID(), "--name", "edge")
	id := strings.Fields(lastLine(h.do("ns", "list")))[0]
	h.do("ns", "instantiate", id)
	says(t, h.runPages(dir, "enforce-as-a-security-manager.md"), "INSTANTIATED", "UPDATE", "spiffe://north/sm/alpha/sc-or.sec-enforce", `"state": "COMPLETED"`)
}

// The commands of the page about the model of the infrastructure.
func TestHowto_NfviModel(t *testing.T) {
	t.Parallel()
	h := startHub(t)
	says(t, h.runPages(t.TempDir(), "exercise-the-nfvi-model.md"), "manoward-model", "UNTRUSTED", "FAILED", "takes VNFs again")
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}
