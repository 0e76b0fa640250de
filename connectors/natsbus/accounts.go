package natsbus

import (
	"context"
	"errors"
	"slices"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"github.com/manoward/manoward/internal/hub"
)

// domainAccount is an open connection to a trust domain's account.
type domainAccount struct {
	key     string
	account *Account
}

// CreateDomain makes the account of a trust domain, or returns the one that is
// there. When several processes create the same domain at the same time, all
// get the same account.
//
// Once it returns nil the account survives a crash. The name must be a DNS
// label ([hub.CheckName]); "hub" is taken.
func (b *Bus) CreateDomain(ctx context.Context, name string) (*Account, error) {
	const op = "create bus account"
	if err := checkDomain(name); err != nil {
		return nil, err
	}
	release, err := b.changing.take(ctx)
	if err != nil {
		return nil, busError(op, err)
	}
	defer release()
	for {
		e, rev, err := b.entry(ctx, name)
		switch {
		case errors.Is(err, jetstream.ErrKeyNotFound):
			if err := b.canMint(op); err != nil {
				return nil, err
			}
			if err := b.roomFor(op); err != nil {
				return nil, err // before anything of it is stored
			}
			if err := b.register(ctx, name); err != nil && !isConflict(err) {
				return nil, busError(op, err)
			}
			continue // read what is there now: ours, or another process's
		case err != nil:
			return nil, busError(op, err)
		case e.Deleting:
			if err := b.finishDelete(ctx, name, e, rev); err != nil {
				return nil, err
			}
			continue
		}
		// A crash may have come between the registry and the servers.
		if b.canMint(op) == nil {
			if err := b.publish(ctx, name); err != nil {
				return nil, err
			}
		}
		if err := b.remember(name, e.PublicKey, rev); err != nil {
			return nil, err
		}
		return b.domainAccount(ctx, name, e)
	}
}

// Domain returns the account of a trust domain, or an error with code
// [hub.NotFound].
func (b *Bus) Domain(ctx context.Context, name string) (*Account, error) {
	e, _, err := b.activeEntry(ctx, "open bus account", name)
	if hub.CodeOf(err) == hub.NotFound {
		b.closeDomain(name) // another process may have deleted it
	}
	if err != nil {
		return nil, err
	}
	return b.domainAccount(ctx, name, e)
}

