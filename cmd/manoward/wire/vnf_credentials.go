package wire

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

// vnfCredentials are those with which the VNFM asks and configures VNFs and EMs, one for each trust
// domain, in files of the operator's. The files are read each time, which is once in a
// round for a VNF, so that a change needs no restart; connections are kept while they
// stay as they are. It is safe for concurrent use.
type vnfCredentials struct {
	dir           string // of the directories of trust domains; empty: there are none
	allowLoopback bool   // VNFs may be on this machine

	mu sync.Mutex // covers is
	is map[string]*vnfCredential
}

// vnfCredential is that of one trust domain as it was read last.
type vnfCredential struct {
	sum    [sha256.Size]byte // of the files
	client *http.Client
}

// maxCredential bounds each file, in bytes.
const maxCredential = 1 << 20

func (h *hubProcess) newVNFCredentials() *vnfCredentials {
	return &vnfCredentials{dir: h.cfg.Indicators.Credentials, allowLoopback: h.loopbackPeers(), is: map[string]*vnfCredential{}}
}

// client reaches VNFs of a trust domain. Its errors name the file and a mend.
func (c *vnfCredentials) client(domain string) (*http.Client, error) {
	const op = "read the credential for VNFs"
	if c.dir == "" {
		return nil, hub.E(hub.NotFound, op, "indicators.credentials is not set, so that no VNF is asked or configured; name a directory", nil)
	}
	if !filepath.IsLocal(domain) || filepath.Base(domain) != domain {
		return nil, hub.E(hub.Invalid, op, fmt.Sprintf("%.80q is no name of a trust domain", domain), nil)
	}
	var files [3][]byte
	for i, name := range [...]string{"cert.pem", "key.pem", "ca.pem"} {
		var err error
		if files[i], err = readCredential(filepath.Join(c.dir, domain, name), name == "key.pem"); err != nil {
			return nil, err
		}
	}
	sum := sha256.Sum256(bytes.Join(files[:], []byte{0}))
	c.mu.Lock()
	defer c.mu.Unlock()
	was := c.is[domain]
	if was != nil && was.sum == sum {
		return was.client, nil
	}
	client, err := c.newClient(filepath.Join(c.dir, domain), files)
	if err != nil {
		return nil, err
	}
	if was != nil {
		was.client.CloseIdleConnections()
	}
	c.is[domain] = &vnfCredential{sum, client}
	return client, nil
}

func (c *vnfCredentials) newClient(dir string, files [3][]byte) (*http.Client, error) {
	const op = "read the credential for VNFs"
	cert, err := tls.X509KeyPair(files[0], files[1])
	if err != nil {
		return nil, hub.E(hub.Invalid, op, fmt.Sprintf("cert.pem and key.pem of %s do not go together; write a certificate and its key, in PEM", dir), err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(files[2]) {
		return nil, hub.E(hub.Invalid, op, fmt.Sprintf("ca.pem of %s holds no PEM certificate; write those that certify the VNFs", dir), nil)
	}
	dialer := &net.Dialer{Timeout: functionDialTimeout, Control: httpapi.DialControl(c.allowLoopback)}
	return &http.Client{Transport: &http.Transport{
		DialContext: dialer.DialContext, ForceAttemptHTTP2: true,
		TLSClientConfig:     &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: functionTLSTimeout, ResponseHeaderTimeout: functionHeaderTimeout, IdleConnTimeout: functionIdleTimeout,
	}}, nil
}

// readCredential reads a file; a secret one must be readable by this user alone.
func readCredential(path string, secret bool) ([]byte, error) {
	const op = "read the credential for VNFs"
	info, err := os.Stat(path)
	switch {
	case err != nil || !info.Mode().IsRegular() || info.Size() > maxCredential:
		return nil, hub.E(hub.NotFound, op, fmt.Sprintf("%s is no file that can be read; its trust domain needs cert.pem, key.pem and ca.pem there", path), err)
	case secret && info.Mode().Perm()&0o077 != 0:
		return nil, hub.E(hub.Invalid, op, fmt.Sprintf("%s has mode %04o: others can read it; run: chmod 600 %s", path, info.Mode().Perm(), path), nil)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, hub.E(hub.NotFound, op, fmt.Sprintf("%s cannot be read by this user", path), err)
	}
	return raw, nil
}
