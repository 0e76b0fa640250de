# METADATA
# title: Unexpected PNF on a VNF's link
# description: |
#   A VNF shares a virtual link with a PNF that its NS does not have, that its profile may not meet, or that
#   came after instantiation.
# scope: package
# custom:
#   id: pnf-attachment
#   owner: security@example.net
#   severity: medium
#   controls:
#     - IFA033 Sc-Or.NsLcm.001
#     - IFA033 Sc-Or.NsLcm.006
#     - NIST SP 800-53 SC-7
#     - NIST SP 800-53 CA-9
#     - NIST SP 800-53 IA-3
#   events: [ns-change, ns-operation, review]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       allowedPnfs:
#         description: "PNF profiles that a VNF may meet, by VNF profile; \"*\" is for all profiles that are not named; without an entry all are allowed"
#         type: "object"
#         additionalProperties: {"type": "array", "items": {"type": "string"}}
#         default: {}
#       reportLate:
#         description: "say so when a change of connectivity leads to a PNF"
#         type: "boolean"
#         default: true
#   samples: pnf_attachment.samples.yaml
package manoward.policies.pnf_attachment

import data.manoward.lib.event
import data.manoward.lib.vnf
import data.manoward.lib.words
import data.manoward.parameters["pnf-attachment"] as params

# METADATA
# title: pnf not of ns
findings contains f if {
	some met in meetings
	input.ns.pnfs
	not input.ns.pnfs[met.pnf]
	f := finding(met, "pnf-not-of-ns", "high", "which the NS does not have")
}

# METADATA
# title: pnf not allowed
findings contains f if {
	some met in meetings
	allowed := vnf.setting(params.allowedPnfs, input.vnfs[met.vnf])
	profile := object.get(input.ns.pnfs[met.pnf], "profileId", "of no known profile")
	not profile in allowed
	f := finding(met, "pnf-not-allowed", "medium", sprintf("(%s); its profile may not meet it", [profile]))
}

# METADATA
# title: pnf after change
findings contains f if {
	params.reportLate
	input.operation == "VNF_CHANGE_EXT_CONN"
	event.succeeded
	some met in meetings
	f := finding(met, "pnf-after-change", "low", "after its connectivity was changed")
}

meetings contains {"vnf": v.id, "point": connection.extCpId, "pnf": id} if {
	some v in vnf.judged
	some connection in v.connectivity
	some id in connection.pnfIds
}

finding(met, code, severity, text) := {
	"code": code,
	"severity": severity,
	"message": words.line("connection point %s of VNF %s shares a link with PNF %s %s", [met.point, met.vnf, met.pnf, text]),
	"target": vnf.target(input.vnfs[met.vnf]),
	"actions": [{"type": "alert"}],
}
