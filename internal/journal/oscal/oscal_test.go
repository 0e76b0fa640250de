package oscal_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/journal"
	"github.com/manoward/manoward/internal/journal/oscal"
	"github.com/manoward/manoward/internal/testkit/schemakit"
)

// log is a record log in memory.
type log []journal.Batch

func (l log) FollowBatches(ctx context.Context, after uint64, fn func(journal.Batch) error) error {
	if err := l.ReadBatches(ctx, after, fn); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

func (l log) ReadBatches(_ context.Context, after uint64, fn func(journal.Batch) error) error {
	for _, b := range l[after:] {
		if err := fn(b); err != nil {
			return err
		}
	}
	return nil
}

func (l log) LastBatch(context.Context) (journal.Batch, error) {
	if len(l) == 0 {
		return journal.Batch{}, nil
	}
	return l[len(l)-1], nil
}

// seals keeps seals in memory, and tells when there is one.
type seals struct {
	raw  [][]byte
	told func()
}

func (s *seals) Last(context.Context) (uint64, []byte, error) {
	if len(s.raw) == 0 {
		return 0, nil, nil
	}
	return uint64(len(s.raw)), s.raw[len(s.raw)-1], nil
}
func (s *seals) At(_ context.Context, n uint64) ([]byte, error) { return s.raw[n-1], nil }
func (s *seals) Append(_ context.Context, _ uint64, _ string, raw []byte) error {
	s.raw = append(s.raw, raw)
	s.told()
	return nil
}

var exported = time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)

