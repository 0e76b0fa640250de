package certlint

import (
	"bytes"
	"crypto/ecdh"
	"crypto/sha256"
	"sync"

	"golang.org/x/crypto/cryptobyte"
	cryptobyteasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// mostPassed is how many likenesses are kept; 32 bytes each.
const mostPassed = 1024

// passed are the likenesses of certificates that have passed, so that an authority which
// signs one after another of the same profile reads the first of a day in full, and of
// the others what makes them differ. It is safe for concurrent use.
type passed struct {
	mu  sync.RWMutex
	set map[[sha256.Size]byte]struct{}
}

func (p *passed) has(like [sha256.Size]byte) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	_, is := p.set[like]
	return is
}

func (p *passed) add(like [sha256.Size]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.set == nil || len(p.set) >= mostPassed {
		p.set = make(map[[sha256.Size]byte]struct{})
	}
	p.set[like] = struct{}{}
}

// likeness stands for a certificate in DER as far as any rule can tell: two that have the
// same differ in the value, and not the length or place, of nothing but
//
//   - the serial number, which is positive and encoded as DER asks for,
//   - the time of day at which the validity begins and ends, the end after the beginning
//     and both before 2050, where the encoding changes (RFC 5280 clause 4.1.2.5); rules
//     come into force by the day,
//   - UUIDs that are a whole attribute of the subject, or the whole of a urn:uuid: URI
//     (RFC 9562 clause 4) among its alternative names; those that are the same in one are
//     in the other,
//   - the point of a key for P-256, which is on the curve,
//   - a subject key identifier of 20 bytes.
//
// Every other byte is the same, and neither is of its own issuer. ok is false of a certificate of which that cannot be said,
// and of one whose values are not such.
func likeness(der []byte) (like [sha256.Size]byte, ok bool) {
	text := bytes.Clone(der) // of which the parts below are parts, and overwritten
	in := cryptobyte.String(text)
	var cert, tbs, serial, issuer, validity, subject, key cryptobyte.String
	if !in.ReadASN1(&cert, cryptobyteasn1.SEQUENCE) || !in.Empty() || !cert.ReadASN1(&tbs, cryptobyteasn1.SEQUENCE) ||
		!tbs.SkipOptionalASN1(cryptobyteasn1.Tag(0).ContextSpecific().Constructed()) ||
		!tbs.ReadASN1(&serial, cryptobyteasn1.INTEGER) || !tbs.SkipASN1(cryptobyteasn1.SEQUENCE) || !tbs.ReadASN1(&issuer, cryptobyteasn1.SEQUENCE) ||
		!tbs.ReadASN1(&validity, cryptobyteasn1.SEQUENCE) || !tbs.ReadASN1(&subject, cryptobyteasn1.SEQUENCE) ||
		!tbs.ReadASN1Element(&key, cryptobyteasn1.SEQUENCE) {
		return like, false
	}
	if bytes.Equal(issuer, subject) { // which rules look at
		return like, false
	}
	var ids uuids
	if !blankSerial(serial) || !blankTimes(validity) || !ids.blankName(subject) || !blankPoint(key) || !ids.blankExtensions(tbs) {
		return like, false
	}
	return sha256.Sum256(text), true
}

// blankSerial leaves of a serial number that it is positive, and how long.
func blankSerial(n []byte) bool {
	first := byte(1)
	switch {
	case len(n) > 1 && n[0] == 0 && n[1] >= 0x80: // the sign of what follows
		first, n = 0x80, n[1:]
	case len(n) == 0 || n[0] == 0 || n[0] >= 0x80:
		return false
	}
	clear(n)
	n[0] = first
	return true
}

// blankTimes leaves of both times the day.
func blankTimes(validity cryptobyte.String) bool {
	const day = 6 // bytes of a UTCTime, YYMMDDhhmmssZ
	var from, to cryptobyte.String
	if !validity.ReadASN1(&from, cryptobyteasn1.UTCTime) || !validity.ReadASN1(&to, cryptobyteasn1.UTCTime) || !validity.Empty() ||
		!isTime(from) || !isTime(to) || bytes.Compare(from, to) >= 0 {
		return false
	}
	for _, t := range []cryptobyte.String{from, to} {
		copy(t[day:], "000000")
	}
	return true
}

// isTime says whether a UTCTime has the form of DER, with a time of day that there is,
// in this half of the century. The day is not blanked, and so not judged here.
func isTime(t []byte) bool {
	if len(t) != 13 || t[12] != 'Z' {
		return false
	}
	for _, c := range t[:12] {
		if c < '0' || c > '9' {
			return false
		}
	}
	return t[0] < '5' && string(t[6:8]) < "24" && t[8] < '6' && t[10] < '6'
}

