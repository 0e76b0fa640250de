# METADATA
# title: Snapshot by somebody who should not take one
# description: |
#   A snapshot of a VNF is taken, or a VNF is set back to one, by a party that is not expected to, or by
#   nobody knows whom.
# scope: package
# custom:
#   id: snapshot-source
#   owner: security@example.net
#   severity: high
#   controls:
#     - IFA033 Sc-Or.NsLcm.007
#     - IFA033 Sc-Or.SecEnforce.002
#     - NIST SP 800-53 AC-6
#     - NIST SP 800-53 SC-4
#     - NIST SP 800-53 CP-9(8)
#   events: [ns-change]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       allowedKinds:
#         description: "kinds of parties that may"
#         type: "array"
#         items: {"type": "string"}
#         default: ["SM", "OPERATOR"]
#       allowedIdentities:
#         description: "identities that may too"
#         type: "array"
#         items: {"type": "string"}
#         default: []
#   samples: snapshot_source.samples.yaml
package manoward.policies.snapshot_source

import data.manoward.lib.event
import data.manoward.lib.words
import data.manoward.parameters["snapshot-source"] as params

# METADATA
# title: snapshot taken, or VNF set back to one, by somebody else
findings contains f if {
	event.begins
	done := names[input.operation]
	not expected
	f := {
		"code": done.code,
		"message": words.line("%s: VNF %s, asked for by %s", [done.text, object.get(input.subject, "vnfInstanceId", "?"), who]),
		"target": event.target,
		"actions": [{"type": "alert"}],
	}
}

names := {
	"VNF_CREATE_SNAPSHOT": {"code": "snapshot-taken", "text": "a snapshot is taken"},
	"VNF_REVERT_TO_SNAPSHOT": {"code": "set-back", "text": "a VNF is set back to a snapshot"},
}

expected if input.source.kind in params.allowedKinds

expected if input.source.identity in params.allowedIdentities

default who := "nobody knows whom"

who := substring(input.source.identity, 0, 300)
