package trail

import (
	"fmt"
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
	policy := c.link(StepPolicies, Policies+"/"+d.Policy)
	policy.Text = "revision " + d.Policy
	policy.Missing = "the content of the CMF's policies has no record: the configuration names them (certificateManagement.domains[].policies)"
	if d.Policy == "" {
		policy.Text, policy.Missing = "", "no policy was asked: the request failed before, or was answered as it was the first time"
	}
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
