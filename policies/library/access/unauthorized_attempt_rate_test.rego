package manoward.policies.unauthorized_attempt_rate_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.policies.unauthorized_attempt_rate as policy

test_one_party_again_and_again if {
	found := policy.findings with input as fixture.event("unauthorized-attempt", {"event": {"attempt": {"count": 6}}})
	fixture.summary(found) == [["persistent-actor", "medium", ["alert"]]]
}

test_once if {
	found := policy.findings with input as fixture.event("unauthorized-attempt", {})
	fixture.summary(found) == []
}

test_many_parties if {
	found := policy.findings with input as fixture.event("unauthorized-attempt", {"recent": [{"kind": "unauthorized-attempt", "time": "2026-11-22T22:55:00Z", "source": {"identity": "spiffe://south/oss/x"}, "count": 20}]})
	fixture.summary(found) == [["many-attempts", "default", ["alert"]]]
}

test_long_ago if {
	found := policy.findings with input as fixture.event("unauthorized-attempt", {"recent": [{"kind": "unauthorized-attempt", "time": "2026-11-22T22:15:00Z", "source": {"identity": "spiffe://north/oss/portal"}, "count": 20}]})
	fixture.summary(found) == []
}

test_same_party_before_without_a_count if {
	found := policy.findings with input as fixture.event("unauthorized-attempt", {"recent": [{"kind": "unauthorized-attempt", "time": "2026-11-22T22:58:00Z", "source": {"identity": "spiffe://north/oss/portal"}}, {"kind": "ns-change", "time": "2026-11-22T22:58:00Z", "count": 50}]})
		with data.manoward.parameters["unauthorized-attempt-rate"].maxPerActor as 1
	fixture.summary(found) == [["persistent-actor", "medium", ["alert"]]]
}

test_on_something_that_no_finding_can_name if {
	found := policy.findings with input as json.remove(fixture.event("unauthorized-attempt", {"event": {"attempt": {"count": 6}}}), ["subject/nsInstanceId"])
	fixture.summary(found) == [["persistent-actor", "medium", ["alert"]]]
}
