package trail

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/manoward/manoward/internal/hub"
)

// The steps of a chain.
const (
	StepEvent        = "event"
	StepInput        = "input"
	StepPolicies     = "policies"
	StepDecision     = "decision"
	StepNotice       = "notice"
	StepOrder        = "order"
	StepOperation    = "operation"
	StepOutcome      = "outcome"
	StepRegistration = "registration"
	StepStatement    = "statement"
	StepVerdict      = "verdict"
	StepCertificate  = "certificate"
)

// tell puts the cards of a chain into the order of cause and effect, and names what
// has no record.
func (w *walk) tell(ctx context.Context) []Link {
	var links []Link
	for _, t := range w.ofKind(Event) {
		links = append(links, w.event(t)...)
	}
	for _, t := range w.ofKind(Decision) {
		links = append(links, w.decision(ctx, t)...)
	}
	for _, t := range w.ofKind(Order) {
		links = append(links, w.order(t)...)
	}
	for _, t := range w.ofKind(Operation) {
		links = append(links, w.operation(t)...)
	}
	for _, kind := range []string{Registration, Attester, Policies} {
		for _, t := range w.ofKind(kind) {
			links = append(links, w.plain(t)...)
		}
	}
	for _, t := range w.ofKind(Certificate) {
		links = append(links, w.certificate(t)...)
	}
	return links
}

// ofKind lists the things of a kind in the chain: those that records are about in
// the order of the log, then those that are named alone.
func (w *walk) ofKind(kind string) []Thing {
	var list []Thing
	take := func(t Thing) {
		if t.Kind() == kind && (w.up[t] || w.down[t]) && !slices.Contains(list, t) {
			list = append(list, t)
		}
	}
	for _, c := range w.cards {
		for _, t := range c.about {
			take(t)
		}
	}
	for _, c := range w.cards {
		for _, t := range slices.Concat(c.up, c.down) {
			take(t)
		}
	}
	return list
}

// of lists the cards about a thing, of some kinds of records if any are named.
func (w *walk) of(t Thing, kinds ...string) []*card {
	var list []*card
	for _, c := range w.cards {
		if slices.Contains(c.about, t) && (len(kinds) == 0 || slices.Contains(kinds, c.Kind)) {
			list = append(list, c)
		}
	}
	return list
}

// link is a step that a record tells of.
func (c *card) link(step, thing string) Link {
	place := c.place
	return Link{Step: step, Thing: thing, Time: c.Time, Actor: c.Actor, Record: &place, Text: c.Kind}
}

// lacks is a step that no record tells of.
func lacks(step string, t Thing, why string) Link {
	return Link{Step: step, Thing: string(t), Missing: why}
}

func (w *walk) event(t Thing) []Link {
	var links []Link
	for _, c := range w.of(t) {
		l := c.link(StepEvent, string(t))
		l.Text = "nobody told it; the Security Manager found it when it compared with the NFVO: " + c.data.Occurrence
		links = append(links, l)
	}
	if links == nil {
		links = []Link{lacks(StepEvent, t, "an event has no record of its own: the input of its decision holds it, and the decision's record has the input's digest")}
	}
	return links
}

// decision tells of a decision with its input and the policies that judged.
func (w *walk) decision(ctx context.Context, t Thing) []Link {
	records := w.of(t, kindDecision)
	if len(records) == 0 {
		return []Link{lacks(StepDecision, t, "no record of this decision is among those that were read")}
	}
	c := records[0]
	links := append([]Link{w.input(ctx, c)}, w.policies(c)...)
	l := c.link(StepDecision, string(t))
	l.Text = found(&c.data)
	links = append(links, l)
	for _, n := range w.of(t, notices...) {
		told := n.link(StepNotice, string(t))
		told.Text = n.Kind + ": operators were told"
		links = append(links, told)
	}
	if w.down[t] {
		for _, id := range c.data.Orders {
			if order := Thing(Order + "/" + id); len(w.of(order)) == 0 {
				links = append(links, lacks(StepOrder, order, "no record of this order is among those that were read: what is in shadow, or was cut off before its first step, has none yet"))
			}
		}
	}
	return links
}

// input tells whether the input is still kept, and what it says of the event. Its
// record is the decision's, which has its digest.
func (w *walk) input(ctx context.Context, c *card) Link {
	l := c.link(StepInput, "input/"+c.data.Input)
	l.Text = fmt.Sprintf("SHA-256 %s, of the %s on %s", c.data.Input, c.data.Kind, c.data.Key)
	raw, err := w.from.Input(ctx, c.data.ID, c.data.Input)
	if err != nil {
		l.Missing = "the input itself: " + hub.SafeText(err)
		return l
	}
	var doc struct {
		Event struct {
			ID   string `json:"id"`
			Type string `json:"notificationType"`
		} `json:"event"`
	}
	if json.Unmarshal(raw, &doc) == nil && doc.Event.ID != "" {
		l.Text += fmt.Sprintf("; it holds notification %s %s", doc.Event.Type, doc.Event.ID)
	}
	return l
}

