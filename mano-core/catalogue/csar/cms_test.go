package csar

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/testkit/csartest"
)

func TestToDER(t *testing.T) {
	for _, c := range []struct {
		name     string
		in, want string
		rest     int
	}{
		{"primitive", "\x02\x01\x05", "\x02\x01\x05", 0},
		{"long length made short", "\x04\x81\x02ab", "\x04\x02ab", 0},
		{"indefinite", "\x30\x80\x02\x01\x05\x00\x00", "\x30\x03\x02\x01\x05", 0},
		{"indefinite in indefinite", "\x30\x80\x31\x80\x05\x00\x00\x00\x00\x00", "\x30\x04\x31\x02\x05\x00", 0},
		{"octets in pieces", "\x24\x80\x04\x01a\x04\x01b\x00\x00", "\x04\x02ab", 0},
		{"octets in pieces of pieces", "\x24\x07\x24\x03\x04\x01a\x04\x00", "\x04\x01a", 0},
		{"something after it", "\x05\x00rest", "\x05\x00", 4},
		{"empty set", "\x31\x00", "\x31\x00", 0},
	} {
		der, rest, err := toDER([]byte(c.in), 0)
		if err != nil || string(der) != c.want || len(rest) != c.rest {
			t.Errorf("%s: %x, rest %x, %v; want %x", c.name, der, rest, err, c.want)
		}
	}
	for _, size := range []int{0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000, 0xffffff, 0x1000000} {
		want := appendElement(nil, 4, make([]byte, size))
		if der, rest, err := toDER(want, 0); err != nil || len(rest) > 0 || !bytes.Equal(der, want) {
			t.Errorf("element of %d bytes: %v", size, err)
		}
	}
}

func TestToDER_Refused(t *testing.T) {
	for name, in := range map[string]string{
		"empty":                    "",
		"tag only":                 "\x30",
		"tag of many bytes":        "\x3f\x81\x01\x00",
		"cut off":                  "\x04\x05ab",
		"length of five bytes":     "\x04\x85\x00\x00\x00\x00\x01a",
		"length cut off":           "\x04\x82\x01",
		"primitive without length": "\x04\x80ab\x00\x00",
		"no end":                   "\x30\x80\x05\x00",
		"bad child":                "\x30\x02\x04\x05",
		"octets of something else": "\x24\x03\x02\x01\x05",
		"too deep":                 strings.Repeat("\x30\x80", 5000),
	} {
		if der, _, err := toDER([]byte(in), 0); err == nil {
			t.Errorf("%s: read as %x", name, der)
		}
	}
}

// remade changes the structure of a good signature.
func remade(t *testing.T, der []byte, change func(*signedData)) []byte {
	t.Helper()
	var sd signedData
	if err := unwrap(der, &sd); err != nil {
		t.Fatal(err)
	}
	change(&sd)
	inner, err := asn1.Marshal(sd)
	if err != nil {
		t.Fatal(err)
	}
	body := slices.Concat(appendElement(nil, 6, []byte("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02")), appendElement(nil, 0xa0, inner))
	return appendElement(nil, 0x30, body)
}

func TestParseCMS_Refused(t *testing.T) {
	b := newBench(t)
	good := b.signer.SignDER(t, []byte("x"), true)
	if _, err := parseCMS(good); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"text":            []byte("soon"),
		"nothing":         nil,
		"too large":       make([]byte, maxCMS+1),
		"trailing":        append(bytes.Clone(good), 0),
		"other structure": {0x30, 0x03, 0x02, 0x01, 0x05},
		"no signers":      remade(t, good, func(sd *signedData) { sd.Signers = nil }),
		"other content":   remade(t, good, func(sd *signedData) { sd.Encapsulated.Type = oidEnvelopedData }),
		"content no octets": remade(t, good, func(sd *signedData) {
			sd.Encapsulated.Content = asn1.RawValue{FullBytes: []byte("\xa0\x03\x02\x01\x05")}
		}),
		"digest not announced": remade(t, good, func(sd *signedData) { sd.Digests[0].Algorithm = algorithms[3].oid }),
		"no digest announced":  remade(t, good, func(sd *signedData) { sd.Digests = nil }),
		"no END":               []byte("-----BEGIN CMS-----\nMAA=\n"),
		"other END":            []byte("-----BEGIN CMS-----\nMAA=\n-----END PKCS7-----\n"),
		"no base64":            []byte("-----BEGIN CMS-----\n!!!\n-----END CMS-----\n"),
		"BEGIN only":           []byte("-----BEGIN CMS"),
		"no label":             []byte("-----BEGIN \n0"),
	} {
		if _, err := parseCMS(data); !errors.Is(err, errNotSigned) {
			t.Errorf("%s: error %v, want errNotSigned", name, err)
		}
	}
	for _, label := range []string{"CMS", "PKCS7", "SIGNATURE"} {
		armoured := bytes.ReplaceAll(csartest.Armour(good), []byte(" CMS"), []byte(" "+label))
		if _, err := parseCMS(bytes.ReplaceAll(armoured, []byte("\n"), []byte("\r\n"))); err != nil {
			t.Errorf("armour %s with CR LF: %v", label, err)
		}
	}
}

