package trail_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/journal"
	"github.com/manoward/manoward/internal/journal/trail"
)

// chain is a log in memory.
type chain struct {
	t       *testing.T
	records []journal.Record
	inputs  map[string]string // by digest
	asked   [][]trail.Thing
}

// add appends a record of a kind, sealed, with these members of its data.
func (c *chain) add(kind, subject string, data map[string]any) journal.Record {
	c.t.Helper()
	raw, err := json.Marshal(data)
	if err != nil {
		c.t.Fatal(err)
	}
	n := uint64(len(c.records))
	r := hub.Record{ID: hub.DeriveID(kind, subject, string(raw)), Kind: kind, Time: time.Unix(int64(n), 0).UTC(), Actor: "spiffe://north/sm/alpha", Subject: subject, Data: raw}
	line, err := json.Marshal(r)
	if err != nil {
		c.t.Fatal(err)
	}
	c.records = append(c.records, journal.Record{Entry: journal.Entry{Sequence: n + 1, ID: r.ID, Kind: kind}, Leaf: n, Sealed: true, Line: line})
	return c.records[n]
}

func (c *chain) Records(_ context.Context, about []trail.Thing, fn func(journal.Record) error) error {
	c.asked = append(c.asked, about)
	for _, r := range c.records {
		if err := fn(r); err != nil {
			return err
		}
	}
	return nil
}

func (c *chain) Input(_ context.Context, _, digest string) ([]byte, error) {
	if raw, ok := c.inputs[digest]; ok {
		return []byte(raw), nil
	}
	return nil, hub.E(hub.NotFound, "read", "it is not kept any more", nil)
}

// enforced is a log with one event that was enforced, beside others.
func enforced(t *testing.T) *chain {
	c := &chain{t: t, inputs: map[string]string{"digest-1": `{"event":{"id":"note-1","notificationType":"HostChange"}}`}}
	c.add("operator.note", "trust-domain/north", map[string]any{"text": "nothing of a chain"})
	c.add("sm.policies.pushed", "policies/rev-1", map[string]any{"revision": "rev-1"})
	c.add("sm.policies.activate", "policies/rev-1", map[string]any{"policyRevision": "rev-1"})
	for _, n := range []string{"1", "2"} {
		c.add("sm.decision", "decision/dec-"+n, map[string]any{
			"id": "dec-" + n, "eventId": "event-" + n, "kind": "host-change", "key": "host/h" + n, "inputDigest": "digest-" + n, "policyRevision": "rev-1", "dataRevision": "data-1",
			"findings": []any{map[string]any{"policy": "host-integrity", "code": "untrusted", "severity": "critical", "message": "it is not trusted", "target": map[string]any{"hostId": "h" + n}}},
			"levels":   []string{"enforce"}, "labels": []any{map[string]any{"policy": "host-integrity", "rule": "finding", "file": "host-integrity.rego", "line": 12}},
			"orders": []string{"order-" + n},
		})
		c.add("sm.alert", "decision/dec-"+n, map[string]any{"decisionId": "dec-" + n, "eventId": "event-" + n})
	}
	order := map[string]any{"id": "order-1", "decisionId": "dec-1", "policy": "host-integrity", "action": map[string]any{"type": "stop-host"}, "target": map[string]any{"hostId": "h1"}, "level": "enforce", "state": "running"}
	c.add("sm.order", "order/order-1", order)
	c.add("host.stop-use.ordered", "host/h1", map[string]any{"id": "hostorder-1", "state": "PROCESSING"})
	c.add("ns.operation.started", "ns/n1", map[string]any{"nsLcmOpOccId": "op-1", "nsInstanceId": "n1", "operation": "UPDATE", "parent": "hostorder-1", "error": nil})
	c.add("ns.operation.ended", "ns/n1", map[string]any{"nsLcmOpOccId": "op-1", "nsInstanceId": "n1", "operation": "UPDATE", "state": "COMPLETED", "parent": "hostorder-1"})
	c.add("ns.operation.started", "ns/n1", map[string]any{"nsLcmOpOccId": "op-other", "nsInstanceId": "n1", "operation": "SCALE"})
	c.add("host.stop-use.ended", "host/h1", map[string]any{"id": "hostorder-1", "state": "COMPLETED", "nsLcmOpOccIds": []string{"op-1"}})
	order["state"], order["steps"] = "completed", []any{map[string]any{"name": "stop-use", "state": "completed", "resource": "https://nfvo/host_orders/hostorder-1", "outcome": "COMPLETED"}}
	c.add("sm.order", "order/order-1", order)
	return c
}

