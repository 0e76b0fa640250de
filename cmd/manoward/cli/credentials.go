package cli

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/manoward/manoward/internal/durable"
	"github.com/manoward/manoward/internal/hub"
)

// credentialDir is a directory of credentials of one Security Manager: for each
// interface its key, its certificate with chain and the CA of the endpoint, and
// one file that says where the endpoints are. A new key waits as .key.new until
// its certificate is here, so that an interrupted verb can be repeated.
type credentialDir string

const endpointsFile = "endpoints.json"

// endpointInfo is where an interface is reached.
type endpointInfo struct {
	URL        string `json:"url"`
	ServerName string `json:"serverName"` // to be sent as SNI, and checked in the certificate
}

func (d credentialDir) path(i hub.Interface, suffix string) string {
	return filepath.Join(string(d), string(i)+suffix)
}

// prepare makes the directory, readable by its owner only.
func (d credentialDir) prepare() error {
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return hub.E(hub.Invalid, "make credential directory", fmt.Sprintf("directory %s cannot be made: %v", d, err), nil)
	}
	info, err := os.Stat(string(d))
	if err != nil {
		return err
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 {
		return hub.E(hub.Invalid, "check credential directory", fmt.Sprintf("directory %s has mode %04o: others could read the keys in it; run: chmod 700 %s", d, perm, d), nil)
	}
	return nil
}

// holds reports whether there is a certificate for the interface already.
func (d credentialDir) holds(i hub.Interface) bool {
	_, err := os.Stat(d.path(i, ".crt"))
	return err == nil
}

// request makes a key for the interface, or takes the one that an interrupted
// verb left, and returns a signing request for it.
func (d credentialDir) request(id hub.Identity) (string, error) {
	path := d.path(id.Interface, ".key.new")
	key, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		key, err = newKey(path)
	}
	if err != nil {
		return "", fmt.Errorf("key for %s: %w", id.Interface, err)
	}
	return certificateRequest(id, key)
}

func certificateRequest(id hub.Identity, key *ecdsa.PrivateKey) (string, error) {
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: id.Name}, URIs: []*url.URL{id.URI()},
	}, key)
	if err != nil {
		return "", fmt.Errorf("certificate signing request for %s: %w", id, err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})), nil
}

// NewRequest makes a P-256 key in memory and a signing request for it. It
// returns both as PEM.
func NewRequest(id hub.Identity) (csr, key string, err error) {
	private, text, err := generateKey()
	if err != nil {
		return "", "", fmt.Errorf("key for %s: %w", id, err)
	}
	csr, err = certificateRequest(id, private)
	return csr, string(text), err
}

// newKey makes a P-256 key and keeps it at path.
func newKey(path string) (*ecdsa.PrivateKey, error) {
	key, text, err := generateKey()
	if err != nil {
		return nil, err
	}
	return key, durable.WriteFile(path, text, 0o600)
}

func generateKey() (*ecdsa.PrivateKey, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	return key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

func readKey(path string) (*ecdsa.PrivateKey, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, fmt.Errorf("%s holds no key; remove it and try again", path)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s holds no key; remove it and try again: %w", path, err)
	}
	ec, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s holds a key of another kind; remove it and try again", path)
	}
	return ec, nil
}

// requests makes a key and a signing request for each of the interfaces.
func (d credentialDir) requests(domain, sm string, interfaces []hub.Interface) (map[hub.Interface]string, error) {
	m := map[hub.Interface]string{}
	for _, i := range interfaces {
		csr, err := d.request(hub.Identity{TrustDomain: domain, Kind: hub.KindSM, Name: sm, Interface: i})
		if err != nil {
			return nil, err
		}
		m[i] = csr
	}
	return m, nil
}

// accept puts the certificates for the new keys in their place, each beside its
// key, and says where the endpoints are.
func (d credentialDir) accept(sm *hub.SecurityManager, root string, interfaces []hub.Interface) error {
	for _, i := range interfaces {
		creds := sm.Endpoint(i).Credentials
		cred, err := d.matching(i, creds)
		if err != nil {
			return err
		}
		if err := d.acceptOne(i, cred); err != nil {
			return err
		}
		if err := durable.WriteFile(d.path(i, ".ca.crt"), []byte(root), 0o644); err != nil {
			return err
		}
	}
	return d.writeEndpoints(sm)
}

// matching finds the credential that was signed for the new key.
func (d credentialDir) matching(i hub.Interface, creds []hub.Credential) (*hub.Credential, error) {
	key, err := os.ReadFile(d.path(i, ".key.new"))
	if err != nil {
		return nil, err
	}
	for n := len(creds) - 1; n >= 0; n-- {
		if _, err := tls.X509KeyPair([]byte(creds[n].Certificate), key); err == nil {
			return &creds[n], nil
		}
	}
	return nil, fmt.Errorf("the hub answered without a certificate for the new key of %s", i)
}

// acceptOne replaces key and certificate of one interface. Between the two
// renames a reader sees a pair that does not match; whoever reads them while
// they are renewed tries again.
func (d credentialDir) acceptOne(i hub.Interface, cred *hub.Credential) error {
	if err := durable.WriteFile(d.path(i, ".crt.new"), []byte(cred.Certificate), 0o644); err != nil {
		return err
	}
	for _, suffix := range []string{".key", ".crt"} {
		if err := os.Rename(d.path(i, suffix+".new"), d.path(i, suffix)); err != nil {
			return err
		}
	}
	return durable.SyncDir(string(d))
}

// mend finishes a replacement that was cut off between its two renames: the new
// certificate still waits and belongs to the key that is in place.
func (d credentialDir) mend(i hub.Interface) error {
	if _, err := tls.LoadX509KeyPair(d.path(i, ".crt.new"), d.path(i, ".key")); err != nil {
		return nil // nothing waits, or it belongs to a key that waits as well
	}
	if err := os.Rename(d.path(i, ".crt.new"), d.path(i, ".crt")); err != nil {
		return err
	}
	return durable.SyncDir(string(d))
}

func (d credentialDir) writeEndpoints(sm *hub.SecurityManager) error {
	endpoints := map[hub.Interface]endpointInfo{}
	for _, ep := range sm.Endpoints {
		endpoints[ep.Interface] = endpointInfo{URL: ep.URL, ServerName: ep.ServerName}
	}
	raw, err := json.MarshalIndent(endpoints, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(string(d), endpointsFile), append(raw, '\n'), 0o644)
}

// endpoints reads where the interfaces are reached.
func (d credentialDir) endpoints() (map[hub.Interface]endpointInfo, error) {
	path := filepath.Join(string(d), endpointsFile)
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, hub.E(hub.NotFound, "read credentials", fmt.Sprintf("%s is not a directory of credentials: it has no %s", d, endpointsFile), err)
	}
	m := map[hub.Interface]endpointInfo{}
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, hub.E(hub.Invalid, "read credentials", fmt.Sprintf("%s is damaged", path), err)
	}
	return m, nil
}

// load reads key and certificate of one interface.
func (d credentialDir) load(i hub.Interface) (tls.Certificate, error) {
	if err := d.mend(i); err != nil {
		return tls.Certificate{}, err
	}
	cert, err := tls.LoadX509KeyPair(d.path(i, ".crt"), d.path(i, ".key"))
	if err != nil {
		return cert, hub.E(hub.Invalid, "read credentials", fmt.Sprintf("the credential for %s in %s cannot be used: %v", i, d, err), nil)
	}
	return cert, nil
}
