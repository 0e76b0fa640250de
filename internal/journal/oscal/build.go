package oscal

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/journal"
)

// Build makes the document of a pack. read reads the pack from its beginning, each
// time; policies reads a set of policies as it was pushed.
func Build(ctx context.Context, read func(func(journal.Files) error) error, policies func(content []byte) ([]Policy, error)) ([]byte, error) {
	var about journal.Description
	c := &collector{rules: map[string]*rule{}, policies: map[string]Policy{}}
	for _, pass := range []func(journal.Files) error{
		func(f journal.Files) (err error) { about, err = journal.Describe(ctx, f); return err },
		func(f journal.Files) error { return journal.Read(ctx, f, c.record) },
		func(f journal.Files) error {
			return journal.ReadContents(ctx, f, journal.ContentEnrolment, func(_ string, content []byte) error {
				var law struct {
					Bundle []byte `json:"bundle"`
				}
				if err := json.Unmarshal(content, &law); err != nil {
					return fmt.Errorf("read the certificate policies in the pack: %w", err)
				}
				if len(law.Bundle) == 0 {
					return nil
				}
				list, err := policies(law.Bundle)
				if err != nil {
					return fmt.Errorf("read the certificate policies in the pack: %w", err)
				}
				for _, p := range list {
					c.policies[p.ID] = p
				}
				return nil
			})
		},
		func(f journal.Files) error {
			return journal.ReadContents(ctx, f, journal.ContentPolicies, func(_ string, content []byte) error {
				list, err := policies(content)
				if err != nil {
					return fmt.Errorf("read the policies in the pack: %w", err)
				}
				for _, p := range list {
					c.policies[p.ID] = p // the newest
				}
				return nil
			})
		},
	} {
		if err := read(pass); err != nil {
			return nil, err
		}
	}
	raw, err := json.MarshalIndent(document{c.assessment(about)}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write OSCAL: %w", err)
	}
	return append(raw, '\n'), nil
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func (c *collector) assessment(about journal.Description) assessment {
	seed := about.Manifest
	if c.first.IsZero() {
		c.first, c.last = about.Exported, about.Exported
	}
	plan, pack := uuid(seed, "plan"), uuid(seed, "pack")
	r := result{
		UUID: uuid(seed, "result"), Title: text("Records of trust domain " + about.TrustDomain),
		Description: fmt.Sprintf("%d decisions of Security Managers and %d answers to certificate signing requests, as they were recorded and sealed in %s.", c.decisions, c.requests, about.Origin),
		Start:       moment(c.first), End: moment(c.last), Reviewed: reviewed{[]selection{c.selection()}},
	}
	r.Observations = append(r.Observations, observation{
		UUID: uuid(seed, "all"), Title: "Decisions", Methods: []string{"TEST"}, Types: []string{"control-objective"}, Collected: r.End,
		Description: fmt.Sprintf("%d decisions and %d answers to certificate signing requests were recorded; %d rules found something, could not judge, or refused.", c.decisions, c.requests, len(c.rules)),
	})
	byControl := map[string][]*rule{}
	for _, key := range slices.Sorted(maps.Keys(c.rules)) {
		one := c.rules[key]
		r.Observations = append(r.Observations, c.observation(seed, one))
		if one.code != undecided && !one.refused {
			for _, control := range c.policies[one.policy].Controls {
				byControl[control] = append(byControl[control], one)
			}
		}
	}
	r.Definitions = c.definitions(seed)
	for _, control := range slices.Sorted(maps.Keys(byControl)) {
		r.Findings = append(r.Findings, findingOf(seed, control, byControl[control]))
	}
	return assessment{
		UUID: uuid(seed, "document"),
		Metadata: metadata{
			Title: text("What the policies of trust domain " + about.TrustDomain + " found"), LastModified: moment(about.Exported), Version: seed, OSCAL: Version,
		},
		ImportAP: href{"#" + plan, "There is no assessment plan as a document: the policies in the pack say what is assessed, and when."},
		Results:  []result{r},
		BackMatter: backMatter{[]resource{
			{UUID: plan, Title: "Policies", Description: "The sets of policies that judged, as contents of the evidence pack."},
			{UUID: pack, Title: "Evidence pack", Description: "Records, seals, proofs and contents that all of this follows from.", Links: []rlink{{"manifest", []hash{{"SHA-256", about.Manifest}}}}},
		}},
	}
}

// selection names the controls that the policies in the pack are for.
func (c *collector) selection() selection {
	ids := map[string]bool{}
	for _, p := range c.policies {
		for _, control := range p.Controls {
			ids[controlID(control)] = true
		}
	}
	if len(ids) == 0 {
		return selection{Description: "The pack has no policies, so it is not known which controls they are for.", All: &struct{}{}}
	}
	s := selection{Description: "The controls that the policies in the pack are for. A policy helps with a control; it does not meet it alone."}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		s.Controls = append(s.Controls, controlRef{id})
	}
	return s
}

// definitions describes the subjects of observations, which are in no other document.
func (c *collector) definitions(seed string) *definitions {
	names := map[string]bool{}
	for _, r := range c.rules {
		for _, t := range r.targets {
			names[t] = true
		}
	}
	if len(names) == 0 {
		return nil
	}
	d := &definitions{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		d.Items = append(d.Items, item{uuid(seed, "subject", name), text(name)})
	}
	return d
}

// uuid is that of the rule's observation.
func (r *rule) uuid(seed string) string {
	if r.refused {
		return uuid(seed, "observation", "certificate", r.policy, r.code)
	}
	return uuid(seed, "observation", r.policy, r.code)
}

func (c *collector) observation(seed string, r *rule) observation {
	o := observation{
		UUID: r.uuid(seed), Title: text(r.policy + "/" + r.code), Methods: []string{"TEST"}, Types: []string{"finding"}, Collected: moment(r.last),
		Description: text(fmt.Sprintf("%s %d times between %s and %s; the first time: %s", c.policies[r.policy].Title, r.count, moment(r.first), moment(r.last), r.message)),
	}
	if r.severity != "" {
		o.Properties = []property{{"severity", "https://github.com/manoward/manoward", string(r.severity)}}
	}
	for _, t := range r.targets {
		o.Subjects = append(o.Subjects, subject{uuid(seed, "subject", t), "inventory-item", text(t)})
	}
	for _, e := range r.evidence {
		o.Evidence = append(o.Evidence, evidence{text(e)})
	}
	_, known := c.policies[r.policy]
	switch {
	case r.refused:
		o.Remarks = "Certificate signing requests were refused for it, and nothing was signed."
	case !known:
		o.Remarks = "The pack does not have the policy, so it is not known which controls it is for."
	}
	return o
}

func findingOf(seed, control string, rules []*rule) finding {
	f := finding{
		UUID: uuid(seed, "finding", control), Title: text(control),
		Properties: []property{{"label", "", text(control)}},
		Target:     target{"objective-id", controlID(control), status{"not-satisfied"}},
	}
	var names []string
	for _, r := range rules {
		names = append(names, fmt.Sprintf("%s/%s (%d)", r.policy, r.code, r.count))
		f.Observations = append(f.Observations, observationRef{r.uuid(seed)})
	}
	f.Description = text("Policies that are for this control found something: " + strings.Join(names, ", "))
	return f
}

// evidenceOf names the record of a decision, or of an answer.
func evidenceOf(r journal.Record, what, id string) string {
	text := fmt.Sprintf("%s %s: record %d/%d, index %d of the journal", what, id, r.Sequence, r.Index, r.Leaf)
	if r.Epoch > 1 {
		text += fmt.Sprintf(" %d", r.Epoch)
	}
	return text
}