// steps are the steps of a chain with what each is about.
func steps(t *trail.Trail) string {
	var list []string
	for _, l := range t.Links {
		list = append(list, l.Step+" "+l.Thing)
	}
	return strings.Join(list, "\n")
}

const whole = `event event/event-1
input input/digest-1
policies policies/rev-1
decision decision/dec-1
notice decision/dec-1
order order/order-1
order order/order-1
outcome order/order-1
operation operation/hostorder-1
outcome operation/hostorder-1
operation operation/op-1
outcome operation/op-1`

// The chain of an event is the same from whichever end it is asked for, with
// nothing of another event's.
func TestWalkEvent(t *testing.T) {
	c := enforced(t)
	c.add("sm.policies.in-force", "policies/rev-1", map[string]any{"policyRevision": "rev-1"}) // is no link of any chain
	for id, is := range map[string]string{
		"event-1": trail.Event, "dec-1": trail.Decision, "order-1": trail.Order, c.records[3].ID: trail.Decision,
	} {
		got, err := trail.Walk(t.Context(), c, "north", id)
		if err != nil {
			t.Fatal(err)
		}
		if got.Is != is || steps(got) != whole {
			t.Errorf("%s is %s, want %s, and its chain\n%s\nwant\n%s", id, got.Is, is, steps(got), whole)
		}
	}
	// What led to the operation, and not what else was ordered by it.
	got, err := trail.Walk(t.Context(), c, "north", "op-1")
	if err != nil {
		t.Fatal(err)
	}
	if text := steps(got); !strings.HasPrefix(text, "event event/event-1\n") || !strings.HasSuffix(text, "outcome operation/op-1") || strings.Contains(text, "op-other") {
		t.Errorf("the chain of the operation:\n%s", text)
	}
	if !slices.ContainsFunc(c.asked, func(about []trail.Thing) bool { return slices.Contains(about, "order/order-1") }) {
		t.Error("the source was never asked for records about the order")
	}
}

// Each link says what was recorded, where, and what no record tells of.
func TestWalkEvent_Words(t *testing.T) {
	c := enforced(t)
	got, err := trail.Walk(t.Context(), c, "north", "note-1", "event-1") // a notification and its event
	if err != nil {
		t.Fatal(err)
	}
	says := func(n int, want ...string) {
		t.Helper()
		raw, err := json.Marshal(got.Links[n])
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(string(raw), w) {
				t.Errorf("link %d does not say %q: %s", n, w, raw)
			}
		}
	}
	says(0, "an event has no record of its own")
	says(1, "SHA-256 digest-1", "notification HostChange note-1", `"journalIndex":3`)
	says(2, "revision rev-1, parameters data-1", "host-integrity.finding (host-integrity.rego:12)", "sm.policies.activate", `"journalIndex":2`)
	says(3, "host-integrity/untrusted (critical, enforce) on host/h1: it is not trusted", `"sequence":4`)
	says(7, "stop-use: completed, COMPLETED")
	says(11, "UPDATE COMPLETED")

	// The second event's input is gone, and its order has no record.
	if got, err = trail.Walk(t.Context(), c, "north", "dec-2"); err != nil {
		t.Fatal(err)
	}
	says(1, "the input itself: it is not kept any more")
	says(5, "no record of this order")
}

// A record that is not sealed, or is not what was sealed, is shown as that, and one
// of no chain by itself.
func TestWalk_Places(t *testing.T) {
	c := enforced(t)
	c.records[0].Sealed, c.records[3].Altered = false, true
	got, err := trail.Walk(t.Context(), c, "north", c.records[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Links) != 1 || got.Is != "record" || got.Links[0].Record.Leaf != nil {
		t.Errorf("a note: %+v", got)
	}
	if got, err = trail.Walk(t.Context(), c, "north", "dec-1"); err != nil {
		t.Fatal(err)
	}
	if r := got.Links[3].Record; !r.Altered || *r.Leaf != 3 {
		t.Errorf("an altered record: %+v", r)
	}
	if _, err := trail.Walk(t.Context(), c, "north", "nobody"); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("an ID that nothing has: %v; want not found", err)
	}
	broken := failing{errors.New("broken")}
	if _, err := trail.Walk(t.Context(), broken, "north", "dec-1"); !errors.Is(err, broken.error) {
		t.Errorf("a source that fails: %v", err)
	}
}

