package natsbus

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/manoward/manoward/internal/hub"
)

// External says how to reach an outside NATS cluster in operator mode. The
// connection is always TLS.
type External struct {
	URLs            []string // tls://host:port; one is enough, the others are learnt
	CredsFile       string   // of a user of the hub's account, which has JetStream
	SystemCredsFile string   // of a user of the system account; empty: durability stays unknown and no account can be made
	OperatorKeyFile string   // seed of the operator or of one of its signing keys; empty: no account can be made
	CAFile          string   // PEM; empty: the system's roots
	CertFile        string   // PEM, client certificate; empty: none
	KeyFile         string   // PEM, its key
	Replicas        int      // of every stream; 0: as many as the cluster has servers, at most 3
}

// The oldest NATS server that the bus accepts: older ones lack fixes against
// the loss of streams, and per-stream persist modes.
const (
	minMajor = 2
	minMinor = 12
)

const maxReplicas = 3

// openExternal connects to the cluster of cfg.External and verifies it.
func (b *Bus) openExternal(ctx context.Context) error {
	x := b.cfg.External
	if err := b.prepareExternal(); err != nil {
		return err
	}
	conn, err := b.connectAs("hub", nats.UserCredentials(x.CredsFile))
	if err != nil {
		return err
	}
	b.hub = &Account{name: "hub", conn: conn} // closed by Close if a check fails
	if err := checkServer(conn); err != nil {
		return err
	}
	if x.SystemCredsFile != "" {
		if b.system, err = b.connectAs("system", nats.UserCredentials(x.SystemCredsFile)); err != nil {
			return err
		}
	}
	b.replicas = x.Replicas
	if err := b.surveyCluster(ctx); err != nil {
		return err
	}
	if b.hub, err = b.accountOn(ctx, "hub", conn); err != nil {
		b.hub = &Account{name: "hub", conn: conn}
		return err
	}
	if err := b.openRegistry(ctx, true); err != nil {
		return err
	}
	b.republish(ctx)
	for _, w := range b.Durability(ctx).Warnings {
		b.log.Warn("durability of the outside NATS cluster", "warning", w)
	}
	return nil
}

// prepareExternal reads and checks every file of the configuration, so that a
// wrong one is named before anything is dialled.
func (b *Bus) prepareExternal() error {
	const op = "open bus"
	x := b.cfg.External
	if len(x.URLs) == 0 {
		return hub.E(hub.Invalid, op, "no address of a NATS server is given", nil)
	}
	if x.CredsFile == "" {
		return hub.E(hub.Invalid, op, "no NATS credentials file for the hub's account is given", nil)
	}
	for _, path := range []string{x.CredsFile, x.SystemCredsFile} {
		if path == "" {
			continue
		}
		raw, err := readPrivate(path)
		if err != nil {
			return err
		}
		_, errJWT := nkeys.ParseDecoratedJWT(raw)
		_, errKey := nkeys.ParseDecoratedUserNKey(raw)
		if err := errors.Join(errJWT, errKey); err != nil {
			return hub.E(hub.Invalid, op, path+" is not a NATS credentials file; `nsc generate creds` makes one", err)
		}
	}
	if x.OperatorKeyFile != "" {
		kp, err := readOperatorKey(x.OperatorKeyFile)
		if err != nil {
			return err
		}
		b.operator = kp
	}
	conf, err := x.tlsConfig()
	if err != nil {
		return err
	}
	b.dial = func(opts ...nats.Option) (*nats.Conn, error) {
		return nats.Connect(strings.Join(x.URLs, ","), append(opts, nats.Secure(conf))...)
	}
	return nil
}

// readPrivate reads a file with a secret, and refuses one that everybody can
// read.
func readPrivate(path string) ([]byte, error) {
	const op = "open bus"
	info, err := os.Stat(path)
	if err != nil {
		return nil, hub.E(hub.Invalid, op, fmt.Sprintf("cannot read %s (%v); correct the path, or its owner and mode", path, rootCause(err)), err)
	}
	if perm := info.Mode().Perm(); perm&0o007 != 0 {
		return nil, hub.E(hub.Invalid, op, fmt.Sprintf("%s holds a secret and has mode %04o: everybody can read it; run: chmod 600 %s", path, perm, path), nil)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, hub.E(hub.Invalid, op, fmt.Sprintf("cannot read %s (%v); correct the path, or its owner and mode", path, rootCause(err)), err)
	}
	return raw, nil
}

