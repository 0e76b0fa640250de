package wire

import (
	"os"
	"path/filepath"
	"testing"
)

// A data directory stays the same from start to start, and a copy of it is another:
// the process on the copy must not take the roles of the one on the original.
func TestDataDir_Identity(t *testing.T) {
	open := func(path string) string {
		t.Helper()
		d, err := openDataDir(path)
		if err != nil {
			t.Fatal(err)
		}
		defer d.close()
		id, err := d.identity()
		if err != nil || id == "" {
			t.Fatalf("identity %q, %v", id, err)
		}
		return id
	}
	one, two := filepath.Join(t.TempDir(), "one"), filepath.Join(t.TempDir(), "two")
	first := open(one)
	if again := open(one); again != first {
		t.Errorf("%s became %s at the next start", first, again)
	}
	if err := os.CopyFS(two, os.DirFS(one)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(two, 0o700); err != nil {
		t.Fatal(err)
	}
	if of := open(two); of == first {
		t.Errorf("the copy is %s too", of)
	}
	if err := os.WriteFile(filepath.Join(two, "directory.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := openDataDir(two)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	if id, err := d.identity(); err == nil {
		t.Errorf("a damaged file says %q", id)
	}
}
