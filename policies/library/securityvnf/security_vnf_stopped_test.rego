package manoward.policies.security_vnf_stopped_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.policies.security_vnf_stopped as policy

test_stopped if {
	found := policy.findings with input as fixture.event("review", {"vnfs": {"v2": {"operationalState": "STOPPED"}}})
	fixture.summary(found) == [["stopped", "default", ["alert"]]]
}

test_started if {
	found := policy.findings with input as fixture.event("review", {})
	fixture.summary(found) == []
}

test_stopped_is_replaced_when_that_is_switched_on if {
	found := policy.findings with input as fixture.event("ns-change", {"operation": "VNF_OPERATE", "subject": {"vnfInstanceId": "v2", "vnfProfileId": "firewall"}, "vnfs": {"v2": {"operationalState": "STOPPED"}}})
		with data.manoward.parameters["security-vnf-stopped"].replace as true
	fixture.summary(found) == [["stopped", "default", ["alert", "terminate-vnf"]]]
}

test_its_compute_does_not_run if {
	found := policy.findings with input as fixture.event("compute-change", {"subject": {"computeId": "c2", "vnfInstanceId": "v2"}, "computes": {"c2": {"runningState": "HALTED"}}})
	fixture.summary(found) == [["nothing-runs", "default", ["alert"]]]
}

test_another_vnf_is_stopped if {
	found := policy.findings with input as fixture.event("review", {"vnfs": {"v1": {"operationalState": "STOPPED"}}})
	fixture.summary(found) == []
}

test_no_compute_is_known if {
	found := policy.findings with input as fixture.event("review", {"vnfs": {"v2": {"computeIds": []}}})
	fixture.summary(found) == []
}

halted(change) := fixture.event("compute-change", object.union(
	{"subject": {"computeId": "c2", "vnfInstanceId": "v2"}, "computes": {"c2": {"runningState": "HALTED"}}},
	change,
))

test_an_operation_halts_its_compute if {
	found := policy.findings with input as halted({"recent": [{"kind": "ns-change", "time": "2026-11-22T22:59:00Z", "operation": "VNF_HEAL", "phase": "START", "vnfInstanceId": "v2"}]})
	fixture.summary(found) == []
}

test_an_operation_on_another_vnf if {
	found := policy.findings with input as halted({"recent": [{"kind": "ns-change", "time": "2026-11-22T22:59:00Z", "operation": "VNF_HEAL", "phase": "START", "vnfInstanceId": "v1"}]})
	fixture.summary(found) == [["nothing-runs", "default", ["alert"]]]
}

test_an_operation_left_its_compute_halted if {
	found := policy.findings with input as fixture.event("ns-operation", {"phase": "RESULT", "outcome": "COMPLETED", "computes": {"c2": {"runningState": "HALTED"}}})
	fixture.summary(found) == [["nothing-runs", "default", ["alert"]]]
}
