package journal

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// wantContents notes what a record names, so that it must come.
func (v *verifier) wantContents(line []byte) {
	if !v.about.Contents {
		return
	}
	for _, ref := range references(line) {
		known, ok := v.wanted[ref.key()]
		switch {
		case !ok:
			v.wanted[ref.key()] = &content{Reference: ref}
			v.due = append(v.due, ref.key())
		case ref.SHA256 == "":
		case known.SHA256 == "": // an earlier record did not say what it is
			known.SHA256 = ref.SHA256
			v.holdDigest(known)
		case known.SHA256 != ref.SHA256 && ref.Kind == ContentPolicies: // the same files, as a bundle and as a zip, or signed by two
			known.also = append(known.also, ref.SHA256)
		case known.SHA256 != ref.SHA256:
			v.content(Altered, known, "two records name different contents for it")
		}
	}
}

// content is one content that records name.
type content struct {
	Reference
	file  string   // that has it; empty: none so far
	given string   // its digest; empty: the pack says that it is not kept
	also  []string // other digests that records name for the revision
}

func (v *verifier) content(what string, c *content, format string, args ...any) {
	v.report.find(Finding{What: what, File: c.file, ID: c.Name, Kind: c.Kind, Text: fmt.Sprintf("the %s of %q: ", c.Kind, c.Name) + fmt.Sprintf(format, args...)})
}

// finishContents names what did not come, and forgets what no later record names.
func (v *verifier) finishContents() {
	for _, key := range v.due {
		c := v.wanted[key]
		if c.file == "" {
			v.content(Missing, c, "a record names it, and the pack does not have it")
		}
		if !c.shared() {
			delete(v.wanted, key)
		}
	}
	v.due = nil
}

// readContents holds contents against what the records say of them.
func (v *verifier) readContents(name string, raw []byte) {
	v.stage = folderContents
	for i, line := range splitLines(raw) {
		var l contentLine
		var body []byte
		err := strict(line, &l)
		if err == nil {
			body, err = l.content()
		}
		if err != nil {
			v.report.file(BadFormat, name, "line %d: %v", i+1, err)
			continue
		}
		c := v.wanted[l.key()]
		switch {
		case c == nil:
			v.content(Added, &content{Reference: Reference{Kind: l.Kind, Name: l.Name}, file: name}, "no record names it")
		case c.file != "":
			v.content(Added, &content{Reference: c.Reference, file: name}, "it is there twice")
		default:
			c.file = name
			v.readContent(c, &l, body)
		}
	}
}

func (v *verifier) readContent(c *content, l *contentLine, body []byte) {
	if l.Absent != "" {
		v.report.NotKept++
		return
	}
	v.report.Contents++
	c.given = digestOf(c.Kind, body)
	if c.given != l.SHA256 {
		v.content(Altered, c, "it does not have the SHA-256 that stands beside it")
		return
	}
	v.holdDigest(c)
	switch c.Kind {
	case ContentChain:
		if err := v.readChain(c.Name, body); err != nil {
			v.content(Altered, c, "%v", err)
		}
	case ContentCertificate:
		if err := v.checkCertificate(c, body); err != nil {
			v.content(Altered, c, "%v", err)
		}
	}
}

// holdDigest compares a content with what its record says, if it does.
func (v *verifier) holdDigest(c *content) {
	if c.SHA256 != "" && c.given != "" && c.given != c.SHA256 && !slices.Contains(c.also, c.given) {
		v.content(Altered, c, "it is not what its record names: SHA-256 %s, and not %s", c.given, c.SHA256)
	}
}

// certificatesIn reads certificates in PEM: one at least, and nothing else.
func certificatesIn(raw []byte) ([]*x509.Certificate, error) {
	var list []*x509.Certificate
	for len(raw) > 0 {
		block, rest := pem.Decode(raw)
		if block == nil || block.Type != "CERTIFICATE" {
			return nil, errors.New("it is not certificates in PEM")
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("it is no certificate: %w", err)
		}
		list, raw = append(list, cert), rest
	}
	if list == nil {
		return nil, errors.New("it is not certificates in PEM")
	}
	return list, nil
}

// readChain checks that an issuer's certificates prove each other up to the root.
func (v *verifier) readChain(issuer string, raw []byte) error {
	chain, err := certificatesIn(raw)
	if err != nil {
		return err
	}
	if hex.EncodeToString(chain[0].SubjectKeyId) != issuer {
		return errors.New("its first certificate is another issuer's")
	}
	for i, cert := range chain {
		above := chain[min(i+1, len(chain)-1)] // the root proves itself
		if err := cert.CheckSignatureFrom(above); err != nil {
			return fmt.Errorf("its certificate %d is not signed by the next: %w", i+1, err)
		}
	}
	v.chains[issuer] = chain[0]
	return nil
}

// checkCertificate holds a certificate against its record and its issuer.
func (v *verifier) checkCertificate(c *content, raw []byte) error {
	certs, err := certificatesIn(raw)
	if err != nil {
		return err
	}
	if len(certs) != 1 {
		return errors.New("it is more than one certificate")
	}
	key := sha256.Sum256(certs[0].RawSubjectPublicKeyInfo)
	serial := func(s string) string { return strings.TrimLeft(strings.ToLower(s), "0") }
	switch {
	case serial(certs[0].SerialNumber.Text(16)) != serial(c.serial):
		return errors.New("it has another serial number than its record")
	case hex.EncodeToString(key[:]) != c.keyHash:
		return errors.New("it is for another key than its record")
	}
	if issuer := v.chains[c.issuer]; issuer != nil {
		if err := certs[0].CheckSignatureFrom(issuer); err != nil {
			return fmt.Errorf("its issuer did not sign it: %w", err)
		}
	}
	return nil
}
