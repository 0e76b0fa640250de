package e2e_test

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/policies"
)

// actionPolicy is a policy that asks for what a test wants.
type actionPolicy struct {
	id      string
	kind    hub.EventKind
	when    string // body of its only rule
	target  string // of its findings, in Rego
	actions string // in Rego
	sample  string // an input of the kind in which it finds something, as members in YAML's flow style
	message string // in Rego; empty: some text
	more    string // further rules
}

// source is the policy in Rego with its metadata.
func (p actionPolicy) source() string {
	message := cmp.Or(p.message, `"a test asks for it"`)
	return fmt.Sprintf(`# METADATA
# title: A test asks
# description: A test asks for an action.
# scope: package
# custom:
#   id: %[1]s
#   owner: test@example.net
#   severity: high
#   events: [%[2]s]
#   samples: %[1]s.samples.yaml
package manoward.policies.%[3]s

findings contains {"code": "asked", "message": %[7]s, "target": %[4]s, "actions": %[5]s} if {
	%[6]s
}

%[8]s
`, p.id, p.kind, strings.ReplaceAll(p.id, "-", "_"), p.target, p.actions, p.when, message, p.more)
}

// samples are an input in which the policy finds something and one in which it
// does not.
func (p actionPolicy) samples() string {
	empty := map[hub.EventKind]string{
		hub.EventNsOperation: `operation: HEAL, phase: START, event: ` + actionOperation("HEAL", "START", "PROCESSING"),
		hub.EventHostChange:  `operation: STATE, event: ` + actionHostChange("STATE"),
	}[p.kind]
	return fmt.Sprintf("- {name: asks, kind: %[1]s, findings: [{code: asked}], input: {%[2]s}}\n- {name: does not ask, kind: %[1]s, findings: [], input: {%[3]s}}\n", p.kind, p.sample, empty)
}

// actionOperation is the notification of an operation on an NS, in a sample.
func actionOperation(operation, status, state string) string {
	return fmt.Sprintf(`{id: e, notificationType: NsLcmOperationOccurrenceNotification, timestamp: "2026-01-01T00:00:00Z", nsInstanceId: n, nsLcmOpOccId: o, operation: %s, notificationStatus: %s, operationState: %s}`, operation, status, state)
}

// actionHostChange is the notification of a change of a host, in a sample.
func actionHostChange(change string) string {
	return fmt.Sprintf(`{id: e, notificationType: VirtualisedResourceChangeNotification, timeStamp: "2026-01-01T00:00:00Z", resourceType: HOST, virtualisedResourceId: h, changeType: %s}`, change)
}

// actionOn is a policy that asks for actions on each VNF of a VNFD, whose name
// ends in vnfd, when an operation of somebody else than a Security Manager on an
// NS has completed. The NS's name says which policy is meant: "<policy>.<more>".
func actionOn(id, operation, vnfd, actions string) actionPolicy {
	return actionPolicy{
		id: id, kind: hub.EventNsOperation, actions: actions,
		when: fmt.Sprintf(`input.phase == "RESULT"
	input.outcome == "COMPLETED"
	input.operation == %q
	object.get(input, ["source", "kind"], "") != "SM"
	startswith(input.ns.name, %q)
	some v in input.vnfs
	input.ns.id in v.nsInstanceIds
	endswith(v.vnfdId, %q)`, operation, id+".", vnfd),
		target: `{"nsInstanceId": input.ns.id, "vnfInstanceId": v.id, "vnfPkgId": v.vnfPkgId}`,
		sample: fmt.Sprintf(`operation: %[1]s, phase: RESULT, outcome: COMPLETED, ns: {id: n, name: %[2]s.sample}, vnfs: {v: {id: v, vnfdId: some%[3]s, vnfPkgId: p, nsInstanceIds: [n]}}, event: %[4]s`,
			operation, id, vnfd, actionOperation(operation, "RESULT", "COMPLETED")),
	}
}

// actionFiles are the files of a set of policies.
func actionFiles(list ...actionPolicy) fstest.MapFS {
	files := fstest.MapFS{}
	for _, p := range list {
		files[p.id+".rego"] = &fstest.MapFile{Data: []byte(p.source())}
		files[p.id+".samples.yaml"] = &fstest.MapFile{Data: []byte(p.samples())}
	}
	return files
}

// actionSigner signs sets of policies, as their authors do.
type actionSigner struct {
	id      string
	private policies.SigningKey
	public  string // path of the file
}

func newActionSigner(t testing.TB, id string) *actionSigner {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	s := &actionSigner{id: id, public: filepath.Join(t.TempDir(), id+".pem")}
	s.private = policies.SigningKey{ID: id, PEM: hub.Secret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))}
	writeFile(t, s.public, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})), 0o600)
	return s
}

// bundle is a set of policies, signed.
func (s *actionSigner) bundle(t testing.TB, files fstest.MapFS) []byte {
	t.Helper()
	signed, err := policies.Sign(actionUnsigned(t, files), s.private)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// actionUnsigned is a bundle that nobody signed.
func actionUnsigned(t testing.TB, files fstest.MapFS) []byte {
	t.Helper()
	set, problems := policies.Load(t.Context(), files, policies.Options{})
	if set == nil {
		t.Fatalf("the policies of the test: %+v", problems)
	}
	raw, err := set.Bundle()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
