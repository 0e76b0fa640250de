# METADATA
# title: Certificate for the wrong key
# description: |
#   A component of a VNF has a certificate for another key than the one that is pinned for it, or two VNFs
#   have the same key.
# scope: package
# custom:
#   id: certificate-key
#   owner: security@example.net
#   severity: critical
#   controls:
#     - IFA033 CMF.Attest
#     - IFA033 CMF.CSR
#     - NIST SP 800-53 SC-12
#     - NIST SP 800-53 IA-5(2)
#     - NIST SP 800-53 IA-4
#   events: [ns-change, review]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       pins:
#         description: "SHA-256 of the public keys that a component may have, hexadecimal, by vnfcId"
#         type: "object"
#         additionalProperties: {"type": "array", "items": {"type": "string"}}
#         default: {}
#       terminate:
#         description: "end a VNF with a key that is not pinned, with a snapshot and without a replacement"
#         type: "boolean"
#         default: false
#   samples: certificate_key.samples.yaml
package manoward.policies.certificate_key

import data.manoward.lib.vnf

params := data.manoward.parameters["certificate-key"]

findings contains f if {
	some v in vnf.judged
	some certificate in v.certificates
	pins := {lower(pin) | some pin in params.pins[certificate.vnfcId]}
	count(pins) > 0
	not pinned(certificate, pins)
	f := {
		"code": "key-not-pinned",
		"message": sprintf("component %s of VNF %s has a certificate for a key that is not the one it should have", [certificate.vnfcId, v.id]),
		"target": vnf.target(v),
		"actions": actions,
	}
}

findings contains f if {
	some v in vnf.judged
	some certificate in v.certificates
	some other in input.vnfs
	other.id != v.id
	some twin in other.certificates
	lower(twin.keyHash) == lower(certificate.keyHash)
	f := {
		"code": "key-shared",
		"severity": "high",
		"message": sprintf("VNF %s and VNF %s have certificates for the same key", [v.id, other.id]),
		"target": vnf.target(v),
		"actions": [{"type": "alert"}],
	}
}

pinned(certificate, pins) if lower(certificate.keyHash) in pins

actions := [{"type": "alert"}, {"type": "terminate-vnf", "snapshot": true, "replace": false}] if {
	params.terminate
} else := [{"type": "alert"}]