// packOf seals records and returns the evidence pack of them.
func packOf(t *testing.T, records []hub.Record) []byte {
	t.Helper()
	private, err := journal.NewKey(rand.Reader, journal.Origin("north"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := journal.OpenKey(private)
	if err != nil {
		t.Fatal(err)
	}
	var l log
	for i, r := range records {
		line, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		l = append(l, journal.Batch{Sequence: uint64(i + 1), Stored: exported.Add(time.Duration(i) * time.Second), Lines: [][]byte{line}})
	}
	ctx, stop := context.WithCancel(t.Context())
	kept := &seals{told: stop}
	if len(l) > 0 {
		s := &journal.Sealer{Records: l, Seals: kept, Key: key, Now: time.Now}
		if err := s.Run(ctx); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	var b bytes.Buffer
	source := journal.Source{Records: l, Seals: kept, Key: key, Now: func() time.Time { return exported }, Contents: func(_ context.Context, ref journal.Reference) ([]byte, error) {
		switch ref.Kind {
		case journal.ContentEnrolment:
			return law, nil
		case journal.ContentPolicies:
			return []byte("policies of " + ref.Name), nil
		}
		return nil, hub.E(hub.NotFound, "read", "not kept", nil)
	}}
	if err := journal.WritePack(t.Context(), &b, source, journal.Request{TrustDomain: "north", Contents: true}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// law is by what the requests for certificates are judged.
var law, _ = json.Marshal(map[string]any{"bundle": []byte("policies of rev-1")})

func decision(t *testing.T, n int, findings ...hub.Finding) hub.Record {
	t.Helper()
	data, err := json.Marshal(map[string]any{
		"id": fmt.Sprint("dec-", n), "decided": exported.Add(time.Duration(n) * time.Minute), "policyRevision": "rev-1", "findings": findings,
		"undecided": []map[string]string{{"policy": "slow", "reason": "it took\ntoo long"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return hub.Record{ID: fmt.Sprint(n), Kind: "sm.decision", Data: data}
}

func build(t *testing.T, pack []byte) ([]byte, error) {
	t.Helper()
	return oscal.Build(t.Context(), func(pass func(journal.Files) error) error { return pass(journal.TarFiles(bytes.NewReader(pack))) },
		func(content []byte) ([]oscal.Policy, error) {
			if string(content) != "policies of rev-1" {
				return nil, errors.New("other policies")
			}
			return []oscal.Policy{
				{ID: "host-integrity", Title: "Host integrity", Controls: []string{"NIST SP 800-53 SI-7(1)", "IFA033 Sc-Vi.Telem.001", "9 lives: §"}},
				{ID: "slow", Title: "Slow", Controls: []string{"NIST SP 800-53 SC-5"}},
			}, nil
		})
}

func holds(t *testing.T, document []byte) {
	t.Helper()
	f, err := os.Open("testdata/oscal_complete_schema-1.1.2.json.gz") // of NIST, https://github.com/usnistgov/OSCAL/releases/tag/v1.1.2
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	schema, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	schemakit.Holds(t, schema, document)
}

// The document fits NIST's schema, names each rule that found something with its
// records, and has a finding for each control of the rule's policy, and for no other.
func TestBuild(t *testing.T) {
	untrusted := hub.Finding{Policy: "host-integrity", Code: "untrusted", Severity: hub.SeverityCritical, Message: "host h1\nis  not trusted", Target: hub.Target{HostID: "h1"}}
	unknown := hub.Finding{Policy: "of-nobody", Code: "x", Severity: hub.SeverityLow, Message: "", Target: hub.Target{}}
	pack := packOf(t, []hub.Record{{ID: "0", Kind: "operator.note"}, decision(t, 1, untrusted), decision(t, 2, untrusted, unknown)})
	got, err := build(t, pack)
	if err != nil {
		t.Fatal(err)
	}
	holds(t, got)
	for _, want := range []string{
		`"oscal-version": "1.1.2"`, `"control-id": "si-7.1"`, `"control-id": "ifa033-sc-vi.telem.001"`, `"control-id": "_9-lives"`, `"control-id": "sc-5"`,
		`"title": "host-integrity/untrusted"`, "Host integrity 2 times", "host h1 is not trusted", "decision dec-2: record 3/0, index 2 of the journal", `"title": "slow/undecided"`,
		`"title": "NIST SP 800-53 SI-7(1)"`, `"state": "not-satisfied"`, "it is not known which controls it is for", `"title": "host/h1"`,
	} {
		if !strings.Contains(string(got), want) {
			t.Errorf("it does not say %s:\n%s", want, got)
		}
	}
	if n := strings.Count(string(got), `"not-satisfied"`); n != 3 {
		t.Errorf("%d findings, want those of the three controls of host-integrity alone", n)
	}
	if strings.Contains(string(got), `"satisfied"`) {
		t.Error("it says that a control is satisfied")
	}
	again, err := build(t, pack)
	if err != nil || !bytes.Equal(got, again) {
		t.Errorf("made again it is another document: %v", err)
	}
	other, err := build(t, packOf(t, []hub.Record{decision(t, 1, untrusted)}))
	if err != nil || bytes.Equal(got[:200], other[:200]) {
		t.Errorf("another pack has the same UUIDs: %v", err)
	}
	holds(t, other)
}

// A request for a certificate that was refused is an observation by the rule that says
// so, and no finding: nothing was signed. Each subject that is named is defined.
func TestBuild_Certificates(t *testing.T) {
	refused := hub.Record{ID: "7", Kind: "certificate.refused", Time: exported, Data: json.RawMessage(`{"requestId":"csr-1","subjectId":"web-1","certType":"VNFCI_CERT",
		"reasons":[{"code":"key-mismatch","detail":"another key"},{"code":"host-integrity/untrusted","detail":"not here"}],"inForce":{"content":"law"}}`)}
	issued := hub.Record{ID: "8", Kind: "certificate.issued", Time: exported, Data: json.RawMessage(`{"requestId":"csr-2"}`)}
	got, err := build(t, packOf(t, []hub.Record{refused, issued, refused}))
	if err != nil {
		t.Fatal(err)
	}
	holds(t, got)
	for _, want := range []string{
		`"title": "attestation/key-mismatch"`, "Host integrity 2 times", "0 decisions of Security Managers and 3 answers", "nothing was signed",
		"signing request csr-1: record 1/0, index 0 of the journal", `"description": "VNFCI_CERT web-1"`, `"title": "VNFCI_CERT web-1"`,
	} {
		if !strings.Contains(string(got), want) {
			t.Errorf("it does not say %s:\n%s", want, got)
		}
	}
	if strings.Contains(string(got), `"findings"`) {
		t.Errorf("a refusal is a finding:\n%s", got)
	}
	var doc struct {
		Results struct {
			Results []struct {
				Local struct {
					Items []struct{ UUID string } `json:"inventory-items"`
				} `json:"local-definitions"`
				Observations []struct {
					Subjects []struct {
						UUID string `json:"subject-uuid"`
					}
				}
			}
		} `json:"assessment-results"`
	}
	if err := json.Unmarshal(got, &doc); err != nil {
		t.Fatal(err)
	}
	defined := map[string]bool{}
	for _, i := range doc.Results.Results[0].Local.Items {
		defined[i.UUID] = true
	}
	for _, o := range doc.Results.Results[0].Observations {
		for _, s := range o.Subjects {
			if !defined[s.UUID] {
				t.Errorf("subject %s is not defined", s.UUID)
			}
		}
	}
}

// A pack without a decision is a document too; one that is not whole, or whose
// policies cannot be read, is none.
func TestBuild_Edges(t *testing.T) {
	empty, err := build(t, packOf(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	holds(t, empty)
	if !strings.Contains(string(empty), `"include-all"`) {
		t.Errorf("without policies it names controls:\n%s", empty)
	}
	pack := packOf(t, []hub.Record{decision(t, 1)})
	if _, err := build(t, pack[:len(pack)/2]); hub.CodeOf(err) != hub.Invalid {
		t.Errorf("half a pack: %v; want invalid", err)
	}
	var cut bytes.Buffer // without its manifest
	w := tar.NewWriter(&cut)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := build(t, cut.Bytes()); hub.CodeOf(err) != hub.Invalid {
		t.Errorf("a pack without files: %v; want invalid", err)
	}
	if _, err := oscal.Build(t.Context(), func(pass func(journal.Files) error) error { return pass(journal.TarFiles(bytes.NewReader(pack))) },
		func([]byte) ([]oscal.Policy, error) { return nil, errors.New("damaged") }); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("policies that cannot be read: %v", err)
	}
}
