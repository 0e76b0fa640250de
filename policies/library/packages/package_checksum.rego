# METADATA
# title: Package changed since on-boarding
# description: |
#   The stored package is not the one that was on-boarded, the VNF was made of other bytes, or the NFVO's
#   check of the package failed.
# scope: package
# custom:
#   id: package-checksum
#   owner: security@example.net
#   severity: critical
#   controls:
#     - IFA033 Sc-Or.NsLcm.002
#     - IFA033 Sc-Or.NsLcm.006
#     - IFA033 Sc-Or.SecEnforce.003
#     - ETSI GS NFV-SEC 021
#     - NIST SP 800-53 SI-7
#     - NIST SP 800-53 SI-7(1)
#     - NIST SP 800-53 SI-7(7)
#   events: [ns-change, unauthorized-attempt, review]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       terminate:
#         description: "end the VNF with a snapshot and without a replacement, and disable its package"
#         type: "boolean"
#         default: true
#   samples: package_checksum.samples.yaml
package manoward.policies.package_checksum

import data.manoward.lib.pkg
import data.manoward.lib.vnf
import data.manoward.lib.words
import data.manoward.parameters["package-checksum"] as params

# METADATA
# title: package altered
findings contains f if {
	some v in vnf.judged
	altered(input.packages[v.vnfPkgId])
	f := {
		"code": "package-altered",
		"message": words.line("package %s of VNF %s is not what was on-boarded", [v.vnfPkgId, v.id]),
		"target": vnf.target(v),
		"actions": actions,
	}
}

# METADATA
# title: made of other bytes
findings contains f if {
	some v in vnf.judged
	onboarded := input.packages[v.vnfPkgId].onboardedChecksum
	pkg.differ({"algorithm": "SHA-256", "hash": v.integrity.checksum}, onboarded)
	f := {
		"code": "made-of-other-bytes",
		"message": words.line("VNF %s was made of a package with checksum %s, but %s was on-boarded", [v.id, v.integrity.checksum, onboarded.hash]),
		"target": vnf.target(v),
		"actions": actions,
	}
}

# METADATA
# title: check failed
findings contains f if {
	some v in vnf.judged
	v.integrity.verdict != "PASSED"
	f := {
		"code": "check-failed",
		"severity": "high",
		"message": words.line("the check of the package of VNF %s: %s", [v.id, substring(v.integrity.verdict, 0, 500)]),
		"target": vnf.target(v),
		"actions": [{"type": "alert"}],
	}
}

altered(package_) if package_.integrity == "FAILED"

altered(package_) if pkg.differ(package_.checksum, package_.onboardedChecksum)

actions := [{"type": "alert"}, {"type": "terminate-vnf", "snapshot": true, "replace": false, "disablePackage": true}] if {
	params.terminate
} else := [{"type": "alert"}]