// failing is a source that cannot be read.
type failing struct{ error }

func (f failing) Records(context.Context, []trail.Thing, func(journal.Record) error) error {
	return f.error
}
func (f failing) Input(context.Context, string, string) ([]byte, error) { return nil, f.error }

// A certificate's chain begins with its registration, and of the other certificates
// of that nothing is told; the registration's has them all.
func TestWalkCertificate(t *testing.T) {
	c := &chain{t: t}
	c.add("attester.registered", "attester/att-1", map[string]any{"name": "tpm"})
	c.add("registration.registered", "registration/reg-1", map[string]any{"id": "reg-1", "subjectId": []string{"vnfc-1"}})
	c.add("cmf.policies.in-force", "certificate-policies/north", map[string]any{
		"content": "law-1", "revision": "rev/data", "policies": []any{map[string]any{"id": "no-weak-keys", "title": "x"}}, "notKept": "it is large",
		"profiles": map[string]any{"VNFCI_CERT": map[string]any{"minimumAssurance": "genuine", "nonceRequired": true, "validity": "24h0m0s"}},
	})
	verdict := map[string]any{"accepted": true, "format": "tpm-certify", "statement": "2.23.133.20.1", "attester": "att-1", "assurance": "genuine"}
	for _, n := range []string{"1", "2"} {
		c.add("certificate.issued", "certificate/cert-"+n, map[string]any{
			"certType": "VNFCI_CERT", "inForce": map[string]any{"content": "law-" + n, "since": time.Unix(1, 0).UTC()}, "requestId": "cert-" + n, "registrationId": "reg-1", "attesterId": "att-1", "csrHash": "c0ffee", "verdict": verdict, "policy": "rev/data", "serialNumber": "0a" + n, "issuer": "ca", "subjectId": "vnfc-1", "assurance": "genuine",
		})
	}
	c.add("certificate.refused", "request/cert-3", map[string]any{
		"requestId": "cert-3", "registrationId": "reg-1", "verdict": map[string]any{"accepted": false, "statement": "2.23.133.20.1", "reasons": []any{map[string]any{"code": "signature", "detail": "it is another key's"}}},
		"reasons": []any{map[string]any{"code": "attestation", "detail": "the statement is not accepted"}},
	})
	c.add("certificate.revoked", "certificate/cert-1", map[string]any{"reason": "keyCompromise", "serialNumber": "0a1"})
	const want = `registration registration/reg-1
statement certificate/cert-1
verdict certificate/cert-1
policies policies/rev/data
certificate certificate/cert-1
certificate certificate/cert-1`
	for _, id := range []string{"cert-1", "0A:1"} {
		got, err := trail.Walk(t.Context(), c, "north", id)
		if err != nil {
			t.Fatal(err)
		}
		if steps(got) != want {
			t.Errorf("the chain of %s is\n%s\nwant\n%s", id, steps(got), want)
		}
		text, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range []string{"attester.registered by", "accepted as tpm-certify, assurance genuine", "serial number 0a1 of issuer ca", "certificate.revoked: keyCompromise", "in force as SHA-256 law-1; profile of VNFCI_CERT: assurance genuine at least, with the nonce of a challenge, for 24h0m0s at most; policies: no-weak-keys", "not kept: it is large"} {
			if !strings.Contains(string(text), w) {
				t.Errorf("the chain of %s does not say %q: %s", id, w, text)
			}
		}
	}
	for id, want := range map[string]string{"cert-2": "no record among those that were read says what that is; it was recorded at 1970-01-01T00:00:01Z", "cert-3": "no policy was asked"} {
		got, err := trail.Walk(t.Context(), c, "north", id)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := json.Marshal(got); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("the chain of %s does not say %q: %s", id, want, text)
		}
	}
	if got, err := trail.Walk(t.Context(), c, "north", "law-1"); err != nil || got.Is != trail.Policies || !strings.Contains(got.Links[0].Text, "cmf.policies.in-force; profile of VNFCI_CERT: assurance genuine") {
		t.Errorf("what was in force: %+v, %v", got, err)
	}
	for _, r := range c.records {
		at := trail.StandsOn(r)
		if want := r.Kind == "certificate.issued"; (len(at) == 1) != want || want && at[0].Unix() != 1 {
			t.Errorf("%s stands on what was recorded at %v", r.Kind, at)
		}
	}
	got, err := trail.Walk(t.Context(), c, "north", "reg-1")
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []string{"cert-1", "cert-2", "refused, nothing was signed; attestation: the statement is not accepted", "not accepted; signature: it is another key's"} {
		if !strings.Contains(string(text), w) {
			t.Errorf("the chain of the registration does not say %q: %s", w, text)
		}
	}
}

