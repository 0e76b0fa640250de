package pkcs11

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

func TestConfig_Refused(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	module := file("p11.so", "", 0o600)
	for _, c := range []struct {
		name string
		cfg  Config
		text string
	}{
		{"no module", Config{TokenLabel: "north", PIN: "1234"}, "not an absolute path"},
		{"relative module", Config{Module: "p11.so", TokenLabel: "north", PIN: "1234"}, "not an absolute path"},
		{"missing module", Config{Module: dir + "/no.so", TokenLabel: "north", PIN: "1234"}, "cannot be found"},
		{"module is a directory", Config{Module: dir, TokenLabel: "north", PIN: "1234"}, "is not a file"},
		{"no label", Config{Module: module, PIN: "1234"}, "no token label"},
		{"no PIN", Config{Module: module, TokenLabel: "north"}, "no PIN is given"},
		{"two PINs", Config{Module: module, TokenLabel: "north", PIN: "1234", PINFile: file("pin0", "1234", 0o600)}, "both"},
		{"no PIN file", Config{Module: module, TokenLabel: "north", PINFile: dir + "/no.pin"}, "cannot be read"},
		{"PIN file is a directory", Config{Module: module, TokenLabel: "north", PINFile: t.TempDir() + "/."}, "chmod 600"},
		{"PIN file for all", Config{Module: module, TokenLabel: "north", PINFile: file("pin1", "1234", 0o644)}, "chmod 600"},
		{"empty PIN file", Config{Module: module, TokenLabel: "north", PINFile: file("pin2", "\n", 0o600)}, "only line"},
		{"two lines", Config{Module: module, TokenLabel: "north", PINFile: file("pin3", "1234\n5678\n", 0o600)}, "only line"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := c.cfg.resolve()
			if hub.CodeOf(err) != hub.Invalid || !strings.Contains(hub.SafeText(err), c.text) {
				t.Errorf("error %v, want an invalid one that says %q", err, c.text)
			}
		})
	}
}

func TestConfig_Resolved(t *testing.T) {
	dir := t.TempDir()
	module, link, pin := filepath.Join(dir, "p11.so"), filepath.Join(dir, "link.so"), filepath.Join(dir, "pin")
	for path, content := range map[string]string{module: "", pin: "12 34 \r\n"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(module, link); err != nil {
		t.Fatal(err)
	}
	got, err := Config{Module: link, TokenLabel: "north", PINFile: pin}.resolve()
	if err != nil {
		t.Fatal(err)
	}
	if got.Module != module {
		t.Errorf("module is %s, want %s behind the link", got.Module, module)
	}
	if got.PIN.Reveal() != "12 34 " {
		t.Errorf("PIN is %q", got.PIN.Reveal())
	}
}
