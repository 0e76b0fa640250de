package policies

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/bundle"

	"github.com/manoward/manoward/internal/hub"
)

// SigningKey signs bundles. PEM holds one private key: EC on P-256, Ed25519, or
// RSA of 2,048 bits or more.
type SigningKey struct {
	ID  string
	PEM hub.Secret
}

// VerificationKey verifies bundles. PEM holds one public key or one certificate.
type VerificationKey struct {
	ID  string
	PEM string
}

// Sign returns the bundle with a signature over each of its files in the place
// of the one that it had: ES256, EdDSA or RS256, as the key is.
func Sign(raw []byte, key SigningKey) ([]byte, error) {
	if key.ID == "" {
		return nil, hub.E(hub.Invalid, "sign bundle", "the key has no id; give it the id that verifiers know it by", nil)
	}
	files, err := unpack(raw)
	if err != nil {
		return nil, err
	}
	if _, err := checkManifest(files); err != nil {
		return nil, err
	}
	delete(files, signatureFile)
	alg, err := signingAlgorithm(key.PEM.Reveal())
	if err != nil {
		return nil, hub.E(hub.Invalid, "sign bundle", "the private key cannot be used: "+err.Error(), nil)
	}
	var infos []bundle.FileInfo
	for _, name := range slices.Sorted(maps.Keys(files)) {
		sum, err := digest(name, files[name])
		if err != nil {
			return nil, err
		}
		infos = append(infos, bundle.FileInfo{Name: name, Hash: hex.EncodeToString(sum), Algorithm: string(bundle.SHA256)})
	}
	token, err := bundle.GenerateSignedToken(infos, bundle.NewSigningConfig(key.PEM.Reveal(), alg, ""), key.ID)
	if err != nil {
		return nil, fmt.Errorf("sign bundle: %w", err)
	}
	if files[signatureFile], err = json.Marshal(map[string][]string{"signatures": {token}}); err != nil {
		return nil, fmt.Errorf("sign bundle: %w", err)
	}
	return pack(files)
}

// digest hashes a file as the engine's bundle format asks: of a JSON document
// the content counts, of other files the bytes.
func digest(name string, content []byte) ([]byte, error) {
	hasher, err := bundle.NewSignatureHasher(bundle.SHA256)
	if err != nil {
		return nil, fmt.Errorf("hash %s: %w", name, err)
	}
	if !bundle.IsStructuredDoc(name) {
		return hasher.HashFile(content)
	}
	doc, err := decodeJSON(content)
	if err != nil {
		return nil, badBundle("%s is no JSON", clip(name))
	}
	return hasher.HashFile(doc)
}

