package journal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/manoward/manoward/internal/hub"
)

// The kinds of contents: what records name, and is kept elsewhere than in the log.
const (
	ContentInput       = "input"       // of a decision; the name is the decision's ID
	ContentPolicies    = "policies"    // what was pushed: a signed bundle, or a zip of files; the name is the revision
	ContentParameters  = "parameters"  // of policies, JSON by policy; the name is both revisions
	ContentCertificate = "certificate" // PEM; the name is the certificate's ID
	ContentChain       = "chain"       // PEM, from an issuer up to its root; the name is the issuer
	// By what certificate requests were judged: JSON with the attestation policy, the
	// certificate profiles and the Rego policies; the name is its SHA-256.
	ContentEnrolment = "certificate-policies"
)

// Reference is one content that a record names.
type Reference struct {
	Kind   string
	Name   string
	SHA256 string // of the content, of a certificate of its DER, hexadecimal; empty: the record does not say it
	Actor  string // of the record

	Certificate []byte // DER, if the record holds it

	serial, keyHash, issuer string // of a certificate
}

// shared reports whether many records name the same content, which is in a pack
// once, with the first of them.
func (r *Reference) shared() bool {
	return r.Kind == ContentPolicies || r.Kind == ContentParameters || r.Kind == ContentChain || r.Kind == ContentEnrolment
}

func (r *Reference) key() string { return r.Kind + " " + r.Name }

// references lists the contents that a record names: those of before the
// certificates that they prove.
func references(line []byte) []Reference {
	var r hub.Record
	if json.Unmarshal(line, &r) != nil {
		return nil
	}
	switch r.Kind {
	case "sm.decision", "sm.policies.pushed", "sm.policies.activate", "sm.policies.rollback", "sm.policies.parameters", "sm.policies.in-force", "certificate.issued", "certificate.refused", "certificate.failed", "cmf.policies.in-force":
	default:
		return nil
	}
	var d struct {
		ID             string `json:"id"`
		Part           int    `json:"part"`
		InputDigest    string `json:"inputDigest"`
		PolicyRevision string `json:"policyRevision"`
		DataRevision   string `json:"dataRevision"`
		Parameters     string `json:"parameters"`
		Revision       string `json:"revision"`
		Content        string `json:"content"`
		RequestID      string `json:"requestId"`
		Fingerprint    string `json:"fingerprint"`
		SerialNumber   string `json:"serialNumber"`
		KeyHash        string `json:"keyHash"`
		Issuer         string `json:"issuer"`
		InForce        struct {
			Content string `json:"content"`
		} `json:"inForce"`
		Certificate []byte `json:"certificate"`
	}
	if json.Unmarshal(r.Data, &d) != nil {
		return nil
	}
	var list []Reference
	add := func(one Reference) {
		if one.Actor = r.Actor; one.Name != "" {
			list = append(list, one)
		}
	}
	switch r.Kind {
	case "cmf.policies.in-force":
		add(Reference{Kind: ContentEnrolment, Name: d.Content, SHA256: d.Content})
	case "certificate.refused", "certificate.failed":
		add(Reference{Kind: ContentEnrolment, Name: d.InForce.Content, SHA256: d.InForce.Content})
	case "sm.policies.pushed":
		add(Reference{Kind: ContentPolicies, Name: d.Revision, SHA256: d.Content})
	case "certificate.issued":
		add(Reference{Kind: ContentEnrolment, Name: d.InForce.Content, SHA256: d.InForce.Content})
		add(Reference{Kind: ContentChain, Name: d.Issuer})
		add(Reference{Kind: ContentCertificate, Name: d.RequestID, SHA256: d.Fingerprint, Certificate: d.Certificate, serial: d.SerialNumber, keyHash: d.KeyHash, issuer: d.Issuer})
	default:
		if r.Kind == "sm.decision" && d.Part == 0 { // the other parts have the same input
			add(Reference{Kind: ContentInput, Name: d.ID, SHA256: d.InputDigest})
		}
		if d.PolicyRevision != "" {
			add(Reference{Kind: ContentPolicies, Name: d.PolicyRevision})
			add(Reference{Kind: ContentParameters, Name: d.PolicyRevision + "/" + d.DataRevision, SHA256: d.Parameters})
		}
	}
	return list
}

// contentLine is one content in a pack, or why it is not there.
type contentLine struct {
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	SHA256 string `json:"sha256,omitempty"` // as of [Reference]
	Text   string `json:"content,omitempty"`
	Base64 string `json:"contentBase64,omitempty"` // instead, of what is no text
	Absent string `json:"absent,omitempty"`        // why it is not there
}

func (l *contentLine) key() string { return l.Kind + " " + l.Name }

func (l *contentLine) content() ([]byte, error) {
	if l.Base64 == "" {
		return []byte(l.Text), nil
	}
	return base64.StdEncoding.DecodeString(l.Base64)
}

// maxContents is how much of contents one file of a pack takes before the next one
// begins, in bytes.
const maxContents = 16 << 20

func contentName(part, n int) string {
	return fmt.Sprintf("%s/%06d-%06d.jsonl", folderContents, part, n)
}

// contents adds what the records of a part name, as far as it was not added before.
func (p *packer) contents(part int, records []byte) error {
	if !p.wanted {
		return nil
	}
	var b bytes.Buffer
	n := 1
	flush := func() error {
		if b.Len() == 0 {
			return nil
		}
		err := p.add(contentName(part, n), b.Bytes())
		b.Reset()
		n++
		return err
	}
	for _, line := range splitLines(records) {
		var r packRecord
		if err := json.Unmarshal(line, &r); err != nil {
			return fmt.Errorf("read back evidence: %w", err) // this one wrote it
		}
		body, err := r.line()
		if err != nil {
			return fmt.Errorf("read back evidence: %w", err)
		}
		for _, ref := range references(body) {
			if p.given[ref.key()] {
				continue
			}
			if ref.shared() {
				p.given[ref.key()] = true
			}
			one, err := p.content(p.ctx, ref)
			if err != nil {
				return err
			}
			if err := writeLine(&b, one); err != nil {
				return err
			}
			if b.Len() > maxContents {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
	return flush()
}

// content reads one content.
func (p *packer) content(ctx context.Context, ref Reference) (contentLine, error) {
	l := contentLine{Kind: ref.Kind, Name: ref.Name}
	raw, err := p.Contents(ctx, ref)
	switch {
	case hub.CodeOf(err) == hub.NotFound:
		l.Absent = hub.SafeText(err)
		return l, nil
	case err != nil:
		return l, fmt.Errorf("read the %s %s: %w", ref.Kind, ref.Name, err)
	}
	l.SHA256 = digestOf(ref.Kind, raw)
	if utf8.Valid(raw) && len(raw) > 0 {
		l.Text = string(raw)
	} else {
		l.Base64 = base64.StdEncoding.EncodeToString(raw)
	}
	return l, nil
}

// digestOf is the digest by which a content is named. One that has none, such as a
// certificate that cannot be read, is found by that.
func digestOf(kind string, raw []byte) string {
	if kind == ContentCertificate {
		certs, err := certificatesIn(raw)
		if err != nil {
			return ""
		}
		raw = certs[0].Raw
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}
