package manoward.policies.rogue_image_test

import data.manoward.policies.rogue_image as policy

event(hash) := {
	"subject": {"imageId": "i1"},
	"images": {"i1": {"id": "i1", "checksum": {"hash": hash}, "statedChecksum": {"hash": "bb01"}}},
	"vnfs": {"v1": {"id": "v1", "nsInstanceIds": ["n1"], "vnfProfileId": "web", "vnfPkgId": "p1", "computeIds": ["c1"]}},
	"computes": {"c1": {"id": "c1", "imageId": "i1"}},
}

test_altered if {
	some f in policy.findings with input as event("ee00")
	f.target.vnfInstanceId == "v1"
	some a in f.actions
	a.type == "terminate-vnf"
	a.snapshot
	not a.replace
	a.disablePackage
}

test_as_it_was if count(policy.findings) == 0 with input as event("bb01")
