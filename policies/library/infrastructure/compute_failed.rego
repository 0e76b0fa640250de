# METADATA
# title: Compute or host failed
# description: |
#   The VIM raised an alarm on a host or on a compute of a VNF, says that a compute failed, or a VNF fails
#   again and again.
# scope: package
# custom:
#   id: compute-failed
#   owner: security@example.net
#   severity: medium
#   controls:
#     - IFA033 Sc-Vi.N10
#     - IFA033 Sc-Vi.N04
#     - NIST SP 800-53 SI-13
#     - NIST SP 800-53 CP-2
#     - NIST SP 800-53 SI-4
#   events: [alarm, compute-change]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       maxPerHour:
#         description: "alarms of one VNF in an hour that are still no finding of their own"
#         type: "integer"
#         minimum: 0
#         default: 3
#   samples: compute_failed.samples.yaml
package manoward.policies.compute_failed

import data.manoward.lib.event
import data.manoward.lib.words
import data.manoward.parameters["compute-failed"] as params

# METADATA
# title: alarm
findings contains f if {
	fired
	count(event.target) > 0
	f := {
		"code": "alarm",
		"message": words.line("alarm on %s: %s", [substring(alarm.managedObjectId, 0, 200), substring(object.get(alarm, "probableCause", "no cause is given"), 0, 500)]),
		"target": event.target,
		"actions": [{"type": "alert"}],
	}
}

# METADATA
# title: fails again
findings contains f if {
	fired
	id := input.subject.vnfInstanceId
	before := [1 |
		some e in event.earlier(60)
		e.kind == "alarm"
		e.operation == "FIRED"
		e.vnfInstanceId == id
	]
	times := count(before) + 1
	times > params.maxPerHour
	f := {
		"code": "fails-again",
		"severity": "high",
		"message": words.line("VNF %s had %d alarms within an hour", [id, times]),
		"target": event.target,
		"actions": [{"type": "alert"}],
	}
}

# METADATA
# title: compute failed
findings contains f if {
	input.kind == "compute-change"
	input.event.changedResourceData.operationalState == "FAILED"
	f := {
		"code": "compute-failed",
		"message": words.line("compute %s failed", [input.event.virtualisedResourceId]),
		"target": event.target,
		"actions": [{"type": "alert"}],
	}
}

alarm := input.event.alarm

fired if alarm.state == "FIRED"