// policies tells what judged, and which rules were true.
func (w *walk) policies(c *card) []Link {
	d := &c.data
	l := Link{Step: StepPolicies, Thing: Policies + "/" + d.Policies}
	l.Text = fmt.Sprintf("revision %s, parameters %s", orNone(d.Policies), orNone(d.Parameters))
	var rules []string
	for _, at := range d.Labels {
		rules = append(rules, fmt.Sprintf("%s.%s (%s:%d)", at.Policy, at.Rule, at.File, at.Line))
	}
	if len(rules) > 0 {
		l.Text += "; true: " + strings.Join(rules, ", ")
	}
	for _, by := range w.of(Thing(Policies + "/" + d.Policies)) {
		if by.Time.After(c.Time) {
			break
		}
		place := by.place
		l.Record, l.Time, l.Actor = &place, by.Time, by.Actor // the last one before the decision
	}
	if l.Record == nil {
		l.Missing = "no record among those that were read says who pushed or activated them"
	}
	return []Link{l}
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// found is a decision in words.
func found(d *data) string {
	var parts []string
	for i, f := range d.Findings {
		level := ""
		if i < len(d.Levels) {
			level = ", " + d.Levels[i]
		}
		parts = append(parts, fmt.Sprintf("%s/%s (%s%s) on %s: %s", f.Policy, f.Code, f.Severity, level, f.Target.String(), f.Message))
	}
	for _, u := range d.Undecided {
		parts = append(parts, fmt.Sprintf("%s could not judge: %s", u.Policy, u.Reason))
	}
	if len(d.Conflicts) > 0 {
		parts = append(parts, fmt.Sprintf("conflicts: %d", len(d.Conflicts)))
	}
	if len(parts) == 0 {
		parts = []string{"nothing was found"}
	}
	if len(d.Orders) == 0 {
		parts = append(parts, "nothing was ordered")
	}
	return strings.Join(parts, "; ")
}

// order tells of each state of an order, and its outcome.
func (w *walk) order(t Thing) []Link {
	var links []Link
	records := w.of(t)
	for _, c := range records {
		d := &c.data
		l := c.link(StepOrder, string(t))
		l.Text = fmt.Sprintf("%s: %s of %s for policy %s, level %s", d.State, d.Action.Type, d.Target.String(), d.Policy, d.Level)
		if d.Reason != "" {
			l.Text += "; " + d.Reason
		}
		if a := d.Approval; a != nil {
			word := "rejected"
			if a.Approved {
				word = "approved"
			}
			l.Text += fmt.Sprintf("; %s by %s: %s", word, a.By, orNone(a.Reason))
		}
		links = append(links, l)
	}
	if len(records) == 0 || !w.down[t] {
		return links // of one that has no record, the decision's links say so
	}
	return append(links, w.outcome(t, records[len(records)-1])...)
}

// outcome tells how an order stands, by its newest record.
func (w *walk) outcome(t Thing, c *card) []Link {
	var links []Link
	for _, s := range c.data.Steps {
		l := c.link(StepOutcome, string(t))
		l.Text = fmt.Sprintf("%s: %s", s.Name, s.State)
		if s.Outcome != "" {
			l.Text += ", " + s.Outcome
		}
		if s.State == stepRunning && s.Resource == "" {
			l.Missing = "whether the NFVO took it is not known: no answer is recorded; the Security Manager asks again with the same Idempotency-Key when it runs, see \"manoward order show\""
		}
		if op := s.operation(); op != "" && len(w.of(Thing(Operation+"/"+op))) == 0 {
			l.Missing = "no record of the operation " + op + " is among those that were read: an NFVO elsewhere keeps its own"
		}
		links = append(links, l)
	}
	if len(links) == 0 {
		links = []Link{lacks(StepOutcome, t, "the order is "+c.data.State+": nothing was asked of the NFVO, as far as was read")}
	}
	return links
}

// stepRunning is the state of a step that is sent, or about to be.
const stepRunning = "running"

// notEnded stands for the outcome of what no record says the end of.
const notEnded = "it had not ended, as far as was read"

// operation tells of an operation at the NFVO, or an order on a host.
func (w *walk) operation(t Thing) []Link {
	var links []Link
	ended := false
	for _, c := range w.of(t) {
		d := &c.data
		l := c.link(StepOperation, string(t))
		switch {
		case c.Kind == kindEnded || c.Kind == kindHostEnded:
			ended, l.Step = true, StepOutcome
			l.Text = fmt.Sprintf("%s %s", orNone(d.Operation), d.State)
			if len(d.Error) > 0 && string(d.Error) != "null" {
				l.Text += ": " + string(d.Error)
			}
			if c.Kind == kindHostEnded {
				l.Text = strings.Join(append([]string{d.State}, d.Problems...), "; ")
			}
		case c.Kind == kindDropped:
			ended, l.Step = true, StepOutcome
			l.Text = "it never began: the NFVO was cut off before, nothing of it was done and nobody was told; who ordered it may have ordered it again under this ID"
		case c.Kind == kindStarted:
			l.Text = fmt.Sprintf("%s of NS %s began", d.Operation, d.NS)
		case c.Kind == kindHostOrder:
			l.Text = "the host's use is stopped: " + c.Subject
		default:
			l.Text = orNone(d.Task) + " was ordered"
		}
		links = append(links, l)
	}
	if len(links) > 0 && !ended {
		links = append(links, lacks(StepOutcome, t, notEnded))
	}
	return links
}

// plain tells the records about a thing as they are.
func (w *walk) plain(t Thing) []Link {
	var links []Link
	for _, c := range w.of(t) {
		l := c.link(t.Kind(), string(t))
		if l.Text = c.Kind; c.Kind == kindInForce {
			l.Text += inWords(&c.data)
		}
		links = append(links, l)
	}
	if links == nil {
		links = []Link{lacks(t.Kind(), t, "no record of it is among those that were read")}
	}
	return links
}
