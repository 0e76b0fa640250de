package manoward.policies.migration_unexpected_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.policies.migration_unexpected as policy

test_nobody_asked if {
	found := policy.findings with input as json.remove(fixture.event("compute-change", {"operation": "MIGRATED", "event": {"changeType": "MIGRATED", "changedResourceData": {"formerHostId": "h2", "hostId": "h1"}}}), ["event/changedResourceData/runningState"])
	fixture.summary(found) == [["not-asked-for", "default", ["alert"]]]
}

test_its_host_was_stopped if {
	found := policy.findings with input as fixture.event("compute-change", {"operation": "MIGRATED", "event": {"changeType": "MIGRATED", "changedResourceData": {"formerHostId": "h2", "hostId": "h1"}}, "hosts": {"h2": {"state": "STOPPED"}}})
	fixture.summary(found) == []
}

test_an_operator_asked if {
	found := policy.findings with input as fixture.event("compute-change", {"operation": "MIGRATED", "source": {"kind": "OPERATOR", "identity": "spiffe://hub/operator/ann"}})
	fixture.summary(found) == []
}

test_an_operation_is_under_way if {
	found := policy.findings with input as fixture.event("compute-change", {"operation": "MIGRATED", "recent": [{"kind": "ns-change", "time": "2026-11-22T22:59:00Z", "vnfInstanceId": "v1", "operation": "VNF_HEAL", "phase": "START"}]})
	fixture.summary(found) == []
}

test_an_operation_of_another_vnf if {
	found := policy.findings with input as json.remove(fixture.event("compute-change", {"operation": "MIGRATED", "recent": [{"kind": "ns-change", "time": "2026-11-22T22:59:00Z", "vnfInstanceId": "v2", "operation": "VNF_HEAL", "phase": "START"}]}), ["event/changedResourceData"])
	fixture.summary(found) == [["not-asked-for", "default", ["alert"]]]
}

test_again_and_again if {
	found := policy.findings with input as fixture.event("compute-change", {"operation": "MIGRATED", "source": {"kind": "OPERATOR", "identity": "spiffe://hub/operator/ann"}, "recent": [{"kind": "compute-change", "time": "2026-11-22T22:30:00Z", "vnfInstanceId": "v1", "operation": "MIGRATED"}]})
		with data.manoward.parameters["migration-unexpected"].maxPerHour as 1
	fixture.summary(found) == [["migrates-again", "high", ["alert"]]]
}

test_no_migration if {
	found := policy.findings with input as fixture.event("compute-change", {})
	fixture.summary(found) == []
}

test_something_else_after_many_migrations if {
	found := policy.findings with input as fixture.event("compute-change", {"operation": "OPERATED", "recent": [{"time": "2026-11-22T22:59:00Z", "kind": "compute-change", "vnfInstanceId": "v1", "operation": "MIGRATED"}]})
		with data.manoward.parameters["migration-unexpected"].maxPerHour as 1
	fixture.summary(found) == []
}

test_migrations_of_others_and_other_events if {
	found := policy.findings with input as fixture.event("compute-change", {"operation": "MIGRATED", "source": {"kind": "OPERATOR", "identity": "spiffe://hub/operator/ann"}, "recent": [{"time": "2026-11-22T22:59:00Z", "kind": "compute-change", "vnfInstanceId": "v2", "operation": "MIGRATED"}, {"time": "2026-11-22T22:59:00Z", "kind": "compute-change", "vnfInstanceId": "v1", "operation": "OPERATED"}, {"time": "2026-11-22T22:59:00Z", "kind": "alarm", "vnfInstanceId": "v1", "operation": "MIGRATED"}]})
		with data.manoward.parameters["migration-unexpected"].maxPerHour as 1
	fixture.summary(found) == []
}

test_another_event_is_no_operation if {
	found := policy.findings with input as fixture.event("compute-change", {"operation": "MIGRATED", "recent": [{"time": "2026-11-22T22:59:00Z", "kind": "alarm", "vnfInstanceId": "v1", "operation": "FIRED"}]})
	fixture.summary(found) == [["not-asked-for", "default", ["alert"]]]
}
