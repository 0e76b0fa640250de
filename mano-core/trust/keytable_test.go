package trust

import (
	"crypto/ecdsa"
	"crypto/x509"
	"path/filepath"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/vault"
)

// What one process makes on the bus every process with the unlock key signs with; a
// label has one key, whoever makes it first; and what is there is sealed.
func TestTableKeys(t *testing.T) {
	v, err := vault.Create(filepath.Join(t.TempDir(), "unlock.key"))
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	table, err := newFakeBus().Hub().Table(ctx, "KEYS")
	if err != nil {
		t.Fatal(err)
	}
	one, two, south := OpenTableKeys(table, "north", v), OpenTableKeys(table, "north", v), OpenTableKeys(table, "south", v)
	if _, err := one.Signer(ctx, rootLabel); hub.CodeOf(err) != hub.NotFound || !strings.Contains(hub.SafeText(err), "north/"+rootLabel) {
		t.Errorf("a key that nobody made: %v", err)
	}
	if err := two.Check(ctx); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("check without keys: %v", err)
	}
	made, err := one.Create(ctx, rootLabel)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := two.Create(ctx, rootLabel); hub.CodeOf(err) != hub.Conflict {
		t.Errorf("a second key of one label: %v", err)
	}
	opened, err := two.Signer(ctx, rootLabel)
	if err != nil {
		t.Fatal(err)
	}
	if !made.Public().(*ecdsa.PublicKey).Equal(opened.Public()) {
		t.Error("the other process has another key")
	}
	if _, err := south.Signer(ctx, rootLabel); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("another trust domain has the key too: %v", err)
	}
	if _, err := one.Create(ctx, intermediateLabel); err != nil {
		t.Fatal(err)
	}
	if err := two.Check(ctx); err != nil {
		t.Errorf("check: %v", err)
	}
	stored, _, err := table.Get(ctx, "north/"+rootLabel)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x509.ParsePKCS8PrivateKey(stored); err == nil {
		t.Error("the key lies open on the bus")
	}
	other, err := vault.Create(filepath.Join(t.TempDir(), "unlock.key"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenTableKeys(table, "north", other).Signer(ctx, rootLabel); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("with another unlock key: %v", err)
	}
	for range 2 { // it can be repeated
		if err := one.Delete(ctx, rootLabel); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := one.Signer(ctx, rootLabel); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("a key that was destroyed: %v", err)
	}
}
