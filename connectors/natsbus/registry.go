package natsbus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"github.com/manoward/manoward/internal/hub"
)

// The registry is a KV bucket in the hub's account that every hub process on
// the same bus shares. It is read at the stream's leader and written with
// compare-and-set. It is the truth about which trust domains exist; the NATS
// servers' account resolvers are filled from it.
const (
	registryBucket = "ACCOUNTS"
	registryName   = "KV_" + registryBucket
	registryPrefix = "$KV." + registryBucket + "."
)

// domainEntry is one trust domain in the registry.
type domainEntry struct {
	Deleting  bool   `json:"deleting,omitempty"` // DeleteDomain has begun; whoever finds it finishes it
	PublicKey string `json:"publicKey"`          // of the account
	JWT       string `json:"jwt"`                // of the account, signed by the operator
	Seed      []byte `json:"seed"`               // of the account, sealed
}

// openRegistry opens the bucket; create says whether it may be missing.
func (b *Bus) openRegistry(ctx context.Context, create bool) error {
	const op = "open registry of accounts"
	bucket := func(ctx context.Context) (jetstream.KeyValue, error) { return b.hub.js.KeyValue(ctx, registryBucket) }
	kv, err := askAnew(ctx, bucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		if !create {
			return damaged("the registry of accounts (stream "+registryName+" of the hub) is missing", nil) // all that NATS says as well
		}
		if err := b.createRegistry(ctx); err != nil {
			return busError(op, err)
		}
		kv, err = askAnew(ctx, bucket)
	}
	if err != nil {
		return busError(op, err)
	}
	b.registry = kv
	info, err := b.registryInfo(ctx)
	if err != nil {
		return busError(op, err)
	}
	if b.replicas == 0 { // nobody could say how large the cluster is
		b.replicas = info.Config.Replicas
		b.hub.replicas = b.replicas
	}
	return nil
}

// createRegistry makes the bucket's stream by hand because nats.go lets any
// replica answer reads of the buckets that it makes (AllowDirect). When the
// number of replicas is not known it takes three, or one where there are no
// three.
func (b *Bus) createRegistry(ctx context.Context) error {
	tries := []int{b.replicas}
	if b.replicas == 0 {
		tries = []int{3, 1}
	}
	var err error
	for _, replicas := range tries {
		cfg := jetstream.StreamConfig{
			Name:              registryName,
			Description:       "trust domains and their accounts",
			Subjects:          []string{registryPrefix + ">"},
			MaxMsgsPerSubject: 1,
			Discard:           jetstream.DiscardNew,
			Storage:           jetstream.FileStorage,
			Replicas:          replicas,
			AllowRollup:       true,
			DenyDelete:        true,
		}
		_, err = askAnew(ctx, func(ctx context.Context) (jetstream.Stream, error) { return b.hub.js.CreateStream(ctx, cfg) })
		if err == nil || errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another process was first
			return nil
		}
	}
	return err
}

// registryInfo asks the registry's leader for the stream's state; with
// subjects, also for the subject of every entry.
func (b *Bus) registryInfo(ctx context.Context, opts ...jetstream.StreamInfoOpt) (*jetstream.StreamInfo, error) {
	s, err := b.hub.js.Stream(ctx, registryName)
	if err != nil {
		return nil, err
	}
	if len(opts) == 0 {
		return s.CachedInfo(), nil // just read
	}
	return s.Info(ctx, opts...)
}

// entry reads one domain's entry and its revision.
func (b *Bus) entry(ctx context.Context, name string) (domainEntry, uint64, error) {
	if b.isClosed() {
		return domainEntry{}, 0, nats.ErrConnectionClosed
	}
	kv, err := b.registry.Get(ctx, name)
	if err != nil {
		return domainEntry{}, 0, err
	}
	e, err := decodeEntry(name, kv.Value())
	return e, kv.Revision(), err
}

