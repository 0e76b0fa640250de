package manoward.policies.unauthorized_attempt_source_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.policies.unauthorized_attempt_source as policy

# What the parameters are when nobody sets them.
defaults := {"ignoredActors": [], "watchedActors": []}

test_somebody_of_another_trust_domain if {
	found := policy.findings with input as fixture.event("unauthorized-attempt", {"event": {"attempt": {"actor": "spiffe://south/sm/beta/sc-or.sec-enforce"}}})
		with data.manoward.parameters as {"unauthorized-attempt-source": object.union(defaults, {})}
	fixture.summary(found) == [["other-domain", "high", ["alert"]]]
}

test_a_mistake_of_our_own_portal if {
	found := policy.findings with input as fixture.event("unauthorized-attempt", {})
		with data.manoward.parameters as {"unauthorized-attempt-source": object.union(defaults, {})}
	fixture.summary(found) == []
}

test_nobody if {
	found := policy.findings with input as fixture.event("unauthorized-attempt", {"event": {"attempt": {"actor": "nobody"}}})
		with data.manoward.parameters as {"unauthorized-attempt-source": object.union(defaults, {})}
	fixture.summary(found) == [["no-identity", "medium", ["alert"]]]
}

test_a_vnfm_without_a_grant if {
	found := policy.findings with input as fixture.event("unauthorized-attempt", {"event": {"attempt": {"actor": "spiffe://hub/vnfm/hub"}}})
		with data.manoward.parameters as {"unauthorized-attempt-source": object.union(defaults, {})}
	fixture.summary(found) == [["own-function", "high", ["alert"]]]
}

test_somebody_who_is_watched if {
	found := policy.findings with input as fixture.event("unauthorized-attempt", {})
		with data.manoward.parameters as {"unauthorized-attempt-source": object.union(defaults, {"watchedActors": ["spiffe://north/oss/portal"]})}
	fixture.summary(found) == [["watched-actor", "high", ["alert"]]]
}

test_a_test_client if {
	found := policy.findings with input as fixture.event("unauthorized-attempt", {"event": {"attempt": {"actor": "nobody"}}})
		with data.manoward.parameters as {"unauthorized-attempt-source": object.union(defaults, {"ignoredActors": ["nobody"]})}
	fixture.summary(found) == []
}
