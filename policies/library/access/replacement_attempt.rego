# METADATA
# title: Barred VNF is made again
# description: |
#   A VNF profile that a Security Manager barred from being replaced is instantiated, or somebody tried to.
# scope: package
# custom:
#   id: replacement-attempt
#   owner: security@example.net
#   severity: high
#   controls:
#     - IFA033 Sc-Or.SecEnforce.002
#     - IFA033 Sc-Or.NsLcm.003
#     - NIST SP 800-53 IR-4
#     - NIST SP 800-53 AC-3
#   events: [ns-change, unauthorized-attempt]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       terminate:
#         description: "end the VNF again, without a replacement"
#         type: "boolean"
#         default: true
#       operations:
#         description: "refused operations that would have brought it back"
#         type: "array"
#         items: {"type": "string"}
#         default: ["grant.request:INSTANTIATE", "ns.update:ADD_VNF", "ns.update:INSTANTIATE_VNF"]
#   samples: replacement_attempt.samples.yaml
package manoward.policies.replacement_attempt

import data.manoward.lib.attempt
import data.manoward.lib.event
import data.manoward.lib.words
import data.manoward.parameters["replacement-attempt"] as params

# METADATA
# title: barred vnf is back
findings contains f if {
	input.operation == "VNF_INSTANTIATE"
	event.succeeded
	bar := input.ns.replacementBars[profile]
	f := {
		"code": "barred-vnf-is-back",
		"message": words.line("VNF profile %s was barred by %s, and VNF %s of it was instantiated", [profile, by(bar), input.subject.vnfInstanceId]),
		"target": event.target,
		"actions": actions,
	}
}

# METADATA
# title: barred vnf asked for
findings contains f if {
	input.kind == "unauthorized-attempt"
	input.operation in params.operations
	count(barred) > 0
	f := {
		"code": "barred-vnf-asked-for",
		"severity": "medium",
		"message": words.line("%s tried %s in an NS where %s is barred", [substring(input.event.attempt.actor, 0, 300), input.operation, concat(", ", sort(barred))]),
		"target": attempt.target,
		"actions": [{"type": "alert"}],
	}
}

profile := input.subject.vnfProfileId

barred contains name if {
	some name, _ in input.ns.replacementBars
	object.get(input.subject, "vnfProfileId", name) == name
}

by(bar) := object.get(bar, "by", "somebody")

actions := [{"type": "alert"}, {"type": "terminate-vnf", "snapshot": false, "replace": false}] if {
	params.terminate
} else := [{"type": "alert"}]
