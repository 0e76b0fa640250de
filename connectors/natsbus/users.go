package natsbus

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/manoward/manoward/internal/hub"
)

// User is a NATS user of one trust domain's account: a process outside of the
// hub. It sees nothing of another account.
type User struct {
	Name      string    // for logs
	PublicKey string    // nkey of a user, made where the user runs; its seed never travels
	Publish   []string  // subjects it may publish to, wildcards allowed; empty: all of the account
	Subscribe []string  // subjects it may subscribe to; empty: all of the account. A list must name the user's inbox, _INBOX.>, if it makes requests
	Expires   time.Time // zero: never
}

// UserCredentials returns a JWT with which the holder of the user's seed can
// connect to the trust domain's account. Nothing is stored.
func (b *Bus) UserCredentials(ctx context.Context, domain string, u User) (string, error) {
	const op = "issue bus credentials"
	if err := b.checkUser(op, u); err != nil {
		return "", err
	}
	e, _, err := b.activeEntry(ctx, op, domain)
	if err != nil {
		return "", err
	}
	account, err := b.unsealDomain(domain, e)
	if err != nil {
		return "", err
	}
	claims := jwt.NewUserClaims(u.PublicKey)
	claims.Name = u.Name
	claims.Permissions.Pub.Allow = u.Publish
	claims.Permissions.Sub.Allow = u.Subscribe
	if !u.Expires.IsZero() {
		claims.Expires = u.Expires.Unix()
	}
	problems := jwt.CreateValidationResults()
	claims.Validate(problems)
	if problems.IsBlocking(false) {
		return "", hub.E(hub.Invalid, op, fmt.Sprintf("the user's permissions are not valid: %v", problems.Errors()[0]), nil)
	}
	token, err := claims.Encode(account)
	if err != nil {
		return "", hub.E(hub.Internal, op, "the user's JWT could not be signed", err)
	}
	return token, nil
}

func (b *Bus) checkUser(op string, u User) error {
	switch {
	case u.Name == "":
		return hub.E(hub.Invalid, op, "the user needs a name", nil)
	case !nkeys.IsValidPublicUserKey(u.PublicKey):
		return hub.E(hub.Invalid, op, "the public key is not an nkey of a user; make a pair with `nk -gen user` and give its public half, which begins with U", nil)
	case !u.Expires.IsZero() && !u.Expires.After(b.cfg.Now()):
		return hub.E(hub.Invalid, op, "the expiry is not in the future", nil)
	}
	return nil
}

// RevokeUser makes every JWT issued up to now for the public key worthless and
// disconnects its holder. Once it returns nil the revocation survives a crash.
// Revoking again, or a key that never had a JWT, is no error.
func (b *Bus) RevokeUser(ctx context.Context, domain, publicKey string) error {
	const op = "revoke bus credentials"
	if !nkeys.IsValidPublicUserKey(publicKey) {
		return hub.E(hub.Invalid, op, "the public key is not an nkey of a user", nil)
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
		e, rev, err := b.activeEntry(ctx, op, domain)
		if err != nil {
			return err
		}
		claims, err := jwt.DecodeAccountClaims(e.JWT)
		if err != nil {
			return damaged("the JWT of trust domain "+domain+" in the registry of accounts cannot be read", err)
		}
		claims.Revoke(publicKey) // by the clock that dates JWTs, the system's
		if e.JWT, err = claims.Encode(b.operator); err != nil {
			return hub.E(hub.Internal, op, "the account's JWT could not be signed", err)
		}
		rev, err = b.put(ctx, domain, e, rev)
		if isConflict(err) {
			continue // changed by another process: take its change along
		}
		if err != nil {
			return busError(op, err)
		}
		if err := b.remember(domain, e.PublicKey, rev); err != nil {
			return err
		}
		return b.publish(ctx, domain)
	}
}
