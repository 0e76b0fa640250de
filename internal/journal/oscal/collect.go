package oscal

import (
	"encoding/json"
	"slices"
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
}

// collector gathers what the decisions in a pack found. What it keeps grows with the
// rules, not with the records.
type collector struct {
	decisions   int
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
	if c.first.IsZero() {
		c.first = at
	}
	c.last = at
	if r.Kind != "sm.decision" {
		return nil
	}
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
		return nil // no record that the hub wrote, which verification says
	}
	d := of.Data
	c.decisions++
	evidence := evidenceOf(r, d.ID)
	for _, f := range d.Findings {
		c.found(f.Policy, f.Code, f.Severity, f.Message, f.Target.String(), evidence, d.Decided)
	}
	for _, u := range d.Undecided {
		c.found(u.Policy, undecided, "", u.Reason, "", evidence, d.Decided)
	}
	return nil
}

func (c *collector) found(policy, code string, severity hub.Severity, message, target, evidence string, at time.Time) {
	key := policy + "/" + code
	r := c.rules[key]
	if r == nil {
		r = &rule{policy: policy, code: code, message: message, first: at}
		c.rules[key] = r
	}
	r.count++
	r.last = at
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
