# METADATA
# title: VNF is isolated
# description: |
#   A compute of a VNF is isolated because its host is quarantined, so that the VNF serves nobody through it.
# scope: package
# custom:
#   id: compute-isolated
#   owner: security@example.net
#   severity: medium
#   controls:
#     - IFA033 Sc-Or.SecEnforce.004
#     - IFA033 Sc-Vi.N04
#     - NIST SP 800-53 IR-4
#     - NIST SP 800-53 CP-10
#   events: [compute-change, host-change, review]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       replace:
#         description: "end the VNF with a replacement on another host"
#         type: "boolean"
#         default: false
#   samples: compute_isolated.samples.yaml
package manoward.policies.compute_isolated

import data.manoward.lib.vnf
import data.manoward.lib.words
import data.manoward.parameters["compute-isolated"] as params

# METADATA
# title: isolated
findings contains f if {
	some v in vnf.judged
	some compute in vnf.computes(v)
	compute.isolated
	f := {
		"code": "isolated",
		"message": words.line("compute %s of VNF %s is isolated on host %s", [compute.id, v.id, object.get(compute, "hostId", "?")]),
		"target": vnf.target(v),
		"actions": actions,
	}
}

actions := [{"type": "alert"}, {"type": "terminate-vnf", "snapshot": true, "replace": true}] if {
	params.replace
} else := [{"type": "alert"}]
