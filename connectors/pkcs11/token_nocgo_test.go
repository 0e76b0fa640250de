//go:build !cgo

package pkcs11

import (
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

func TestWithoutCgo(t *testing.T) {
	ctx := t.Context()
	token, err := Open(ctx, Config{})
	_, created := token.Create(ctx, "root")
	_, found := token.Signer(ctx, "root")
	_, read := token.Properties(ctx, "root")
	for op, err := range map[string]error{
		"Open": err, "Create": created, "Signer": found, "Properties": read,
		"Delete": token.Delete(ctx, "root"), "Check": token.Check(ctx), "Reopen": token.Reopen(ctx),
	} {
		if hub.CodeOf(err) != hub.Invalid || !strings.Contains(hub.SafeText(err), "no PKCS#11 support (built without cgo)") {
			t.Errorf("%s: %v", op, err)
		}
	}
	if err := token.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}
