package enrol_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/cmf/enrol"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
)

// inForce is what the tests read of the record of that name.
type inForce struct {
	Content, Before, NotKept string
	Profiles                 map[string]cmf.ProfileInForce
	Policies                 []cmf.PolicyInForce
	Bundle                   []byte
}

func (w *world) inForce() (list []inForce) {
	w.Helper()
	for _, r := range w.kinds(enrol.KindInForce) {
		var one inForce
		if err := json.Unmarshal(r.Data, &one); err != nil {
			w.Fatal(err)
		}
		list = append(list, one)
	}
	return list
}

// lawOf is what the record of a certificate or a refusal says it was judged by.
func lawOf(t *testing.T, r hub.Record) cmf.InForceSince {
	t.Helper()
	var d struct{ InForce cmf.InForceSince }
	if err := json.Unmarshal(r.Data, &d); err != nil {
		t.Fatal(err)
	}
	return d.InForce
}

// What requests are judged by is recorded before the first of them, kept for evidence,
// named by each request's record, and recorded again only when it has changed.
func TestInForce(t *testing.T) {
	t.Parallel()
	w := memory(t)
	w.judge = judgeFunc(func(cmf.Question) (cmf.Judgement, error) { return cmf.Judgement{Revision: "rev/data"}, nil })
	bundle := []byte("rego")
	w.policies = func(string) ([]cmf.PolicyInForce, map[string]json.RawMessage, []byte, error) {
		return []cmf.PolicyInForce{{ID: "weak-keys", Title: "No weak keys"}}, map[string]json.RawMessage{"weak-keys": json.RawMessage(`{"bits":2048}`)}, bundle, nil
	}
	sign := func(p process) {
		t.Helper()
		v := p.register(alpha, "north")
		if a, err := p.Sign(t.Context(), alpha, "north", v.csr(t, nil)); err != nil || a.State != certmgmt.RequestIssued {
			t.Fatalf("%+v, %v", a, err)
		}
	}
	p := w.process()
	sign(p)
	sign(p)
	sign(w.process()) // started again with the same
	list, issued := w.inForce(), w.kinds("certificate.issued")
	if len(list) != 1 || len(issued) != 3 {
		t.Fatalf("%d records of what is in force, %d certificates; want 1 and 3", len(list), len(issued))
	}
	got := list[0]
	if got.Profiles["VNFCI_CERT"].MinimumAssurance != "protected" || got.Profiles["VNFCI_CERT"].Validity != "2160h0m0s" || len(got.Policies) != 1 || got.Bundle != nil {
		t.Errorf("in force is %+v", got)
	}
	for _, r := range issued {
		if law := lawOf(t, r); law.Content != got.Content || law.Since.IsZero() {
			t.Errorf("a certificate names %+v; want %s", law, got.Content)
		}
	}
	table, err := w.tables.Open(t.Context(), "north", "CMF")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := cmf.ReadInForce(t.Context(), table, got.Content)
	var kept cmf.InForce
	if err != nil || json.Unmarshal(raw, &kept) != nil || !bytes.Equal(kept.Bundle, bundle) || string(kept.Parameters["weak-keys"]) != `{"bits":2048}` {
		t.Errorf("kept is %s, %v", raw, err)
	}
	if _, err := cmf.ReadInForce(t.Context(), table, "none"); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("what is not kept: %v", err)
	}

	first := w.profiles["north"]
	changed := first
	changed.NonceRequired, changed.MinimumAssurance = true, attestation.Genuine
	w.profiles["north"] = changed
	p = w.process()
	v := p.register(alpha, "north")
	if a, err := p.Sign(t.Context(), alpha, "north", v.csr(t, nil)); err != nil || a.State != certmgmt.RequestRefused {
		t.Fatalf("%+v, %v", a, err)
	}
	list = w.inForce()
	if len(list) != 2 || list[1].Before != got.Content || !list[1].Profiles["VNFCI_CERT"].NonceRequired || lawOf(t, w.kinds("certificate.refused")[0]).Content != list[1].Content {
		t.Errorf("after a change: %+v", list)
	}
	w.profiles["north"] = first
	w.wait(1e9)
	sign(w.process())
	if list = w.inForce(); len(list) != 3 || list[2].Content != got.Content {
		t.Errorf("after a change back: %+v", list)
	}

	bundle = make([]byte, cmf.MaxInForce)
	w.wait(1e9)
	sign(w.process())
	list = w.inForce()
	if len(list) != 4 || list[3].NotKept == "" {
		t.Errorf("one that is too large: %+v", list)
	}
	if _, err := cmf.ReadInForce(t.Context(), table, list[3].Content); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("one that is too large: %v", err)
	}
}

// Nothing is signed or refused by what is not on record.
func TestInForce_NotRecorded(t *testing.T) {
	t.Parallel()
	w := memory(t)
	p := w.process()
	v := p.register(alpha, "north")
	broken := errors.New("the disk is full")
	w.log = func(ctx context.Context, domain string, list ...hub.Record) error {
		for _, r := range list {
			if r.Kind == enrol.KindInForce {
				return broken
			}
		}
		return w.logs.Append(ctx, domain, list[0])
	}
	csr := v.csr(t, nil)
	if a, err := p.Sign(t.Context(), alpha, "north", csr); hub.CodeOf(err) != hub.Unavailable || !errors.Is(err, broken) {
		t.Errorf("%+v, %v; want unavailable", a, err)
	}
	if w.ca.signed() != 0 || len(w.kinds("certificate.refused")) != 0 {
		t.Error("it was signed or refused")
	}
	w.log = nil
	if a, err := p.Sign(t.Context(), alpha, "north", csr); err != nil || a.State != certmgmt.RequestIssued {
		t.Errorf("sent again: %+v, %v", a, err)
	}
	if n := len(w.inForce()); n != 1 {
		t.Errorf("%d records; want 1", n)
	}
	w.policies = func(string) ([]cmf.PolicyInForce, map[string]json.RawMessage, []byte, error) {
		return nil, nil, nil, broken
	}
	p = w.process()
	v = p.register(alpha, "north")
	if _, err := p.Sign(t.Context(), alpha, "north", v.csr(t, nil)); hub.CodeOf(err) != hub.Unavailable || !errors.Is(err, broken) {
		t.Errorf("policies that cannot be read: %v; want unavailable", err)
	}
}
