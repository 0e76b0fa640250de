package manoward.policies.replacement_attempt_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.policies.replacement_attempt as policy

test_barred_profile_is_back if {
	found := policy.findings with input as fixture.event("ns-change", {"ns": {"replacementBars": {"amf": {"by": "spiffe://north/sm/alpha/sc-or.sec-enforce", "since": "2026-11-22T20:00:00Z"}}}})
	fixture.summary(found) == [["barred-vnf-is-back", "default", ["alert", "terminate-vnf"]]]
}

test_no_bar if {
	found := policy.findings with input as fixture.event("ns-change", {})
	fixture.summary(found) == []
}

test_only_an_alert if {
	found := policy.findings with input as fixture.event("ns-change", {"ns": {"replacementBars": {"amf": {}}}})
		with data.manoward.parameters["replacement-attempt"].terminate as false
	fixture.summary(found) == [["barred-vnf-is-back", "default", ["alert"]]]
}

test_another_profile_is_barred if {
	found := policy.findings with input as fixture.event("ns-change", {"ns": {"replacementBars": {"smf": {}}}})
	fixture.summary(found) == []
}

test_refused if {
	found := policy.findings with input as fixture.event("unauthorized-attempt", {"operation": "ns.update:ADD_VNF", "ns": {"replacementBars": {"amf": {}}}})
	fixture.summary(found) == [["barred-vnf-asked-for", "medium", ["alert"]]]
}

test_something_else_was_refused if {
	found := policy.findings with input as fixture.event("unauthorized-attempt", {"ns": {"replacementBars": {"amf": {}}}})
	fixture.summary(found) == []
}

test_refused_for_another_profile if {
	found := policy.findings with input as fixture.event("unauthorized-attempt", {"operation": "ns.update:ADD_VNF", "subject": {"vnfProfileId": "smf"}, "ns": {"replacementBars": {"amf": {}}}})
	fixture.summary(found) == []
}

test_another_operation_on_it if {
	found := policy.findings with input as fixture.event("ns-change", {"operation": "VNF_HEAL", "ns": {"replacementBars": {"amf": {}}}})
	fixture.summary(found) == []
}

test_it_failed if {
	found := policy.findings with input as fixture.event("ns-change", {"outcome": "FAILED", "ns": {"replacementBars": {"amf": {}}}})
	fixture.summary(found) == []
}