// Domains returns the names of the trust domains, sorted.
func (b *Bus) Domains(ctx context.Context) ([]string, error) {
	const op = "list bus accounts"
	all, _, err := b.entries(ctx)
	if err != nil {
		return nil, busError(op, err)
	}
	names := []string{}
	for name, e := range all {
		if !e.Deleting {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// DeleteDomain removes a trust domain's account, its streams and its users.
// Once it returns nil nothing of them is left, and a crash before that is
// finished by the next start or the next call. Deleting what does not exist
// does nothing.
func (b *Bus) DeleteDomain(ctx context.Context, name string) error {
	const op = "delete bus account"
	if err := checkDomain(name); err != nil {
		return err
	}
	if err := b.canMint(op); err != nil {
		return err
	}
	release, err := b.changing.take(ctx)
	if err != nil {
		return busError(op, err)
	}
	defer release()
	for {
		e, rev, err := b.entry(ctx, name)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			return nil
		}
		if err != nil {
			return busError(op, err)
		}
		if !e.Deleting {
			e.Deleting = true
			rev, err = b.put(ctx, name, e, rev)
			if isConflict(err) {
				continue
			}
			if err != nil {
				return busError(op, err)
			}
		}
		return b.finishDelete(ctx, name, e, rev)
	}
}

// finishDelete carries out a deletion that the registry already holds. Each
// step may be repeated, also by two processes at once; the entry goes last.
func (b *Bus) finishDelete(ctx context.Context, name string, e domainEntry, rev uint64) error {
	const op = "delete bus account"
	if err := b.canMint(op); err != nil {
		return err
	}
	if err := b.forgetDomain(name); err != nil {
		return err
	}
	if err := b.push(ctx, e.JWT); err != nil { // an earlier attempt may have removed it before the streams
		return err
	}
	b.closeDomain(name)
	if err := b.deleteStreams(ctx, name, e); err != nil {
		return err
	}
	if err := b.withdraw(ctx, name, e.PublicKey); err != nil {
		return err
	}
	if b.embedded != nil {
		if err := errors.Join(b.embedded.forget(e.PublicKey), b.newGuard(name).remove()); err != nil {
			return hub.E(hub.Unavailable, op, "cannot remove the files of a trust domain; see that the data directory is writable, then delete again", err)
		}
	}
	_, err := b.writeRegistry(ctx, func(ctx context.Context) (uint64, error) {
		return 0, b.registry.Delete(ctx, name, jetstream.LastRevision(rev))
	})
	if isConflict(err) {
		return nil // another process finished first
	}
	return busError(op, err)
}

func (b *Bus) deleteStreams(ctx context.Context, name string, e domainEntry) error {
	const op = "delete streams"
	kp, err := b.unsealDomain(name, e)
	if err != nil {
		return err
	}
	// A connection of its own: the deletion may be the finish of another
	// process's, of an account that is not open here.
	a, err := b.openAccount(ctx, name, kp)
	if err != nil {
		return err
	}
	defer a.close()
	names := a.js.StreamNames(ctx)
	var all []string
	for n := range names.Name() {
		all = append(all, n)
	}
	if err := names.Err(); err != nil && !errors.Is(err, jetstream.ErrEndOfData) {
		return busError(op, err)
	}
	for _, n := range all {
		if err := a.js.DeleteStream(ctx, n); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
			return busError(op, err)
		}
	}
	return nil
}

// domainAccount returns the open account of e, connecting at first use. It
// opens a trust domain's account once, whoever asks at the same time.
func (b *Bus) domainAccount(ctx context.Context, name string, e domainEntry) (*Account, error) {
	const op = "open bus account"
	release, err := b.turnOf(name).take(ctx)
	if err != nil {
		return nil, busError(op, err)
	}
	defer release()
	if a := b.opened(name, e.PublicKey); a != nil {
		return a, nil
	}
	b.closeDomain(name) // of an account that is gone, or a connection that was closed
	kp, err := b.unsealDomain(name, e)
	if err != nil {
		return nil, err
	}
	a, err := b.openAccount(ctx, name, kp)
	if err != nil {
		return nil, err
	}
	if err := b.watch(ctx, a); err != nil {
		a.close()
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		a.close()
		return nil, hub.E(hub.Unavailable, op, "the bus is closed", nil)
	}
	b.open[name] = &domainAccount{key: e.PublicKey, account: a}
	return a, nil
}

// turnOf returns the turn of those who open a trust domain's account.
func (b *Bus) turnOf(name string) turn {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.opening[name] == nil {
		b.opening[name] = newTurn()
	}
	return b.opening[name]
}

func (b *Bus) unsealDomain(name string, e domainEntry) (nkeys.KeyPair, error) {
	return unseal("the seed of trust domain "+name, label("domain", name), e.Seed, b.cfg.Vault)
}

func (b *Bus) opened(name, key string) *Account {
	b.mu.Lock()
	defer b.mu.Unlock()
	if d := b.open[name]; d != nil && d.key == key && !d.account.conn.IsClosed() {
		return d.account
	}
	return nil
}

// closeDomain closes this process's connection to a trust domain's account.
func (b *Bus) closeDomain(name string) {
	b.mu.Lock()
	d := b.open[name]
	delete(b.open, name)
	b.mu.Unlock()
	if d != nil {
		d.account.close()
	}
}

// dropIfDeleted closes a connection that was lost because another process
// deleted the trust domain; otherwise it would knock for ever.
func (b *Bus) dropIfDeleted(name string, c *nats.Conn) {
	b.mu.Lock()
	d := b.open[name]
	b.mu.Unlock()
	if d == nil || d.account.conn != c {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	e, _, err := b.activeEntry(ctx, "reconnect", name)
	if hub.CodeOf(err) == hub.NotFound || err == nil && e.PublicKey != d.key {
		b.log.Info("connection closed: the trust domain was deleted", "account", name)
		b.closeDomain(name)
	}
}

func checkDomain(name string) error {
	if err := hub.CheckName("trust domain", name); err != nil {
		return err
	}
	if name == "hub" {
		return hub.E(hub.Invalid, "check name", `the name "hub" is taken by the hub's own account; choose another`, nil)
	}
	return nil
}
