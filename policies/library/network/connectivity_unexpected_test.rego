package manoward.policies.connectivity_unexpected_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.policies.connectivity_unexpected as policy

test_a_link_that_the_ns_does_not_have if {
	found := policy.findings with input as fixture.event("ns-change", {"vnfs": {"v1": {"connectivity": [{"extCpId": "x1", "virtualLinkInfoId": "l9"}]}}})
	fixture.summary(found) == [["link-not-of-ns", "default", ["alert"]]]
}

test_as_it_should_be if {
	found := policy.findings with input as fixture.event("ns-change", {})
		with data.manoward.parameters["connectivity-unexpected"].allowedLinks as {"amf": ["vl-mgmt"]}
	fixture.summary(found) == []
}

test_a_link_that_it_may_not_use if {
	found := policy.findings with input as fixture.event("ns-change", {})
		with data.manoward.parameters["connectivity-unexpected"].allowedLinks as {"amf": ["vl-n2"]}
	fixture.summary(found) == [["link-not-allowed", "default", ["alert"]]]
}

test_a_link_that_it_may_not_use_ends_the_vnf_when_that_is_switched_on if {
	found := policy.findings with input as fixture.event("review", {})
		with data.manoward.parameters["connectivity-unexpected"].allowedLinks as {"amf": ["vl-n2"]}
		with data.manoward.parameters["connectivity-unexpected"].terminate as true
	fixture.summary(found) == [["link-not-allowed", "default", ["alert", "terminate-vnf"]]]
}

test_shared_by_two_nss if {
	found := policy.findings with input as fixture.event("ns-change", {"vnfs": {"v1": {"nsInstanceIds": ["n1", "n2"], "connectivity": [{"extCpId": "x1", "virtualLinkInfoId": "l9"}]}}})
	fixture.summary(found) == []
}

test_changed_by_an_em if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_CHANGE_EXT_CONN", "phase": "START", "source": {"kind": "EM", "identity": "spiffe://north/em/one"}}), ["outcome"])
	fixture.summary(found) == [["changed-by-other", "medium", ["alert"]]]
}

test_changed_by_nobody_knows_whom if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_CHANGE_EXT_CONN", "phase": "START"}), ["outcome", "source"])
	fixture.summary(found) == [["changed-by-other", "medium", ["alert"]]]
}

test_changed_by_the_oss if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_CHANGE_EXT_CONN", "phase": "START"}), ["outcome"])
	fixture.summary(found) == []
}

test_the_ns_is_not_known if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {}), ["ns"])
		with data.manoward.parameters["connectivity-unexpected"].allowedLinks as {"amf": ["vl-n2"]}
	fixture.summary(found) == []
}

test_changed_by_an_em_and_over if {
	found := policy.findings with input as fixture.event("ns-change", {"operation": "VNF_CHANGE_EXT_CONN", "source": {"kind": "EM", "identity": "spiffe://north/em/one"}})
	fixture.summary(found) == []
}

test_an_em_does_something_else if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_HEAL", "phase": "START", "source": {"kind": "EM", "identity": "spiffe://north/em/one"}}), ["outcome"])
	fixture.summary(found) == []
}

test_the_links_of_the_ns_are_not_known if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {}), ["ns/virtualLinks"])
	fixture.summary(found) == []
}
