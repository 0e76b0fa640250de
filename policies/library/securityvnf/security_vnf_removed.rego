# METADATA
# title: Security VNF is removed
# description: |
#   A security VNF, such as a firewall, is terminated by somebody other than a Security Manager.
# scope: package
# custom:
#   id: security-vnf-removed
#   owner: security@example.net
#   severity: high
#   controls:
#     - IFA033 Sc-Or.SecurityVnfMgmt.001
#     - IFA033 Sc-Or.NsLcm.007
#     - NIST SP 800-53 SC-7
#     - NIST SP 800-53 SI-4
#     - NIST SP 800-53 CM-5
#   events: [ns-change]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       securityProfiles:
#         description: "VNF profiles that are security VNFs, for those that are gone before they can be looked up"
#         type: "array"
#         items: {"type": "string"}
#         default: []
#       allowedKinds:
#         description: "kinds of parties that may remove one"
#         type: "array"
#         items: {"type": "string"}
#         default: ["SM"]
#       reinsert:
#         description: "insert it again"
#         type: "boolean"
#         default: false
#   samples: security_vnf_removed.samples.yaml
package manoward.policies.security_vnf_removed

import data.manoward.lib.event
import data.manoward.lib.words
import data.manoward.parameters["security-vnf-removed"] as params

# METADATA
# title: removal begins
findings contains f if {
	watched
	event.begins
	f := {
		"code": "removal-begins",
		"message": words.line("security VNF %s is being terminated by %s", [name, who]),
		"target": event.target,
		"actions": [{"type": "alert"}],
	}
}

# METADATA
# title: removed
findings contains f if {
	watched
	event.succeeded
	f := {
		"code": "removed",
		"severity": "critical",
		"message": words.line("security VNF %s was terminated by %s", [name, who]),
		"target": place,
		"actions": actions,
	}
}

watched if {
	input.operation == "VNF_TERMINATE"
	security
	not allowed
	not event.ns_ends # with its NS
}

# Not the VNF: it is gone, and what is inserted is another one.
place := object.remove(event.target, ["vnfInstanceId"])

allowed if input.source.kind in params.allowedKinds

security if input.vnfs[input.subject.vnfInstanceId].securityVnf

security if input.subject.vnfProfileId in params.securityProfiles

name := object.get(input.subject, "vnfInstanceId", "?")

default who := "nobody knows whom"

who := substring(input.source.identity, 0, 300)

actions := [{"type": "alert"}, {"type": "insert-security-vnf"}] if {
	params.reinsert
	event.target.nsInstanceId
	event.target.vnfProfileId
} else := [{"type": "alert"}]
