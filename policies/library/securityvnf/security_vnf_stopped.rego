# METADATA
# title: Security VNF does not run
# description: |
#   A security VNF is there but stopped, or none of its computes runs.
# scope: package
# custom:
#   id: security-vnf-stopped
#   owner: security@example.net
#   severity: high
#   controls:
#     - IFA033 Sc-Or.StatusInfo.001
#     - IFA033 Sc-Or.SecurityVnfMgmt.001
#     - NIST SP 800-53 SI-6
#     - NIST SP 800-53 SC-7(18)
#     - NIST SP 800-53 SI-13
#   events: [ns-change, ns-operation, compute-change, review]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       replace:
#         description: "end it with a replacement"
#         type: "boolean"
#         default: false
#   samples: security_vnf_stopped.samples.yaml
package manoward.policies.security_vnf_stopped

import data.manoward.lib.event
import data.manoward.lib.vnf
import data.manoward.lib.words
import data.manoward.parameters["security-vnf-stopped"] as params

# METADATA
# title: stopped
findings contains f if {
	some v in vnf.judged
	v.securityVnf
	v.operationalState == "STOPPED"
	f := {
		"code": "stopped",
		"message": words.line("security VNF %s is stopped", [v.id]),
		"target": vnf.target(v),
		"actions": actions,
	}
}

# METADATA
# title: nothing runs
findings contains f if {
	some v in vnf.judged
	v.securityVnf
	object.get(v, "operationalState", "STARTED") != "STOPPED"
	not in_between(v)
	computes := vnf.computes(v)
	count(computes) > 0
	every compute in computes {
		compute.runningState in {"HALTED", "FAILED"}
	}
	f := {
		"code": "nothing-runs",
		"message": words.line("security VNF %s is said to be started, but none of its computes runs", [v.id]),
		"target": vnf.target(v),
		"actions": actions,
	}
}

# Operations halt computes too. When one ends, its VNF is judged again.
in_between(v) if {
	input.kind == "compute-change"
	event.under_way(v.id)
}

actions := [{"type": "alert"}, {"type": "terminate-vnf", "snapshot": false, "replace": true}] if {
	params.replace
} else := [{"type": "alert"}]