func readOperatorKey(path string) (nkeys.KeyPair, error) {
	raw, err := readPrivate(path)
	if err != nil {
		return nil, err
	}
	defer clear(raw)
	kp, err := nkeys.FromSeed(bytes.TrimSpace(raw))
	if err == nil {
		if key, kerr := kp.PublicKey(); kerr != nil || !nkeys.IsValidPublicOperatorKey(key) {
			err = errors.New("seed of another kind")
		}
	}
	if err != nil {
		return nil, hub.E(hub.Invalid, "open bus", path+" does not hold the seed of a NATS operator or operator signing key, which begins with SO", err)
	}
	return kp, nil
}

func (x *External) tlsConfig() (*tls.Config, error) {
	const op = "open bus"
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if x.CAFile != "" {
		pem, err := os.ReadFile(x.CAFile)
		if err != nil {
			return nil, hub.E(hub.Invalid, op, fmt.Sprintf("cannot read the CA file %s (%v); correct the path, or its owner and mode", x.CAFile, rootCause(err)), err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, hub.E(hub.Invalid, op, "the CA file "+x.CAFile+" holds no certificate in PEM", nil)
		}
	}
	if x.CertFile != "" || x.KeyFile != "" {
		cert, err := tls.LoadX509KeyPair(x.CertFile, x.KeyFile)
		if err != nil {
			return nil, hub.E(hub.Invalid, op, fmt.Sprintf("the client certificate %q and key %q for NATS cannot be used (%v)", x.CertFile, x.KeyFile, rootCause(err)), err)
		}
		conf.Certificates = []tls.Certificate{cert}
	}
	return conf, nil
}

// checkServer refuses a connection without TLS and a server that is too old.
func checkServer(conn *nats.Conn) error {
	const op = "open bus"
	if _, err := conn.TLSConnectionState(); err != nil {
		return hub.E(hub.Unavailable, op, "the NATS server does not use TLS; configure tls on it", err)
	}
	return checkVersion(conn.ConnectedServerName(), conn.ConnectedServerVersion())
}

func checkVersion(server, version string) error {
	var major, minor int
	_, err := fmt.Sscanf(strings.TrimPrefix(version, "v"), "%d.%d", &major, &minor)
	if err != nil || major < minMajor || major == minMajor && minor < minMinor {
		return hub.E(hub.Unavailable, "open bus", fmt.Sprintf("NATS server %s has version %s and at least %d.%d is needed; upgrade it", server, version, minMajor, minMinor), err)
	}
	return nil
}

// surveyCluster looks at every server through the system account: its version,
// and how many there are to hold replicas. Without that account it knows
// nothing, and createRegistry finds out by trying.
func (b *Bus) surveyCluster(ctx context.Context) error {
	if b.system == nil {
		return nil
	}
	s, err := b.survey(ctx)
	if err != nil {
		return err
	}
	for _, srv := range s.servers {
		if err := checkVersion(srv.Name, srv.Version); err != nil {
			return err
		}
	}
	if b.replicas == 0 {
		b.replicas = min(s.size, maxReplicas)
	}
	return nil
}

// republish gives the servers every account of the registry again, for
// resolvers that lost some, and finishes interrupted deletions. What fails
// concerns one trust domain and is shown when that is used.
func (b *Bus) republish(ctx context.Context) {
	if b.canMint("open bus") != nil {
		return
	}
	all, _, err := b.entries(ctx)
	if err != nil {
		b.log.Warn("cannot read the registry of accounts", "error", err)
		return
	}
	for name, e := range all {
		do := b.publish
		if e.Deleting {
			do = b.DeleteDomain
		}
		if err := do(ctx, name); err != nil {
			b.log.Warn("cannot bring an account up to date on the NATS servers", "account", name, "error", err)
		}
	}
}
