package manoward.policies.replacement_attempt_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.policies.replacement_attempt as policy

# What the parameters are when nobody sets them.
defaults := {"terminate": true, "operations": ["grant.request:INSTANTIATE", "ns.update:ADD_VNF", "ns.update:INSTANTIATE_VNF"]}

test_barred_profile_is_back if {
	found := policy.findings with input as fixture.event("ns-change", {"ns": {"replacementBars": {"amf": {"by": "spiffe://north/sm/alpha/sc-or.sec-enforce", "since": "2026-11-22T20:00:00Z"}}}})
		with data.manoward.parameters as {"replacement-attempt": object.union(defaults, {})}
	fixture.summary(found) == [["barred-vnf-is-back", "default", ["alert", "terminate-vnf"]]]
}

test_no_bar if {
	found := policy.findings with input as fixture.event("ns-change", {})
		with data.manoward.parameters as {"replacement-attempt": object.union(defaults, {})}
	fixture.summary(found) == []
}

test_only_an_alert if {
	found := policy.findings with input as fixture.event("ns-change", {"ns": {"replacementBars": {"amf": {}}}})
		with data.manoward.parameters as {"replacement-attempt": object.union(defaults, {"terminate": false})}
	fixture.summary(found) == [["barred-vnf-is-back", "default", ["alert"]]]
}

test_another_profile_is_barred if {
	found := policy.findings with input as fixture.event("ns-change", {"ns": {"replacementBars": {"smf": {}}}})
		with data.manoward.parameters as {"replacement-attempt": object.union(defaults, {})}
	fixture.summary(found) == []
}

test_refused if {
	found := policy.findings with input as fixture.event("unauthorized-attempt", {"operation": "ns.update:ADD_VNF", "ns": {"replacementBars": {"amf": {}}}})
		with data.manoward.parameters as {"replacement-attempt": object.union(defaults, {})}
	fixture.summary(found) == [["barred-vnf-asked-for", "medium", ["alert"]]]
}

test_something_else_was_refused if {
	found := policy.findings with input as fixture.event("unauthorized-attempt", {"ns": {"replacementBars": {"amf": {}}}})
		with data.manoward.parameters as {"replacement-attempt": object.union(defaults, {})}
	fixture.summary(found) == []
}

test_refused_for_another_profile if {
	found := policy.findings with input as fixture.event("unauthorized-attempt", {"operation": "ns.update:ADD_VNF", "subject": {"vnfProfileId": "smf"}, "ns": {"replacementBars": {"amf": {}}}})
		with data.manoward.parameters as {"replacement-attempt": object.union(defaults, {})}
	fixture.summary(found) == []
}
