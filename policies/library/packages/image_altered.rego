# METADATA
# title: Image altered on the VIM
# description: |
#   The content of a software image at the VIM is not what its stated checksum says.
# scope: package
# custom:
#   id: image-altered
#   owner: security@example.net
#   severity: critical
#   controls:
#     - IFA033 Sc-Or.NsLcm.002
#     - IFA033 Sc-Vi.Telem.001
#     - ETSI GS NFV-SEC 013
#     - NIST SP 800-53 SI-7
#     - NIST SP 800-53 SI-7(1)
#     - NIST SP 800-53 CM-14
#   events: [image-change, review]
#   parameters:
#     type: object
#     additionalProperties: false
#     properties:
#       terminate:
#         description: "end the VNFs that run from the image, with a snapshot and without a replacement"
#         type: "boolean"
#         default: false
#   samples: image_altered.samples.yaml
package manoward.policies.image_altered

import data.manoward.lib.pkg
import data.manoward.lib.vnf
import data.manoward.lib.words
import data.manoward.parameters["image-altered"] as params

# METADATA
# title: image altered
findings contains f if {
	some id in altered
	not used(id)
	f := {
		"code": "image-altered",
		"message": words.line("image %s at the VIM is not what was put there; no VNF of ours runs from it", [id]),
		"target": {"imageId": id},
		"actions": [{"type": "alert"}],
	}
}

# METADATA
# title: image in use altered
findings contains f if {
	some id in altered
	some v in vnf.judged
	runs_from(v, id)
	f := {
		"code": "image-in-use-altered",
		"message": words.line("image %s of VNF %s is not what was put at the VIM: what is made of it from now on is not trusted", [id, v.id]),
		"target": object.union(vnf.target(v), {"imageId": id}),
		"actions": actions,
	}
}

altered contains id if {
	some id, image in input.images
	asked(id)
	pkg.differ(image.checksum, image.statedChecksum)
}

# The VIM's own words, for an image that is not known yet.
altered contains input.subject.imageId if {
	changed := input.event.changedResourceData
	pkg.differ(changed.checksum, changed.statedChecksum)
}

asked(_) if input.kind == "review"

asked(id) if id == input.subject.imageId

used(id) if {
	some v in vnf.judged
	runs_from(v, id)
}

runs_from(v, id) if {
	some compute in vnf.computes(v)
	compute.imageId == id
}

actions := [{"type": "alert"}, {"type": "terminate-vnf", "snapshot": true, "replace": false}] if {
	params.terminate
} else := [{"type": "alert"}]
