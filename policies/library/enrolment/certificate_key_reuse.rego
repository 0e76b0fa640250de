# METADATA
# title: Key of another entity
# description: |
#   A certificate is asked for a key for which another entity has, or had, a certificate.
# scope: package
# custom:
#   id: certificate-key-reuse
#   owner: security@example.net
#   severity: critical
#   controls:
#     - IFA033 CMF.Attest
#     - IFA033 CMF.CSR
#     - NIST SP 800-53 IA-4
#     - NIST SP 800-53 IA-5(2)
#     - NIST SP 800-53 SC-12
#   events: [certificate-request]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       sharing:
#         description: "FQDNs, vnfcIds or vnfdIds whose keys others may have had, such as those of components that move between devices"
#         type: "array"
#         items: {"type": "string"}
#         default: []
#   samples: certificate_key_reuse.samples.yaml
package manoward.policies.certificate_key_reuse

import data.manoward.lib.request
import data.manoward.lib.words
import data.manoward.parameters["certificate-key-reuse"] as params

# METADATA
# title: key of another
findings contains f if {
	input.event.key.otherCertificates > 0
	not shares
	f := {
		"code": "key-of-another",
		"message": words.line("%s asks for a certificate for the key %s, for which others have or had %d: %s", [
			request.who, input.event.key.hash,
			input.event.key.otherCertificates, concat(", ", input.event.key.otherSubjects),
		]),
		"target": input.subject,
		"actions": request.deny,
	}
}

shares if {
	some name in params.sharing
	name in request.names
}
