package natsbus

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/manoward/manoward/internal/durable"
	"github.com/manoward/manoward/internal/hub"
)

const (
	opNewCluster = "make a NATS cluster"

	// routeOffset lies between the port for clients and that for the other servers.
	routeOffset = 2000
	// clusterLifetime is how long the certificates of a new cluster's servers last.
	clusterLifetime = 2 * 365 * 24 * time.Hour
)

// newCluster is a cluster whose files are being made.
type newCluster struct {
	dir   string // absolute
	hosts []string
	ports []int
	now   time.Time

	operatorJWT string
	systemID    string
	preload     string // of the resolvers: the accounts that there are

	ca    *x509.Certificate
	caKey *ecdsa.PrivateKey // of this process alone
}

// NewCluster makes what the servers of a NATS cluster need that a hub can stand on:
// operator mode, TLS for clients and routes, every write synced. servers are their
// host:port for clients; routes are 2000 ports above. In dir, which must be new or
// empty, each has a folder, server-1 and so on, with its nats.conf; hub.creds,
// sys.creds, operator.nk and nats-ca.pem are for the hub, and root.nk, the seed of
// the operator itself, belongs elsewhere. It returns the flags that a process of the
// hub takes.
func NewCluster(dir string, servers []string, now time.Time) (flags []string, err error) {
	c := &newCluster{now: now}
	if err := c.place(dir, servers); err != nil {
		return nil, err
	}
	for _, step := range []func() error{c.makeKeys, c.makeCA} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	for i := range c.hosts {
		if err := c.makeServer(i); err != nil {
			return nil, err
		}
	}
	var urls []string
	for i := range c.hosts {
		urls = append(urls, "tls://"+c.address(i, 0))
	}
	return []string{
		"--set", fmt.Sprintf("nats.replicas=%d", min(len(urls), maxReplicas)), // also when not all servers are up yet
		"--nats", strings.Join(urls, ","), "--nats-ca", c.path("nats-ca.pem"), "--nats-creds", c.path("hub.creds"),
		"--nats-system-creds", c.path("sys.creds"), "--nats-operator-key", c.path("operator.nk"),
	}, nil
}

// place checks where the servers are to be reached, and takes the directory.
func (c *newCluster) place(dir string, servers []string) (err error) {
	for _, server := range servers {
		host, text, err := net.SplitHostPort(server)
		port, bad := strconv.Atoi(text)
		if err != nil || bad != nil || host == "" || strings.ContainsAny(host, "\"\\\n") || port < 1 || port > 65535-routeOffset {
			return hub.E(hub.Invalid, opNewCluster, fmt.Sprintf("server %q: give host:port, such as 10.0.0.1:4222, with a port of at most %d", server, 65535-routeOffset), nil)
		}
		c.hosts, c.ports = append(c.hosts, host), append(c.ports, port)
	}
	if c.dir, err = filepath.Abs(dir); err == nil {
		err = os.MkdirAll(c.dir, 0o700)
	}
	if err != nil {
		return c.failed(err)
	}
	there, err := os.ReadDir(c.dir)
	switch {
	case err != nil:
		return c.failed(err)
	case len(there) > 0:
		return hub.E(hub.Conflict, opNewCluster, fmt.Sprintf("%s is not empty; name a directory that is new: a cluster that runs would lose its keys", c.dir), nil)
	case strings.ContainsAny(c.dir, "\"\\\n"):
		return hub.E(hub.Invalid, opNewCluster, "the path of the directory has a character that the configuration of nats-server does not take; name another", nil)
	}
	return nil
}

func (c *newCluster) path(name ...string) string {
	return filepath.Join(append([]string{c.dir}, name...)...)
}

func (c *newCluster) address(i, offset int) string {
	return net.JoinHostPort(c.hosts[i], strconv.Itoa(c.ports[i]+offset))
}

func (c *newCluster) failed(err error) error {
	return hub.E(hub.Unavailable, opNewCluster, fmt.Sprintf("%s cannot be written; see that this user may, and that there is room", c.dir), err)
}

func (c *newCluster) write(name string, content []byte) error {
	if err := durable.WriteFile(c.path(name), content, 0o600); err != nil {
		return c.failed(err)
	}
	return nil
}

// makeKeys makes the operator with a signing key, the system account and the hub's,
// and a user of each.
func (c *newCluster) makeKeys() error {
	var err error
	made := func(create func() (nkeys.KeyPair, error)) (pair nkeys.KeyPair, id string) {
		if err == nil {
			if pair, err = create(); err == nil {
				id, err = pair.PublicKey()
			}
		}
		return pair, id
	}
	root, rootID := made(nkeys.CreateOperator)
	signing, signingID := made(nkeys.CreateOperator)
	system, systemID := made(nkeys.CreateAccount)
	account, accountID := made(nkeys.CreateAccount)
	if err != nil {
		return fmt.Errorf("%s: make keys: %w", opNewCluster, err)
	}
	c.systemID = systemID
	claims := jwt.NewOperatorClaims(rootID)
	claims.Name, claims.SystemAccount = "manoward", systemID
	claims.SigningKeys.Add(signingID)
	if c.operatorJWT, err = claims.Encode(root); err != nil {
		return fmt.Errorf("%s: sign the operator's JWT: %w", opNewCluster, err)
	}
	for _, a := range []struct {
		name, id string
		limits   jwt.JetStreamLimits
	}{{"SYS", systemID, jwt.JetStreamLimits{}}, {"HUB", accountID, jetStreamLimits(0)}} {
		token, err := accountJWT(a.name, a.id, a.limits, root)
		if err != nil {
			return fmt.Errorf("%s: %w", opNewCluster, err)
		}
		c.preload += fmt.Sprintf("  %s: %q\n", a.id, token)
	}
	return errors.Join(
		c.writeSeed("root.nk", root), c.writeSeed("operator.nk", signing),
		c.writeUser("hub.creds", account), c.writeUser("sys.creds", system),
	)
}