// decodeEntry reads an entry, and refuses one that could not be used.
func decodeEntry(name string, value []byte) (domainEntry, error) {
	var e domainEntry
	err := json.Unmarshal(value, &e)
	if err == nil && (!nkeys.IsValidPublicAccountKey(e.PublicKey) || e.JWT == "" || len(e.Seed) == 0) {
		err = errors.New("public key, JWT or seed is missing")
	}
	if err != nil {
		return domainEntry{}, damaged(fmt.Sprintf("the entry of trust domain %s in the registry of accounts cannot be read", name), err)
	}
	return e, nil
}

// activeEntry reads the entry of a domain that exists and is not being deleted.
func (b *Bus) activeEntry(ctx context.Context, op, name string) (domainEntry, uint64, error) {
	if err := checkDomain(name); err != nil {
		return domainEntry{}, 0, err
	}
	e, rev, err := b.entry(ctx, name)
	if errors.Is(err, jetstream.ErrKeyNotFound) || err == nil && e.Deleting {
		return domainEntry{}, 0, hub.E(hub.NotFound, op, fmt.Sprintf("there is no trust domain %q", name), err)
	}
	return e, rev, busError(op, err)
}

// entries reads all entries and their revisions, each at the registry's leader.
func (b *Bus) entries(ctx context.Context) (map[string]domainEntry, map[string]uint64, error) {
	info, err := b.registryInfo(ctx, jetstream.WithSubjectFilter(registryPrefix+">"))
	if err != nil {
		return nil, nil, err
	}
	all, revisions := map[string]domainEntry{}, map[string]uint64{}
	for subject := range info.State.Subjects {
		name := strings.TrimPrefix(subject, registryPrefix)
		e, rev, err := b.entry(ctx, name)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			continue // the mark of a deleted one
		}
		if err != nil {
			return nil, nil, err
		}
		all[name], revisions[name] = e, rev
	}
	return all, revisions, nil
}

// put replaces an entry of the given revision.
func (b *Bus) put(ctx context.Context, name string, e domainEntry, rev uint64) (uint64, error) {
	value, err := json.Marshal(e)
	if err != nil {
		return 0, fmt.Errorf("encode account: %w", err)
	}
	return b.writeRegistry(ctx, func(ctx context.Context) (uint64, error) { return b.registry.Update(ctx, name, value, rev) })
}

// register makes an account and puts it into the registry. A conflict means
// that another process was first.
func (b *Bus) register(ctx context.Context, name string) error {
	kp, err := nkeys.CreateAccount()
	if err != nil {
		return fmt.Errorf("make account seed: %w", err)
	}
	key, err := kp.PublicKey()
	if err != nil {
		return fmt.Errorf("account key: %w", err)
	}
	seed, err := seal(kp, label("domain", name), b.cfg.Vault)
	if err != nil {
		return err
	}
	token, err := accountJWT(name, key, jetStreamLimits(b.cfg.DomainBytes), b.operator)
	if err != nil {
		return err
	}
	value, err := json.Marshal(domainEntry{PublicKey: key, JWT: token, Seed: seed})
	if err != nil {
		return fmt.Errorf("encode account: %w", err)
	}
	_, err = b.writeRegistry(ctx, func(ctx context.Context) (uint64, error) { return b.registry.Create(ctx, name, value) })
	return err
}

// writeRegistry runs a write to the registry, which ends early when the embedded server
// cannot store it.
func (b *Bus) writeRegistry(ctx context.Context, write func(context.Context) (uint64, error)) (rev uint64, err error) {
	err = b.hub.store.attempt(ctx, registryName, func(ctx context.Context) (err error) {
		rev, err = write(ctx)
		return err
	})
	return rev, err
}

// isConflict says whether a registry write found another revision than it
// expected.
func isConflict(err error) bool {
	return errors.Is(err, jetstream.ErrKeyExists) || errors.Is(err, jetstream.ErrKeyRevisionMismatch)
}
