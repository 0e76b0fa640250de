package natsbus

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/manoward/manoward/internal/hub"
)

// newUser makes a key pair as a client does.
func newUser(t *testing.T) (nkeys.KeyPair, string) {
	t.Helper()
	kp, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	key, err := kp.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return kp, key
}

// userConn connects as a new user of the domain. u.PublicKey may be empty.
func userConn(t *testing.T, b *Bus, domain string, u User, opts ...nats.Option) *nats.Conn {
	t.Helper()
	kp, key := newUser(t)
	u.PublicKey = key
	token, err := b.UserCredentials(testContext(t), domain, u)
	if err != nil {
		t.Fatal(err)
	}
	c, err := dialUser(b, kp, token, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func dialUser(b *Bus, kp nkeys.KeyPair, token string, opts ...nats.Option) (*nats.Conn, error) {
	return b.dial(append(opts, nats.UserJWT(func() (string, error) { return token, nil }, kp.Sign))...)
}

func TestUserCredentials_AllowLists(t *testing.T) {
	everywhere(t, func(t *testing.T, b *Bus) {
		ctx := testContext(t)
		north := mustCreate(t, b, "north")
		refused := make(chan error, 10)
		c := userConn(t, b, "north", User{Name: "reader", Publish: []string{"allowed.out"}, Subscribe: []string{"allowed.in"}},
			nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }))
		in, err := c.SubscribeSync("allowed.in")
		if err != nil {
			t.Fatal(err)
		}
		out, err := north.conn.SubscribeSync(">")
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(c.FlushWithContext(ctx), north.conn.FlushWithContext(ctx)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.SubscribeSync("$JS.API.>"); err != nil {
			t.Fatal(err)
		}
		for _, subject := range []string{"other", "$JS.API.STREAM.DELETE.DATA", "allowed.out"} {
			if err := c.Publish(subject, nil); err != nil {
				t.Fatal(err)
			}
		}
		for range 3 { // the subscription and two publishes
			select {
			case err := <-refused:
				if !errors.Is(err, nats.ErrPermissionViolation) {
					t.Errorf("refused with %v", err)
				}
			case <-ctx.Done():
				t.Fatal("waited in vain for a refusal")
			}
		}
		if m, err := out.NextMsgWithContext(ctx); err != nil || m.Subject != "allowed.out" {
			t.Errorf("the account got %+v, %v", m, err)
		}
		if err := out.Unsubscribe(); err != nil {
			t.Fatal(err)
		}
		if err := north.conn.Publish("allowed.in", nil); err != nil {
			t.Fatal(err)
		}
		if _, err := in.NextMsgWithContext(ctx); err != nil {
			t.Errorf("an allowed subscription: %v", err)
		}
	})
}

func TestUserCredentials_BadRequests(t *testing.T) {
	b := mustOpen(t, embeddedConfig(t))
	mustCreate(t, b, "north")
	_, key := newUser(t)
	account, err := nkeys.CreateAccount()
	if err != nil {
		t.Fatal(err)
	}
	accountKey, _ := account.PublicKey()
	for name, c := range map[string]struct {
		domain string
		user   User
		code   hub.Code
	}{
		"no name":        {"north", User{PublicKey: key}, hub.Invalid},
		"no key":         {"north", User{Name: "u"}, hub.Invalid},
		"key of account": {"north", User{Name: "u", PublicKey: accountKey}, hub.Invalid},
		"expired":        {"north", User{Name: "u", PublicKey: key, Expires: time.Now().Add(-time.Second)}, hub.Invalid},
		"bad subject":    {"north", User{Name: "u", PublicKey: key, Publish: []string{"a b"}}, hub.Invalid},
		"unknown domain": {"south", User{Name: "u", PublicKey: key}, hub.NotFound},
		"the hub's own":  {"hub", User{Name: "u", PublicKey: key}, hub.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			token, err := b.UserCredentials(testContext(t), c.domain, c.user)
			wantError(t, err, c.code)
			if token != "" {
				t.Error("a token was given")
			}
		})
	}
	wantError(t, b.RevokeUser(testContext(t), "north", "x"), hub.Invalid)
	wantError(t, b.RevokeUser(testContext(t), "south", key), hub.NotFound)
}

func TestUserCredentials_Expire(t *testing.T) {
	t.Parallel()
	b := mustOpen(t, embeddedConfig(t))
	mustCreate(t, b, "north")
	c := userConn(t, b, "north", User{Name: "short", Expires: time.Now().Add(2 * time.Second)}, nats.NoReconnect())
	await(t, c.StatusChanged(nats.CLOSED), "an expired user to be disconnected")
}

func TestRevokeUser(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b *Bus) {
		ctx := testContext(t)
		mustCreate(t, b, "north")
		kp, key := newUser(t)
		token, err := b.UserCredentials(ctx, "north", User{Name: "bad", PublicKey: key})
		if err != nil {
			t.Fatal(err)
		}
		c, err := dialUser(b, kp, token, nats.NoReconnect())
		if err != nil {
			t.Fatal(err)
		}
		other := userConn(t, b, "north", User{Name: "good"}, nats.NoReconnect())
		closed := c.StatusChanged(nats.CLOSED)
		for range 2 {
			if err := b.RevokeUser(ctx, "north", key); err != nil {
				t.Fatal(err)
			}
		}
		await(t, closed, "the revoked user to be disconnected")
		if _, err := dialUser(b, kp, token); err == nil {
			t.Error("a revoked user connected again")
		}
		if err := other.FlushWithContext(ctx); err != nil {
			t.Errorf("another user is disconnected as well: %v", err)
		}
	})
}

func TestRevokeUser_SurvivesRestart(t *testing.T) {
	t.Parallel()
	cfg := embeddedConfig(t)
	b := mustOpen(t, cfg)
	mustCreate(t, b, "north")
	kp, key := newUser(t)
	token, err := b.UserCredentials(testContext(t), "north", User{Name: "bad", PublicKey: key})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.RevokeUser(testContext(t), "north", key); err != nil {
		t.Fatal(err)
	}
	closeBus(t, b)
	if _, err := dialUser(mustOpen(t, cfg), kp, token); err == nil {
		t.Error("a user revoked before the restart connects after it")
	}
}
