package trust

import (
	"context"
	"crypto"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// Accounts gives the storage of the hub itself and of each trust domain.
type Accounts interface {
	Hub() Account
	// Create makes the account of a trust domain. It is idempotent.
	Create(ctx context.Context, domain string) (Account, error)
	// Open returns the account of a trust domain, hub.NotFound if there is none.
	Open(ctx context.Context, domain string) (Account, error)
}

// Account is the storage of one tenant. Opening a table or a log that does not
// exist creates it.
type Account interface {
	Table(ctx context.Context, name string) (Table, error)
	Log(ctx context.Context, name string) (Log, error)
}

// Table keeps values by key with compare-and-set. When a write returns nil it
// is durable. Errors have the codes hub.NotFound (no such key), hub.Conflict
// (Create of a key that exists) and hub.Precondition (Update or Delete at a
// revision that is no longer the newest).
type Table interface {
	Get(ctx context.Context, key string) (value []byte, revision uint64, err error)
	Create(ctx context.Context, key string, value []byte) (revision uint64, err error)
	Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error)
	Delete(ctx context.Context, key string, revision uint64) error
	// List returns every entry, by key.
	List(ctx context.Context) ([]Change, error)
	// Watch calls fn with every entry there is, then once with Synced set, then
	// with every change, until ctx ends. It goes on over lost connections and
	// then begins again with every entry.
	Watch(ctx context.Context, fn func(Change)) error
}

// Change is one step of a [Table] watch.
type Change struct {
	Key      string
	Value    []byte
	Revision uint64
	Deleted  bool
	Synced   bool // no entry: all that was there has been told
}

// Log is the record log of one account. Append returns nil only when all the
// records are durable. A record that is there already is not added again; one
// whose ID is there with other content is hub.Conflict.
type Log interface {
	Append(ctx context.Context, records ...hub.Record) error
	// Read calls fn with each record after the position, which is opaque, until
	// the end of the log or until fn returns false.
	Read(ctx context.Context, after string, fn func(position string, r hub.Record) bool) error
}

// Keys holds the CA keys of one trust domain. A private key never leaves it.
type Keys interface {
	// Create makes an ECDSA P-256 key; hub.Conflict if the label is taken.
	Create(ctx context.Context, label string) (crypto.Signer, error)
	// Signer returns the key of that label; hub.NotFound if there is none.
	Signer(ctx context.Context, label string) (crypto.Signer, error)
	// Delete destroys the key. Deleting what is not there is no error.
	Delete(ctx context.Context, label string) error
	// Check reports whether the keys can be used now. It is cheap.
	Check(ctx context.Context) error
}

// KeyStores opens the key store of a trust domain.
type KeyStores interface {
	// Kind says where the keys of a new domain go: hub.KeysInFile, hub.KeysOnBus or
	// hub.KeysInPKCS11.
	Kind(domain string) string
	// Open returns the domain's keys. It fails with a reason when the store is
	// not there, as when a token was pulled; later calls try again.
	Open(ctx context.Context, domain, kind string) (Keys, error)
}

// EndpointSigner signs the certificate of an SM's endpoint, or of a trust domain's
// name on Cm-Vnfm, for a key that the
// producer made. The answer is a chain of DER certificates, leaf first.
type EndpointSigner interface {
	SignEndpoint(ctx context.Context, domain, serverName string, csr []byte) ([][]byte, error)
}

// Clock tells the time; tests give their own.
type Clock func() time.Time
