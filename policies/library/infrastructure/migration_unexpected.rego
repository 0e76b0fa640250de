# METADATA
# title: Migration that nobody asked for
# description: |
#   A compute of a VNF migrated although its former host is in use and neither a Security Manager nor an
#   operator asked for it, or it migrates again and again.
# scope: package
# custom:
#   id: migration-unexpected
#   owner: security@example.net
#   severity: medium
#   controls:
#     - IFA033 Sc-Or.NsLcm.004
#     - IFA033 Sc-Vi.N04
#     - IFA033 Sc-Vi.Telem.002
#     - NIST SP 800-53 SI-4
#     - NIST SP 800-53 CM-3
#   events: [compute-change]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       allowedKinds:
#         description: "kinds of parties that may ask for a migration"
#         type: "array"
#         items: {"type": "string"}
#         default: ["SM", "OPERATOR"]
#       minutes:
#         description: "how long after an operation on its VNF a migration is expected, in minutes"
#         type: "integer"
#         minimum: 0
#         default: 10
#       maxPerHour:
#         description: "migrations of one VNF in an hour that are still no finding"
#         type: "integer"
#         minimum: 0
#         default: 3
#   samples: migration_unexpected.samples.yaml
package manoward.policies.migration_unexpected

import data.manoward.lib.event
import data.manoward.lib.words
import data.manoward.parameters["migration-unexpected"] as params

# METADATA
# title: not asked for
findings contains f if {
	input.operation == "MIGRATED"
	not expected
	f := {
		"code": "not-asked-for",
		"message": words.line("compute %s moved from host %s to %s, and nobody asked for it", [input.event.virtualisedResourceId, from, to]),
		"target": event.target,
		"actions": [{"type": "alert"}],
	}
}

# METADATA
# title: migrates again
findings contains f if {
	input.operation == "MIGRATED"
	id := input.subject.vnfInstanceId
	before := [1 |
		some e in event.earlier(60)
		e.kind == "compute-change"
		e.operation == "MIGRATED"
		e.vnfInstanceId == id
	]
	times := count(before) + 1
	times > params.maxPerHour
	f := {
		"code": "migrates-again",
		"severity": "high",
		"message": words.line("VNF %s migrated %d times within an hour", [id, times]),
		"target": event.target,
		"actions": [{"type": "alert"}],
	}
}

# Its host was taken out of use.
expected if input.hosts[from].state in {"STOPPED", "QUARANTINED", "FAILED"}

expected if input.source.kind in params.allowedKinds

# An operation on its VNF is under way.
expected if {
	some e in event.earlier(params.minutes)
	e.kind == "ns-change"
	e.vnfInstanceId == input.subject.vnfInstanceId
}

default from := "?"

from := input.event.changedResourceData.formerHostId

default to := "?"

to := input.event.changedResourceData.hostId
