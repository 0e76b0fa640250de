package manoward.lib.attempt_test

import data.manoward.lib.attempt
import data.manoward.lib.fixture_test as fixture

test_target if {
	attempt.target == {"nsInstanceId": "n1"} with input as fixture.event("unauthorized-attempt", {})
	attempt.target == {"nsInstanceId": "-"} with input as {"subject": {}}
}

recent := [
	{"kind": "unauthorized-attempt", "time": "2026-11-22T22:58:00Z", "source": {"identity": "spiffe://north/oss/portal"}, "count": 4},
	{"kind": "unauthorized-attempt", "time": "2026-11-22T22:59:00Z", "source": {"identity": "nobody"}},
	{"kind": "alarm", "time": "2026-11-22T22:59:00Z", "source": {"identity": "spiffe://north/oss/portal"}, "count": 9},
]

test_total if attempt.total(10) == 6 with input as fixture.event("unauthorized-attempt", {"recent": recent})

test_of_actor if attempt.of_actor(10) == 5 with input as fixture.event("unauthorized-attempt", {"recent": recent})
