# METADATA
# title: Host lacks what the VNF needs
# description: |
#   A VNF needs a TPM, an HSM or an execution enclave and its host has none, or it has an attested
#   certificate although its host has nothing to attest with.
# scope: package
# custom:
#   id: host-equipment
#   owner: security@example.net
#   severity: medium
#   controls:
#     - IFA033 Sc-Vi.Telem.001
#     - ETSI GS NFV-SEC 012
#     - NIST SP 800-53 SC-51
#     - NIST SP 800-53 SC-12
#     - NIST SP 800-53 SC-28(3)
#   events: [ns-change, compute-change, review]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       needs:
#         description: "equipment that its host must have, by VNF profile; \"*\" is for all profiles that are not named"
#         type: "object"
#         additionalProperties: {"type": "array", "items": {"type": "string", "enum": ["tpm", "hsm", "hmee"]}}
#         default: {}
#       checkAttesters:
#         description: "compare attested certificates with the equipment of the host; switch off where VNFs use an HSM over the network"
#         type: "boolean"
#         default: true
#   samples: host_equipment.samples.yaml
package manoward.policies.host_equipment

import data.manoward.lib.vnf
import data.manoward.lib.words
import data.manoward.parameters["host-equipment"] as params

# METADATA
# title: equipment missing
findings contains f if {
	some v in vnf.judged
	some need in vnf.setting(params.needs, v)
	some id in vnf.host_ids(v)
	not input.hosts[id].equipment[need]
	f := {
		"code": "equipment-missing",
		"message": words.line("VNF %s needs a host with %s, and %s has none", [v.id, upper(need), id]),
		"target": object.union(vnf.target(v), {"hostId": id}),
		"actions": [{"type": "alert"}],
	}
}

# METADATA
# title: attester missing
findings contains f if {
	params.checkAttesters
	some v in vnf.judged
	attested(v)
	some id in vnf.host_ids(v)
	equipment := input.hosts[id].equipment
	not equipment.tpm
	not equipment.hsm
	f := {
		"code": "attester-missing",
		"severity": "high",
		"message": words.line("VNF %s has an attested certificate, but its host %s has neither TPM nor HSM", [v.id, id]),
		"target": object.union(vnf.target(v), {"hostId": id}),
		"actions": [{"type": "alert"}],
	}
}

attested(v) if {
	some certificate in v.certificates
	certificate.attested
}
