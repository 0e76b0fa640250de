package oscal

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/journal"
)

// Policy is what a set says of one of its policies.
type Policy struct {
	ID       string
	Title    string
	Controls []string // "NIST SP 800-53 SI-7(1)"
}

// most bounds the subjects and the pieces of evidence that an observation names.
const most = 100

// rule is what one rule of a policy found.
type rule struct {
	policy, code string
	severity     hub.Severity
	message      string // the first one
	count        int
	first, last  time.Time
	targets      []string
	evidence     []string
	refused      bool // it kept a certificate from being issued: what it found did not come about
}

// collector gathers what the decisions in a pack found. What it keeps grows with the
// rules, not with the records.
type collector struct {
	decisions   int
	requests    int       // for certificates, that were answered
	first, last time.Time // of all sealed records
	rules       map[string]*rule
	policies    map[string]Policy
}

// undecided stands for the rule of a policy that could not judge.
const undecided = "undecided"

// record takes one record of the pack.
func (c *collector) record(r journal.Record) error {
	if !r.Sealed || r.Altered {
		return nil
	}
	at := r.StoredAt()
	if c.first.IsZero() || at.Before(c.first) { // records of an earlier journal come after those of the newest
		c.first = at
	}
	if at.After(c.last) {
		c.last = at
	}
	switch r.Kind {
	case "sm.decision":
		c.decision(r)
	case "certificate.issued", "certificate.refused":
		c.request(r)
	}
	return nil
}

// decision takes the record of a Security Manager's decision.
func (c *collector) decision(r journal.Record) {
	var of struct {
		Data struct {
			ID        string        `json:"id"`
			Decided   time.Time     `json:"decided"`
			Findings  []hub.Finding `json:"findings"`
			Undecided []struct {
				Policy string `json:"policy"`
				Reason string `json:"reason"`
			} `json:"undecided"`
		} `json:"data"`
	}
	if json.Unmarshal(r.Line, &of) != nil {
		return // no record that the hub wrote, which verification says
	}
	d := of.Data
	c.decisions++
	evidence := evidenceOf(r, "decision", d.ID)
	for _, f := range d.Findings {
		c.found(f.Policy, f.Code, f.Severity, f.Message, f.Target.String(), evidence, d.Decided)
	}
	for _, u := range d.Undecided {
		c.found(u.Policy, undecided, "", u.Reason, "", evidence, d.Decided)
	}
}

// attestation stands for the policy where a request was refused for its statement.
const attestation = "attestation"

// request takes the record of an answer to a certificate signing request.
func (c *collector) request(r journal.Record) {
	var of struct {
		Time time.Time `json:"time"`
		Data struct {
			ID      string `json:"requestId"`
			Subject string `json:"subjectId"`
			Type    string `json:"certType"`
			Reasons []struct {
				Code   string `json:"code"`
				Detail string `json:"detail"`
			} `json:"reasons"`
		} `json:"data"`
	}
	if json.Unmarshal(r.Line, &of) != nil {
		return
	}
	c.requests++
	if r.Kind != "certificate.refused" {
		return
	}
	d := of.Data
	for _, why := range d.Reasons {
		policy, code, ok := strings.Cut(why.Code, "/")
		if !ok {
			policy, code = attestation, why.Code
		}
		one := c.rule("certificate/"+policy+"/"+code, rule{policy: policy, code: code, message: why.Detail, first: of.Time, refused: true})
		one.add("", why.Detail, strings.TrimSpace(d.Type+" "+d.Subject), evidenceOf(r, "signing request", d.ID), of.Time)
	}
}

// rule finds the rule of a key, or begins with one.
func (c *collector) rule(key string, begin rule) *rule {
	if c.rules[key] == nil {
		c.rules[key] = &begin
	}
	return c.rules[key]
}

func (c *collector) found(policy, code string, severity hub.Severity, message, target, evidence string, at time.Time) {
	c.rule(policy+"/"+code, rule{policy: policy, code: code, message: message, first: at}).add(severity, message, target, evidence, at)
}

// add counts that the rule found something once more.
func (r *rule) add(severity hub.Severity, message, target, evidence string, at time.Time) {
	r.count++
	if at.Before(r.first) {
		r.first, r.message = at, message
	}
	if at.After(r.last) {
		r.last = at
	}
	if list := hub.Severities(); slices.Index(list, severity) > slices.Index(list, r.severity) {
		r.severity = severity
	}
	if target != "" && len(r.targets) < most && !slices.Contains(r.targets, target) {
		r.targets = append(r.targets, target)
	}
	if len(r.evidence) < most && (len(r.evidence) == 0 || r.evidence[len(r.evidence)-1] != evidence) {
		r.evidence = append(r.evidence, evidence)
	}
}
