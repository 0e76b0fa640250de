# METADATA
# title: Many unauthorized attempts
# description: |
#   More was tried and refused in a short time than happens by mistake, in the whole trust domain or by one
#   party.
# scope: package
# custom:
#   id: unauthorized-attempt-rate
#   owner: security@example.net
#   severity: high
#   controls:
#     - IFA033 Sc-Or.NsLcm.003
#     - ETSI GS NFV-SEC 013
#     - NIST SP 800-53 SI-4
#     - NIST SP 800-53 AC-7
#     - NIST SP 800-53 AU-6
#   events: [unauthorized-attempt]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       minutes:
#         description: "length of the window, in minutes, up to 60"
#         type: "integer"
#         minimum: 0
#         default: 10
#       maxAttempts:
#         description: "attempts in the window that are still no finding, in the whole domain"
#         type: "integer"
#         minimum: 0
#         default: 20
#       maxPerActor:
#         description: "the same, of one party"
#         type: "integer"
#         minimum: 0
#         default: 5
#   samples: unauthorized_attempt_rate.samples.yaml
package manoward.policies.unauthorized_attempt_rate

import data.manoward.lib.attempt
import data.manoward.lib.words
import data.manoward.parameters["unauthorized-attempt-rate"] as params

# METADATA
# title: many attempts
findings contains f if {
	tried := attempt.total(params.minutes)
	tried > params.maxAttempts
	f := {
		"code": "many-attempts",
		"message": words.line("%d unauthorized attempts in %d minutes; the last was %s on %s by %s", [tried, params.minutes, last.operation, last.target, last.actor]),
		"target": attempt.target,
		"actions": [{"type": "alert"}],
	}
}

# METADATA
# title: persistent actor
findings contains f if {
	tried := attempt.of_actor(params.minutes)
	tried > params.maxPerActor
	f := {
		"code": "persistent-actor",
		"severity": "medium",
		"message": words.line("%s was refused %d times in %d minutes; the last was %s on %s", [last.actor, tried, params.minutes, last.operation, last.target]),
		"target": attempt.target,
		"actions": [{"type": "alert"}],
	}
}

last := {name: substring(input.event.attempt[name], 0, 200) | some name in ["actor", "operation", "target"]}
