package manoward.policies.certificate_expiry_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.policies.certificate_expiry as policy

test_ends_in_a_week if {
	found := policy.findings with input as fixture.event("review", {"vnfs": {"v1": {"certificates": [{"serialNumber": "0a", "attested": true, "notAfter": "2026-11-29T00:00:00Z"}]}}})
	fixture.summary(found) == [["ends-soon", "default", ["alert"]]]
}

test_ends_next_year if {
	found := policy.findings with input as fixture.event("review", {})
	fixture.summary(found) == []
}

test_has_ended if {
	found := policy.findings with input as fixture.event("review", {"vnfs": {"v1": {"certificates": [{"attested": true, "notAfter": "2026-11-22T22:00:00Z"}]}}})
	fixture.summary(found) == [["expired", "high", ["alert"]]]
}

test_ends_in_a_week_and_that_is_enough_here if {
	found := policy.findings with input as fixture.event("review", {"vnfs": {"v1": {"certificates": [{"notAfter": "2026-11-29T00:00:00Z"}]}}})
		with data.manoward.parameters["certificate-expiry"].days as 5
	fixture.summary(found) == []
}

test_no_end_is_known if {
	found := policy.findings with input as fixture.event("review", {"vnfs": {"v1": {"certificates": [{"serialNumber": "0a"}]}}})
	fixture.summary(found) == []
}
