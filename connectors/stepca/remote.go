package stepca

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// RemoteConfig says where a step-ca is, and how we show ourselves to it.
type RemoteConfig struct {
	URL   string   // https://host:port
	Roots []string // SHA-256 of the root certificates that are trusted, hexadecimal; two while its root is rotated
	// Provisioner is the name of the one that is ours alone, with the template of
	// docs/howto/use-a-remote-step-ca.md. Key signs its tokens.
	Provisioner string
	Key         crypto.Signer
	// Chain is the certificate of Key and those above it without the root, for an
	// X5C provisioner. A JWK provisioner has none.
	Chain []*x509.Certificate
	// Timeout bounds one request; 10 seconds if zero.
	Timeout time.Duration
	Now     func() time.Time // time.Now if nil
}

// Remote is a step-ca in a process of its own, which signs for one trust domain.
// It follows an order as [Embedded] does, but draws the serial number itself.
// Revocation is its own as well: a list that is asked for is first made true
// there, and there are no OCSP answers. It is safe for concurrent use.
type Remote struct {
	cfg  RemoteConfig
	base *url.URL
	http *http.Client
	kid  string // of a JWK provisioner

	roots []*x509.Certificate
	lint  *lint

	mu      sync.RWMutex                 // covers what is below
	issuers map[string]*x509.Certificate // by key identifier, all that were seen
	current []*x509.Certificate          // the issuer first, the root last
}

const opOpenRemote = "open step-ca"

