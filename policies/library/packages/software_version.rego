# METADATA
# title: Software version that is not wanted
# description: |
#   A VNF runs a version that is on the deny-list or not on the allow-list, or instances of one profile run
#   different versions.
# scope: package
# custom:
#   id: software-version
#   owner: security@example.net
#   severity: high
#   controls:
#     - IFA033 Sc-Or.NsLcm.006
#     - IFA033 Sc-Or.NsLcm.007
#     - NIST SP 800-53 SI-2
#     - NIST SP 800-53 CM-7(5)
#     - NIST SP 800-53 CM-8
#   events: [ns-change, review]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       denied:
#         description: "versions that may not run, by product name"
#         type: "object"
#         additionalProperties: {"type": "array", "items": {"type": "string"}}
#         default: {}
#       allowed:
#         description: "the only versions that may run, by product name; a product that is not named may run any"
#         type: "object"
#         additionalProperties: {"type": "array", "items": {"type": "string"}}
#         default: {}
#       terminate:
#         description: "end a VNF of a denied version, with a replacement"
#         type: "boolean"
#         default: false
#   samples: software_version.samples.yaml
package manoward.policies.software_version

import data.manoward.lib.vnf
import data.manoward.lib.words
import data.manoward.parameters["software-version"] as params

# METADATA
# title: version denied
findings contains f if {
	some v in vnf.judged
	v.softwareVersion in params.denied[v.productName]
	f := {
		"code": "version-denied",
		"message": words.line("VNF %s runs %s %s, which is denied", [v.id, v.productName, v.softwareVersion]),
		"target": vnf.target(v),
		"actions": actions,
	}
}

# METADATA
# title: version not allowed
findings contains f if {
	some v in vnf.judged
	allowed := params.allowed[v.productName]
	version := object.get(v, "softwareVersion", "unknown")
	not version in allowed
	f := {
		"code": "version-not-allowed",
		"severity": "medium",
		"message": words.line("VNF %s runs %s %s, which is not on the list", [v.id, v.productName, version]),
		"target": vnf.target(v),
		"actions": [{"type": "alert"}],
	}
}

# METADATA
# title: versions differ
findings contains f if {
	some v in vnf.judged
	others := versions[v.vnfProfileId] - {v.softwareVersion}
	count(others) > 0
	f := {
		"code": "versions-differ",
		"severity": "low",
		"message": words.line("VNF %s runs version %s, others of its profile %s", [v.id, v.softwareVersion, concat(", ", sort(others))]),
		"target": vnf.target(v),
		"actions": [{"type": "alert"}],
	}
}

# versions that run, by VNF profile
versions[v.vnfProfileId] contains v.softwareVersion if some v in vnf.judged

actions := [{"type": "alert"}, {"type": "terminate-vnf", "snapshot": false, "replace": true}] if {
	params.terminate
} else := [{"type": "alert"}]
