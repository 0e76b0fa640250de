package e2e_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

// howtoBlocks returns the fenced blocks of a page in one language.
func howtoBlocks(t *testing.T, page, language string) []string {
	t.Helper()
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, m := range regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$").FindAllStringSubmatch(string(raw), -1) {
		if m[1] == language {
			blocks = append(blocks, m[2])
		}
	}
	if len(blocks) == 0 {
		t.Fatalf("%s has no block of %s", page, language)
	}
	return blocks
}

// TestHowto runs what docs/howto/register-a-security-manager.md tells people to
// run: the shell commands as one script, and in it, where they come, the
// programs.
func TestHowto(t *testing.T) {
	t.Parallel()
	const page = "../../docs/howto/register-a-security-manager.md"
	for _, tool := range []string{"bash", "curl", "jq", "python3"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%s is not installed, and the page uses it; install the package of that name, or run: make deps", tool)
		}
	}
	h := startHub(t)
	dir := t.TempDir()
	for name, language := range map[string]string{"client.go": "go", "client.py": "python"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(howtoBlocks(t, page, language)[0]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "client"), filepath.Join(dir, "client.go"))
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("the Go client: %v\n%s", err, out)
	}
	var script strings.Builder
	script.WriteString("set -euo pipefail\n")
	for _, block := range howtoBlocks(t, page, "sh") {
		script.WriteString(block)
		if strings.Contains(block, "curl --silent --show-error") { // where the page shows the programs
			script.WriteString("./client > go.json\npython3 client.py > python.json\n")
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", script.String())
	cmd.Dir = dir
	cmd.Env = []string{"HOME=" + h.home, "PATH=" + filepath.Dir(h.binary) + ":" + os.Getenv("PATH")}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	identity := hub.Identity{TrustDomain: "north", Kind: hub.KindSM, Name: "alpha", Interface: hub.ScOrNsLcm}.String()
	for _, file := range []string{"go.json", "python.json"} {
		raw, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil || !strings.Contains(string(raw), identity) {
			t.Errorf("%s: %s, %v", file, raw, err)
		}
	}
	for _, text := range []string{`"identity": "` + identity, "SEMI_ACTIVE", "renewed, good until", "not let in", `"reason": "revoked-credential"`} {
		if !strings.Contains(string(out), text) {
			t.Errorf("the commands of the page do not print %q:\n%s", text, out)
		}
	}
}
