package manoward.policies.package_checksum_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.policies.package_checksum as policy

test_checksum_changed if {
	found := policy.findings with input as fixture.event("ns-change", {"packages": {"k-amf": {"checksum": {"hash": "ff00"}}}})
	fixture.summary(found) == [["package-altered", "default", ["alert", "terminate-vnf"]]]
}

test_unchanged_in_other_letters if {
	found := policy.findings with input as fixture.event("ns-change", {"packages": {"k-amf": {"checksum": {"hash": "AA01"}}}})
	fixture.summary(found) == []
}

test_the_catalogue_found_it_altered_only_an_alert if {
	found := policy.findings with input as fixture.event("review", {"packages": {"k-amf": {"integrity": "FAILED"}}})
		with data.manoward.parameters["package-checksum"].terminate as false
	fixture.summary(found) == [["package-altered", "default", ["alert"]]]
}

test_made_of_other_bytes if {
	found := policy.findings with input as fixture.event("ns-change", {"vnfs": {"v1": {"integrity": {"checksum": "0bad"}}}})
	fixture.summary(found) == [["made-of-other-bytes", "default", ["alert", "terminate-vnf"]]]
}

test_digests_of_other_algorithms_say_nothing if {
	found := policy.findings with input as fixture.event("ns-change", {"packages": {"k-amf": {"onboardedChecksum": {"algorithm": "SHA-512"}}}, "vnfs": {"v1": {"integrity": {"checksum": "0bad"}}}})
	fixture.summary(found) == []
}

test_the_check_failed if {
	found := policy.findings with input as fixture.event("ns-change", {"vnfs": {"v1": {"integrity": {"verdict": "the manifest is not signed"}}}})
	fixture.summary(found) == [["check-failed", "high", ["alert"]]]
}

test_no_package_that_is_known if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {}), ["packages/k-amf"])
	fixture.summary(found) == []
}

test_the_nfvo_refuses_a_grant_to_an_altered_package if {
	found := policy.findings with input as fixture.event("unauthorized-attempt", {
		"operation": "grant.request:SCALE",
		"subject": {"vnfInstanceId": "v1"},
		"packages": {"k-amf": {"integrity": "FAILED"}},
	})
	fixture.summary(found) == [["package-altered", "default", ["alert", "terminate-vnf"]]]
}
