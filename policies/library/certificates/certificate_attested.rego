# METADATA
# title: VNF without an attested certificate
# description: |
#   A VNF that must have a certificate has none, or has one for a key that no registered TPM or HSM attested.
# scope: package
# custom:
#   id: certificate-attested
#   owner: security@example.net
#   severity: medium
#   controls:
#     - IFA033 CMF.Attest
#     - IFA033 CMF.Register
#     - NIST SP 800-53 IA-3(4)
#     - NIST SP 800-53 IA-5(2)
#     - NIST SP 800-53 SC-12
#   events: [ns-change, review]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       requiredProfiles:
#         description: "VNF profiles that must have a certificate"
#         type: "array"
#         items: {"type": "string"}
#         default: []
#       securityVnfsRequired:
#         description: "security VNFs must have one"
#         type: "boolean"
#         default: true
#       unattestedProfiles:
#         description: "VNF profiles whose certificates need no attestation"
#         type: "array"
#         items: {"type": "string"}
#         default: []
#       terminate:
#         description: "end a VNF with an unattested certificate, with a replacement"
#         type: "boolean"
#         default: false
#   samples: certificate_attested.samples.yaml
package manoward.policies.certificate_attested

import data.manoward.lib.vnf
import data.manoward.lib.words
import data.manoward.parameters["certificate-attested"] as params

# METADATA
# title: no certificate
findings contains f if {
	some v in vnf.judged
	required(v)
	count(object.get(v, "certificates", [])) == 0
	f := {
		"code": "no-certificate",
		"message": words.line("VNF %s must have a certificate and has none", [v.id]),
		"target": vnf.target(v),
		"actions": [{"type": "alert"}],
	}
}

# METADATA
# title: unattested
findings contains f if {
	some v in vnf.judged
	not vnf.of_profile(v, params.unattestedProfiles)
	serials := [object.get(certificate, "serialNumber", "?") |
		some certificate in v.certificates
		not certificate.attested
	]
	count(serials) > 0
	f := {
		"code": "unattested",
		"message": words.line("VNF %s has certificates for keys that no hardware attested: %s", [v.id, concat(", ", array.slice(serials, 0, 10))]),
		"target": vnf.target(v),
		"actions": actions,
	}
}

required(v) if {
	params.securityVnfsRequired
	v.securityVnf
}

required(v) if vnf.of_profile(v, params.requiredProfiles)

actions := [{"type": "alert"}, {"type": "terminate-vnf", "snapshot": false, "replace": true}] if {
	params.terminate
} else := [{"type": "alert"}]
