# METADATA
# title: Change outside of the maintenance window
# description: |
#   Configuration, package, flavour or connectivity of a VNF is changed at a time when nothing should be
#   changed. The time is that of the event.
# scope: package
# custom:
#   id: change-window
#   owner: security@example.net
#   severity: low
#   controls:
#     - IFA033 Sc-Or.NsLcm.007
#     - NIST SP 800-53 CM-3
#     - NIST SP 800-53 CM-5
#     - NIST SP 800-53 MA-2
#   events: [ns-change]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       operations:
#         description: "operations that need a window"
#         type: "array"
#         items: {"type": "string"}
#         default: ["VNF_MODIFY_INFO", "VNF_CHANGE_VNFPKG", "VNF_CHANGE_FLAVOUR", "VNF_CHANGE_EXT_CONN"]
#       exemptKinds:
#         description: "kinds of parties that need none"
#         type: "array"
#         items: {"type": "string"}
#         default: ["AUTO_HEAL", "AUTO_SCALE", "AUTO_RENEW", "SM"]
#       offsetMinutes:
#         description: "the windows' time minus UTC, in minutes; it does not follow summer time"
#         type: "integer"
#         minimum: -840
#         maximum: 840
#         default: 0
#       windows:
#         description: "when changes are expected; days on which a window begins; one that ends before it begins ends on the next day"
#         type: "array"
#         items: {"type": "object", "additionalProperties": false, "required": ["days", "from", "to"], "properties": {"days": {"type": "array", "items": {"type": "string", "enum": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]}}, "from": {"type": "string", "pattern": "^[0-2][0-9]:[0-5][0-9]$"}, "to": {"type": "string", "pattern": "^[0-2][0-9]:[0-5][0-9]$"}}}
#         default: [{"days": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"], "from": "22:00", "to": "06:00"}]
#   samples: change_window.samples.yaml
package manoward.policies.change_window

import data.manoward.lib.event
import data.manoward.lib.words
import data.manoward.parameters["change-window"] as params

# METADATA
# title: outside window
findings contains f if {
	event.begins
	input.operation in params.operations
	not exempt
	not open
	f := {
		"code": "outside-window",
		"message": words.line("%s began on %s at %s, outside of every maintenance window", [input.operation, today, clock]),
		"target": event.target,
		"actions": [{"type": "alert"}],
	}
}

exempt if input.source.kind in params.exemptKinds

# within one day
open if {
	some window in params.windows
	today in window.days
	window.from <= clock
	clock < window.to
}

# over midnight, before it
open if {
	some window in params.windows
	window.from > window.to
	today in window.days
	window.from <= clock
}

# over midnight, after it
open if {
	some window in params.windows
	window.from > window.to
	yesterday in window.days
	clock < window.to
}

local := event.now + (params.offsetMinutes * 60000000000)

today := time.weekday(local)

yesterday := time.weekday(local - 86400000000000)

clock := sprintf("%02d:%02d", [hour, minute]) if [hour, minute, _] := time.clock(local)
