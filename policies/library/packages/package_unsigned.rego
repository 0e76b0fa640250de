# METADATA
# title: Package that nobody signed
# description: |
#   A VNF was made of a package without a signature, or nobody can say whether it had one.
# scope: package
# custom:
#   id: package-unsigned
#   owner: security@example.net
#   severity: high
#   controls:
#     - IFA033 Sc-Or.NsLcm.002
#     - IFA033 Sc-Or.NsLcm.006
#     - ETSI GS NFV-SEC 021
#     - NIST SP 800-53 CM-14
#     - NIST SP 800-53 SI-7
#   events: [ns-change, review]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       exemptProfiles:
#         description: "VNF profiles whose packages need no signature"
#         type: "array"
#         items: {"type": "string"}
#         default: []
#       terminate:
#         description: "end the VNF too, with a snapshot and without a replacement"
#         type: "boolean"
#         default: false
#   samples: package_unsigned.samples.yaml
package manoward.policies.package_unsigned

import data.manoward.lib.pkg
import data.manoward.lib.vnf
import data.manoward.lib.words
import data.manoward.parameters["package-unsigned"] as params

# METADATA
# title: unsigned
findings contains f if {
	some v in vnf.judged
	not vnf.of_profile(v, params.exemptProfiles)
	pkg.told(v)
	not pkg.signer(v)
	f := {
		"code": "unsigned",
		"message": words.line("VNF %s was made of a package that nobody signed", [v.id]),
		"target": vnf.target(v),
		"actions": actions,
	}
}

# METADATA
# title: signature unknown
findings contains f if {
	some v in vnf.judged
	not vnf.of_profile(v, params.exemptProfiles)
	not pkg.told(v)
	not pkg.signer(v)
	f := {
		"code": "signature-unknown",
		"severity": "low",
		"message": words.line("nobody can say whether the package of VNF %s was signed", [v.id]),
		"target": vnf.target(v),
		"actions": [{"type": "alert"}],
	}
}

actions := [{"type": "alert"}, {"type": "terminate-vnf", "snapshot": true, "replace": false}] if {
	params.terminate
} else := [{"type": "alert"}]