// A chain goes on over journals that were begun anew, in whatever order a source has
// them.
func TestWalk_Epochs(t *testing.T) {
	c := enforced(t)
	for i := range c.records {
		if c.records[i].Epoch = 1; i >= 8 {
			c.records[i].Epoch, c.records[i].Sequence = 2, uint64(i-7)
		}
	}
	c.records = slices.Concat(c.records[8:], c.records[:8]) // as a pack has them
	got, err := trail.Walk(t.Context(), c, "north", "order-1")
	if err != nil {
		t.Fatal(err)
	}
	if steps(got) != whole {
		t.Errorf("the chain is\n%s\nwant\n%s", steps(got), whole)
	}
	first, last := got.Links[3].Record, got.Links[len(got.Links)-1].Record
	if first.Epoch != 0 || first.Sequence != 4 || last.Epoch != 2 {
		t.Errorf("the decision is %+v, the outcome %+v; want epochs 1 and 2", first, last)
	}
}

// An operation that was cut off before it began, and a step of an order whose answer
// nobody has, are told as that.
func TestWalk_NeverBegan(t *testing.T) {
	c := &chain{t: t}
	started := map[string]any{"nsLcmOpOccId": "op-1", "nsInstanceId": "n1", "operation": "UPDATE"}
	c.add("sm.order", "order/order-1", map[string]any{
		"id": "order-1", "state": "running", "steps": []any{map[string]any{"name": "remove-vnf:n1", "state": "running"}},
	})
	c.add("ns.operation.started", "ns/n1", started)
	text := func(id string) (*trail.Trail, string) {
		t.Helper()
		got, err := trail.Walk(t.Context(), c, "north", id)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		return got, string(raw)
	}
	if _, said := text("order-1"); !strings.Contains(said, "whether the NFVO took it is not known") {
		t.Errorf("a step without an answer: %s", said)
	}
	got, said := text("op-1")
	if !strings.Contains(said, "it had not ended, as far as was read") || got.NeverBegan("operation/op-2") || !got.NeverBegan("operation/op-1") {
		t.Errorf("an operation without an end: %s", said)
	}
	if raw, err := json.Marshal(got); err != nil || !strings.Contains(string(raw), "it never began: its start is recorded, and the NFVO does not have it") {
		t.Errorf("one that the NFVO does not have: %s", raw)
	}
	c.add("ns.operation.dropped", "ns/n1", started)
	if got, said := text("op-1"); !strings.Contains(said, "it never began: the NFVO was cut off before") || got.NeverBegan("operation/op-1") {
		t.Errorf("one that was dropped: %s", said)
	}
}

// FuzzWalk feeds records that nobody wrote: a walk ends, and shows what there is.
func FuzzWalk(f *testing.F) {
	f.Add("sm.decision", `{"id":"x","eventId":"x","orders":["x","y"]}`, "x")
	f.Add("sm.order", `{"id":"y","decisionId":"x","steps":[{"resource":"/"}],"taken":[{}]}`, "y")
	f.Add("certificate.issued", `{"requestId":"","serialNumber":"01","verdict":{}}`, "01")
	f.Add("cmf.policies.in-force", `{"content":"a","policies":7,"profiles":{"X":{}}}`, "a")
	f.Add("certificate.issued", `{"requestId":"a","policy":"p","inForce":{"content":"a","since":"x"}}`, "a")
	f.Add("ns.operation.", `{"parent":"a"}`, "a")
	f.Add("ns.operation.ended", `{"nsLcmOpOccId":"a","parent":"a","error":7}`, "a")
	f.Fuzz(func(t *testing.T, kind, data, id string) {
		if !json.Valid([]byte(data)) {
			data = `{}`
		}
		line, err := json.Marshal(map[string]any{"id": "r", "kind": kind, "subject": "s/" + id, "data": json.RawMessage(data)})
		if err != nil {
			t.Fatal(err) // what is valid JSON can be written
		}
		c := &chain{t: t, records: []journal.Record{{Entry: journal.Entry{Sequence: 1, ID: "r", Kind: kind}, Line: line}}}
		got, err := trail.Walk(t.Context(), c, "north", id)
		if err == nil && len(got.Links) == 0 {
			t.Errorf("a chain without a link: %+v", got)
		}
	})
}
