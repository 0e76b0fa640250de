package natsbus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/manoward/manoward/internal/hub"
)

// Subjects of the system account by which servers with a full account resolver
// take and drop account JWTs (nats-server, accounts.go).
const (
	claimsUpdate = "$SYS.REQ.CLAIMS.UPDATE"
	claimsDelete = "$SYS.REQ.CLAIMS.DELETE"
)

// canMint refuses when this process was not given what it takes to make or
// change accounts.
func (b *Bus) canMint(op string) error {
	switch {
	case b.operator == nil:
		return hub.E(hub.Unavailable, op, "the NATS operator's signing key is needed to make or change a trust domain's account; give its file in the configuration", nil)
	case b.system == nil:
		return hub.E(hub.Unavailable, op, "credentials of the NATS system account are needed to make or change a trust domain's account; give their file in the configuration", nil)
	}
	return nil
}

// publish gives the servers the account JWT that the registry holds. It reads
// the registry again afterwards, so that a newer JWT, which another process may
// have published in between, is never left replaced by an older one.
func (b *Bus) publish(ctx context.Context, name string) error {
	const op = "publish account"
	for last := uint64(0); ; {
		e, rev, err := b.activeEntry(ctx, op, name)
		if err != nil {
			return err
		}
		if rev == last {
			return nil
		}
		if err := b.push(ctx, e.JWT); err != nil {
			return err
		}
		last = rev
	}
}

// push gives the servers one account JWT.
func (b *Bus) push(ctx context.Context, token string) error {
	return b.askResolver(ctx, "publish account", claimsUpdate, []byte(token))
}

// withdraw locks an account out and takes it from the servers. Servers whose
// resolver does not allow deletion keep the locked account: nobody can connect
// to it and it has no storage.
func (b *Bus) withdraw(ctx context.Context, name, key string) error {
	const op = "delete bus account"
	claims := jwt.NewAccountClaims(key) // no JetStream
	claims.Name = name
	claims.Limits.Conn = 0
	claims.Limits.LeafNodeConn = 0
	locked, err := claims.Encode(b.operator)
	if err != nil {
		return fmt.Errorf("sign JWT of account %s: %w", name, err)
	}
	if err := b.push(ctx, locked); err != nil {
		return err
	}
	issuer, err := b.operator.PublicKey()
	if err != nil {
		return fmt.Errorf("operator key: %w", err)
	}
	request := jwt.NewGenericClaims(issuer)
	request.Data["accounts"] = []string{key}
	signed, err := request.Encode(b.operator)
	if err != nil {
		return fmt.Errorf("sign deletion of account %s: %w", name, err)
	}
	if err := b.askResolver(ctx, op, claimsDelete, []byte(signed)); err != nil {
		var refused *resolverError
		if !errors.As(err, &refused) {
			return err
		}
		b.log.Warn("the NATS servers keep a deleted account, locked; allow_delete is off in their resolver", "account", name, "key", key, "error", err)
	}
	return nil
}

// resolverError is a refusal by the servers' account resolver.
type resolverError struct{ description string }

func (e *resolverError) Error() string { return e.description }

// askResolver sends a request to the servers' account resolvers; the first
// answer counts, for the servers tell each other.
func (b *Bus) askResolver(ctx context.Context, op, subject string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, accountTimeout)
	defer cancel()
	msg, err := b.system.RequestWithContext(ctx, subject, body)
	if errors.Is(err, nats.ErrNoResponders) {
		return hub.E(hub.Unavailable, op, "no NATS server takes account JWTs; configure the servers' resolver with type full", err)
	}
	if err != nil {
		return busError(op, err)
	}
	err = readResolverAnswer(op, msg.Data)
	var refused *resolverError
	if b.embedded != nil && errors.As(err, &refused) { // its keys are ours: it can only be the disk
		text := "cannot write to " + filepath.Join(b.cfg.Dir, jwtDir) + "; see that the disk is not full and the directory writable"
		if full := b.roomFor(op); full != nil {
			text = hub.SafeText(full)
		}
		return hub.E(hub.Unavailable, op, text, refused)
	}
	return err
}

