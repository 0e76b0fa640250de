package e2e_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func opsWrite(t *testing.T, path, text string, perm os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), perm); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, perm); err != nil { // whatever the umask is
		t.Fatal(err)
	}
}

// What is no data directory of this hub is refused, and left as it was.
func TestOpsForeignDataDirectory(t *testing.T) {
	tests := []struct {
		name string
		make func(t *testing.T, s *opsSite)
		code int
		want string
	}{
		{"a file", func(t *testing.T, s *opsSite) { opsWrite(t, s.data, "mine", 0o600) }, 6,
			"is not a directory; choose another with --data"},
		{"below a file", func(t *testing.T, s *opsSite) {
			opsWrite(t, s.data, "mine", 0o600)
			s.data = filepath.Join(s.data, "sub")
		}, 6, "is not a directory; choose another with --data"},
		{"somebody else's", func(t *testing.T, s *opsSite) {
			opsMkdir(t, s.data, 0o700)
			opsWrite(t, s.file("thesis.txt"), "mine", 0o600)
		}, 2, "holds thesis.txt and is no data directory of manoward, or is damaged: it has no file FORMAT; choose an empty one with --data, or restore it"},
		{"readable by all", func(t *testing.T, s *opsSite) { opsMkdir(t, s.data, 0o755) }, 2,
			"has mode 0755: others could read it; run: chmod 700"},
		{"readable by the group", func(t *testing.T, s *opsSite) { opsMkdir(t, s.data, 0o750) }, 2, "has mode 0750"},
		{"of another version", func(t *testing.T, s *opsSite) {
			s.start().stop()
			opsWrite(t, s.file("FORMAT"), "manoward data v2\n", 0o600)
		}, 2, `is "manoward data v2\n" and this manoward reads "manoward data v1"; start the manoward that it was made with, or another directory`},
		{"without FORMAT", func(t *testing.T, s *opsSite) {
			s.start().stop()
			if err := os.Remove(s.file("FORMAT")); err != nil {
				t.Fatal(err)
			}
		}, 2, "it has no file FORMAT; choose an empty one with --data, or restore it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newOpsSite(t)
			tt.make(t, s)
			before := opsTree(t, s.dir)
			s.refused(tt.code, tt.want)
			if after := opsTree(t, s.dir); after != before {
				t.Errorf("a refused start changed something:\n%s\nbefore:\n%s", after, before)
			}
		})
	}
}

func opsMkdir(t *testing.T, path string, perm os.FileMode) {
	t.Helper()
	if err := os.Mkdir(path, perm); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, perm); err != nil {
		t.Fatal(err)
	}
}

