package smload

import (
	"encoding/json"
	"testing"
	"testing/fstest"
)

// The identifiers of the policies.
const (
	Lifecycle = "load-lifecycle"
	Telemetry = "load-telemetry"
	Orders    = "load-orders"
)

// Path returns where a policy's findings are, as a path of the data document.
func Path(telemetry bool) string {
	if telemetry {
		return "manoward/policies/load_telemetry/findings"
	}
	return "manoward/policies/load_lifecycle/findings"
}

const lifecycleRego = `# METADATA
# title: What the life cycle must keep to
# description: Seven rules on the VNFs of an NS, each with a look-up by key.
# scope: package
# custom:
#   id: load-lifecycle
#   owner: bench@example.net
#   severity: high
#   controls: ["NIST-SP-800-53 SI-7"]
#   events: [ns-operation]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       packages:
#         type: object
#         default: {}
#         additionalProperties:
#           type: object
#           additionalProperties: false
#           properties:
#             signer: {type: string}
#             sha256: {type: string}
#             tenants: {type: array, items: {type: string}}
#             images: {type: array, items: {type: string}}
#   samples: lifecycle.samples.yaml
package manoward.policies.load_lifecycle

import data.manoward.parameters["load-lifecycle"].packages

# METADATA
# title: The package is not known
# labels: {control: SI-7}
findings contains finding("unknown-package", id, vnf) if {
	some id, vnf in input.vnfs
	not packages[vnf.vnfPkgId]
}

# METADATA
# title: The package is signed by another
# labels: {control: SI-7}
findings contains finding("signer", id, vnf) if {
	some id, vnf in input.vnfs
	packages[vnf.vnfPkgId].signer != vnf.integrity.signer
}

# METADATA
# title: The package has another checksum
# labels: {control: SI-7}
findings contains finding("checksum", id, vnf) if {
	some id, vnf in input.vnfs
	packages[vnf.vnfPkgId].sha256 != vnf.integrity.checksum
}

# METADATA
# title: The package is not for this trust domain
# labels: {control: AC-4}
findings contains finding("tenant", id, vnf) if {
	some id, vnf in input.vnfs
	packages[vnf.vnfPkgId]
	not input.sm.trustDomain in packages[vnf.vnfPkgId].tenants
}

# METADATA
# title: A compute has an image that is not the package's
# labels: {control: SI-7}
findings contains finding("image", id, vnf) if {
	some id, vnf in input.vnfs
	some compute in vnf.computeIds
	not input.computes[compute].imageId in packages[vnf.vnfPkgId].images
}

# METADATA
# title: The package failed its last verification
# labels: {control: SI-7}
findings contains finding("verdict", id, vnf) if {
	some id, vnf in input.vnfs
	vnf.integrity.verdict != "PASSED"
}

# METADATA
# title: Somebody changes the NS who may not
# labels: {control: AC-6}
findings contains finding("source", id, vnf) if {
	not input.source.kind in {"OSS", "OPERATOR", "AUTO_HEAL", "AUTO_SCALE"}
	some id, vnf in input.vnfs
}

finding(code, id, vnf) := {
	"code": code, "message": sprintf("VNF %s breaks %s", [id, code]),
	"target": {"vnfInstanceId": id, "vnfPkgId": vnf.vnfPkgId},
}
`

const telemetryRego = `# METADATA
# title: What hosts must keep to
# description: Four rules on a host and what is on it, with look-ups by key.
# scope: package
# custom:
#   id: load-telemetry
#   owner: bench@example.net
#   severity: high
#   controls: ["NIST-SP-800-53 SI-7"]
#   events: [host-change]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       hosts:
#         type: object
#         default: {}
#         additionalProperties:
#           type: object
#           additionalProperties: false
#           properties: {firmware: {type: string}, country: {type: string}}
#       products:
#         type: object
#         default: {}
#         additionalProperties: {type: array, items: {type: string}}
#   samples: telemetry.samples.yaml
package manoward.policies.load_telemetry

import data.manoward.parameters["load-telemetry"].hosts
import data.manoward.parameters["load-telemetry"].products

# METADATA
# title: The host is not trusted
# labels: {control: SI-7}
findings contains finding("integrity", id) if {
	some id, host in input.hosts
	host.integrity != "TRUSTED"
}

# METADATA
# title: The host has firmware that it should not have
# labels: {control: SI-7}
findings contains finding("firmware", id) if {
	some id, host in input.hosts
	hosts[id].firmware != host.firmware
}

# METADATA
# title: The host stands where it should not
# labels: {control: PE-18}
findings contains finding("country", id) if {
	some id, host in input.hosts
	hosts[id].country != host.location.country
}

# METADATA
# title: Software runs on the host that is not approved
# labels: {control: CM-7}
findings contains finding("software", compute.hostId) if {
	some compute in input.computes
	vnf := input.vnfs[compute.vnfInstanceId]
	not vnf.softwareVersion in products[vnf.productName]
}

finding(code, id) := {
	"code": code, "message": sprintf("host %s breaks %s", [id, code]),
	"target": {"hostId": id},
}
`

