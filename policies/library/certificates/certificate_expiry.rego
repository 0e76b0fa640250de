# METADATA
# title: Certificate of a VNF ends soon
# description: |
#   A certificate of a VNF ends within days, or has ended, by the time of the event.
# scope: package
# custom:
#   id: certificate-expiry
#   owner: security@example.net
#   severity: medium
#   controls:
#     - IFA033 CMF.Certm.Del.002
#     - NIST SP 800-53 SC-17
#     - NIST SP 800-53 IA-5(2)
#     - NIST SP 800-53 SC-12
#   events: [ns-change, review]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       days:
#         description: "how many days before its end a certificate is a finding"
#         type: "integer"
#         minimum: 0
#         default: 14
#   samples: certificate_expiry.samples.yaml
package manoward.policies.certificate_expiry

import data.manoward.lib.event
import data.manoward.lib.vnf
import data.manoward.lib.words
import data.manoward.parameters["certificate-expiry"] as params

# METADATA
# title: expired
findings contains f if {
	some v in vnf.judged
	some certificate in v.certificates
	left := left_of(certificate)
	left <= 0
	f := {
		"code": "expired",
		"severity": "high",
		"message": words.line("certificate %s of VNF %s ended at %s", [serial(certificate), v.id, certificate.notAfter]),
		"target": vnf.target(v),
		"actions": [{"type": "alert"}],
	}
}

# METADATA
# title: ends soon
findings contains f if {
	some v in vnf.judged
	some certificate in v.certificates
	left := left_of(certificate)
	left > 0
	left < params.days * day
	f := {
		"code": "ends-soon",
		"message": words.line("certificate %s of VNF %s ends at %s", [serial(certificate), v.id, certificate.notAfter]),
		"target": vnf.target(v),
		"actions": [{"type": "alert"}],
	}
}

day := 86400000000000

left_of(certificate) := time.parse_rfc3339_ns(certificate.notAfter) - event.now

serial(certificate) := object.get(certificate, "serialNumber", "without a number")
