package natsbus

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nats-io/nkeys"

	"github.com/manoward/manoward/internal/durable"
	"github.com/manoward/manoward/internal/hub"
)

// The embedded server's own keys, each sealed in a file "<name>.seed". Roots
// of trust of the server: the operator signs accounts; the system account
// administers it; the hub account holds the hub's own streams.
var seedNames = [...]string{"operator", "system", "hub"}

type rootKeys struct{ operator, system, hub nkeys.KeyPair }

// label binds a sealed seed to what it is the seed of.
func label(kind, name string) string { return "natsbus/" + kind + "/" + name }

// openRootKeys reads the sealed root keys in dir. On the first start (fresh) it
// makes those that are missing, which a crash in an earlier first start may
// have left out; otherwise a missing one is damage.
func openRootKeys(dir string, vault Vault, fresh bool) (rootKeys, error) {
	var pairs [len(seedNames)]nkeys.KeyPair
	for i, name := range seedNames {
		path := filepath.Join(dir, name+".seed")
		kp, err := readSeed(path, label("root", name), vault)
		if errors.Is(err, fs.ErrNotExist) {
			if !fresh {
				return rootKeys{}, damaged(path+" is missing", err)
			}
			kp, err = createSeed(path, label("root", name), vault, i == 0)
		}
		if err != nil {
			return rootKeys{}, err
		}
		pairs[i] = kp
	}
	return rootKeys{operator: pairs[0], system: pairs[1], hub: pairs[2]}, nil
}

func readSeed(path, label string, vault Vault) (nkeys.KeyPair, error) {
	blob, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err != nil {
		return nil, hub.E(hub.Unavailable, "open bus", fmt.Sprintf("cannot read %s; see its owner and mode", path), err)
	}
	return unseal(path, label, blob, vault)
}

// unseal opens a sealed seed; where says where it was found, for the message.
func unseal(where, label string, blob []byte, vault Vault) (nkeys.KeyPair, error) {
	const op = "open sealed seed"
	seed, err := vault.Open(label, blob)
	if err != nil {
		return nil, hub.E(hub.Unavailable, op, where+" does not open: it was sealed with another unlock key, or it is damaged; give the unlock key that belongs to this data, or restore a backup", err)
	}
	defer clear(seed)
	kp, err := nkeys.FromSeed(seed)
	if err != nil {
		return nil, damaged(where+" holds no seed", err)
	}
	return kp, nil
}

func createSeed(path, label string, vault Vault, operator bool) (nkeys.KeyPair, error) {
	create := nkeys.CreateAccount
	if operator {
		create = nkeys.CreateOperator
	}
	kp, err := create()
	if err != nil {
		return nil, fmt.Errorf("make seed for %s: %w", path, err)
	}
	blob, err := seal(kp, label, vault)
	if err != nil {
		return nil, err
	}
	if err := durable.WriteFile(path, blob, 0o600); err != nil {
		return nil, hub.E(hub.Unavailable, "open bus", fmt.Sprintf("cannot write %s; see that the disk is not full and the directory writable", path), err)
	}
	return kp, nil
}

func seal(kp nkeys.KeyPair, label string, vault Vault) ([]byte, error) {
	seed, err := kp.Seed() // the pair's own bytes, not a copy: not to be cleared
	if err != nil {
		return nil, fmt.Errorf("read seed of %s: %w", label, err)
	}
	blob, err := vault.Seal(label, seed)
	if err != nil {
		return nil, hub.E(hub.Internal, "seal seed", "the seed could not be sealed", err)
	}
	return blob, nil
}

// damaged is the refusal to start on data that is not whole.
func damaged(what string, err error) error {
	return hub.E(hub.Unavailable, "open bus", "the data directory is damaged: "+what+"; restore it from a backup", err)
}
