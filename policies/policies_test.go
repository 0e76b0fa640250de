package policies

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/manoward/manoward/internal/hub"
)

// signer is a small policy that is right in every member.
const signer = `# METADATA
# title: Package signed by somebody unknown
# description: A package of the NS is signed by nobody that the trust domain knows.
# scope: package
# custom:
#   id: package-signer
#   owner: security@example.net
#   severity: high
#   controls: ["NIST-SP-800-53 SI-7"]
#   events: [review, ns-change]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       signers:
#         description: who may sign packages
#         type: array
#         items: {type: string}
#         default: [CN=good]
#   samples: package_signer.samples.yaml
package manoward.policies.package_signer

import data.manoward.lib.text

# METADATA
# title: The signer is none that we know
# labels:
#   control: SI-7
findings contains {
	"code": "signer-unknown",
	"message": text.sentence("package", id),
	"target": {"vnfPkgId": id, "vnfInstanceId": vnf.id},
	"actions": [{"type": "terminate-vnf", "snapshot": true, "disablePackage": true}],
} if {
	some id, pkg in input.packages
	not known(pkg.signer)
	some vnf in input.vnfs
	vnf.vnfPkgId == id
}

known(name) if name in data.manoward.parameters["package-signer"].signers
`

const signerSamples = `
- name: foreign signer
  kind: review
  input: &input
    event: {reason: periodic}
    packages: {p1: {id: p1, signer: CN=evil}}
    vnfs: {v1: {id: v1, vnfPkgId: p1}}
  findings:
    - {code: signer-unknown, severity: high, actions: [terminate-vnf], target: {vnfPkgId: p1, vnfInstanceId: v1}}
- name: signer known by parameter
  kind: review
  input: *input
  parameters: {signers: [CN=evil]}
  findings: []
`

const textLib = `package manoward.lib.text

sentence(what, id) := sprintf("%s %s is signed by somebody unknown", [what, id])
`

// base is a set with that policy.
func base() fstest.MapFS {
	return fstest.MapFS{
		"package_signer.rego":         {Data: []byte(signer)},
		"package_signer.samples.yaml": {Data: []byte(signerSamples)},
		"lib/text.rego":               {Data: []byte(textLib)},
	}
}

// simple returns the source of a policy with the id, for reviews, with what
// stands below the package line.
func simple(id, rules string) string {
	return fmt.Sprintf(`# METADATA
# title: Test
# description: Test.
# scope: package
# custom:
#   id: %s
#   owner: a@example.net
#   severity: low
#   events: [review]
#   samples: %s.samples.yaml
package manoward.policies.%s

%s
`, id, id, strings.ReplaceAll(id, "-", "_"), rules)
}

// ns is a rule that finds something in each NS with the name "bad".
const ns = `findings contains {"code": "x", "message": "m", "target": {"nsInstanceId": input.ns.id}} if input.ns.name == "bad"`

const nsSamples = `
- {name: "yes", kind: review, input: {event: {reason: periodic}, ns: {id: n1, name: bad}}, findings: [{code: x}]}
- {name: "no", kind: review, input: {event: {reason: periodic}}, findings: []}
`

// add adds a simple policy with samples of a bad NS and of none.
func add(files fstest.MapFS, id, rules string) fstest.MapFS {
	files[id+".rego"] = &fstest.MapFile{Data: []byte(simple(id, rules))}
	files[id+".samples.yaml"] = &fstest.MapFile{Data: []byte(nsSamples)}
	return files
}

// readOnce keeps the schemas, which take longer to read than most tests run.
var readOnce = sync.OnceValues(OwnSchemas)

func ownSchemas(t testing.TB) *Schemas {
	t.Helper()
	s, err := readOnce()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustLoad(t testing.TB, files fs.FS) *Set {
	t.Helper()
	set, problems := Load(t.Context(), files, Options{Schemas: ownSchemas(t)})
	if set == nil {
		t.Fatalf("no set: %v", problems)
	}
	return set
}

// refused loads what must not load, and returns its problems line by line.
func refused(t *testing.T, files fs.FS) string {
	t.Helper()
	set, problems := Load(t.Context(), files, Options{Schemas: ownSchemas(t)})
	if set != nil {
		t.Fatal("the set exists")
	}
	var lines []string
	for _, p := range problems {
		lines = append(lines, p.String())
	}
	return strings.Join(lines, "\n")
}

func mustSnapshot(t testing.TB, set *Set, parameters map[string]json.RawMessage) *Snapshot {
	t.Helper()
	s, err := set.Snapshot(parameters)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// review returns an input of the kind review with the members over the blanks.
func review(t testing.TB, members map[string]any) *Input {
	t.Helper()
	input := blank(string(hub.EventReview))
	input["event"] = map[string]any{"reason": "periodic"}
	for name, value := range members {
		input[name] = value
	}
	in, err := ownSchemas(t).ParseInput(encode(input))
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// badNS is an input in which the rule ns finds something.
func badNS(t testing.TB) *Input {
	return review(t, map[string]any{"ns": map[string]any{"id": "n1", "name": "bad"}})
}

func evaluate(t testing.TB, s *Snapshot, in *Input, o EvalOptions) *Result {
	t.Helper()
	r, err := s.Evaluate(t.Context(), in, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func wantText(t *testing.T, got string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(got, p) {
			t.Errorf("%q is not in:\n%s", p, got)
		}
	}
}
