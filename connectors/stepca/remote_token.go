package stepca

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"go.step.sm/crypto/jose"

	"github.com/manoward/manoward/internal/hub"
)

// tokenLife is how long a token can be used, once. step-ca allows a minute more.
const tokenLife = time.Minute

// tokenClaims are the claims of a one-time token.
type tokenClaims struct {
	jose.Claims
	Subject      string        `json:"sub"`
	SANs         []string      `json:"sans,omitempty"`
	Confirmation *confirmation `json:"cnf,omitempty"`
	Content      *content      `json:"manoward,omitempty"` // read by the template
}

// confirmation binds a token to one CSR.
type confirmation struct {
	Fingerprint string `json:"x5rt#S256"`
}

func fingerprint(raw []byte) string {
	sum := sha256.Sum256(raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// token signs a one-time token for a path of step-ca's API.
func (r *Remote) token(path string, c tokenClaims) (string, error) {
	const op = "sign token for step-ca"
	algorithm, err := algorithmOf(r.cfg.Key.Public())
	if err != nil {
		return "", hub.E(hub.Invalid, op, fmt.Sprintf("the provisioner's key cannot be used: %v; use ECDSA, Ed25519 or RSA", err), err)
	}
	now, audience := r.cfg.Now(), r.base.String()+path
	options := (&jose.SignerOptions{}).WithType("JWT")
	if len(r.cfg.Chain) > 0 {
		audience += "#" + r.provisionerID()
		chain := make([]string, 0, len(r.cfg.Chain))
		for _, c := range r.cfg.Chain {
			chain = append(chain, base64.StdEncoding.EncodeToString(c.Raw))
		}
		options.WithHeader("x5c", chain)
	} else {
		options.WithHeader("kid", r.kid)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: jose.NewOpaqueSigner(r.cfg.Key)}, options)
	if err != nil {
		return "", fmt.Errorf("%s: %w", op, err)
	}
	c.Claims = jose.Claims{
		ID: hub.NewID(), Issuer: r.cfg.Provisioner, Audience: jose.Audience{audience},
		IssuedAt: jose.NewNumericDate(now), NotBefore: jose.NewNumericDate(now), Expiry: jose.NewNumericDate(now.Add(tokenLife)),
	}
	token, err := jose.Signed(signer).Claims(c).CompactSerialize()
	if err != nil {
		return "", hub.E(hub.Unavailable, op, "the provisioner's key does not sign; see that its token or file is there", err)
	}
	return token, nil
}

func (r *Remote) provisionerID() string { return "x5c/" + r.cfg.Provisioner }

func algorithmOf(key crypto.PublicKey) (jose.SignatureAlgorithm, error) {
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		switch k.Curve.Params().BitSize {
		case 256:
			return jose.ES256, nil
		case 384:
			return jose.ES384, nil
		case 521:
			return jose.ES512, nil
		}
	case *rsa.PublicKey:
		return jose.RS256, nil
	case ed25519.PublicKey:
		return jose.EdDSA, nil
	}
	return "", fmt.Errorf("it is of type %T", key)
}

// shown is what step-ca shows of a provisioner.
type shown struct {
	Type   string          `json:"type"`
	Name   string          `json:"name"`
	Key    json.RawMessage `json:"key"`   // of a JWK provisioner
	Roots  []byte          `json:"roots"` // of an X5C provisioner, PEM
	Claims struct {
		Plain *bool `json:"disableSmallstepExtensions"`
	} `json:"claims"`
	Options struct {
		X509 struct {
			Template string `json:"template"`
			File     string `json:"templateFile"`
		} `json:"x509"`
	} `json:"options"`
}

// checkProvisioner finds our provisioner, and what it lacks.
func (r *Remote) checkProvisioner(ctx context.Context) error {
	p, err := r.findProvisioner(ctx)
	if err != nil {
		return err
	}
	switch {
	case len(r.cfg.Chain) > 0:
		err = r.checkX5C(p)
	default:
		err = r.checkJWK(p)
	}
	wrong := func(text string) error {
		return misconfigured(fmt.Sprintf("its provisioner %q %s (docs/howto/use-a-remote-step-ca.md)", r.cfg.Provisioner, text), nil)
	}
	switch x := p.Options.X509; {
	case err != nil:
		return err
	case x.Template == "" && x.File == "":
		return wrong("has no template, and would let a CSR say what is in its certificate; set options.x509.template")
	case x.Template != "" && !slices.Equal(strings.Fields(x.Template), strings.Fields(Template)):
		return wrong("has another template than ours; set options.x509.template")
	case p.Claims.Plain == nil || !*p.Claims.Plain:
		return wrong("adds its name to each certificate; set claims.disableSmallstepExtensions to true")
	}
	return nil
}

// mostPages bounds how long a list of provisioners is followed.
const mostPages = 100

func (r *Remote) findProvisioner(ctx context.Context) (*shown, error) {
	cursor := ""
	for range mostPages {
		var page struct {
			Provisioners []shown `json:"provisioners"`
			Next         string  `json:"nextCursor"`
		}
		if err := r.get(ctx, r.http, "/1.0/provisioners?limit=100&cursor="+url.QueryEscape(cursor), &page); err != nil {
			return nil, err
		}
		for _, p := range page.Provisioners {
			if p.Name == r.cfg.Provisioner {
				return &p, nil
			}
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	return nil, misconfigured(fmt.Sprintf("it has no provisioner %q; add it to ca.json, or correct the name", clip(r.cfg.Provisioner)), nil)
}

func (r *Remote) checkJWK(p *shown) error {
	var key jose.JSONWebKey
	if p.Type != "JWK" || json.Unmarshal(p.Key, &key) != nil {
		return misconfigured(fmt.Sprintf("its provisioner %q is of type %s and not JWK; configure a certificate chain for X5C, or correct the name", p.Name, clip(p.Type)), nil)
	}
	theirs, err := x509.MarshalPKIXPublicKey(key.Key)
	if err != nil {
		return misconfigured(fmt.Sprintf("the key of its provisioner %q cannot be read", p.Name), err)
	}
	ours, err := x509.MarshalPKIXPublicKey(r.cfg.Key.Public())
	if err != nil || !bytes.Equal(ours, theirs) {
		return misconfigured(fmt.Sprintf("its provisioner %q has another key than we do; give us the private key that belongs to it", p.Name), err)
	}
	r.kid = key.KeyID
	return nil
}

func (r *Remote) checkX5C(p *shown) error {
	if p.Type != "X5C" {
		return misconfigured(fmt.Sprintf("its provisioner %q is of type %s and not X5C; leave the certificate chain out for JWK, or correct the name", p.Name, clip(p.Type)), nil)
	}
	own, ok := r.cfg.Key.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !own.Equal(r.cfg.Chain[0].PublicKey) {
		return misconfigured("the provisioner's key does not belong to the first certificate of its chain", nil)
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	for rest := p.Roots; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil {
			roots.AddCert(c)
		}
	}
	for _, c := range r.cfg.Chain[1:] {
		between.AddCert(c)
	}
	_, err := r.cfg.Chain[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: r.cfg.Now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	if err != nil || r.cfg.Chain[0].KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		return misconfigured(fmt.Sprintf("its provisioner %q does not accept our certificate; it has to be for client authentication and signatures, valid now, and below the provisioner's roots", p.Name), err)
	}
	return nil
}
