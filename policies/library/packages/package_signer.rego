# METADATA
# title: Package signed by somebody unknown
# description: |
#   The signer of the package of a VNF is not on the list of allowed signers, or packages of one product have
#   different signers.
# scope: package
# custom:
#   id: package-signer
#   owner: security@example.net
#   severity: high
#   controls:
#     - IFA033 Sc-Or.NsLcm.002
#     - IFA033 Sc-Or.NsLcm.006
#     - ETSI GS NFV-SEC 021
#     - NIST SP 800-53 CM-14
#     - NIST SP 800-53 SR-4
#     - NIST SP 800-53 SR-11
#   events: [ns-change, review]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       allowedSigners:
#         description: "subjects of signers that may sign packages; empty: all that the trust domain's anchors accept"
#         type: "array"
#         items: {"type": "string"}
#         default: []
#       terminate:
#         description: "end a VNF whose signer is not on the list, with a snapshot and without a replacement"
#         type: "boolean"
#         default: false
#   samples: package_signer.samples.yaml
package manoward.policies.package_signer

import data.manoward.lib.pkg
import data.manoward.lib.vnf
import data.manoward.lib.words
import data.manoward.parameters["package-signer"] as params

# METADATA
# title: signer unknown
findings contains f if {
	count(params.allowedSigners) > 0
	some v in vnf.judged
	signer := pkg.signer(v)
	not signer in params.allowedSigners
	f := {
		"code": "signer-unknown",
		"message": words.line("the package of VNF %s was signed by %s, who is not on the list", [v.id, signer]),
		"target": vnf.target(v),
		"actions": actions,
	}
}

# METADATA
# title: signers differ
findings contains f if {
	some v in vnf.judged
	signer := pkg.signer(v)
	own := input.packages[v.vnfPkgId]
	others := signers[[own.provider, own.productName]] - {signer}
	count(others) > 0
	f := {
		"code": "signers-differ",
		"severity": "medium",
		"message": words.line("the package of VNF %s was signed by %s, other packages of the same product by %s", [v.id, signer, concat(", ", sort(others))]),
		"target": vnf.target(v),
		"actions": [{"type": "alert"}],
	}
}

# who signed packages, by product
signers[[p.provider, p.productName]] contains p.signer if some p in input.packages

actions := [{"type": "alert"}, {"type": "terminate-vnf", "snapshot": true, "replace": false}] if {
	params.terminate
} else := [{"type": "alert"}]
