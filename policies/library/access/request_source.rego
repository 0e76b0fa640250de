# METADATA
# title: Change asked for by somebody who may not
# description: |
#   An operation was accepted, but the party that asked for it is not one that this trust domain wants to ask
#   for it, or nobody says who asked.
# scope: package
# custom:
#   id: request-source
#   owner: security@example.net
#   severity: medium
#   controls:
#     - IFA033 Sc-Or.NsLcm.006
#     - IFA033 Sc-Or.NsLcm.007
#     - NIST SP 800-53 CM-5
#     - NIST SP 800-53 AC-6
#     - NIST SP 800-53 AU-12
#   events: [ns-change, ns-operation]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       allowedKinds:
#         description: "kinds of parties that may ask for an operation; an operation that is not named may be asked for by all"
#         type: "object"
#         additionalProperties: {"type": "array", "items": {"type": "string"}}
#         default: {"VNF_TERMINATE": ["OSS", "OPERATOR", "SM", "VNFM", "AUTO_SCALE"], "VNF_CHANGE_VNFPKG": ["OSS", "OPERATOR", "SM"], "VNF_CHANGE_EXT_CONN": ["OSS", "OPERATOR", "SM"], "VNF_MODIFY_INFO": ["OSS", "OPERATOR", "SM", "EM", "AUTO_RENEW"], "TERMINATE": ["OSS", "OPERATOR"]}
#       allowedIdentities:
#         description: "the only identities that may ask for an operation, by operation; one that is not named may be asked for by all"
#         type: "object"
#         additionalProperties: {"type": "array", "items": {"type": "string"}}
#         default: {}
#       reportMissing:
#         description: "say so when nobody tells who asked; switch off with an NFVO that never tells"
#         type: "boolean"
#         default: true
#   samples: request_source.samples.yaml
package manoward.policies.request_source

import data.manoward.lib.event
import data.manoward.lib.identity
import data.manoward.lib.words
import data.manoward.parameters["request-source"] as params

# METADATA
# title: source missing
findings contains f if {
	event.begins
	params.reportMissing
	not input.source
	f := finding("source-missing", "low", sprintf("nobody says who asked for %s", [input.operation]))
}

# METADATA
# title: kind not allowed
findings contains f if {
	event.begins
	kind := object.get(input.source, "kind", "unknown")
	allowed := params.allowedKinds[input.operation]
	not kind in allowed
	f := finding("kind-not-allowed", "medium", sprintf("%s was asked for by %s (%s), which may not", [input.operation, kind, who]))
}

# METADATA
# title: other domain
findings contains f if {
	event.begins
	identity.domain(who)
	not identity.ours(who)
	f := finding("other-domain", "high", sprintf("%s was asked for by %s of another trust domain", [input.operation, who]))
}

# METADATA
# title: identity not allowed
findings contains f if {
	event.begins
	allowed := params.allowedIdentities[input.operation]
	not who in allowed
	f := finding("identity-not-allowed", "high", sprintf("%s was asked for by %s, who is not on the list", [input.operation, who]))
}

default who := "nobody"

who := substring(input.source.identity, 0, 300)

finding(code, severity, message) := {
	"code": code,
	"severity": severity,
	"message": words.line("%s", [message]),
	"target": event.target,
	"actions": [{"type": "alert"}],
}