// ordersRego asks for something at each operation that another asked for, on the
// one VNF of the NS: it takes nothing away, so no limit holds it.
const ordersRego = `# METADATA
# title: Watch what others change
# description: An NS that a party other than the OSS changes is watched more closely.
# scope: package
# custom:
#   id: load-orders
#   owner: bench@example.net
#   severity: high
#   controls: ["NIST-SP-800-53 SI-4"]
#   events: [ns-operation]
#   samples: orders.samples.yaml
package manoward.policies.load_orders

findings contains {
	"code": "watch", "message": sprintf("VNF %s is to watch", [id]),
	"target": {"nsInstanceId": input.ns.id, "vnfInstanceId": id},
	"actions": [{"type": "modify-security-vnf", "properties": {"watch": "closely"}}],
} if {
	some id, _ in input.vnfs
}
`

const opSample = `event: {id: n, notificationType: NsLcmOperationOccurrenceNotification, timestamp: "2026-01-01T00:00:00Z", nsInstanceId: n1, nsLcmOpOccId: o,
      operation: UPDATE, notificationStatus: START, operationState: PROCESSING}, operation: UPDATE, phase: START`

const hostSample = `event: {id: n, notificationType: VirtualisedResourceChangeNotification, timeStamp: "2026-01-01T00:00:00Z", resourceType: HOST, virtualisedResourceId: h, changeType: INTEGRITY}, operation: INTEGRITY`

// Policies returns the eleven rules, in two policies, as files.
func Policies() fstest.MapFS {
	return fstest.MapFS{
		"lifecycle.rego": {Data: []byte(lifecycleRego)},
		"lifecycle.samples.yaml": {Data: []byte(`- name: somebody who may not
  kind: ns-operation
  input: {` + opSample + `, source: {kind: EM}, vnfs: {a: {id: a, vnfPkgId: k, integrity: {verdict: PASSED}}}}
  parameters: {packages: {k: {tenants: [sample]}}}
  findings: [{code: source}]
- name: nobody
  kind: ns-operation
  input: {` + opSample + `, source: {kind: OSS}}
  findings: []
`)},
		"telemetry.rego": {Data: []byte(telemetryRego)},
		"telemetry.samples.yaml": {Data: []byte(`- name: not trusted
  kind: host-change
  input: {` + hostSample + `, hosts: {h: {id: h, integrity: UNTRUSTED}}}
  findings: [{code: integrity}]
- name: trusted
  kind: host-change
  input: {` + hostSample + `, hosts: {h: {id: h, integrity: TRUSTED}}}
  findings: []
`)},
	}
}

// OrderPolicies returns one policy that orders something at each operation.
func OrderPolicies() fstest.MapFS {
	return fstest.MapFS{
		"orders.rego": {Data: []byte(ordersRego)},
		"orders.samples.yaml": {Data: []byte(`- name: one VNF
  kind: ns-operation
  input: {` + opSample + `, ns: {id: n1}, vnfs: {a: {id: a}}}
  findings: [{code: watch, actions: [modify-security-vnf]}]
- name: no VNF
  kind: ns-operation
  input: {` + opSample + `, ns: {id: n1}}
  findings: []
`)},
	}
}

// Parameters returns what the eleven rules know, by policy: 2.5 MB.
func Parameters(t testing.TB) map[string]json.RawMessage {
	t.Helper()
	packages, hosts, products := map[string]any{}, map[string]any{}, map[string]any{}
	for p := range Packages {
		packages[PkgID(p)] = map[string]any{
			"signer": signer(p), "sha256": checksum(p), "tenants": []string{Domain, "red", "green"},
			"images": []string{ImageID(p), ImageID(p + 1), ImageID(p + 2)},
		}
	}
	for h := range Hosts {
		hosts[HostID(h)] = map[string]any{"firmware": firmware(h), "country": "DE"}
	}
	for p := range Products {
		products[product(p)] = []string{"1.0", "1.1"}
	}
	return map[string]json.RawMessage{
		Lifecycle: encode(t, map[string]any{"packages": packages}),
		Telemetry: encode(t, map[string]any{"hosts": hosts, "products": products}),
	}
}

func encode(t testing.TB, v any) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("encode what Security Managers are measured with: %v", err)
	}
	return raw
}
