package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is no data directory of this hub is refused, and left as it was.
func TestOpsForeignDataDirectory(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		make func(t *testing.T, h *hubProcess)
		code int
		want string
	}{
		{"a file", func(t *testing.T, h *hubProcess) { writeFile(t, h.data, "mine", 0o600) }, 6,
			"is not a directory; choose another with --data"},
		{"below a file", func(t *testing.T, h *hubProcess) {
			writeFile(t, h.data, "mine", 0o600)
			h.data = filepath.Join(h.data, "sub")
		}, 6, "is not a directory; choose another with --data"},
		{"somebody else's", func(t *testing.T, h *hubProcess) {
			makeDir(t, h.data, 0o700)
			writeFile(t, h.file("thesis.txt"), "mine", 0o600)
		}, 2, "holds thesis.txt and is no data directory of manoward, or is damaged: it has no file FORMAT; choose an empty one with --data, or restore it"},
		{"readable by all", func(t *testing.T, h *hubProcess) { makeDir(t, h.data, 0o755) }, 2,
			"has mode 0755: others could read it; run: chmod 700"},
		{"readable by the group", func(t *testing.T, h *hubProcess) { makeDir(t, h.data, 0o750) }, 2, "has mode 0750"},
		{"of another version", func(t *testing.T, h *hubProcess) {
			h.start().stop()
			writeFile(t, h.file("FORMAT"), "manoward data v3\n", 0o600)
		}, 2, `is "manoward data v3\n" and this manoward reads "manoward data v2"; a newer manoward wrote it, and none goes back: start that one, or restore the backup that was made before the upgrade`},
		{"of no version", func(t *testing.T, h *hubProcess) {
			h.start().stop()
			writeFile(t, h.file("FORMAT"), "manoward data vX\n", 0o600)
		}, 2, `is "manoward data vX\n" and this manoward reads "manoward data v2"; start the manoward that it was made with, or another directory`},
		{"without FORMAT", func(t *testing.T, h *hubProcess) {
			h.start().stop()
			if err := os.Remove(h.file("FORMAT")); err != nil {
				t.Fatal(err)
			}
		}, 2, "it has no file FORMAT; choose an empty one with --data, or restore it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHub(t)
			tt.make(t, h)
			before := listTree(t, h.home)
			h.refusesStart(tt.code, tt.want)
			if after := listTree(t, h.home); after != before {
				t.Errorf("a refused start changed something:\n%s\nbefore:\n%s", after, before)
			}
		})
	}
}

// The unlock key can be kept elsewhere. Without it, or with another one, the hub
// does not start and makes nothing anew.
func TestOpsUnlockKey(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	elsewhere := filepath.Join(h.home, "unlock.key")
	h.start().stop()
	if err := os.Rename(h.file("unlock.key"), elsewhere); err != nil {
		t.Fatal(err)
	}
	h.refusesStart(6, "unlock key "+h.file("unlock.key")+" is missing; without it nothing in "+h.data+" can be opened: restore it, or name its place with --unlock-key")
	if _, err := os.Stat(h.file("unlock.key")); err == nil {
		t.Fatal("a key was made in the place of one that is missing")
	}
	h.args = []string{"--unlock-key", elsewhere}
	h.start()
	h.do("trust-domain", "create", "north")
	h.stop()

	good, err := os.ReadFile(elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, elsewhere, string(good), 0o644)
	h.refusesStart(2, "unlock key "+elsewhere+" has mode 0644: others can read it; run: chmod 600 "+elsewhere)
	writeFile(t, elsewhere, "swordfish", 0o600)
	h.refusesStart(2, elsewhere+" is not an unlock key of manoward")
	writeFile(t, elsewhere, string(good[:len(good)-9]), 0o600)
	h.refusesStart(2, "unlock key "+elsewhere+" is damaged")

	other := newHub(t)
	other.start().stop()
	wrong, err := os.ReadFile(other.file("unlock.key"))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, elsewhere, string(wrong), 0o600)
	h.refusesStart(6, "give the unlock key that belongs to this data")

	writeFile(t, elsewhere, string(good), 0o600)
	h.start()
	h.do("trust-domain", "show", "north")

	nowhere := newHub(t, "--unlock-key", filepath.Join(h.home, "no", "such", "dir", "unlock.key"))
	nowhere.refusesStart(6, "cannot be made; see that its directory is there and writable")
	nowhere.args = nil
	nowhere.start() // the refused first start is begun anew
}