// verify returns the policies and samples of a bundle that the key with the id
// has signed. The id is the caller's, never the bundle's.
func verify(raw []byte, keys []VerificationKey, keyID string) (map[string][]byte, error) {
	denied := func(format string, args ...any) error {
		return hub.E(hub.Denied, "verify bundle", fmt.Sprintf(format, args...), nil)
	}
	var ids []string
	var key *VerificationKey
	for i, k := range keys {
		ids = append(ids, fmt.Sprintf("%q", k.ID))
		if k.ID == keyID && keyID != "" {
			key = &keys[i]
		}
	}
	if key == nil {
		return nil, denied("there is no key %q to verify the bundle with; known are %s", clip(keyID), strings.Join(append(ids, "no others"), ", "))
	}
	alg, err := verificationAlgorithm(key.PEM)
	if err != nil {
		return nil, hub.E(hub.Invalid, "verify bundle", fmt.Sprintf("the key %q cannot be used: %s", keyID, err), nil)
	}
	files, err := unpack(raw)
	if err != nil {
		return nil, err
	}
	var signatures struct {
		Signatures []string `json:"signatures"`
		Plugin     string   `json:"plugin"`
	}
	if files[signatureFile] == nil {
		return nil, denied("the bundle is not signed; sign it with the key %q", keyID)
	}
	if err := json.Unmarshal(files[signatureFile], &signatures); err != nil || len(signatures.Signatures) != 1 || signatures.Plugin != "" {
		return nil, denied("the bundle's signature cannot be read; sign it again with the key %q", keyID)
	}
	if by := signedBy(signatures.Signatures[0]); by != keyID {
		return nil, denied("the bundle says that it is signed with the key %q, but the key %q must have signed it", clip(by), keyID)
	}
	config := bundle.NewVerificationConfig(map[string]*bundle.KeyConfig{keyID: {Key: key.PEM, Algorithm: alg}}, keyID, "", nil)
	signed, err := bundle.VerifyBundleSignature(bundle.SignaturesConfig{Signatures: signatures.Signatures}, config)
	if err != nil {
		return nil, hub.E(hub.Denied, "verify bundle", fmt.Sprintf("the bundle is not signed by the key %q, though it says so; sign it again with that key", keyID), err)
	}
	delete(files, signatureFile)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := bundle.VerifyBundleFile(name, *bytes.NewBuffer(files[name]), signed); err != nil {
			return nil, hub.E(hub.Denied, "verify bundle", fmt.Sprintf("%s is not the file that the key %q signed; sign the bundle again", clip(name), keyID), err)
		}
	}
	if len(signed) > 0 {
		return nil, denied("%d signed files are not in the bundle; send all of it", len(signed))
	}
	return checkManifest(files)
}

// signedBy returns the key id that a signature states, or "".
func signedBy(token string) string {
	head, _, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil {
		return ""
	}
	var h struct {
		Kid string `json:"kid"`
	}
	if err := json.Unmarshal(raw, &h); err != nil {
		return ""
	}
	return h.Kid
}

// signingAlgorithm returns the algorithm of a private key in PEM.
func signingAlgorithm(text string) (string, error) {
	block, rest := pem.Decode([]byte(text))
	if block == nil || !strings.HasPrefix(text, "-----BEGIN") || len(bytes.TrimSpace(rest)) > 0 {
		return "", errors.New("it is not one private key in PEM")
	}
	switch block.Type {
	case "EC PRIVATE KEY":
		key, err := x509.ParseECPrivateKey(block.Bytes)
		if err != nil {
			return "", errors.New("it is damaged")
		}
		return algorithmOf(key.Public())
	case "RSA PRIVATE KEY":
		key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
		if err != nil {
			return "", errors.New("it is damaged")
		}
		return algorithmOf(key.Public())
	case "PRIVATE KEY":
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return "", errors.New("it is damaged")
		}
		if signer, ok := key.(crypto.Signer); ok {
			return algorithmOf(signer.Public())
		}
		return algorithmOf(nil)
	}
	return "", fmt.Errorf("it is a %s; use PKCS #8", clip(block.Type))
}

// verificationAlgorithm returns the algorithm of a public key or certificate in PEM.
func verificationAlgorithm(text string) (string, error) {
	block, rest := pem.Decode([]byte(text))
	if block == nil || len(bytes.TrimSpace(rest)) > 0 {
		return "", errors.New("it is not one public key in PEM")
	}
	switch block.Type {
	case "PUBLIC KEY":
		key, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return "", errors.New("it is damaged")
		}
		return algorithmOf(key)
	case "CERTIFICATE":
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return "", errors.New("it is damaged")
		}
		return algorithmOf(cert.PublicKey)
	}
	return "", fmt.Errorf("it is a %s; use a public key or a certificate", clip(block.Type))
}

func algorithmOf(public any) (string, error) {
	switch k := public.(type) {
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() {
			return "ES256", nil
		}
	case ed25519.PublicKey:
		return "EdDSA", nil
	case *rsa.PublicKey:
		if k.N.BitLen() >= 2048 {
			return "RS256", nil
		}
	}
	return "", errors.New("use EC on P-256, Ed25519, or RSA of 2,048 bits or more")
}