// roomFor refuses what the embedded server's disk has no room for. An outside
// cluster's disks are its own concern.
func (b *Bus) roomFor(op string) error {
	if b.embedded == nil {
		return nil
	}
	if err := b.embedded.full("and try again"); err != nil {
		return hub.E(hub.Unavailable, op, hub.SafeText(err), nil)
	}
	return nil
}

func readResolverAnswer(op string, answer []byte) error {
	var resp server.ServerAPIClaimUpdateResponse
	if err := json.Unmarshal(answer, &resp); err != nil {
		return hub.E(hub.Unavailable, op, "a NATS server's answer about an account cannot be read; see its version", err)
	}
	if resp.Error != nil {
		return hub.E(hub.Unavailable, op, "the NATS servers refuse the account; see that the operator key is theirs and the hub's log", &resolverError{resp.Error.Description})
	}
	if resp.Data == nil {
		return hub.E(hub.Unavailable, op, "a NATS server's answer about an account says nothing; see its version", nil)
	}
	return nil
}

// restoreDomains makes the embedded server know every trust domain, and
// finishes deletions that a crash interrupted. onDisk are the accounts that had
// streams before the start.
func (b *Bus) restoreDomains(ctx context.Context, onDisk []string) error {
	all, revisions, err := b.entries(ctx)
	if err != nil {
		return busError("restore trust domains", err)
	}
	m := &b.embedded.marker
	if err := m.checkRegistry(all, revisions); err != nil {
		return err
	}
	known := []string{m.System, m.Hub}
	for _, e := range all {
		known = append(known, e.PublicKey)
	}
	if err := checkOrphans(b.cfg.Dir, onDisk, known); err != nil {
		return err
	}
	for name, e := range all {
		if !e.Deleting {
			continue
		}
		if err := b.DeleteDomain(ctx, name); err != nil {
			return err
		}
		delete(all, name)
	}
	return b.restoreAll(ctx, all, revisions)
}

// restoreAtOnce is how many trust domains a start opens at the same time.
const restoreAtOnce = 8

// restoreAll opens trust domains, and returns the first error when all that it
// has begun are done.
func (b *Bus) restoreAll(ctx context.Context, all map[string]domainEntry, revisions map[string]uint64) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	slots := make(chan struct{}, restoreAtOnce)
	var begun sync.WaitGroup
	for name, e := range all {
		slots <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		begun.Go(func() {
			defer func() { <-slots }()
			if err := b.restoreDomain(ctx, name, e, revisions[name]); err != nil {
				cancel(err) // the first counts
			}
		})
	}
	begun.Wait()
	return busError("restore trust domains", context.Cause(ctx))
}

func (b *Bus) restoreDomain(ctx context.Context, name string, e domainEntry, rev uint64) error {
	if err := b.remember(name, e.PublicKey, rev); err != nil { // a crash may have come before it
		return err
	}
	if err := b.push(ctx, e.JWT); err != nil {
		return err
	}
	if err := b.embedded.restore(e.PublicKey); err != nil {
		return err
	}
	_, err := b.domainAccount(ctx, name, e) // checks its data
	return err
}

// accountJWT signs the claims of an account that shares nothing with others.
func accountJWT(name, key string, limits jwt.JetStreamLimits, operator nkeys.KeyPair) (string, error) {
	claims := jwt.NewAccountClaims(key)
	claims.Name = name
	claims.Limits.JetStreamLimits = limits
	token, err := claims.Encode(operator)
	if err != nil {
		return "", fmt.Errorf("sign JWT of account %s: %w", name, err)
	}
	return token, nil
}

// jetStreamLimits allows an account to store that many bytes; 0 is no limit.
func jetStreamLimits(bytes int64) jwt.JetStreamLimits {
	if bytes == 0 {
		bytes = jwt.NoLimit
	}
	return jwt.JetStreamLimits{
		MemoryStorage: jwt.NoLimit, DiskStorage: bytes,
		Streams: jwt.NoLimit, Consumer: jwt.NoLimit, MaxAckPending: jwt.NoLimit,
	}
}
