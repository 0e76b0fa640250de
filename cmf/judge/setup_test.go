package judge_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/big"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/cmf/judge"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/internal/testkit/memstate"
	"github.com/manoward/manoward/policies"
	"github.com/manoward/manoward/policies/library"
)

var at = time.Date(2026, 11, 22, 23, 30, 0, 0, time.UTC)

// bus is one in memory whose reads can fail.
type bus struct {
	memstate.Bus
	failing atomic.Bool
}

func (b *bus) Open(ctx context.Context, domain, name string) (state.Table, error) {
	t, err := b.Bus.Open(ctx, domain, name)
	return &table{t, b}, err
}

type table struct {
	state.Table
	bus *bus
}

func (t *table) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	if t.bus.failing.Load() {
		return nil, 0, hub.E(hub.Unavailable, "read", "the bus does not answer", errors.New("test"))
	}
	return t.Table.Get(ctx, key)
}

// world is a judge with what it reads.
type world struct {
	*judge.Judge
	store *cmf.Store
	bus   *bus
	key   *ecdsa.PrivateKey
	hash  string
}

func newWorld(t testing.TB, deadline time.Duration) *world {
	t.Helper()
	w := &world{bus: &bus{}}
	log := slog.New(slog.DiscardHandler)
	space := state.New(w.bus, "CMF", log)
	w.store = cmf.NewStore(space)
	if err := space.Open(t.Context(), t.Context(), "north", "south"); err != nil {
		t.Fatal(err)
	}
	var err error
	if w.Judge, err = judge.New(t.Context(), judge.Config{Store: w.store, Log: log, Deadline: deadline}); err != nil {
		t.Fatal(err)
	}
	if w.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	w.hash = hashOf(t, w.key.Public())
	return w
}

func hashOf(t testing.TB, key crypto.PublicKey) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

// question is a request with which all is well.
func (w *world) question() cmf.Question {
	registered := at.Add(-time.Hour)
	return cmf.Question{
		Request: &cmf.Request{
			Signing: certmgmt.Signing{ID: "q1", RegistrationID: "r1"}, TrustDomain: "north", Manager: "spiffe://north/vnfm/a", SubjectID: "c1",
			CertType: certmgmt.VNFCICert, AttesterID: "a1",
			Verdict: &attestation.Verdict{
				Accepted: true, Format: "tpm", Statement: "2.23.133.20.1", Attester: "a1", Shape: "draft-28", Assurance: attestation.Protected,
				Claims: []attestation.Claim{{Name: "fixedTPM", Value: "true"}}, Lacks: []attestation.Reason{{Code: attestation.AttesterUnverified, Detail: "a bare key"}},
			},
		},
		Registration: &cmf.Registration{Registration: certmgmt.Registration{ID: "r1", VnfInstanceID: "v1", VnfdID: "d-amf"}},
		Attester: &cmf.Attester{
			Attester:    certmgmt.Attester{ID: "a1", StatementOID: "2.23.133.20.1", PublicKey: "pem", Registered: &registered},
			TrustDomain: "north", By: "spiffe://north/vnfm/a",
		},
		Key: w.key.Public(), KeyHash: w.hash, Profile: cmf.Demands{MinimumAssurance: attestation.Protected, MaxValidity: 90 * 24 * time.Hour}, At: at,
	}
}

// bare is a request without an attestation.
func (w *world) bare() cmf.Question {
	q := w.question()
	q.Request.Verdict, q.Request.AttesterID, q.Attester = nil, "", nil
	return q
}

// failed is a request whose attestation is of another key.
func (w *world) failed() cmf.Question {
	q := w.question()
	q.Request.Verdict.Accepted, q.Request.Verdict.Assurance = false, attestation.None
	q.Request.Verdict.Reasons = []attestation.Reason{attestation.Because(attestation.KeyMismatch, "the statement is of another key")}
	return q
}

