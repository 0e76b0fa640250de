# METADATA
# title: A Security Manager of another trust domain reached for ours
# description: |
#   Somebody tried to change what belongs to this trust domain with the credential of another trust
#   domain's Security Manager. It was refused; who holds that credential has to be asked why.
# scope: package
# custom:
#   id: foreign-hand
#   owner: security@example.net
#   severity: high
#   controls:
#     - IFA033 Sc-Or.NsLcm.003
#     - IFA033 Security.003
#     - NIST SP 800-53 AC-3
#     - NIST SP 800-53 SI-4
#   events: [unauthorized-attempt]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       known:
#         description: identities of Security Managers that try this on purpose, such as a test
#         type: array
#         items: {type: string}
#         default: []
#   samples: foreign_hand.samples.yaml
package manoward.policies.foreign_hand

import data.manoward.parameters["foreign-hand"] as params

# METADATA
# title: The Security Manager is of another trust domain
findings contains f if {
	attempt := input.event.attempt
	startswith(attempt.actor, "spiffe://")
	parts := split(trim_prefix(attempt.actor, "spiffe://"), "/")
	parts[0] != input.sm.trustDomain
	parts[1] == "sm"
	not attempt.actor in params.known
	f := {
		"code": "foreign-sm",
		"message": sprintf("%s tried %s on %s", [attempt.actor, attempt.operation, attempt.target]),
		"target": target,
		"actions": [{"type": "alert"}],
	}
}

# What was aimed at; an alert names something even if that is not known.
target := {"vnfInstanceId": input.subject.vnfInstanceId} if {
	input.subject.vnfInstanceId
} else := {"nsInstanceId": object.get(input, ["subject", "nsInstanceId"], "-")}
