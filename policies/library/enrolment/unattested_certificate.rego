# METADATA
# title: Certificate for a key that is not attested
# description: |
#   A certificate is asked for a key that no registered TPM or HSM attests, or that counts as such. Without this
#   policy the CMF refuses every one of them; with it, it signs those that the parameters allow.
# scope: package
# custom:
#   id: unattested-certificate
#   owner: security@example.net
#   severity: high
#   controls:
#     - IFA033 CMF.Attest
#     - IFA033 CMF.CSR
#     - ETSI GS NFV-SEC 012
#     - NIST SP 800-53 IA-3(4)
#     - NIST SP 800-53 IA-5(2)
#   events: [certificate-request]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       allowed:
#         description: "who may have a certificate for such a key, by type of the certificate: FQDNs, vnfcIds, vnfdIds, or \"*\" for all"
#         type: "object"
#         additionalProperties: {"type": "array", "items": {"type": "string"}}
#         default: {}
#       failedToo:
#         description: "also when there was an attestation that failed"
#         type: "boolean"
#         default: false
#   samples: unattested_certificate.samples.yaml
package manoward.policies.unattested_certificate

import data.manoward.lib.request
import data.manoward.lib.words
import data.manoward.parameters["unattested-certificate"] as params

# METADATA
# title: unattested refused
findings contains f if {
	not input.attested
	not permitted
	f := {
		"code": "unattested-refused",
		"message": words.line("%s asks for a certificate for a key that is not attested (%s)", [request.who, why]),
		"target": input.subject,
		"actions": request.deny,
	}
}

# METADATA
# title: unattested allowed
findings contains f if {
	not input.attested
	permitted
	f := {
		"code": "unattested-allowed",
		"severity": "info",
		"message": words.line("%s may have a certificate for a key that is not attested (%s)", [request.who, why]),
		"target": input.subject,
		"actions": request.downgrade,
	}
}

permitted if {
	some name in params.allowed[input.event.certType]
	name in request.names
	takes_failed
}

takes_failed if not failed

takes_failed if params.failedToo

failed if not object.get(input, ["verdict", "accepted"], true)

why := "its attestation failed" if {
	failed
} else := "a policy wants it to count as such" if {
	count(input.downgradedBy) > 0
} else := "it has no attestation"
