# METADATA
# title: Many certificates for one entity
# description: |
#   For one entity more certificates of a type were issued in some hours than it can need.
# scope: package
# custom:
#   id: certificate-rate
#   owner: security@example.net
#   severity: medium
#   controls:
#     - IFA033 CMF.CSR
#     - NIST SP 800-53 SC-5
#     - NIST SP 800-53 SC-17
#     - NIST SP 800-53 SI-4
#   events: [certificate-request]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       hours:
#         description: "length of the window, in hours"
#         type: "integer"
#         minimum: 1
#         maximum: 24
#         default: 24
#       maxCertificates:
#         description: "certificates in the window after which no further one is signed; renewals count too"
#         type: "integer"
#         minimum: 1
#         default: 50
#   samples: certificate_rate.samples.yaml
package manoward.policies.certificate_rate

import data.manoward.lib.request
import data.manoward.lib.words
import data.manoward.parameters["certificate-rate"] as params

# METADATA
# title: many certificates
findings contains f if {
	count(input.issued) > 0 # nearly all ask for their first
	had >= params.maxCertificates
	f := {
		"code": "many-certificates",
		"message": words.line("%s had %d certificates in %d hours", [request.who, had, params.hours]),
		"target": input.subject,
		"actions": request.deny,
	}
}

# An hour counts as long as a part of it is in the window.
had := sum([hour.certificates |
	some hour in input.issued
	time.parse_rfc3339_ns(hour.hour) + hour_ns > now - (params.hours * hour_ns)
])

now := time.parse_rfc3339_ns(input.time)

hour_ns := 3600000000000
