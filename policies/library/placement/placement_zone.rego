# METADATA
# title: VNF outside of its zones
# description: |
#   A component of a VNF runs in a resource zone that is not one of those that its VNF profile may use.
# scope: package
# custom:
#   id: placement-zone
#   owner: security@example.net
#   severity: high
#   controls:
#     - IFA033 Sc-Vi.Telem.002
#     - IFA033 Sc-Or.NsLcm.004
#     - NIST SP 800-53 SC-32
#     - NIST SP 800-53 CM-2
#   events: [ns-change, compute-change, review]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       allowedZones:
#         description: "zones by VNF profile; \"*\" is for all profiles that are not named; without an entry all zones are allowed"
#         type: "object"
#         additionalProperties: {"type": "array", "items": {"type": "string"}}
#         default: {}
#       terminate:
#         description: "end a VNF that is outside, with a replacement"
#         type: "boolean"
#         default: false
#   samples: placement_zone.samples.yaml
package manoward.policies.placement_zone

import data.manoward.lib.vnf
import data.manoward.lib.words
import data.manoward.parameters["placement-zone"] as params

# METADATA
# title: zone not allowed
findings contains f if {
	some v in vnf.judged
	allowed := vnf.setting(params.allowedZones, v)
	some compute in vnf.computes(v)
	zone := zone_of(compute)
	not zone in allowed
	f := {
		"code": "zone-not-allowed",
		"message": words.line("VNF %s runs in zone %s; it may run in %s", [v.id, zone, concat(", ", allowed)]),
		"target": vnf.target(v),
		"actions": actions,
	}
}

# METADATA
# title: zone unknown
findings contains f if {
	some v in vnf.judged
	vnf.setting(params.allowedZones, v)
	some compute in vnf.computes(v)
	not zone_of(compute)
	f := {
		"code": "zone-unknown",
		"severity": "low",
		"message": words.line("nobody says in which zone compute %s of VNF %s is", [compute.id, v.id]),
		"target": vnf.target(v),
		"actions": [{"type": "alert"}],
	}
}

zone_of(compute) := zone if {
	zone := compute.zoneId
} else := input.hosts[compute.hostId].zoneId

actions := [{"type": "alert"}, {"type": "terminate-vnf", "snapshot": false, "replace": true}] if {
	params.terminate
} else := [{"type": "alert"}]