// A CA key that is missing, damaged or another domain's takes its trust domain
// out of service, says which file it is, and touches no other domain.
func TestOpsCAKeyFiles(t *testing.T) {
	t.Parallel()
	key := func(h *hubProcess, domain string) string { return h.file("keys", domain, "intermediate.key") }
	tests := []struct {
		name   string
		damage func(t *testing.T, h *hubProcess)
		want   string
	}{
		{"missing", func(t *testing.T, h *hubProcess) {
			if err := os.Remove(key(h, "north")); err != nil {
				t.Fatal(err)
			}
		}, "intermediate.key is missing; restore it"},
		{"damaged", func(t *testing.T, h *hubProcess) {
			raw, err := os.ReadFile(key(h, "north"))
			if err != nil {
				t.Fatal(err)
			}
			if err := flipBit(key(h, "north"), raw, 1, 2); err != nil {
				t.Fatal(err)
			}
		}, "does not open with this unlock key, or was altered; restore it, or start with the unlock key it was sealed with"},
		{"another domain's", func(t *testing.T, h *hubProcess) {
			raw, err := os.ReadFile(key(h, "south"))
			if err != nil {
				t.Fatal(err)
			}
			writeFile(t, key(h, "north"), string(raw), 0o600)
		}, "does not open with this unlock key, or was altered"},
		{"all of them", func(t *testing.T, h *hubProcess) {
			if err := os.RemoveAll(h.file("keys", "north")); err != nil {
				t.Fatal(err)
			}
		}, "is missing; restore it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := startHub(t)
			h.do("trust-domain", "create", "north")
			h.do("trust-domain", "create", "south")
			h.stop()
			tt.damage(t, h)
			h.start()
			_, missing := h.readyz()
			if len(missing) != 1 || missing[0].Name != "trust-domain/north" || !strings.Contains(missing[0].Reason, tt.want) {
				t.Errorf("missing: %+v; want trust-domain/north alone, %q", missing, tt.want)
			}
			h.fails(6, "trust domain north", "sm", "register", "alpha", "--trust-domain", "north", "--out", "a")
			h.do("sm", "register", "alpha", "--trust-domain", "south", "--out", "b")
			h.do("sm", "renew", "--dir", "b", "--force")
			if list := h.do("sm", "list", "--trust-domain", "north", "-o", "json"); strings.TrimSpace(list) != "[]" {
				t.Errorf("a registration that was refused is there:\n%s", list)
			}
		})
	}
}

// The hub's own CA key is needed for everything: without it the hub does not
// start, and does not make another.
func TestOpsHubKeyFile(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.start().stop()
	if err := os.Rename(h.file("keys", "hub"), filepath.Join(h.home, "hub-keys")); err != nil {
		t.Fatal(err)
	}
	h.refusesStart(6, "the keys of trust domain hub cannot be used", h.file("keys", "hub", "intermediate.key")+" is missing; restore it")
	if err := os.RemoveAll(h.file("keys", "hub")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(h.home, "hub-keys"), h.file("keys", "hub")); err != nil {
		t.Fatal(err)
	}
	h.start()
	h.do("trust-domain", "list")
}

// A copy of a data directory does not start beside the hub that it is a copy of:
// it would answer for the same addresses, and with the same keys.
func TestOpsCopyDoesNotStartBesideItsHub(t *testing.T) {
	t.Parallel()
	h := newFilledHub(t)
	h.start()
	copied := *h.hubProcess
	copied.data = h.pristine
	copied.refusesStart(6, "the port that was chosen at the first start is in use")
	if got := h.state(); got != h.want {
		t.Error("the running hub lost something by it")
	}
}

// A copy of the data directory of a stopped hub is a backup: put back, it starts
// with all that was acknowledged until then and nothing of what came after.
func TestOpsRestoredBackup(t *testing.T) {
	t.Parallel()
	h := newFilledHub(t)
	h.start()
	h.do("sm", "revoke", "alpha", "--trust-domain", "north", "--reason", "lost")
	h.do("sm", "register", "later", "--trust-domain", "south", "--out", "later")
	h.stop()
	h.restore()
	h.start()
	if got := h.state(); got != h.want {
		t.Error("the restored hub does not hold what the backup held")
	}
	h.do("sm", "renew", "--dir", "alpha", "--force") // its revocation came after the backup
	h.fails(3, "the hub refuses the credential", "sm", "renew", "--dir", "later", "--force")
}
