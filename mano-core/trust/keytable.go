package trust

import (
	"context"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/vault"
)

// keyTable keeps the keys of a trust domain in a table of the bus, from which every
// process of the hub opens them. A key is made once, whoever makes it.
type keyTable struct {
	table  Table
	domain string
}

// OpenTableKeys opens the keys of a domain in a table that may hold those of others
// too. The table must be in the hub's own account: what is in it is sealed, but who
// can remove it takes the CA away.
func OpenTableKeys(table Table, domain string, v *vault.Vault) *SealedKeys {
	return newSealedKeys(keyTable{table, domain}, domain, v)
}

func (k keyTable) key(label string) string { return k.domain + "/" + label }

func (k keyTable) name(label string) string {
	return "key " + k.key(label) + " on the bus"
}

// check asks nobody: what was read once is in memory, and readiness is asked often.
func (k keyTable) check(string) error { return nil }

func (k keyTable) read(ctx context.Context, label string) ([]byte, error) {
	blob, _, err := k.table.Get(ctx, k.key(label))
	if hub.CodeOf(err) == hub.NotFound {
		return nil, hub.E(hub.NotFound, "open CA key", k.name(label)+" is missing; restore the streams of the hub's account", err)
	}
	return blob, err
}

func (k keyTable) create(ctx context.Context, label string, blob []byte) error {
	_, err := k.table.Create(ctx, k.key(label), blob)
	return err
}

func (k keyTable) remove(ctx context.Context, label string) error {
	for {
		_, revision, err := k.table.Get(ctx, k.key(label))
		if err == nil {
			err = k.table.Delete(ctx, k.key(label), revision)
		}
		switch hub.CodeOf(err) {
		case hub.NotFound:
			return nil
		case hub.Precondition: // written meanwhile
			continue
		}
		return err
	}
}
