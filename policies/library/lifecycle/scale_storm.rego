# METADATA
# title: VNF is scaled again and again
# description: |
#   A VNF, or an NS as a whole, is scaled more often in a short time than load or faults explain.
# scope: package
# custom:
#   id: scale-storm
#   owner: security@example.net
#   severity: medium
#   controls:
#     - IFA033 Sc-Or.NsLcm.004
#     - IFA033 Sc-Or.NsLcm.007
#     - NIST SP 800-53 SC-5
#     - NIST SP 800-53 SI-4
#   events: [ns-change]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       minutes:
#         description: "length of the window, in minutes, up to 60"
#         type: "integer"
#         minimum: 0
#         default: 10
#       maxPerVnf:
#         description: "operations on one VNF in the window that are still no finding"
#         type: "integer"
#         minimum: 0
#         default: 6
#       maxPerNs:
#         description: "the same, for all VNFs of the NS"
#         type: "integer"
#         minimum: 0
#         default: 20
#   samples: scale_storm.samples.yaml
package manoward.policies.scale_storm

import data.manoward.lib.event
import data.manoward.lib.words
import data.manoward.parameters["scale-storm"] as params

# METADATA
# title: vnf storm
findings contains f if {
	counted
	id := input.subject.vnfInstanceId
	times := event.begun_on_vnf(operations, id, params.minutes)
	times > params.maxPerVnf
	f := {
		"code": "vnf-storm",
		"message": words.line("VNF %s was scaled %d times in %d minutes", [id, times, params.minutes]),
		"target": event.target,
		"actions": [{"type": "alert"}],
	}
}

# METADATA
# title: ns storm
findings contains f if {
	counted
	times := event.begun_in_ns(operations, params.minutes)
	times > params.maxPerNs
	f := {
		"code": "ns-storm",
		"severity": "high",
		"message": words.line("VNFs of this NS were scaled %d times in %d minutes", [times, params.minutes]),
		"target": event.target,
		"actions": [{"type": "alert"}],
	}
}

operations := {"VNF_SCALE", "VNF_SCALE_TO_LEVEL"}

counted if {
	event.begins
	input.operation in operations
}
