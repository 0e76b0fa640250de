package manoward.policies.image_altered_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.policies.image_altered as policy

# What the parameters are when nobody sets them.
defaults := {"terminate": false}

test_altered_and_two_vnfs_run_from_it if {
	found := policy.findings with input as fixture.event("image-change", {"operation": "CONTENT", "images": {"i1": {"checksum": {"hash": "ee00"}}}})
		with data.manoward.parameters as {"image-altered": object.union(defaults, {})}
	fixture.summary(found) == [["image-in-use-altered", "default", ["alert"]], ["image-in-use-altered", "default", ["alert"]]]
}

test_as_it_was_put_there if {
	found := policy.findings with input as fixture.event("image-change", {})
		with data.manoward.parameters as {"image-altered": object.union(defaults, {})}
	fixture.summary(found) == []
}

test_altered_ends_the_vnf_when_that_is_switched_on if {
	found := policy.findings with input as fixture.event("review", {"images": {"i1": {"checksum": {"hash": "ee00"}}}, "computes": {"c2": {"imageId": "i2"}}})
		with data.manoward.parameters as {"image-altered": object.union(defaults, {"terminate": true})}
	fixture.summary(found) == [["image-in-use-altered", "default", ["alert", "terminate-vnf"]]]
}

test_altered_and_nobody_runs_from_it if {
	found := policy.findings with input as fixture.event("image-change", {"images": {"i1": {"checksum": {"hash": "ee00"}}}, "computes": {"c1": {"imageId": "i2"}, "c2": {"imageId": "i2"}}})
		with data.manoward.parameters as {"image-altered": object.union(defaults, {})}
	fixture.summary(found) == [["image-altered", "default", ["alert"]]]
}

test_the_vim_says_so_of_an_image_that_is_not_known if {
	found := policy.findings with input as json.remove(fixture.event("image-change", {"subject": {"imageId": "i9"}, "event": {"changedResourceData": {"checksum": {"algorithm": "SHA-256", "hash": "01"}, "statedChecksum": {"algorithm": "SHA-256", "hash": "02"}}}}), ["images/i1"])
		with data.manoward.parameters as {"image-altered": object.union(defaults, {})}
	fixture.summary(found) == [["image-altered", "default", ["alert"]]]
}