// onP256 is a SubjectPublicKeyInfo of a key for P-256 up to its point (RFC 5480 clause 2).
var onP256 = []byte{
	0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
	0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
}

// blankPoint leaves of a key that it is one for P-256.
func blankPoint(key []byte) bool {
	point, is := bytes.CutPrefix(key, onP256)
	if !is {
		return false
	}
	if _, err := ecdh.P256().NewPublicKey(point); err != nil { // not on the curve, or compressed
		return false
	}
	clear(point[1:])
	return true
}

// uuids are those of one certificate, in the order in which they come.
type uuids [][36]byte

// blank leaves of a text that is a UUID which one of the certificate's it is. Another
// text stays as it is.
func (u *uuids) blank(text []byte) bool {
	if !isUUID(text) {
		return true
	}
	id, n := [36]byte(text), 0
	for n < len(*u) && (*u)[n] != id {
		n++
	}
	if n == len(*u) {
		if n == 10 { // no digit is left
			return false
		}
		*u = append(*u, id)
	}
	for i, c := range text {
		if c != '-' {
			text[i] = '0' + byte(n)
		}
	}
	return true
}

func isUUID(text []byte) bool {
	if len(text) != 36 {
		return false
	}
	for i, c := range text {
		switch dash := i == 8 || i == 13 || i == 18 || i == 23; {
		case dash && c != '-', !dash && (c < '0' || c > '9') && (c < 'a' || c > 'f'):
			return false
		}
	}
	return true
}

// blankName leaves out UUIDs of an RDNSequence.
func (u *uuids) blankName(name cryptobyte.String) bool {
	for !name.Empty() {
		var set cryptobyte.String
		if !name.ReadASN1(&set, cryptobyteasn1.SET) {
			return false
		}
		for !set.Empty() {
			var attribute, value cryptobyte.String
			var tag cryptobyteasn1.Tag
			if !set.ReadASN1(&attribute, cryptobyteasn1.SEQUENCE) || !attribute.SkipASN1(cryptobyteasn1.OBJECT_IDENTIFIER) ||
				!attribute.ReadAnyASN1(&value, &tag) || !attribute.Empty() {
				return false
			}
			if text := tag == cryptobyteasn1.UTF8String || tag == cryptobyteasn1.PrintableString; text && !u.blank(value) {
				return false
			}
		}
	}
	return true
}

// Object identifiers of extensions (RFC 5280 clauses 4.2.1.2 and 4.2.1.6).
var (
	subjectKeyIdentifier = []byte{0x55, 0x1d, 0x0e}
	subjectAltName       = []byte{0x55, 0x1d, 0x11}
)

// blankExtensions leaves out what it may of the extensions, which are what is left of a
// TBSCertificate.
func (u *uuids) blankExtensions(tbs cryptobyte.String) bool {
	var outer, extensions cryptobyte.String
	if !tbs.ReadASN1(&outer, cryptobyteasn1.Tag(3).ContextSpecific().Constructed()) || !tbs.Empty() ||
		!outer.ReadASN1(&extensions, cryptobyteasn1.SEQUENCE) || !outer.Empty() {
		return false
	}
	for !extensions.Empty() {
		var extension, oid, value cryptobyte.String
		if !extensions.ReadASN1(&extension, cryptobyteasn1.SEQUENCE) || !extension.ReadASN1(&oid, cryptobyteasn1.OBJECT_IDENTIFIER) ||
			!extension.SkipOptionalASN1(cryptobyteasn1.BOOLEAN) || !extension.ReadASN1(&value, cryptobyteasn1.OCTET_STRING) || !extension.Empty() {
			return false
		}
		switch {
		case bytes.Equal(oid, subjectKeyIdentifier):
			var id cryptobyte.String
			if !value.ReadASN1(&id, cryptobyteasn1.OCTET_STRING) || !value.Empty() || len(id) != 20 {
				return false
			}
			clear(id)
		case bytes.Equal(oid, subjectAltName):
			if !u.blankNames(value) {
				return false
			}
		}
	}
	return true
}

// blankNames leaves out UUIDs of GeneralNames.
func (u *uuids) blankNames(value cryptobyte.String) bool {
	var names cryptobyte.String
	if !value.ReadASN1(&names, cryptobyteasn1.SEQUENCE) || !value.Empty() {
		return false
	}
	for !names.Empty() {
		var name cryptobyte.String
		var tag cryptobyteasn1.Tag
		if !names.ReadAnyASN1(&name, &tag) {
			return false
		}
		if id, is := bytes.CutPrefix(name, []byte("urn:uuid:")); is && tag == cryptobyteasn1.Tag(6).ContextSpecific() && !u.blank(id) {
			return false
		}
	}
	return true
}