// OpenRemote connects to a step-ca and checks what can be seen of its
// configuration: the pinned root, our provisioner with its key, its template and
// extensions, and that it keeps revocation lists. What is not as it has to be is
// [hub.Invalid] and says what to change; a step-ca that does not answer is
// [hub.Unavailable].
func OpenRemote(ctx context.Context, cfg RemoteConfig) (*Remote, error) {
	r, err := newRemote(cfg)
	for _, check := range []func(context.Context) error{r.pin, r.checkProvisioner, r.readChain, r.checkList} {
		if err == nil {
			err = check(ctx)
		}
	}
	if errors.Is(err, errMisfit) {
		return nil, hub.E(hub.Invalid, opOpenRemote, hub.SafeText(err), err)
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// errMisfit says that a step-ca, or what is configured of it, is not as it has to
// be. Who asks for a certificate is not to blame for that: it is [hub.Unavailable],
// but for [OpenRemote], which asks for those who configured it.
var errMisfit = errors.New("step-ca does not fit")

func misconfigured(text string, err error) error {
	return hub.E(hub.Unavailable, opOpenRemote, "step-ca cannot be used: "+text, errors.Join(errMisfit, err))
}

// newRemote checks what needs no step-ca.
func newRemote(cfg RemoteConfig) (*Remote, error) {
	if cfg.Timeout == 0 {
		cfg.Timeout = 10 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	base, err := url.Parse(strings.TrimRight(cfg.URL, "/"))
	if err != nil || base.Scheme != "https" || base.Host == "" || base.Path != "" {
		return nil, misconfigured("its address is not of the form https://host:port", err)
	}
	if cfg.Key == nil || cfg.Provisioner == "" || len(cfg.Roots) == 0 {
		return nil, misconfigured("give the name of its provisioner, the provisioner's key, and the SHA-256 of its root certificate", nil)
	}
	return &Remote{cfg: cfg, base: base, issuers: map[string]*x509.Certificate{}}, nil
}

// pin fetches the roots by their digests, and trusts no others from then on.
func (r *Remote) pin(ctx context.Context) error {
	pool := x509.NewCertPool()
	for _, digest := range r.cfg.Roots {
		digest = strings.ToLower(strings.ReplaceAll(digest, ":", ""))
		if raw, err := hex.DecodeString(digest); err != nil || len(raw) != sha256.Size {
			return misconfigured(fmt.Sprintf("%q is no SHA-256 in hexadecimal; take it from: step certificate fingerprint root_ca.crt", clip(digest)), err)
		}
		root, err := r.fetchRoot(ctx, digest)
		if hub.CodeOf(err) == hub.NotFound {
			continue // the other one of a rotation
		}
		if err != nil {
			return err
		}
		r.roots = append(r.roots, root)
		pool.AddCert(root)
	}
	if len(r.roots) == 0 {
		return misconfigured("it has no root certificate with the SHA-256 that is pinned; compare with: step certificate fingerprint root_ca.crt", nil)
	}
	r.http = newClient(r.cfg.Timeout, pool)
	return nil
}

// fetchRoot asks for the root with a digest, of a server that is not known yet:
// the digest proves the answer.
func (r *Remote) fetchRoot(ctx context.Context, digest string) (*x509.Certificate, error) {
	var answer struct {
		CA pemCertificate `json:"ca"`
	}
	unknown := newClient(r.cfg.Timeout, nil)
	defer unknown.CloseIdleConnections()
	if err := r.get(ctx, unknown, "/root/"+digest, &answer); err != nil {
		return nil, err
	}
	root := answer.CA.Certificate
	if root == nil {
		return nil, misconfigured("it answers with something else than its root certificate; is it a step-ca?", nil)
	}
	if sum := sha256.Sum256(root.Raw); hex.EncodeToString(sum[:]) != digest {
		return nil, misconfigured("it shows another root certificate than the one that is pinned: somebody may stand in between", nil)
	}
	return root, nil
}

// readChain asks for the issuer that signs now.
func (r *Remote) readChain(ctx context.Context) error {
	var answer struct {
		Certificates []pemCertificate `json:"crts"`
	}
	if err := r.get(ctx, r.http, "/1.0/intermediates", &answer); err != nil {
		return err
	}
	var chain []*x509.Certificate
	for _, c := range answer.Certificates {
		if c.Certificate != nil {
			chain = append(chain, c.Certificate)
		}
	}
	_, err := r.learn(chain)
	return err
}

// learn makes the first certificate of a chain the current issuer, if it leads to
// a pinned root.
func (r *Remote) learn(chain []*x509.Certificate) (issuer *x509.Certificate, err error) {
	if len(chain) == 0 {
		return nil, misconfigured("it has no intermediate certificate; give it one, and keep its root's key elsewhere", nil)
	}
	for _, root := range r.roots {
		whole := append(chain[:len(chain):len(chain)], root)
		if err = checkChain(whole); err == nil {
			return whole[0], r.use(whole)
		}
	}
	return nil, misconfigured(fmt.Sprintf("its issuer does not lead to a pinned root: %v; pin its new root too if it was rotated", err), err)
}

// use makes the first of a whole chain the current issuer.
func (r *Remote) use(chain []*x509.Certificate) error {
	r.mu.RLock()
	same := len(r.current) > 0 && r.current[0].Equal(chain[0])
	r.mu.RUnlock()
	if same {
		return nil
	}
	judge, err := newLint(chain[0])
	if err != nil {
		return fmt.Errorf("%s: %w", opOpenRemote, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.current, r.lint = chain, judge
	r.issuers[keyID(chain[0])] = chain[0]
	return nil
}

// issuing returns the chain of the issuer that signed last, the root last, and
// the rules for what it signs.
func (r *Remote) issuing() ([]*x509.Certificate, *lint) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.current, r.lint
}

// Chain returns the certificates above a leaf in DER, the root last, and the key
// identifier of the issuer that signs now, as step-ca says it.
func (r *Remote) Chain(ctx context.Context) (issuer string, chain [][]byte, err error) {
	if err := r.readChain(ctx); err != nil {
		return "", nil, err
	}
	current, _ := r.issuing()
	for _, c := range current {
		chain = append(chain, c.Raw)
	}
	return keyID(current[0]), chain, nil
}

// Check says why step-ca cannot be asked now. It is for readiness.
func (r *Remote) Check(ctx context.Context) error {
	var answer struct{ Status string }
	if err := r.get(ctx, r.http, "/health", &answer); err != nil {
		return err
	}
	if answer.Status != "ok" {
		return hub.E(hub.Unavailable, "check step-ca", fmt.Sprintf("step-ca at %s says of itself %q; see its log", r.base.Host, clip(answer.Status)), nil)
	}
	return nil
}
