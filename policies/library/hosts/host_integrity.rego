# METADATA
# title: Host is not trusted
# description: |
#   The boot measurement of a host says that it runs something that it should not, or nobody measured it.
# scope: package
# custom:
#   id: host-integrity
#   owner: security@example.net
#   severity: critical
#   controls:
#     - IFA033 Sc-Vi.Telem.001
#     - IFA033 Sc-Or.SecEnforce.004
#     - ETSI GS NFV-SEC 012
#     - NIST SP 800-53 SI-7(9)
#     - NIST SP 800-53 SI-7(10)
#     - NIST SP 800-53 IR-4
#   events: [host-change, review]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       stopHost:
#         description: "end the use of an untrusted host"
#         type: "boolean"
#         default: true
#       vnfs:
#         description: "what becomes of the VNFs on it"
#         type: "string"
#         enum: ["migrate", "terminate"]
#         default: "migrate"
#       quarantine:
#         description: "isolate the host with what stays on it"
#         type: "boolean"
#         default: false
#       reportUnknown:
#         description: "say so when a host was not measured"
#         type: "boolean"
#         default: true
#   samples: host_integrity.samples.yaml
package manoward.policies.host_integrity

import data.manoward.lib.host
import data.manoward.lib.words
import data.manoward.parameters["host-integrity"] as params

# METADATA
# title: host untrusted
findings contains f if {
	some id, h in host.judged
	h.integrity == "UNTRUSTED"
	f := {
		"code": "host-untrusted",
		"message": words.line("the boot measurement of host %s is not what it should be", [id]),
		"target": {"hostId": id},
		"actions": actions(h),
	}
}

# METADATA
# title: host not measured
findings contains f if {
	params.reportUnknown
	some id, h in host.judged
	object.get(h, "integrity", "UNKNOWN") == "UNKNOWN"
	f := {
		"code": "host-not-measured",
		"severity": "medium",
		"message": words.line("nobody can say whether host %s is what it should be", [id]),
		"target": {"hostId": id},
		"actions": [{"type": "alert"}],
	}
}

actions(h) := [{"type": "alert"}, {"type": "stop-host", "vnfs": params.vnfs, "quarantine": params.quarantine}] if {
	params.stopHost
	host.in_use(h)
} else := [{"type": "alert"}]
