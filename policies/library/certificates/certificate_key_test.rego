package manoward.policies.certificate_key_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.policies.certificate_key as policy

test_another_key_than_the_pinned_one if {
	found := policy.findings with input as fixture.event("ns-change", {})
		with data.manoward.parameters["certificate-key"].pins as {"v1-c": ["99"]}
	fixture.summary(found) == [["key-not-pinned", "default", ["alert"]]]
}

test_the_pinned_key if {
	found := policy.findings with input as fixture.event("ns-change", {})
		with data.manoward.parameters["certificate-key"].pins as {"v1-c": ["99", "F1"]}
	fixture.summary(found) == []
}

test_another_key_ends_the_vnf_when_that_is_switched_on if {
	found := policy.findings with input as fixture.event("ns-change", {})
		with data.manoward.parameters["certificate-key"].pins as {"v1-c": ["99"]}
		with data.manoward.parameters["certificate-key"].terminate as true
	fixture.summary(found) == [["key-not-pinned", "default", ["alert", "terminate-vnf"]]]
}

test_no_pin if {
	found := policy.findings with input as fixture.event("ns-change", {})
	fixture.summary(found) == []
}

test_one_key_in_two_vnfs if {
	found := policy.findings with input as fixture.event("ns-change", {"vnfs": {"v2": {"certificates": [{"keyHash": "F1", "vnfcId": "v2-c"}]}}})
	fixture.summary(found) == [["key-shared", "high", ["alert"]]]
}

test_no_key_is_known_and_one_is_pinned if {
	found := policy.findings with input as fixture.event("ns-change", {"vnfs": {"v1": {"certificates": [{"vnfcId": "v1-c", "attested": true}]}}})
		with data.manoward.parameters["certificate-key"].pins as {"v1-c": ["99"]}
	fixture.summary(found) == [["key-not-pinned", "default", ["alert"]]]
}
