package manoward.policies.certificate_rate_test

import data.manoward.lib.fixture_test as summaries
import data.manoward.lib.request_fixture_test as fixture
import data.manoward.policies.certificate_rate as policy

summary(found) := summaries.summary(found)

hours(first, second) := fixture.request({"time": "2026-11-22T23:30:00Z", "issued": [
	{"hour": "2026-11-22T20:00:00Z", "certificates": first},
	{"hour": "2026-11-22T22:00:00Z", "certificates": second},
]})

many := [["many-certificates", "default", ["deny-certificate"]]]

test_none if summary(policy.findings) == [] with input as fixture.request({})

test_as_many_as_there_may_be if summary(policy.findings) == [] with input as hours(40, 9)

test_one_more if summary(policy.findings) == many with input as hours(40, 10)

test_a_short_window if {
	every count, want in {4: [], 5: many} {
		found := policy.findings with input as hours(40, count)
			with data.manoward.parameters["certificate-rate"] as {"hours": 2, "maxCertificates": 5}
		summary(found) == want
	}
}

test_a_part_of_an_hour_is_in_the_window if {
	found := policy.findings with input as hours(5, 0)
		with data.manoward.parameters["certificate-rate"] as {"hours": 3, "maxCertificates": 5}
	summary(found) == many
}
