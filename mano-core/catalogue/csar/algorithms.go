package csar

import (
	"crypto"
	_ "crypto/sha256" // SHA-224 and SHA-256, for crypto.Hash
	_ "crypto/sha512" // SHA-384 and SHA-512, for crypto.Hash
	"encoding/asn1"
	"strings"
)

// algorithm is one digest that a package may use: those of the IANA registry
// "Hash Function Textual Names" that SOL 004 names and nobody has broken.
type algorithm struct {
	name string
	hash crypto.Hash
	oid  asn1.ObjectIdentifier // RFC 5754
	rsa  asn1.ObjectIdentifier // with RSA PKCS #1 v1.5
	ec   asn1.ObjectIdentifier // with ECDSA
}

var algorithms = []algorithm{
	{"SHA-224", crypto.SHA224, oid(2, 16, 840, 1, 101, 3, 4, 2, 4), oid(1, 2, 840, 113549, 1, 1, 14), oid(1, 2, 840, 10045, 4, 3, 1)},
	{"SHA-256", crypto.SHA256, oid(2, 16, 840, 1, 101, 3, 4, 2, 1), oid(1, 2, 840, 113549, 1, 1, 11), oid(1, 2, 840, 10045, 4, 3, 2)},
	{"SHA-384", crypto.SHA384, oid(2, 16, 840, 1, 101, 3, 4, 2, 2), oid(1, 2, 840, 113549, 1, 1, 12), oid(1, 2, 840, 10045, 4, 3, 3)},
	{"SHA-512", crypto.SHA512, oid(2, 16, 840, 1, 101, 3, 4, 2, 3), oid(1, 2, 840, 113549, 1, 1, 13), oid(1, 2, 840, 10045, 4, 3, 4)},
}

var (
	oidData          = oid(1, 2, 840, 113549, 1, 7, 1)
	oidSignedData    = oid(1, 2, 840, 113549, 1, 7, 2)
	oidEnvelopedData = oid(1, 2, 840, 113549, 1, 7, 3)
	oidContentType   = oid(1, 2, 840, 113549, 1, 9, 3)
	oidMessageDigest = oid(1, 2, 840, 113549, 1, 9, 4)
	oidSigningTime   = oid(1, 2, 840, 113549, 1, 9, 5)
	oidRSA           = oid(1, 2, 840, 113549, 1, 1, 1)
	oidPSS           = oid(1, 2, 840, 113549, 1, 1, 10)
	oidMGF1          = oid(1, 2, 840, 113549, 1, 1, 8)
	oidEd25519       = oid(1, 3, 101, 112)
)

func oid(parts ...int) asn1.ObjectIdentifier { return parts }

// byName finds a digest by the name that a manifest gives it. Writers spell
// SHA-256, sha-256 and SHA256.
func byName(name string) (algorithm, bool) {
	for _, a := range algorithms {
		if strings.EqualFold(name, a.name) || strings.EqualFold(name, strings.Replace(a.name, "-", "", 1)) {
			return a, true
		}
	}
	return algorithm{}, false
}

// byOID finds a digest by its object identifier.
func byOID(id asn1.ObjectIdentifier) (algorithm, bool) {
	for _, a := range algorithms {
		if a.oid.Equal(id) {
			return a, true
		}
	}
	return algorithm{}, false
}
