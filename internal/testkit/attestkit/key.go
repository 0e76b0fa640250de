package attestkit

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"os"
	"sync"
	"testing"
	"time"
)

// Now is the time at which tests judge: whatever the clock says, certificates of
// this package are good at it.
var Now = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// P256 makes a key.
func P256(t testing.TB) *ecdsa.PrivateKey { return ec(t, elliptic.P256()) }

// P384 makes a key.
func P384(t testing.TB) *ecdsa.PrivateKey { return ec(t, elliptic.P384()) }

func ec(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// Fixed returns the P-256 key of a name, the same in each process. Fuzz targets need
// it: their seeds are made in one process and judged in others.
func Fixed(t testing.TB, name string) *ecdsa.PrivateKey {
	t.Helper()
	scalar := sha256.Sum256([]byte(name))
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar[:])
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// RSA keys are slow to make, so a process has two.
var rsaKeys = [2]func() (*rsa.PrivateKey, error){
	sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) }),
	sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) }),
}

// RSA returns the first or second RSA key of this process, with 2048 bits.
func RSA(t testing.TB, i int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsaKeys[i]()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// SPKI returns the SubjectPublicKeyInfo of a key.
func SPKI(t testing.TB, key crypto.Signer) []byte {
	t.Helper()
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return spki
}

// Cert says what a certificate is like.
type Cert struct {
	Name       string
	CA         bool
	Usage      string           // dotted extended key usage
	From, To   time.Time        // a year around Now when zero
	Extensions []pkix.Extension // besides the usual ones
}

// Issue makes a certificate for subject. A nil parent makes it sign itself. Its
// serial number follows from its name and key.
func Issue(t testing.TB, c Cert, subject crypto.Signer, parent *x509.Certificate, signer crypto.Signer) *x509.Certificate {
	t.Helper()
	digest := sha256.Sum256(append(SPKI(t, subject), c.Name...))
	serial := new(big.Int).SetBytes(digest[:15])
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: c.Name}, IsCA: c.CA, BasicConstraintsValid: true, ExtraExtensions: c.Extensions,
		NotBefore: Now.AddDate(-1, 0, 0), NotAfter: Now.AddDate(1, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature,
		SubjectKeyId: digest[16:], // found in the certificate only, not by digest of the key
	}
	if c.CA {
		template.KeyUsage = x509.KeyUsageCertSign
	}
	if !c.From.IsZero() {
		template.NotBefore, template.NotAfter = c.From, c.To
	}
	if c.Usage != "" {
		template.UnknownExtKeyUsage = []asn1.ObjectIdentifier{short(t, c.Usage)}
	}
	if parent == nil {
		parent, signer = template, subject
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, subject.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	return Parse(t, raw)
}

// Parse reads a certificate in DER.
func Parse(t testing.TB, raw []byte) *x509.Certificate {
	t.Helper()
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// ReadPEM returns the first block of a file.
func ReadPEM(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatalf("%s holds no PEM", name)
	}
	return block.Bytes
}

// Extension makes an extension of a certificate from the DER of its value.
func Extension(t testing.TB, oid string, value []byte) pkix.Extension {
	t.Helper()
	return pkix.Extension{Id: short(t, oid), Value: value}
}

// AttributeOID is id-aa-attestation.
const AttributeOID = "1.2.840.113549.1.9.16.2.59"

// Attribute is the attestation attribute of a request.
func Attribute(t testing.TB, values ...[]byte) []byte {
	t.Helper()
	return Seq(OID(t, AttributeOID), Set(values...))
}

// CSR makes a request for the key with these attributes, signed with SHA-256.
func CSR(t testing.TB, key crypto.Signer, attributes ...[]byte) []byte {
	t.Helper()
	name := Seq(Set(Seq(OID(t, "2.5.4.3"), UTF8("vnfc-1"))))
	return SignCSR(t, key, Seq(Int(0), name, SPKI(t, key), Explicit(0, attributes...)))
}

// SignCSR signs a CertificationRequestInfo with SHA-256.
func SignCSR(t testing.TB, key crypto.Signer, info []byte) []byte {
	t.Helper()
	algorithm := Seq(OID(t, "1.2.840.10045.4.3.2"))
	if _, ok := key.Public().(*rsa.PublicKey); ok {
		algorithm = Seq(OID(t, "1.2.840.113549.1.1.11"), TLV(5))
	}
	digest := sha256.Sum256(info)
	signature, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return Seq(info, algorithm, TLV(3, []byte{0}, signature))
}
