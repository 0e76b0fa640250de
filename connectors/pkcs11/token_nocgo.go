//go:build !cgo

package pkcs11

import (
	"context"
	"crypto"

	"github.com/manoward/manoward/internal/hub"
)

// Token is a token that is open. In this build there is none: [Open] always
// fails, and so does every method.
type Token struct{}

func noCgo(op string) error {
	return hub.E(hub.Invalid, op, "this build of manoward has no PKCS#11 support (built without cgo); use a build with cgo, or a key file", nil)
}

// Open says that this build has no PKCS#11 support.
func Open(context.Context, Config) (*Token, error) { return nil, noCgo(opOpen) }

// Create fails as [Open] does.
func (*Token) Create(context.Context, string) (crypto.Signer, error) {
	return nil, noCgo("create key")
}

// Signer fails as [Open] does.
func (*Token) Signer(context.Context, string) (crypto.Signer, error) { return nil, noCgo("find key") }

// Properties fails as [Open] does.
func (*Token) Properties(context.Context, string) (Properties, error) {
	return Properties{}, noCgo("read properties of key")
}

// Delete fails as [Open] does.
func (*Token) Delete(context.Context, string) error { return noCgo("delete key") }

// Check fails as [Open] does.
func (*Token) Check(context.Context) error { return noCgo("check token") }

// Reopen fails as [Open] does.
func (*Token) Reopen(context.Context) error { return noCgo("reopen token") }

// Close does nothing.
func (*Token) Close() error { return nil }
