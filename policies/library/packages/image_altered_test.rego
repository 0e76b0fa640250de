package manoward.policies.image_altered_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.policies.image_altered as policy

test_altered_and_two_vnfs_run_from_it if {
	found := policy.findings with input as fixture.event("image-change", {"operation": "CONTENT", "images": {"i1": {"checksum": {"hash": "ee00"}}}})
	fixture.summary(found) == [["image-in-use-altered", "default", ["alert"]], ["image-in-use-altered", "default", ["alert"]]]
}

test_as_it_was_put_there if {
	found := policy.findings with input as fixture.event("image-change", {})
	fixture.summary(found) == []
}

test_altered_ends_the_vnf_when_that_is_switched_on if {
	found := policy.findings with input as fixture.event("review", {"images": {"i1": {"checksum": {"hash": "ee00"}}}, "computes": {"c2": {"imageId": "i2"}}})
		with data.manoward.parameters["image-altered"].terminate as true
	fixture.summary(found) == [["image-in-use-altered", "default", ["alert", "terminate-vnf"]]]
}

test_altered_and_nobody_runs_from_it if {
	found := policy.findings with input as fixture.event("image-change", {"images": {"i1": {"checksum": {"hash": "ee00"}}}, "computes": {"c1": {"imageId": "i2"}, "c2": {"imageId": "i2"}}})
	fixture.summary(found) == [["image-altered", "default", ["alert"]]]
}

test_the_vim_says_so_of_an_image_that_is_not_known if {
	found := policy.findings with input as json.remove(fixture.event("image-change", {"subject": {"imageId": "i9"}, "event": {"changedResourceData": {"checksum": {"algorithm": "SHA-256", "hash": "01"}, "statedChecksum": {"algorithm": "SHA-256", "hash": "02"}}}}), ["images/i1"])
	fixture.summary(found) == [["image-altered", "default", ["alert"]]]
}

test_another_image_is_altered_which_has_an_event_of_its_own if {
	found := policy.findings with input as fixture.event("image-change", {"images": {"i2": {"id": "i2", "checksum": {"algorithm": "SHA-256", "hash": "1"}, "statedChecksum": {"algorithm": "SHA-256", "hash": "2"}}}})
	fixture.summary(found) == []
}
