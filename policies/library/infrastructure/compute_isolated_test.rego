package manoward.policies.compute_isolated_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.policies.compute_isolated as policy

test_isolated if {
	found := policy.findings with input as fixture.event("compute-change", {"operation": "STATE", "computes": {"c1": {"isolated": true}}})
	fixture.summary(found) == [["isolated", "default", ["alert"]]]
}

test_not_isolated if {
	found := policy.findings with input as fixture.event("compute-change", {})
	fixture.summary(found) == []
}

test_replaced_when_that_is_switched_on if {
	found := policy.findings with input as fixture.event("host-change", {"computes": {"c1": {"isolated": true}}})
		with data.manoward.parameters["compute-isolated"].replace as true
	fixture.summary(found) == [["isolated", "default", ["alert", "terminate-vnf"]]]
}
