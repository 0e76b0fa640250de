# METADATA
# title: Unauthorized attempt by somebody who should not try
# description: |
#   Who was refused says something by itself: somebody of another trust domain, somebody without a proven
#   identity, one of the functions of the MANO system, or a party that is watched.
# scope: package
# custom:
#   id: unauthorized-attempt-source
#   owner: security@example.net
#   severity: medium
#   controls:
#     - IFA033 Sc-Or.NsLcm.003
#     - IFA033 Security.003
#     - ETSI GS NFV-SEC 013
#     - NIST SP 800-53 AC-3
#     - NIST SP 800-53 SI-4
#     - NIST SP 800-53 IA-9
#   events: [unauthorized-attempt]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       ignoredActors:
#         description: "identities whose refusals are no finding, such as a test client"
#         type: "array"
#         items: {"type": "string"}
#         default: []
#       watchedActors:
#         description: "identities whose refusals are always one"
#         type: "array"
#         items: {"type": "string"}
#         default: []
#   samples: unauthorized_attempt_source.samples.yaml
package manoward.policies.unauthorized_attempt_source

import data.manoward.lib.attempt
import data.manoward.lib.identity
import data.manoward.lib.words
import data.manoward.parameters["unauthorized-attempt-source"] as params

# METADATA
# title: other domain
findings contains f if {
	asked
	domain := identity.domain(actor)
	not identity.ours(actor)
	f := finding("other-domain", "high", sprintf("%s of trust domain %s tried %s", [actor, domain, what]))
}

# METADATA
# title: no identity
findings contains f if {
	asked
	not identity.domain(actor)
	f := finding("no-identity", "medium", sprintf("somebody without a proven identity (%s) tried %s", [actor, what]))
}

# METADATA
# title: own function
findings contains f if {
	asked
	identity.ours(actor)
	identity.kind(actor) in {"vnfm", "nfvo", "vim", "cmf"}
	f := finding("own-function", "high", sprintf("%s, a function of the MANO system, tried %s and was refused", [actor, what]))
}

# METADATA
# title: watched actor
findings contains f if {
	actor in params.watchedActors
	f := finding("watched-actor", "high", sprintf("%s, who is watched, tried %s", [actor, what]))
}

asked if not actor in params.ignoredActors

actor := substring(input.event.attempt.actor, 0, 300)

what := sprintf("%s on %s", [substring(input.event.attempt.operation, 0, 200), substring(input.event.attempt.target, 0, 200)])

finding(code, severity, message) := {
	"code": code,
	"severity": severity,
	"message": words.line("%s", [message]),
	"target": attempt.target,
	"actions": [{"type": "alert"}],
}
