# METADATA
# title: The firewall inspects less than it has to
# description: |
#   Somebody changed how a security VNF inspects traffic. It is put back.
# scope: package
# custom:
#   id: wall-inspection
#   owner: noc@example.net
#   severity: high
#   controls:
#     - IFA033 Sc-Or.SecurityVnfMgmt.001
#     - NIST SP 800-53 CM-6
#     - NIST SP 800-53 SC-7
#   events: [ns-change]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       inspection:
#         description: how a security VNF has to inspect
#         type: string
#         default: strict
#   samples: wall_inspection.samples.yaml
package manoward.policies.wall_inspection

import data.manoward.parameters["wall-inspection"] as params

# METADATA
# title: A security VNF was changed, and inspects in another way now
findings contains f if {
	input.operation == "VNF_MODIFY_INFO"
	input.phase == "RESULT"
	v := input.vnfs[input.event.nsComponentId]
	v.securityVnf
	inspects != params.inspection
	f := {
		"code": "inspection-changed",
		"message": sprintf("VNF %s inspects %s, and has to inspect %s", [v.id, inspects, params.inspection]),
		"target": {"vnfInstanceId": v.id, "nsInstanceId": input.event.nsInstanceId},
		"actions": [{"type": "alert"}, {"type": "modify-security-vnf", "properties": {"inspection": params.inspection}}],
	}
}

# METADATA
# title: It does not say how it inspects, which is not taken for good
default inspects := "in no known way"

# METADATA
# title: How it inspects now
inspects := input.vnfs[input.event.nsComponentId].configuration.inspection
