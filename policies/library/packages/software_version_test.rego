package manoward.policies.software_version_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.policies.software_version as policy

test_denied_version if {
	found := policy.findings with input as fixture.event("ns-change", {})
		with data.manoward.parameters["software-version"].denied as {"AMF": ["1.2.0"]}
	fixture.summary(found) == [["version-denied", "default", ["alert"]]]
}

test_no_list if {
	found := policy.findings with input as fixture.event("ns-change", {})
	fixture.summary(found) == []
}

test_a_denied_version_ends_the_vnf_when_that_is_switched_on if {
	found := policy.findings with input as fixture.event("ns-change", {})
		with data.manoward.parameters["software-version"].denied as {"AMF": ["1.2.0"]}
		with data.manoward.parameters["software-version"].terminate as true
	fixture.summary(found) == [["version-denied", "default", ["alert", "terminate-vnf"]]]
}

test_other_version_is_denied if {
	found := policy.findings with input as fixture.event("ns-change", {})
		with data.manoward.parameters["software-version"].denied as {"AMF": ["1.1.0"]}
	fixture.summary(found) == []
}

test_not_on_the_allow_list if {
	found := policy.findings with input as fixture.event("ns-change", {})
		with data.manoward.parameters["software-version"].allowed as {"AMF": ["1.3.0"]}
	fixture.summary(found) == [["version-not-allowed", "medium", ["alert"]]]
}

test_on_the_allow_list if {
	found := policy.findings with input as fixture.event("ns-change", {})
		with data.manoward.parameters["software-version"].allowed as {"AMF": ["1.2.0"]}
	fixture.summary(found) == []
}

test_unknown_version_with_an_allow_list if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {}), ["vnfs/v1/softwareVersion"])
		with data.manoward.parameters["software-version"].allowed as {"AMF": ["1.2.0"]}
	fixture.summary(found) == [["version-not-allowed", "medium", ["alert"]]]
}

test_versions_of_one_profile_differ if {
	found := policy.findings with input as fixture.event("review", {"vnfs": {"v2": {"vnfProfileId": "amf", "softwareVersion": "1.3.0"}}})
	fixture.summary(found) == [["versions-differ", "low", ["alert"]], ["versions-differ", "low", ["alert"]]]
}

test_one_version_of_each_profile if {
	found := policy.findings with input as fixture.event("review", {})
	fixture.summary(found) == []
}