// opsTree lists names and sizes below dir, but for the lock, which any start
// may leave.
func opsTree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.Name() == "lock" {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size := int64(0)
			if d.Type().IsRegular() {
				size = info.Size()
			}
			b.WriteString(strings.TrimPrefix(path, dir) + " " + info.Mode().String() + " " + strconv.FormatInt(size, 10) + "\n")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The unlock key can be kept elsewhere. Without it, or with another one, the hub
// does not start and makes nothing anew.
func TestOpsUnlockKey(t *testing.T) {
	s := newOpsSite(t)
	elsewhere := filepath.Join(s.dir, "unlock.key")
	s.start().stop()
	if err := os.Rename(s.file("unlock.key"), elsewhere); err != nil {
		t.Fatal(err)
	}
	s.refused(6, "unlock key "+s.file("unlock.key")+" is missing; without it nothing in "+s.data+" can be opened: restore it, or name its place with --unlock-key")
	if _, err := os.Stat(s.file("unlock.key")); err == nil {
		t.Fatal("a key was made in the place of one that is missing")
	}
	s.args = []string{"--unlock-key", elsewhere}
	h := s.start()
	s.do("trust-domain", "create", "north")
	h.stop()

	good, err := os.ReadFile(elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	opsWrite(t, elsewhere, string(good), 0o644)
	s.refused(2, "unlock key "+elsewhere+" has mode 0644: others can read it; run: chmod 600 "+elsewhere)
	opsWrite(t, elsewhere, "swordfish", 0o600)
	s.refused(2, elsewhere+" is not an unlock key of manoward")
	opsWrite(t, elsewhere, string(good[:len(good)-9]), 0o600)
	s.refused(2, "unlock key "+elsewhere+" is damaged")

	other := newOpsSite(t)
	other.start().stop()
	wrong, err := os.ReadFile(other.file("unlock.key"))
	if err != nil {
		t.Fatal(err)
	}
	opsWrite(t, elsewhere, string(wrong), 0o600)
	s.refused(6, "give the unlock key that belongs to this data")

	opsWrite(t, elsewhere, string(good), 0o600)
	s.start()
	s.do("trust-domain", "show", "north")

	nowhere := newOpsSite(t, "--unlock-key", filepath.Join(s.dir, "no", "such", "dir", "unlock.key"))
	nowhere.refused(6, "cannot be made; see that its directory is there and writable")
	nowhere.args = nil
	nowhere.start() // the refused first start is begun anew
}

// A CA key that is missing, damaged or another domain's takes its trust domain
// out of service, says which file it is, and touches no other domain.
func TestOpsCAKeyFiles(t *testing.T) {
	key := func(s *opsSite, domain string) string { return s.file("keys", domain, "intermediate.key") }
	tests := []struct {
		name   string
		damage func(t *testing.T, s *opsSite)
		want   string
	}{
		{"missing", func(t *testing.T, s *opsSite) {
			if err := os.Remove(key(s, "north")); err != nil {
				t.Fatal(err)
			}
		}, "intermediate.key is missing; restore it"},
		{"damaged", func(t *testing.T, s *opsSite) {
			raw, err := os.ReadFile(key(s, "north"))
			if err != nil {
				t.Fatal(err)
			}
			if err := opsFlip(key(s, "north"), raw, 1, 2); err != nil {
				t.Fatal(err)
			}
		}, "does not open with this unlock key, or was altered; restore it, or start with the unlock key it was sealed with"},
		{"another domain's", func(t *testing.T, s *opsSite) {
			raw, err := os.ReadFile(key(s, "south"))
			if err != nil {
				t.Fatal(err)
			}
			opsWrite(t, key(s, "north"), string(raw), 0o600)
		}, "does not open with this unlock key, or was altered"},
		{"all of them", func(t *testing.T, s *opsSite) {
			if err := os.RemoveAll(s.file("keys", "north")); err != nil {
				t.Fatal(err)
			}
		}, "is missing; restore it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newOpsSite(t)
			h := s.start()
			s.do("trust-domain", "create", "north")
			s.do("trust-domain", "create", "south")
			h.stop()
			tt.damage(t, s)
			h = s.start()
			_, missing := opsReady(t, h)
			if len(missing) != 1 || missing[0].Name != "trust-domain/north" || !strings.Contains(missing[0].Reason, tt.want) {
				t.Errorf("missing: %+v; want trust-domain/north alone, %q", missing, tt.want)
			}
			s.fails(6, "trust domain north", "sm", "register", "alpha", "--trust-domain", "north", "--out", "a")
			s.do("sm", "register", "alpha", "--trust-domain", "south", "--out", "b")
			s.do("sm", "renew", "--dir", "b", "--force")
			if list := s.do("sm", "list", "--trust-domain", "north", "-o", "json"); strings.TrimSpace(list) != "[]" {
				t.Errorf("a registration that was refused is there:\n%s", list)
			}
		})
	}
}

// The hub's own CA key is needed for everything: without it the hub does not
// start, and does not make another.
func TestOpsHubKeyFile(t *testing.T) {
	s := newOpsSite(t)
	s.start().stop()
	if err := os.Rename(s.file("keys", "hub"), filepath.Join(s.dir, "hub-keys")); err != nil {
		t.Fatal(err)
	}
	s.refused(6, "the keys of trust domain hub cannot be used", "has no key")
	if err := os.RemoveAll(s.file("keys", "hub")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(s.dir, "hub-keys"), s.file("keys", "hub")); err != nil {
		t.Fatal(err)
	}
	s.start()
	s.do("trust-domain", "list")
}

// A copy of a data directory does not start beside the hub that it is a copy of:
// it would answer for the same addresses, and with the same keys.
func TestOpsCopyDoesNotStartBesideItsHub(t *testing.T) {
	s := newOpsFilled(t)
	s.start()
	copied := *s.opsSite
	copied.data = s.pristine
	copied.refused(6, "the port that was chosen at the first start is in use")
	if got := s.state(); got != s.want {
		t.Error("the running hub lost something by it")
	}
}

// A copy of the data directory of a stopped hub is a backup: put back, it starts
// with all that was acknowledged until then and nothing of what came after.
func TestOpsRestoredBackup(t *testing.T) {
	s := newOpsFilled(t)
	h := s.start()
	s.do("sm", "revoke", "alpha", "--trust-domain", "north", "--reason", "lost")
	s.do("sm", "register", "later", "--trust-domain", "south", "--out", "later")
	h.stop()
	s.restore()
	s.start()
	if got := s.state(); got != s.want {
		t.Error("the restored hub does not hold what the backup held")
	}
	s.do("sm", "renew", "--dir", "alpha", "--force") // its revocation came after the backup
	s.fails(3, "the hub refuses the credential", "sm", "renew", "--dir", "later", "--force")
}
