package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"

	"github.com/manoward/manoward/internal/vault"
)

// extCluster is somebody else's NATS cluster: operator mode, full resolvers,
// TLS. Its servers can be stopped and started again on their ports and stores.
type extCluster struct {
	t                                   testing.TB
	dir                                 string
	change                              func(*server.Options)
	ports, routes                       []int
	running                             []*server.Server
	tls                                 *tls.Config
	operator                            *jwt.OperatorClaims
	system                              string // public key of the system account
	accounts                            map[string]string
	ca, hubCreds, sysCreds, key, unlock string // files
}

// extStart starts n servers; change may alter the options of each.
func extStart(t testing.TB, n int, change func(*server.Options)) *extCluster {
	t.Helper()
	c := &extCluster{t: t, dir: t.TempDir(), change: change, ports: extPorts(t, n), routes: extPorts(t, n), running: make([]*server.Server, n)}
	c.makeTLS()
	c.makeAccounts()
	c.unlock = filepath.Join(c.dir, "unlock.key")
	if _, err := vault.Create(c.unlock); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		c.start(i)
	}
	c.awaitReady()
	t.Cleanup(func() {
		for i := range n {
			c.stop(i)
		}
	})
	return c
}

// start starts one server, or starts it again.
func (c *extCluster) start(i int) {
	c.t.Helper()
	resolver, err := server.NewDirAccResolver(filepath.Join(c.dir, fmt.Sprint("jwt", i)), 0, time.Minute, server.HardDelete)
	if err != nil {
		c.t.Fatal(err)
	}
	for key, token := range c.accounts {
		if err := resolver.Store(key, token); err != nil {
			c.t.Fatal(err)
		}
	}
	operator := *c.operator // NewServer changes what it is given
	o := &server.Options{
		ServerName: fmt.Sprintf("n%d", i), Host: "127.0.0.1", Port: c.ports[i], NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: filepath.Join(c.dir, fmt.Sprint("store", i)), SyncAlways: true,
		JetStreamMaxMemory: 64 << 20, JetStreamMaxStore: 1 << 30,
		TLSConfig: c.tls, TLSTimeout: 10, SystemAccount: c.system,
		TrustedOperators: []*jwt.OperatorClaims{&operator}, AccountResolver: resolver,
	}
	if len(c.ports) > 1 {
		o.Cluster = server.ClusterOpts{Name: "outside", Host: "127.0.0.1", Port: c.routes[i], TLSConfig: c.tls, TLSTimeout: 10}
		for _, p := range c.routes {
			o.Routes = append(o.Routes, &url.URL{Scheme: "tls", Host: fmt.Sprintf("127.0.0.1:%d", p)})
		}
	}
	if c.change != nil {
		c.change(o)
	}
	s, err := server.NewServer(o)
	if err != nil {
		c.t.Fatal(err)
	}
	go s.Start()
	c.running[i] = s
}

func (c *extCluster) stop(i int) {
	if s := c.running[i]; s != nil {
		s.Shutdown()
		s.WaitForShutdown()
		c.running[i] = nil
	}
}

func (c *extCluster) awaitReady() {
	c.t.Helper()
	eventually(c.t, "the NATS cluster is ready", patience, func() bool {
		leader := len(c.ports) == 1
		for _, s := range c.running {
			if !s.ReadyForConnections(time.Second) || len(c.ports) > 1 && !s.JetStreamIsCurrent() {
				return false
			}
			leader = leader || s.JetStreamIsLeader()
		}
		return leader
	})
}

// flags are what a process of the hub is told about the cluster.
func (c *extCluster) flags() []string {
	var urls []string
	for _, p := range c.ports {
		urls = append(urls, fmt.Sprintf("tls://127.0.0.1:%d", p))
	}
	return []string{"--nats", strings.Join(urls, ","), "--nats-creds", c.hubCreds, "--nats-ca", c.ca, "--unlock-key", c.unlock,
		"--nats-system-creds", c.sysCreds, "--nats-operator-key", c.key}
}

func (c *extCluster) file(name string, content []byte) string {
	c.t.Helper()
	path := filepath.Join(c.dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		c.t.Fatal(err)
	}
	return path
}

func extKey(t testing.TB, create func() (nkeys.KeyPair, error)) (nkeys.KeyPair, string) {
	t.Helper()
	kp, err := create()
	if err != nil {
		t.Fatal(err)
	}
	key, err := kp.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return kp, key
}

// makeAccounts makes the operator with a signing key, the system account, the
// hub's account, and a user of each.
func (c *extCluster) makeAccounts() {
	c.t.Helper()
	root, rootKey := extKey(c.t, nkeys.CreateOperator)
	signing, signingKey := extKey(c.t, nkeys.CreateOperator)
	system, systemKey := extKey(c.t, nkeys.CreateAccount)
	account, accountKey := extKey(c.t, nkeys.CreateAccount)

	claims := jwt.NewOperatorClaims(rootKey)
	claims.SystemAccount = systemKey
	claims.SigningKeys.Add(signingKey)
	token, err := claims.Encode(root)
	if err != nil {
		c.t.Fatal(err)
	}
	if c.operator, err = jwt.DecodeOperatorClaims(token); err != nil {
		c.t.Fatal(err)
	}
	c.system, c.accounts = systemKey, map[string]string{}
	for _, key := range []string{systemKey, accountKey} {
		claims := jwt.NewAccountClaims(key)
		if key == accountKey {
			claims.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: -1, DiskStorage: -1, Streams: -1, Consumer: -1}
		}
		if c.accounts[key], err = claims.Encode(root); err != nil {
			c.t.Fatal(err)
		}
	}
	seed, err := signing.Seed()
	if err != nil {
		c.t.Fatal(err)
	}
	c.key = c.file("operator.nk", seed)
	c.hubCreds = c.file("hub.creds", extCreds(c.t, account))
	c.sysCreds = c.file("sys.creds", extCreds(c.t, system))
}

func extCreds(t testing.TB, account nkeys.KeyPair) []byte {
	t.Helper()
	user, key := extKey(t, nkeys.CreateUser)
	token, err := jwt.NewUserClaims(key).Encode(account)
	if err != nil {
		t.Fatal(err)
	}
	seed, err := user.Seed()
	if err != nil {
		t.Fatal(err)
	}
	creds, err := jwt.FormatUserConfig(token, seed)
	if err != nil {
		t.Fatal(err)
	}
	return creds
}

// makeTLS makes a CA and one certificate for clients and routes.
func (c *extCluster) makeTLS() {
	c.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		c.t.Fatal(err)
	}
	issue := func(tmpl, parent *x509.Certificate) []byte {
		tmpl.NotBefore, tmpl.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, key.Public(), key)
		if err != nil {
			c.t.Fatal(err)
		}
		return der
	}
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "outside CA"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	caDER := issue(ca, ca)
	leaf := issue(&x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "outside"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, ca)
	pool := x509.NewCertPool()
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER})
	pool.AppendCertsFromPEM(text)
	c.ca = c.file("ca.pem", text)
	c.tls = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{leaf}, PrivateKey: key}}, RootCAs: pool, ClientCAs: pool, MinVersion: tls.VersionTLS12}
}

// extPorts returns ports that were free a moment ago: routes must be known before
// the first server starts, and a server that comes back has its old port.
func extPorts(t testing.TB, n int) []int {
	t.Helper()
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}
