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
import data.manoward.lib.words
import data.manoward.parameters["certificate-key"] as params

# METADATA
# title: key not pinned
findings contains f if {
	some v in vnf.judged
	some certificate in v.certificates
	pins := {lower(pin) | some pin in params.pins[certificate.vnfcId]}
	count(pins) > 0
	not pinned(certificate, pins)
	f := {
		"code": "key-not-pinned",
		"message": words.line("component %s of VNF %s has a certificate for a key that is not the one it should have", [certificate.vnfcId, v.id]),
		"target": vnf.target(v),
		"actions": actions,
	}
}

# METADATA
# title: key shared
findings contains f if {
	some v in vnf.judged
	some certificate in v.certificates
	lower(certificate.keyHash) in shared
	f := {
		"code": "key-shared",
		"severity": "high",
		"message": words.line("VNF %s has a certificate for a key that another VNF has too (%s)", [v.id, certificate.keyHash]),
		"target": vnf.target(v),
		"actions": [{"type": "alert"}],
	}
}

# Keys of the VNFs in order, so that one look at each finds those that two have.
keys := sort({[lower(certificate.keyHash), v.id] |
	some v in input.vnfs
	some certificate in v.certificates
})

shared contains key[0] if {
	some i, key in keys
	key[0] == keys[i + 1][0]
}

pinned(certificate, pins) if lower(certificate.keyHash) in pins

actions := [{"type": "alert"}, {"type": "terminate-vnf", "snapshot": true, "replace": false}] if {
	params.terminate
} else := [{"type": "alert"}]
