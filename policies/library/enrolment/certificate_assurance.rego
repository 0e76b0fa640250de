# METADATA
# title: Key proven too little for what it is for
# description: |
#   Of the key that a certificate is asked for, less is proven than the sensitivity of the entity asks for.
# scope: package
# custom:
#   id: certificate-assurance
#   owner: security@example.net
#   severity: high
#   controls:
#     - IFA033 CMF.Attest
#     - IFA033 CMF.CSR
#     - ETSI GS NFV-SEC 012
#     - NIST SP 800-53 SC-12
#     - NIST SP 800-53 IA-5(2)
#   events: [certificate-request]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       classes:
#         description: "sensitivity class by FQDN, vnfcId or vnfdId; \"*\" is that of all others"
#         type: "object"
#         additionalProperties: {"type": "string"}
#         default: {}
#       minimum:
#         description: "least assurance by class: bound, protected or genuine; none for a class that may be unattested"
#         type: "object"
#         additionalProperties: {"enum": ["none", "bound", "protected", "genuine"], "type": "string"}
#         default: {}
#       downgrade:
#         description: "a key that is proven too little counts as unattested, instead of being refused"
#         type: "boolean"
#         default: false
#   samples: certificate_assurance.samples.yaml
package manoward.policies.certificate_assurance

import data.manoward.lib.request
import data.manoward.lib.words
import data.manoward.parameters["certificate-assurance"] as params

class := request.setting(params.classes)

# METADATA
# title: assurance too low
findings contains f if {
	count(params.classes) > 0 # there are none before somebody sets them
	least := params.minimum[class]
	request.rank[input.assurance] < request.rank[least]
	actions
	f := {
		"code": "assurance-low",
		"message": words.line("%s is of the class %s, which needs a key of the assurance %s; its key has %s", [request.who, class, least, input.assurance]),
		"target": input.subject,
		"actions": actions,
	}
}

# METADATA
# title: class unknown
findings contains f if {
	count(params.classes) > 0
	class
	not params.minimum[class]
	f := {
		"code": "class-unknown",
		"message": words.line("%s is of the class %s, for which no assurance is set", [request.who, class]),
		"target": input.subject,
		"actions": request.deny,
	}
}

# What counts as unattested already is the business of unattested-certificate.
actions := request.deny if {
	not params.downgrade
} else := request.downgrade if {
	input.attested
}