func (c *newCluster) writeSeed(name string, pair nkeys.KeyPair) error {
	seed, err := pair.Seed()
	if err != nil {
		return fmt.Errorf("%s: %w", opNewCluster, err)
	}
	return c.write(name, append(seed, '\n'))
}

// writeUser makes a user of an account.
func (c *newCluster) writeUser(name string, account nkeys.KeyPair) error {
	public, credentials, err := NewUserKey()
	if err != nil {
		return err
	}
	token, err := jwt.NewUserClaims(public).Encode(account)
	if err != nil {
		return fmt.Errorf("%s: sign the JWT of a user: %w", opNewCluster, err)
	}
	file, err := credentials(token)
	if err != nil {
		return fmt.Errorf("%s: %w", opNewCluster, err)
	}
	return c.write(name, file)
}

// makeCA makes the CA of the servers' certificates. Its key is kept nowhere.
func (c *newCluster) makeCA() (err error) {
	template := c.template("manoward NATS CA")
	template.IsCA, template.KeyUsage = true, x509.KeyUsageCertSign
	if c.caKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return fmt.Errorf("%s: make the CA's key: %w", opNewCluster, err)
	}
	c.ca = template
	der, err := x509.CreateCertificate(rand.Reader, template, template, c.caKey.Public(), c.caKey)
	if err != nil {
		return fmt.Errorf("%s: make the CA's certificate: %w", opNewCluster, err)
	}
	return c.write("nats-ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func (c *newCluster) template(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes([]byte(rand.Text())[:16]), Subject: pkix.Name{CommonName: name}, BasicConstraintsValid: true,
		NotBefore: c.now.Add(-time.Hour), NotAfter: c.now.Add(clusterLifetime),
	}
}

// makeServer makes the folder of one server.
func (c *newCluster) makeServer(i int) error {
	folder := fmt.Sprintf("server-%d", i+1)
	if err := os.Mkdir(c.path(folder), 0o700); err != nil {
		return c.failed(err)
	}
	template := c.template(c.hosts[i])
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} // routes are mutual
	if ip := net.ParseIP(c.hosts[i]); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{c.hosts[i]}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("%s: make a server's key: %w", opNewCluster, err)
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, c.ca, key.Public(), c.caKey)
	if err != nil {
		return fmt.Errorf("%s: make a server's certificate: %w", opNewCluster, err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("%s: make a server's key: %w", opNewCluster, err)
	}
	return errors.Join(
		c.write(filepath.Join(folder, "cert.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})),
		c.write(filepath.Join(folder, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		c.write(filepath.Join(folder, "nats.conf"), []byte(c.configuration(i, folder))),
	)
}

// configuration is a server's nats.conf.
func (c *newCluster) configuration(i int, folder string) string {
	secured := fmt.Sprintf("cert_file: %q, key_file: %q, ca_file: %q", c.path(folder, "cert.pem"), c.path(folder, "key.pem"), c.path("nats-ca.pem"))
	var b strings.Builder
	fmt.Fprintf(&b, "# Made by manoward nats init. Start it with: nats-server -c %s\n", c.path(folder, "nats.conf"))
	fmt.Fprintf(&b, "server_name: n%d\nlisten: %q\ntls { %s }\n", i+1, c.address(i, 0), secured)
	fmt.Fprintf(&b, "# What was acknowledged is on the disk; the hub refuses a cluster without this.\n")
	fmt.Fprintf(&b, "jetstream { store_dir: %q, sync_interval: always }\n", c.path(folder, "data"))
	if len(c.hosts) > 1 {
		var routes []string
		for n := range c.hosts {
			routes = append(routes, strconv.Quote("tls://"+c.address(n, routeOffset)))
		}
		fmt.Fprintf(&b, "cluster { name: manoward, listen: %q, routes: [%s], tls { %s, verify: true } }\n", c.address(i, routeOffset), strings.Join(routes, ", "), secured)
	}
	fmt.Fprintf(&b, "operator: %q\nsystem_account: %s\n", c.operatorJWT, c.systemID)
	fmt.Fprintf(&b, "# The hub makes an account for each trust domain, and removes it.\n")
	fmt.Fprintf(&b, "resolver { type: full, dir: %q, allow_delete: true, interval: \"1m\" }\nresolver_preload {\n%s}\n", c.path(folder, "jwt"), c.preload)
	return b.String()
}
