# METADATA
# title: Host firmware that is not known
# description: |
#   A host has a firmware version that is denied, or that is not on the list of known ones.
# scope: package
# custom:
#   id: host-firmware
#   owner: security@example.net
#   severity: medium
#   controls:
#     - IFA033 Sc-Vi.Telem.001
#     - NIST SP 800-53 SI-2
#     - NIST SP 800-53 SI-7(9)
#     - NIST SP 800-53 CM-8
#   events: [host-change, review]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       known:
#         description: "firmware versions that are known to be good; empty: all that are not denied"
#         type: "array"
#         items: {"type": "string"}
#         default: []
#       denied:
#         description: "firmware versions that may not be used"
#         type: "array"
#         items: {"type": "string"}
#         default: []
#       stopHost:
#         description: "end the use of a host with a denied one; its VNFs migrate"
#         type: "boolean"
#         default: false
#   samples: host_firmware.samples.yaml
package manoward.policies.host_firmware

import data.manoward.lib.host
import data.manoward.lib.words
import data.manoward.parameters["host-firmware"] as params

# METADATA
# title: firmware denied
findings contains f if {
	some id, h in host.judged
	h.firmware in params.denied
	f := {
		"code": "firmware-denied",
		"severity": "high",
		"message": words.line("host %s has firmware %s, which is denied", [id, h.firmware]),
		"target": {"hostId": id},
		"actions": actions(h),
	}
}

# METADATA
# title: firmware unknown
findings contains f if {
	count(params.known) > 0
	some id, h in host.judged
	firmware := object.get(h, "firmware", "of no stated version")
	not firmware in params.known
	not firmware in params.denied
	f := {
		"code": "firmware-unknown",
		"message": words.line("host %s has firmware %s, which is not on the list", [id, firmware]),
		"target": {"hostId": id},
		"actions": [{"type": "alert"}],
	}
}

actions(h) := [{"type": "alert"}, {"type": "stop-host", "vnfs": "migrate"}] if {
	params.stopHost
	host.in_use(h)
} else := [{"type": "alert"}]
