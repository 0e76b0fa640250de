# METADATA
# title: Security Manager does not see enough
# description: |
#   Something that other policies need is not known, such as the package or the host of a VNF, or was learnt
#   long ago. What is not seen is not judged, so this policy says that it is not.
# scope: package
# custom:
#   id: blind-spot
#   owner: security@example.net
#   severity: low
#   controls:
#     - IFA033 Sc-Or.NsLcm.001
#     - IFA033 Sc-Vi.Telem.001
#     - IFA033 Sc-Vi.Telem.002
#     - ETSI GS NFV-SEC 013
#     - NIST SP 800-53 SI-4
#     - NIST SP 800-53 CM-8
#   events: [ns-change, review]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       parts:
#         description: "what has to be seen; take out what this trust domain has no interface for"
#         type: "array"
#         items: {"type": "string", "enum": ["vnfs", "packages", "computes", "hosts"]}
#         default: ["vnfs", "packages", "computes", "hosts"]
#       maxAgeMinutes:
#         description: "how old what is seen may be, in minutes, by the time of the event"
#         type: "integer"
#         minimum: 0
#         default: 120
#   samples: blind_spot.samples.yaml
package manoward.policies.blind_spot

import data.manoward.lib.event
import data.manoward.lib.vnf
import data.manoward.lib.words
import data.manoward.parameters["blind-spot"] as params

# METADATA
# title: vnf unknown
findings contains f if {
	"vnfs" in params.parts
	event.settled
	not input.operation == "VNF_TERMINATE"
	id := input.subject.vnfInstanceId
	not input.vnfs[id]
	f := finding("vnf-unknown", event.target, words.line("VNF %s is not known, so nothing of it was judged", [id]))
}

# METADATA
# title: package unknown
findings contains f if {
	"packages" in params.parts
	some v in vnf.judged
	not package_known(v)
	f := finding("package-unknown", vnf.target(v), words.line("the package of VNF %s is not known, so that it was not judged", [v.id]))
}

# METADATA
# title: computes unknown
findings contains f if {
	"computes" in params.parts
	some v in vnf.judged
	not in_between(v.id)
	not computes_known(v)
	f := finding("computes-unknown", vnf.target(v), words.line("not all computes of VNF %s are known, so that its place was not judged", [v.id]))
}

# METADATA
# title: host unknown
findings contains f if {
	"hosts" in params.parts
	some v in vnf.judged
	not in_between(v.id)
	some compute in vnf.computes(v)
	not host_known(compute)
	f := finding("host-unknown", vnf.target(v), words.line("the host of compute %s of VNF %s is not known, so that it was not judged", [compute.id, v.id]))
}

# METADATA
# title: view old
findings contains f if {
	input.kind == "review"
	not busy
	some part in params.parts
	not fresh(part)
	f := finding("view-old", event.target, words.line("what is known of the %s is older than %d minutes, or of no known age", [part, params.maxAgeMinutes]))
}

# Operations make computes and end them. When one ends, its VNF is judged again.
in_between(id) if {
	input.kind == "review"
	event.under_way(id)
}

busy if in_between("")

busy if {
	some v in vnf.judged
	in_between(v.id)
}

host_known(compute) if input.hosts[compute.hostId]

package_known(v) if input.packages[v.vnfPkgId]

computes_known(v) if {
	count(v.computeIds) > 0
	count(vnf.computes(v)) == count(v.computeIds)
}

fresh(part) if event.now - time.parse_rfc3339_ns(input.asOf[part]) <= params.maxAgeMinutes * 60000000000

finding(code, target, message) := {
	"code": code,
	"message": message,
	"target": target,
	"actions": [{"type": "alert"}],
}
