package certlint

import (
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cryptobyteasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Unsigned makes a certificate of a TBSCertificate (RFC 5280 clause 4.1), with something
// in the place of the signature, by the algorithm that the TBSCertificate names: for who
// is to check one before it is signed. It is an error if tbs is no TBSCertificate.
func Unsigned(tbs []byte) ([]byte, error) {
	in := cryptobyte.String(tbs)
	var body, algorithm cryptobyte.String
	if !in.ReadASN1(&body, cryptobyteasn1.SEQUENCE) || !in.Empty() ||
		!body.SkipOptionalASN1(cryptobyteasn1.Tag(0).ContextSpecific().Constructed()) || !body.SkipASN1(cryptobyteasn1.INTEGER) ||
		!body.ReadASN1Element(&algorithm, cryptobyteasn1.SEQUENCE) {
		return nil, errors.New("what is to be signed is no TBSCertificate")
	}
	out := cryptobyte.NewBuilder(make([]byte, 0, len(tbs)+64))
	out.AddASN1(cryptobyteasn1.SEQUENCE, func(out *cryptobyte.Builder) {
		out.AddBytes(tbs)
		out.AddBytes(algorithm)
		out.AddASN1BitString(noSignature)
	})
	der, err := out.Bytes()
	if err != nil {
		return nil, fmt.Errorf("write what is to be linted: %w", err)
	}
	return der, nil
}

var noSignature = []byte{0x30, 6, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01} // Ecdsa-Sig-Value (RFC 3279 clause 2.2.3) of 1 and 1
