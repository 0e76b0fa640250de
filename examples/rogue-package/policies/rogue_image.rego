# METADATA
# title: A VNF whose image was altered is ended
# description: |
#   The content of an image at the VIM is not what its stated checksum says, and a VNF runs
#   from it. Nothing of that package is trusted any more: the VNF is ended without a
#   replacement, after a snapshot for the forensics, and its package is disabled.
# scope: package
# custom:
#   id: rogue-image
#   owner: security@example.net
#   severity: critical
#   controls: [IFA033 Sc-Or.SecEnforce.003, NIST SP 800-53 SI-7]
#   events: [image-change]
#   samples: rogue_image.samples.yaml
package manoward.policies.rogue_image

# METADATA
# title: A VNF runs from an altered image
findings contains f if {
	image := input.images[input.subject.imageId]
	image.checksum.hash != image.statedChecksum.hash
	some v in input.vnfs
	some id in v.computeIds
	input.computes[id].imageId == image.id
	f := {
		"code": "runs-from-altered-image",
		"message": sprintf("VNF %s runs from image %s, which is not what was put at the VIM", [v.id, image.id]),
		"target": {"nsInstanceId": v.nsInstanceIds[0], "vnfInstanceId": v.id, "vnfProfileId": v.vnfProfileId, "vnfPkgId": v.vnfPkgId, "imageId": image.id},
		"actions": [
			{"type": "alert"},
			{"type": "terminate-vnf", "snapshot": true, "replace": false, "disablePackage": true},
		],
	}
}
