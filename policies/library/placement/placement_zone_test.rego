package manoward.policies.placement_zone_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.policies.placement_zone as policy

test_another_zone if {
	found := policy.findings with input as fixture.event("compute-change", {"operation": "MIGRATED"})
		with data.manoward.parameters["placement-zone"].allowedZones as {"amf": ["z2", "z3"]}
	fixture.summary(found) == [["zone-not-allowed", "default", ["alert"]]]
}

test_its_zone if {
	found := policy.findings with input as fixture.event("ns-change", {})
		with data.manoward.parameters["placement-zone"].allowedZones as {"amf": ["z1"]}
	fixture.summary(found) == []
}

test_another_zone_ends_the_vnf_when_that_is_switched_on if {
	found := policy.findings with input as fixture.event("ns-change", {})
		with data.manoward.parameters["placement-zone"].allowedZones as {"*": ["z2"]}
		with data.manoward.parameters["placement-zone"].terminate as true
	fixture.summary(found) == [["zone-not-allowed", "default", ["alert", "terminate-vnf"]]]
}

test_no_list_for_it if {
	found := policy.findings with input as fixture.event("ns-change", {})
		with data.manoward.parameters["placement-zone"].allowedZones as {"firewall": ["z2"]}
	fixture.summary(found) == []
}

test_the_host_says_the_zone if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {}), ["computes/c1/zoneId"])
		with data.manoward.parameters["placement-zone"].allowedZones as {"amf": ["z1"]}
	fixture.summary(found) == []
}

test_nobody_says_the_zone if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {}), ["computes/c1/zoneId", "hosts/h1"])
		with data.manoward.parameters["placement-zone"].allowedZones as {"amf": ["z1"]}
	fixture.summary(found) == [["zone-unknown", "low", ["alert"]]]
}

test_nobody_says_the_zone_and_all_are_allowed if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {}), ["computes/c1/zoneId", "hosts/h1"])
	fixture.summary(found) == []
}
