package manoward.policies.unauthorized_attempt_source_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.policies.unauthorized_attempt_source as policy

test_somebody_of_another_trust_domain if {
	found := policy.findings with input as fixture.event("unauthorized-attempt", {"event": {"attempt": {"actor": "spiffe://south/sm/beta/sc-or.sec-enforce"}}})
	fixture.summary(found) == [["other-domain", "high", ["alert"]]]
}

test_a_mistake_of_our_own_portal if {
	found := policy.findings with input as fixture.event("unauthorized-attempt", {})
	fixture.summary(found) == []
}

test_nobody if {
	found := policy.findings with input as fixture.event("unauthorized-attempt", {"event": {"attempt": {"actor": "nobody"}}})
	fixture.summary(found) == [["no-identity", "medium", ["alert"]]]
}

test_a_vnfm_without_a_grant if {
	found := policy.findings with input as fixture.event("unauthorized-attempt", {"event": {"attempt": {"actor": "spiffe://hub/vnfm/hub"}}})
	fixture.summary(found) == [["own-function", "high", ["alert"]]]
}

test_somebody_who_is_watched if {
	found := policy.findings with input as fixture.event("unauthorized-attempt", {})
		with data.manoward.parameters["unauthorized-attempt-source"].watchedActors as ["spiffe://north/oss/portal"]
	fixture.summary(found) == [["watched-actor", "high", ["alert"]]]
}

test_a_test_client if {
	found := policy.findings with input as fixture.event("unauthorized-attempt", {"event": {"attempt": {"actor": "nobody"}}})
		with data.manoward.parameters["unauthorized-attempt-source"].ignoredActors as ["nobody"]
	fixture.summary(found) == []
}

test_another_domain_that_is_ignored if {
	found := policy.findings with input as fixture.event("unauthorized-attempt", {"event": {"attempt": {"actor": "spiffe://south/oss/x"}}})
		with data.manoward.parameters["unauthorized-attempt-source"].ignoredActors as ["spiffe://south/oss/x"]
	fixture.summary(found) == []
}

test_a_function_that_is_ignored if {
	found := policy.findings with input as fixture.event("unauthorized-attempt", {"event": {"attempt": {"actor": "spiffe://hub/vim/hub"}}})
		with data.manoward.parameters["unauthorized-attempt-source"].ignoredActors as ["spiffe://hub/vim/hub"]
	fixture.summary(found) == []
}

test_a_function_of_another_domain if {
	found := policy.findings with input as fixture.event("unauthorized-attempt", {"event": {"attempt": {"actor": "spiffe://south/vnfm/x"}}})
	fixture.summary(found) == [["other-domain", "high", ["alert"]]]
}
