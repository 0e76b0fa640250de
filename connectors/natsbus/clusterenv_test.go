package natsbus

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
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
)

// cluster is an outside NATS cluster in operator mode with full resolvers, TLS
// for clients and routes, run by the test. Its operator key is a signing key.
type cluster struct {
	servers                                        []*server.Server
	ca, cert, key, hubCreds, sysCreds, operatorKey string // files
	vault                                          Vault  // of every process on this cluster
}

// startCluster starts n servers; change may alter their options.
func startCluster(t *testing.T, n int, change ...func(i int, o *server.Options)) *cluster {
	t.Helper()
	dir := t.TempDir()
	c := &cluster{vault: newVault(t)}
	conf := c.makeTLS(t, dir)
	keys, ids, signing := c.makeKeys(t, dir)
	ports := freePorts(t, n)
	for i := range n {
		o := &server.Options{
			ServerName: fmt.Sprintf("n%d", i), Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true,
			JetStream: true, StoreDir: filepath.Join(dir, fmt.Sprint("store", i)), SyncAlways: true,
			JetStreamMaxMemory: 64 << 20, JetStreamMaxStore: 1 << 30,
			TLSConfig: conf, TLSTimeout: 10, SystemAccount: ids.System,
		}
		if n > 1 {
			o.Cluster = server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: ports[i], TLSConfig: conf, TLSTimeout: 10}
			for _, p := range ports {
				o.Routes = append(o.Routes, &url.URL{Scheme: "tls", Host: fmt.Sprintf("127.0.0.1:%d", p)})
			}
		}
		c.trust(t, o, keys, ids, signing, filepath.Join(dir, fmt.Sprint("jwt", i)))
		for _, f := range change {
			f(i, o)
		}
		s, err := server.NewServer(o)
		if err != nil {
			t.Fatal(err)
		}
		go s.Start()
		t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
		c.servers = append(c.servers, s)
	}
	c.awaitReady(t, n)
	return c
}

// trust makes a server believe in the operator and know two accounts.
func (c *cluster) trust(t *testing.T, o *server.Options, keys rootKeys, ids rootIDs, signing nkeys.KeyPair, dir string) {
	t.Helper()
	claims := jwt.NewOperatorClaims(ids.Operator)
	claims.SystemAccount = ids.System
	pub, err := signing.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	claims.SigningKeys.Add(pub)
	token, err := claims.Encode(keys.operator)
	if err != nil {
		t.Fatal(err)
	}
	if claims, err = jwt.DecodeOperatorClaims(token); err != nil {
		t.Fatal(err)
	}
	o.TrustedOperators = []*jwt.OperatorClaims{claims}
	resolver, err := server.NewDirAccResolver(dir, 0, time.Minute, server.HardDelete)
	if err != nil {
		t.Fatal(err)
	}
	for key, limits := range map[string]jwt.JetStreamLimits{ids.System: {}, ids.Hub: jetStreamLimits(0)} {
		token, err := accountJWT("base", key, limits, keys.operator)
		if err != nil {
			t.Fatal(err)
		}
		if err := resolver.Store(key, token); err != nil {
			t.Fatal(err)
		}
	}
	o.AccountResolver = resolver
}

func (c *cluster) awaitReady(t *testing.T, n int) {
	t.Helper()
	deadline := time.After(testTime)
	for {
		ready, leader := 0, n == 1
		for _, s := range c.servers {
			if s.ReadyForConnections(testTime) && (n == 1 || s.JetStreamIsCurrent()) {
				ready++
			}
			leader = leader || s.JetStreamIsLeader()
		}
		if ready == n && leader {
			return
		}
		select {
		case <-deadline:
			t.Fatal("the cluster does not get ready")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// config returns a configuration with everything that the bus can be given.
func (c *cluster) config() Config {
	x := &External{
		CredsFile: c.hubCreds, SystemCredsFile: c.sysCreds, OperatorKeyFile: c.operatorKey,
		CAFile: c.ca, CertFile: c.cert, KeyFile: c.key,
	}
	for _, s := range c.servers {
		x.URLs = append(x.URLs, "tls://"+s.Addr().String())
	}
	return Config{Name: "test-hub", Vault: c.vault, External: x}
}

func (c *cluster) makeKeys(t *testing.T, dir string) (rootKeys, rootIDs, nkeys.KeyPair) {
	t.Helper()
	keys, err := openRootKeys(mkdir(t, filepath.Join(dir, "keys")), newVault(t), true)
	if err != nil {
		t.Fatal(err)
	}
	ids, err := keys.ids()
	if err != nil {
		t.Fatal(err)
	}
	signing, err := nkeys.CreateOperator()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := signing.Seed()
	if err != nil {
		t.Fatal(err)
	}
	c.operatorKey = writeFile(t, dir, "operator.nk", append(seed, '\n'))
	c.hubCreds = writeFile(t, dir, "hub.creds", credsOf(t, keys.hub))
	c.sysCreds = writeFile(t, dir, "sys.creds", credsOf(t, keys.system))
	return keys, ids, signing
}

func credsOf(t *testing.T, account nkeys.KeyPair) []byte {
	t.Helper()
	kp, key := newUser(t)
	token, err := jwt.NewUserClaims(key).Encode(account)
	if err != nil {
		t.Fatal(err)
	}
	seed, err := kp.Seed()
	if err != nil {
		t.Fatal(err)
	}
	creds, err := jwt.FormatUserConfig(token, seed)
	if err != nil {
		t.Fatal(err)
	}
	return creds
}

// makeTLS makes a CA and one certificate for servers, routes and clients.
func (c *cluster) makeTLS(t *testing.T, dir string) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	issue := func(tmpl, parent *x509.Certificate) []byte {
		tmpl.NotBefore, tmpl.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	caDER := issue(ca, ca)
	leaf := issue(&x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, ca)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	c.ca = writeFile(t, dir, "ca.pem", block("CERTIFICATE", caDER))
	c.cert = writeFile(t, dir, "cert.pem", block("CERTIFICATE", leaf))
	c.key = writeFile(t, dir, "key.pem", block("PRIVATE KEY", keyDER))
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(block("CERTIFICATE", caDER))
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{leaf}, PrivateKey: key}},
		RootCAs:      pool, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS13,
	}
}

func writeFile(t *testing.T, dir, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// freePorts returns ports that were free a moment ago: each route must be known
// before the first server starts.
func freePorts(t *testing.T, n int) []int {
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
