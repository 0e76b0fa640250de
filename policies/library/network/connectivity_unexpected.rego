# METADATA
# title: Unexpected connectivity
# description: |
#   A VNF is on a virtual link that its NS does not have or its profile may not use, or its connectivity was
#   changed by somebody who should not.
# scope: package
# custom:
#   id: connectivity-unexpected
#   owner: security@example.net
#   severity: high
#   controls:
#     - IFA033 Sc-Or.NsLcm.006
#     - IFA033 Sc-Or.NsLcm.007
#     - NIST SP 800-53 SC-7
#     - NIST SP 800-53 AC-4
#     - NIST SP 800-53 CM-5
#   events: [ns-change, review]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       allowedLinks:
#         description: "virtual link profiles that a VNF may be on, by VNF profile; \"*\" is for all profiles that are not named; without an entry all are allowed"
#         type: "object"
#         additionalProperties: {"type": "array", "items": {"type": "string"}}
#         default: {}
#       changers:
#         description: "kinds of parties that may change connectivity"
#         type: "array"
#         items: {"type": "string"}
#         default: ["OSS", "OPERATOR", "SM"]
#       terminate:
#         description: "end a VNF on a link that it may not use, with a snapshot and without a replacement"
#         type: "boolean"
#         default: false
#   samples: connectivity_unexpected.samples.yaml
package manoward.policies.connectivity_unexpected

import data.manoward.lib.event
import data.manoward.lib.vnf
import data.manoward.lib.words
import data.manoward.parameters["connectivity-unexpected"] as params

# METADATA
# title: link not of ns
findings contains f if {
	some v in vnf.judged
	in_ns(v)
	some connection in v.connectivity
	id := connection.virtualLinkInfoId
	not input.ns.virtualLinks[id]
	f := {
		"code": "link-not-of-ns",
		"message": words.line("connection point %s of VNF %s is on link %s, which the NS does not have", [connection.extCpId, v.id, id]),
		"target": vnf.target(v),
		"actions": [{"type": "alert"}],
	}
}

# METADATA
# title: link not allowed
findings contains f if {
	some v in vnf.judged
	allowed := vnf.setting(params.allowedLinks, v)
	some connection in v.connectivity
	link := input.ns.virtualLinks[connection.virtualLinkInfoId]
	profile := object.get(link, "profileId", "of no known profile")
	not profile in allowed
	f := {
		"code": "link-not-allowed",
		"message": words.line("connection point %s of VNF %s is on a link %s; it may be on %s", [connection.extCpId, v.id, profile, concat(", ", allowed)]),
		"target": vnf.target(v),
		"actions": actions,
	}
}

# METADATA
# title: changed by other
findings contains f if {
	event.begins
	input.operation == "VNF_CHANGE_EXT_CONN"
	not changer
	f := {
		"code": "changed-by-other",
		"severity": "medium",
		"message": words.line("the connectivity of VNF %s is changed by %s", [object.get(input.subject, "vnfInstanceId", "?"), who]),
		"target": event.target,
		"actions": [{"type": "alert"}],
	}
}

changer if input.source.kind in params.changers

# A VNF that several NSs share can be on a link of another one.
in_ns(v) if {
	input.ns.virtualLinks
	object.get(v, "nsInstanceIds", []) == [input.ns.id]
}

default who := "nobody knows whom"

who := substring(input.source.identity, 0, 300)

actions := [{"type": "alert"}, {"type": "terminate-vnf", "snapshot": true, "replace": false}] if {
	params.terminate
} else := [{"type": "alert"}]
