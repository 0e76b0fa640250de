# METADATA
# title: VNF shares its host with others
# description: |
#   A VNF that must be alone runs beside another trust domain, or beside a VNF of another class of
#   sensitivity.
# scope: package
# custom:
#   id: co-tenancy
#   owner: security@example.net
#   severity: high
#   controls:
#     - IFA033 Sc-Vi.Telem.002
#     - ETSI GS NFV-SEC 012
#     - NIST SP 800-53 SC-32
#     - NIST SP 800-53 SC-39
#     - NIST SP 800-53 SC-2
#   events: [ns-change, compute-change, review]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       securityVnfsAlone:
#         description: "security VNFs may not share a host with another trust domain"
#         type: "boolean"
#         default: true
#       aloneProfiles:
#         description: "other VNF profiles that may not either"
#         type: "array"
#         items: {"type": "string"}
#         default: []
#       classes:
#         description: "class of sensitivity by VNF profile; VNFs of two classes may not share a host"
#         type: "object"
#         additionalProperties: {"type": "string"}
#         default: {}
#       terminate:
#         description: "end the VNF, with a replacement that the VIM places anew"
#         type: "boolean"
#         default: false
#   samples: co_tenancy.samples.yaml
package manoward.policies.co_tenancy

import data.manoward.lib.vnf
import data.manoward.lib.words
import data.manoward.parameters["co-tenancy"] as params

# METADATA
# title: other trust domain
findings contains f if {
	some v in vnf.judged
	alone(v)
	some id in vnf.host_ids(v)
	input.hosts[id].otherTenants
	f := {
		"code": "other-trust-domain",
		"message": words.line("VNF %s must not share a host with another trust domain, and does so on %s", [v.id, id]),
		"target": object.union(vnf.target(v), {"hostId": id}),
		"actions": actions,
	}
}

# METADATA
# title: neighbours unknown
findings contains f if {
	input.kind != "compute-change" # who is on a host is found out when the operation on the VNF has ended
	some v in vnf.judged
	alone(v)
	some id in vnf.host_ids(v)
	not told(id)
	f := {
		"code": "neighbours-unknown",
		"severity": "low",
		"message": words.line("nobody says whether VNF %s, which must be alone, shares host %s with another trust domain", [v.id, id]),
		"target": object.union(vnf.target(v), {"hostId": id}),
		"actions": [{"type": "alert"}],
	}
}

# METADATA
# title: other class
findings contains f if {
	some v in vnf.judged
	class := params.classes[v.vnfProfileId]
	some id in vnf.host_ids(v)
	some other in classes
	other != class
	[id, other] in there
	f := {
		"code": "other-class",
		"message": words.line("VNF %s of class %s shares host %s with a VNF of class %s", [v.id, class, id, other]),
		"target": object.union(vnf.target(v), {"hostId": id}),
		"actions": actions,
	}
}

told(id) if is_boolean(input.hosts[id].otherTenants)

classes := {class | some class in params.classes}

# Which classes are on which host.
there := {[id, class] |
	some v in input.vnfs
	class := params.classes[v.vnfProfileId]
	some id in vnf.host_ids(v)
}

alone(v) if {
	params.securityVnfsAlone
	v.securityVnf
}

alone(v) if vnf.of_profile(v, params.aloneProfiles)

actions := [{"type": "alert"}, {"type": "terminate-vnf", "snapshot": false, "replace": true}] if {
	params.terminate
} else := [{"type": "alert"}]