// issue stores a certificate, ago before the question.
func (w *world) issue(t testing.TB, domain, id, subjectID, keyHash string, ago time.Duration) {
	t.Helper()
	c := cmf.Certificate{
		ID: id, TrustDomain: domain, CertType: certmgmt.VNFCICert, SubjectID: subjectID, KeyHash: keyHash, Serial: big.NewInt(1000), Issuer: "ca", Assurance: "protected",
		NotBefore: at.Add(-ago), NotAfter: at.Add(time.Hour), Revoked: &cmf.Revocation{At: at, Reason: 1, By: "x"},
	}
	if _, err := w.store.Certificates.Create(t.Context(), domain, id, &c); err != nil {
		t.Fatal(err)
	}
}

func (w *world) judge(t testing.TB, q cmf.Question) cmf.Judgement {
	t.Helper()
	j, err := w.Judge.Judge(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// in words: what became of a question, with the codes of the reasons.
func words(j cmf.Judgement) string {
	out := "issued"
	switch {
	case j.Refused && j.Unattested:
		out = "both"
	case j.Refused:
		out = "refused"
	case j.Unattested:
		out = "unattested"
	}
	for _, r := range j.Reasons {
		out += " " + r.Code
	}
	for _, u := range j.Undecided {
		out += " undecided:" + u.Policy
	}
	return out
}

func (w *world) want(t testing.TB, name string, q cmf.Question, want string) cmf.Judgement {
	t.Helper()
	j := w.judge(t, q)
	if got := words(j); got != want {
		t.Errorf("%s: %s, want %s (%+v)", name, got, want, j)
	}
	return j
}

const houseRules = `# METADATA
# title: House rules
# description: What a test wants to be said of a VNFD that is called bad.
# scope: package
# custom:
#   id: house-rules
#   owner: house@example.net
#   severity: low
#   events: [%s]
#   samples: house_rules.samples.yaml
package manoward.policies.house_rules

# METADATA
# title: bad
findings contains f if {
	%s
	f := {"code": "bad", "message": "the VNFD is bad", "target": %s, "actions": %s}
}
`

const houseSamples = `- {name: good, kind: certificate-request, findings: [], input: {event: %[1]s, id: sample, vnfdId: good}}}
- {name: bad, kind: certificate-request, findings: [{code: bad}], input: {event: %[1]s, id: sample, vnfdId: bad}}}
`

const someEvent = `{certType: VNFCI_CERT, subjectId: c, manager: m, registrationId: r, key: {algorithm: ECDSA, bits: 256, hash: h, otherCertificates: 0, otherSubjects: []}`

// house is a set with one policy that finds something of the VNFD "bad", and, if
// asked for, the built-in ones.
func house(t testing.TB, actions, target, also string, builtIn bool) fs.FS {
	t.Helper()
	rule := `input.event.vnfdId == "bad"`
	if also != "" {
		rule += "\n\t" + also
	}
	if target == "" {
		target = "input.subject"
	}
	files := fstest.MapFS{
		"house_rules.rego":         {Data: fmt.Appendf(nil, houseRules, "certificate-request", rule, target, actions)},
		"house_rules.samples.yaml": {Data: fmt.Appendf(nil, houseSamples, someEvent)},
	}
	if !builtIn {
		return files
	}
	err := fs.WalkDir(library.Enrolment(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(library.Enrolment(), name)
		files[name] = &fstest.MapFile{Data: content}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func (w *world) use(t testing.TB, s judge.Source) {
	t.Helper()
	if err := w.Use(t.Context(), "north", s); err != nil {
		t.Fatal(err)
	}
}

// bad is the question with the VNFD that the house rules find bad.
func bad(q cmf.Question) cmf.Question {
	r := *q.Registration
	r.VnfdID = "bad"
	q.Registration = &r
	return q
}

func parameters(policy, values string) map[string]json.RawMessage {
	return map[string]json.RawMessage{policy: json.RawMessage(values)}
}

// signed is the built-in set as a bundle that the key with the ID signed.
func signed(t testing.TB, private policies.SigningKey) []byte {
	t.Helper()
	set, problems := policies.Load(t.Context(), library.Enrolment(), policies.Options{})
	if set == nil {
		t.Fatal(problems)
	}
	raw, err := set.Bundle()
	if err != nil {
		t.Fatal(err)
	}
	if raw, err = policies.Sign(raw, private); err != nil {
		t.Fatal(err)
	}
	return raw
}

func has(text, part string) bool { return strings.Contains(text, part) }
