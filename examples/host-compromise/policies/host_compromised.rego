# METADATA
# title: A host is not what it should be
# description: |
#   The boot measurement of a host failed. What may have been read there is worth nothing any more, what
#   could be attacked from outside is kept as evidence and ended, and everything else moves away.
# scope: package
# custom:
#   id: host-compromised
#   owner: security@example.net
#   severity: critical
#   controls:
#     - IFA033 Sc-Or.SecEnforce.003
#     - IFA033 Sc-Or.SecEnforce.004
#     - IFA033 Sc-Vi.Telem.001
#     - NIST SP 800-53 SI-7(9)
#     - NIST SP 800-53 IR-4
#   events: [host-change]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       secretProfiles:
#         description: VNF profiles that keep secrets on their host
#         type: array
#         items: {type: string}
#         default: [keys]
#       exposedProfiles:
#         description: VNF profiles that can be reached from outside
#         type: array
#         items: {type: string}
#         default: [portal]
#   samples: host_compromised.samples.yaml
package manoward.policies.host_compromised

import data.manoward.parameters["host-compromised"] as params

# METADATA
# title: Its secrets are lost, so they are erased and do not come back by themselves
findings contains f if {
	failed
	some v in there
	v.vnfProfileId in params.secretProfiles
	f := on(v, "secrets-on-host", {"type": "terminate-vnf", "erase": true, "replace": false, "belowMinimum": true})
}

# METADATA
# title: It could be attacked from there, so it is kept as evidence and ended
findings contains f if {
	failed
	some v in there
	v.vnfProfileId in params.exposedProfiles
	f := on(v, "exposed-on-host", {"type": "terminate-vnf", "snapshot": true, "belowMinimum": true})
}

# METADATA
# title: Nothing of ours stays on the host
findings contains f if {
	failed
	f := {
		"code": "host-compromised",
		"message": sprintf("the boot measurement of host %s failed", [host.id]),
		"target": {"hostId": host.id},
		"actions": [{"type": "alert"}, {"type": "stop-host", "vnfs": "migrate", "quarantine": true}],
	}
}

host := input.hosts[input.subject.hostId]

# METADATA
# title: The measurement is what changed, and it is bad
failed if {
	input.operation == "INTEGRITY"
	host.integrity == "UNTRUSTED"
}

# VNF instances of this trust domain that are on the host. Others are not in the input.
there contains v if {
	some c in input.computes
	c.hostId == host.id
	v := input.vnfs[c.vnfInstanceId]
}

on(v, code, action) := {
	"code": code,
	"message": sprintf("VNF %s of profile %s is on host %s, whose boot measurement failed", [v.id, v.vnfProfileId, host.id]),
	"target": {"vnfInstanceId": v.id, "nsInstanceId": v.nsInstanceIds[0], "hostId": host.id},
	"actions": [{"type": "alert"}, action],
}
