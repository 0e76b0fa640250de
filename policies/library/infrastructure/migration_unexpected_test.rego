package manoward.policies.migration_unexpected_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.policies.migration_unexpected as policy

# What the parameters are when nobody sets them.
defaults := {"allowedKinds": ["SM", "OPERATOR"], "minutes": 10, "maxPerHour": 3}

test_nobody_asked if {
	found := policy.findings with input as json.remove(fixture.event("compute-change", {"operation": "MIGRATED", "event": {"changeType": "MIGRATED", "changedResourceData": {"formerHostId": "h2", "hostId": "h1"}}}), ["event/changedResourceData/runningState"])
		with data.manoward.parameters as {"migration-unexpected": object.union(defaults, {})}
	fixture.summary(found) == [["not-asked-for", "default", ["alert"]]]
}

test_its_host_was_stopped if {
	found := policy.findings with input as fixture.event("compute-change", {"operation": "MIGRATED", "event": {"changeType": "MIGRATED", "changedResourceData": {"formerHostId": "h2", "hostId": "h1"}}, "hosts": {"h2": {"state": "STOPPED"}}})
		with data.manoward.parameters as {"migration-unexpected": object.union(defaults, {})}
	fixture.summary(found) == []
}

test_an_operator_asked if {
	found := policy.findings with input as fixture.event("compute-change", {"operation": "MIGRATED", "source": {"kind": "OPERATOR", "identity": "spiffe://hub/operator/ann"}})
		with data.manoward.parameters as {"migration-unexpected": object.union(defaults, {})}
	fixture.summary(found) == []
}

test_an_operation_is_under_way if {
	found := policy.findings with input as fixture.event("compute-change", {"operation": "MIGRATED", "recent": [{"kind": "ns-change", "time": "2026-11-22T22:59:00Z", "vnfInstanceId": "v1", "operation": "VNF_HEAL", "phase": "START"}]})
		with data.manoward.parameters as {"migration-unexpected": object.union(defaults, {})}
	fixture.summary(found) == []
}

test_an_operation_of_another_vnf if {
	found := policy.findings with input as json.remove(fixture.event("compute-change", {"operation": "MIGRATED", "recent": [{"kind": "ns-change", "time": "2026-11-22T22:59:00Z", "vnfInstanceId": "v2", "operation": "VNF_HEAL", "phase": "START"}]}), ["event/changedResourceData"])
		with data.manoward.parameters as {"migration-unexpected": object.union(defaults, {})}
	fixture.summary(found) == [["not-asked-for", "default", ["alert"]]]
}

test_again_and_again if {
	found := policy.findings with input as fixture.event("compute-change", {"operation": "MIGRATED", "source": {"kind": "OPERATOR", "identity": "spiffe://hub/operator/ann"}, "recent": [{"kind": "compute-change", "time": "2026-11-22T22:30:00Z", "vnfInstanceId": "v1", "operation": "MIGRATED"}]})
		with data.manoward.parameters as {"migration-unexpected": object.union(defaults, {"maxPerHour": 1})}
	fixture.summary(found) == [["migrates-again", "high", ["alert"]]]
}

test_no_migration if {
	found := policy.findings with input as fixture.event("compute-change", {})
		with data.manoward.parameters as {"migration-unexpected": object.union(defaults, {})}
	fixture.summary(found) == []
}
