package lifecycle

import (
	"crypto"
	_ "crypto/sha1" // names an issuer (RFC 6960 clause 4.1.1), and protects nothing
	_ "crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
)

// ocspQuestion is an OCSP request (RFC 6960 clause 4.1).
type ocspQuestion struct {
	certID
	serial *big.Int
	nonce  []byte // nil: none
}

// certID is how a request names an issuer.
type certID struct {
	hash      crypto.Hash // SHA-1 or SHA-256
	name, key string      // hashes of the issuer's name and of its key
}

// The request as it is encoded. Who asks, and a signature, are of no interest:
// anybody may ask.
type (
	ocspRequest struct {
		Request   ocspTBS
		Signature asn1.RawValue `asn1:"explicit,tag:0,optional"`
	}
	ocspTBS struct {
		Version    int           `asn1:"explicit,tag:0,default:0,optional"`
		Requestor  asn1.RawValue `asn1:"explicit,tag:1,optional"`
		List       []ocspOne
		Extensions []pkix.Extension `asn1:"explicit,tag:2,optional"`
	}
	ocspOne struct {
		ID struct {
			Hash   pkix.AlgorithmIdentifier
			Name   []byte
			Key    []byte
			Serial *big.Int
		}
		Extensions []pkix.Extension `asn1:"explicit,tag:0,optional"`
	}
)

const (
	maxQuestion = 8 << 10 // bytes; one of SHA-256 with a nonce has less than 200
	maxNonce    = 128     // octets, RFC 9654 clause 2.1
	maxSerial   = 20      // octets, RFC 5280 clause 4.1.2.2
)

// parseOCSP reads an OCSP request about one certificate. More than one in a
// request is refused, as RFC 5019 clause 2.1.1 has it.
func parseOCSP(der []byte) (ocspQuestion, error) {
	if len(der) > maxQuestion {
		return ocspQuestion{}, fmt.Errorf("it has %d bytes", len(der))
	}
	var r ocspRequest
	rest, err := asn1.Unmarshal(der, &r)
	switch {
	case err != nil:
		return ocspQuestion{}, fmt.Errorf("it is no OCSPRequest: %w", err)
	case len(rest) > 0:
		return ocspQuestion{}, errors.New("there are bytes after it")
	case r.Request.Version != 0:
		return ocspQuestion{}, fmt.Errorf("it is of version %d", r.Request.Version+1)
	case len(r.Request.List) != 1:
		return ocspQuestion{}, fmt.Errorf("it asks about %d certificates", len(r.Request.List))
	}
	one := r.Request.List[0]
	q := ocspQuestion{certID: certID{name: string(one.ID.Name), key: string(one.ID.Key)}, serial: one.ID.Serial}
	if q.hash, err = hashOf(one.ID.Hash.Algorithm); err != nil {
		return ocspQuestion{}, err
	}
	if len(q.name) != q.hash.Size() || len(q.key) != q.hash.Size() {
		return ocspQuestion{}, errors.New("the hashes of the issuer have a wrong length")
	}
	if q.serial.BitLen() > 8*maxSerial {
		return ocspQuestion{}, errors.New("the serial number is too long")
	}
	for _, x := range one.Extensions {
		if x.Critical {
			return ocspQuestion{}, fmt.Errorf("it needs the extension %s", x.Id)
		}
	}
	q.nonce, err = nonceOf(r.Request.Extensions)
	return q, err
}

func hashOf(oid asn1.ObjectIdentifier) (crypto.Hash, error) {
	switch oid.String() {
	case "1.3.14.3.2.26":
		return crypto.SHA1, nil
	case "2.16.840.1.101.3.4.2.1":
		return crypto.SHA256, nil
	}
	return 0, fmt.Errorf("issuers are not named by the hash %s", oid)
}

// nonceOf reads the nonce (RFC 9654), the only extension that is understood.
func nonceOf(extensions []pkix.Extension) (nonce []byte, err error) {
	for _, x := range extensions {
		switch {
		case x.Id.String() == "1.3.6.1.5.5.7.48.1.2":
			if nonce != nil {
				return nil, errors.New("it has two nonces")
			}
			rest, err := asn1.Unmarshal(x.Value, &nonce)
			if err != nil || len(rest) > 0 || len(nonce) == 0 || len(nonce) > maxNonce {
				return nil, fmt.Errorf("its nonce is none of 1 to %d octets", maxNonce)
			}
		case x.Critical:
			return nil, fmt.Errorf("it needs the extension %s", x.Id)
		}
	}
	return nonce, nil
}

// namesOf lists how requests may name an issuer.
func namesOf(c *x509.Certificate) ([]certID, error) {
	var key struct {
		Algorithm pkix.AlgorithmIdentifier
		Bits      asn1.BitString
	}
	if _, err := asn1.Unmarshal(c.RawSubjectPublicKeyInfo, &key); err != nil {
		return nil, fmt.Errorf("read the issuer's key: %w", err)
	}
	sum := func(h crypto.Hash, b []byte) string {
		d := h.New()
		d.Write(b)
		return string(d.Sum(nil))
	}
	var names []certID
	for _, h := range []crypto.Hash{crypto.SHA1, crypto.SHA256} {
		names = append(names, certID{h, sum(h, c.RawSubject), sum(h, key.Bits.RightAlign())})
	}
	return names, nil
}
