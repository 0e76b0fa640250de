package vault

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestSealOpen(t *testing.T) {
	v, err := Create(filepath.Join(t.TempDir(), "unlock.key"))
	if err != nil {
		t.Fatal(err)
	}
	other, err := Create(filepath.Join(t.TempDir(), "unlock.key"))
	if err != nil {
		t.Fatal(err)
	}
	secret := []byte("the key of a certificate authority")
	blob, err := v.Seal("ca/north/root", secret)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(blob, secret) {
		t.Fatal("the sealed blob shows its content")
	}
	got, err := v.Open("ca/north/root", blob)
	if err != nil || !bytes.Equal(got, secret) {
		t.Fatalf("Open = %q, %v", got, err)
	}
	if _, err := v.Open("ca/south/root", blob); !errors.Is(err, ErrSealed) {
		t.Errorf("opened under another label: %v", err)
	}
	if _, err := other.Open("ca/north/root", blob); !errors.Is(err, ErrSealed) {
		t.Errorf("opened with another unlock key: %v", err)
	}
	for i := range blob {
		bad := bytes.Clone(blob)
		bad[i] ^= 1
		if _, err := v.Open("ca/north/root", bad); !errors.Is(err, ErrSealed) {
			t.Fatalf("opened with byte %d altered: %v", i, err)
		}
		if _, err := v.Open("ca/north/root", blob[:i]); !errors.Is(err, ErrSealed) {
			t.Fatalf("opened with only %d bytes: %v", i, err)
		}
	}
}

func TestUnlockKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "unlock.key")
	if _, err := Open(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open without a file: %v", err)
	}
	if _, err := Create(path); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Create over a key: %v", err)
	}
	if _, err := Open(path); err != nil {
		t.Errorf("Open: %v", err)
	}
	for name, breakIt := range map[string]func() error{
		"readable by the group": func() error { return os.Chmod(path, 0o640) },
		"truncated":             func() error { return os.Truncate(path, 40) },
		"something else":        func() error { return os.WriteFile(path, []byte("hello\n"), 0o600) },
	} {
		os.Remove(path)
		if _, err := Create(path); err != nil {
			t.Fatal(err)
		}
		if err := breakIt(); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); err == nil {
			t.Errorf("Open of a key that is %s succeeded", name)
		}
	}
}

func TestKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "unlock.key")
	v, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	other, err := Create(filepath.Join(t.TempDir(), "unlock.key"))
	if err != nil {
		t.Fatal(err)
	}
	key := func(v *Vault, label string) string {
		k, err := v.Key(label)
		if err != nil || len(k) != keySize {
			t.Fatalf("Key(%s) = %d bytes, %v", label, len(k), err)
		}
		return string(k)
	}
	if key(v, "markers") != key(again, "markers") {
		t.Error("one unlock key gives two keys of one label")
	}
	if key(v, "markers") == key(v, "others") || key(v, "markers") == key(other, "markers") {
		t.Error("another label, or another unlock key, gives the same key")
	}
}
