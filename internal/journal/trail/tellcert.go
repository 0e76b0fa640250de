package trail

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// certificate tells of a signing request, from the statement to the certificate, and
// of what became of that.
func (w *walk) certificate(t Thing) []Link {
	var links []Link
	records := w.of(t)
	signed := false
	for _, c := range records {
		d := &c.data
		if c.Kind == kindIssued || c.Kind == kindRefused && d.RequestID != "" || c.Kind == kindFailed {
			links = append(links, w.request(t, c)...)
			signed = true
			continue
		}
		l := c.link(StepCertificate, string(t))
		l.Text = c.Kind
		if d.Reason != "" {
			l.Text += ": " + d.Reason
		}
		links = append(links, withReasons(l, d.Reasons))
	}
	if !signed {
		links = append(links, lacks(StepCertificate, t, "no record of the request it came from is among those that were read"))
	}
	return links
}

// request tells of one attempt at a certificate.
func (w *walk) request(t Thing, c *card) []Link {
	d := &c.data
	links := []Link{w.statement(t, c), verdictOf(t, c)}
	policy := w.judgedBy(c)
	l := c.link(StepCertificate, string(t))
	switch c.Kind {
	case kindIssued:
		l.Text = fmt.Sprintf("issued: serial number %s of issuer %s, for %s, assurance %s", d.Serial, d.Issuer, d.Subject, orNone(d.Assurance))
		if d.NotAfter != nil {
			l.Text += ", until " + d.NotAfter.UTC().Format(time.RFC3339)
		}
		if d.Renews != "" {
			l.Text += ", in the place of " + d.Renews
		}
	case kindFailed:
		l.Text = "no certificate: " + d.Failure
	default:
		l.Text = "refused, nothing was signed"
		l = withReasons(l, d.Reasons)
	}
	return append(links, policy, l)
}

// statement tells of the evidence and of who vouched for it.
func (w *walk) statement(t Thing, c *card) Link {
	d := &c.data
	if d.Verdict == nil {
		return lacks(StepStatement, t, "the request had no statement of an attester")
	}
	l := c.link(StepStatement, string(t))
	l.Text = fmt.Sprintf("%s of attester %s, with the request of SHA-256 %s", d.Verdict.Statement, orNone(d.AttesterID), d.CSR)
	if d.Verdict.Statement == "" {
		l.Text = "a statement that could not be read, with the request of SHA-256 " + d.CSR
	}
	for _, by := range w.of(Thing(Attester + "/" + d.AttesterID)) {
		l.Text += fmt.Sprintf("; %s by %s at %s (record %d/%d)", by.Kind, by.Actor, by.Time.UTC().Format(time.RFC3339), by.place.Sequence, by.place.Index)
	}
	if d.AttesterID != "" && len(w.of(Thing(Attester+"/"+d.AttesterID))) == 0 {
		l.Missing = "no record of the attester's registration is among those that were read"
	}
	return l
}

func verdictOf(t Thing, c *card) Link {
	v := c.data.Verdict
	if v == nil {
		return lacks(StepVerdict, t, "there was nothing to judge")
	}
	l := c.link(StepVerdict, string(t))
	l.Text = fmt.Sprintf("accepted as %s, assurance %s", orNone(v.Format), v.Assurance)
	if !v.Accepted {
		l.Text = "not accepted"
		l = withReasons(l, v.Reasons)
	}
	return l
}

func withReasons(l Link, list []reason) Link {
	for _, r := range list {
		l.Text += fmt.Sprintf("; %s: %s", r.Code, r.Detail)
	}
	return l
}

// judgedBy tells by what a request was judged: policies, attestation policy and
// certificate profile, as they were recorded when they came into force.
func (w *walk) judgedBy(c *card) Link {
	d := &c.data
	t := Thing(Policies + "/" + d.Policy)
	if d.Policy == "" {
		return lacks(StepPolicies, t, "no policy was asked: the request failed before, or was answered as it was the first time")
	}
	l := Link{Step: StepPolicies, Thing: string(t), Text: "revision " + d.Policy}
	if d.InForce.Content == "" {
		l.Missing = "the record is of before the CMF's policies were recorded: what the configuration named then (certificateManagement.domains[].policies) is not in evidence"
		return l
	}
	l.Text += ", in force as SHA-256 " + d.InForce.Content
	law := w.of(Thing(Policies+"/"+d.InForce.Content), kindInForce)
	law = slices.DeleteFunc(law, func(by *card) bool { return by.Time.After(c.Time) })
	if len(law) == 0 {
		l.Missing = "no record among those that were read says what that is; it was recorded at " + d.InForce.Since.UTC().Format(time.RFC3339)
		return l
	}
	by := law[len(law)-1]
	place := by.place
	l.Record, l.Time, l.Actor = &place, by.Time, by.Actor
	l.Text += inWords(&by.data, d.CertType)
	if by.data.NotKept != "" {
		l.Missing = "the text of the policies is not kept: " + by.data.NotKept
	}
	return l
}

// inWords is what is in force for types of certificates, all when none is named.
func inWords(law *data, certTypes ...string) string {
	if certTypes == nil {
		certTypes = slices.Sorted(maps.Keys(law.Profiles))
	}
	var text []string
	for _, certType := range certTypes {
		p, ok := law.Profiles[certType]
		if !ok {
			continue
		}
		nonce := "no nonce needed"
		if p.NonceRequired {
			nonce = "with the nonce of a challenge"
		}
		text = append(text, fmt.Sprintf("profile of %s: assurance %s at least, %s, for %s at most", certType, p.MinimumAssurance, nonce, p.Validity))
	}
	if law.Outside {
		text = append(text, "statements are judged by an outside verifier")
	}
	var ids []string
	for _, p := range law.Judges {
		ids = append(ids, p.ID)
	}
	if len(ids) > 0 {
		text = append(text, "policies: "+strings.Join(ids, ", "))
	}
	if len(text) == 0 {
		return ""
	}
	return "; " + strings.Join(text, "; ")
}