// Signed attributes that are missing, doubled or of another content are no
// signature over this content.
func TestAttributes_Refused(t *testing.T) {
	attr := func(id asn1.ObjectIdentifier, value any) []byte {
		v, err := asn1.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		out, err := asn1.Marshal(attribute{id, asn1.RawValue{FullBytes: appendElement(nil, 0x31, v)}})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	kind, digest := attr(oidContentType, oidData), attr(oidMessageDigest, []byte("d"))
	for name, parts := range map[string][][]byte{
		"":                    {kind, digest},
		"no digest":           {kind},
		"no content type":     {digest},
		"two digests":         {kind, digest, attr(oidMessageDigest, []byte("e"))},
		"two content types":   {kind, kind, digest},
		"other content type":  {attr(oidContentType, oidSignedData), digest},
		"digest is no octets": {kind, attr(oidMessageDigest, 5)},
		"time is no time":     {kind, digest, attr(oidSigningTime, 5)},
		"no attribute":        {{0x02, 0x01, 0x05}},
	} {
		s := signerInfo{Attributes: asn1.RawValue{FullBytes: appendElement(nil, 0xa0, slices.Concat(parts...)), Bytes: slices.Concat(parts...)}}
		s.Digest.Algorithm = algorithms[1].oid
		if _, err := s.attributes(); (err != nil) != (name != "") {
			t.Errorf("%q: error %v", name, err)
		}
	}
	s := signerInfo{Attributes: asn1.RawValue{FullBytes: []byte{0xa0, 0}}, ID: asn1.RawValue{FullBytes: []byte{0x30, 0}}}
	s.Digest.Algorithm = algorithms[1].oid
	if j := s.judge(nil, nil); j.check != NotSignedData {
		t.Errorf("empty attributes: %s", j.check)
	}
}

// The signature is over the attributes in the order of DER, whatever the order
// they were sent in.
func TestAttributes_Order(t *testing.T) {
	b := newBench(t)
	content := []byte("x")
	judge := func(der []byte) judgement {
		s, err := parseCMS(der)
		if err != nil {
			t.Fatal(err)
		}
		return judgeJob{sig: s, certs: s.certs, content: digestsOf(content, s.hashes())}.judge()[0]
	}
	turned := func(sd *signedData) {
		a := &sd.Signers[0].Attributes
		var list []asn1.RawValue
		if err := unmarshal(appendElement(nil, tagSet, a.Bytes), &list, "set"); err != nil || len(list) < 2 {
			t.Fatal(len(list), err)
		}
		var body []byte
		for _, one := range slices.Backward(list) {
			body = append(body, one.FullBytes...)
		}
		*a = asn1.RawValue{FullBytes: appendElement(nil, 0xa0, body)}
	}
	good := b.signer.SignDER(t, content, true)
	if one := judge(remade(t, good, turned)); one.check != OK {
		t.Errorf("attributes in another order: %s, %s", one.check, one.why)
	}
	dropped := func(sd *signedData) {
		var first asn1.RawValue
		if _, err := asn1.Unmarshal(sd.Signers[0].Attributes.Bytes, &first); err != nil {
			t.Fatal(err)
		}
		sd.Signers[0].Attributes = asn1.RawValue{FullBytes: appendElement(nil, 0xa0, sd.Signers[0].Attributes.Bytes[len(first.FullBytes):])}
	}
	if one := judge(remade(t, good, dropped)); one.check == OK {
		t.Error("without one of its attributes the signature is right")
	}
}

func TestVerifyPSS_Parameters(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	sha256, sha512 := algorithms[1], algorithms[3]
	digest := sum(sha256.hash, []byte("x"))
	signature, err := rsa.SignPSS(rand.Reader, key, sha256.hash, digest, &rsa.PSSOptions{SaltLength: 32})
	if err != nil {
		t.Fatal(err)
	}
	id := func(o asn1.ObjectIdentifier) pkix.AlgorithmIdentifier { return pkix.AlgorithmIdentifier{Algorithm: o} }
	mgf := func(o, inner asn1.ObjectIdentifier) pkix.AlgorithmIdentifier {
		der, err := asn1.Marshal(id(inner))
		if err != nil {
			t.Fatal(err)
		}
		return pkix.AlgorithmIdentifier{Algorithm: o, Parameters: asn1.RawValue{FullBytes: der}}
	}
	for name, c := range map[string]struct {
		p    pssParameters
		want error
	}{
		"right":          {pssParameters{id(sha256.oid), mgf(oidMGF1, sha256.oid), 32, 1}, nil},
		"other hash":     {pssParameters{id(sha512.oid), mgf(oidMGF1, sha256.oid), 32, 1}, errUnsupported},
		"other MGF hash": {pssParameters{id(sha256.oid), mgf(oidMGF1, sha512.oid), 32, 1}, errUnsupported},
		"other MGF":      {pssParameters{id(sha256.oid), mgf(oidRSA, sha256.oid), 32, 1}, errUnsupported},
		"no salt":        {pssParameters{id(sha256.oid), mgf(oidMGF1, sha256.oid), 0, 1}, errUnsupported},
		"other trailer":  {pssParameters{id(sha256.oid), mgf(oidMGF1, sha256.oid), 32, 2}, errUnsupported},
		"other salt":     {pssParameters{id(sha256.oid), mgf(oidMGF1, sha256.oid), 31, 1}, errWrongValue},
	} {
		der, err := asn1.Marshal(c.p)
		if err != nil {
			t.Fatal(err)
		}
		s := signerInfo{Signature: signature, Algorithm: pkix.AlgorithmIdentifier{Algorithm: oidPSS, Parameters: asn1.RawValue{FullBytes: der}}}
		if err := s.verify(key.Public(), sha256, digest, nil); err != c.want {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	s := signerInfo{Signature: signature, Algorithm: id(oidPSS)} // the defaults: SHA-1
	if err := s.verify(key.Public(), sha256, digest, nil); err != errUnsupported {
		t.Errorf("without parameters: %v", err)
	}
	s.Algorithm = id(sha512.rsa)
	if err := s.verify(key.Public(), sha256, digest, nil); err != errUnsupported {
		t.Errorf("signature of another digest: %v", err)
	}
}
