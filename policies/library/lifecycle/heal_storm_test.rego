package manoward.policies.heal_storm_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.policies.heal_storm as policy

test_one_vnf_too_often if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_HEAL", "phase": "START", "recent": [{"kind": "ns-change", "time": "2026-11-22T22:58:00Z", "phase": "START", "operation": "VNF_HEAL", "nsInstanceId": "n1", "vnfInstanceId": "v1"}, {"kind": "ns-change", "time": "2026-11-22T22:58:01Z", "phase": "START", "operation": "VNF_HEAL", "nsInstanceId": "n1", "vnfInstanceId": "v1"}, {"kind": "ns-change", "time": "2026-11-22T22:58:02Z", "phase": "START", "operation": "VNF_HEAL", "nsInstanceId": "n1", "vnfInstanceId": "v1"}]}), ["outcome"])
	fixture.summary(found) == [["vnf-storm", "default", ["alert"]]]
}

test_one_vnf_as_often_as_may_be if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_HEAL", "phase": "START", "recent": [{"kind": "ns-change", "time": "2026-11-22T22:58:00Z", "phase": "START", "operation": "VNF_HEAL", "nsInstanceId": "n1", "vnfInstanceId": "v1"}, {"kind": "ns-change", "time": "2026-11-22T22:58:01Z", "phase": "START", "operation": "VNF_HEAL", "nsInstanceId": "n1", "vnfInstanceId": "v1"}]}), ["outcome"])
	fixture.summary(found) == []
}

test_the_ns_too_often if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_HEAL", "phase": "START", "recent": [{"kind": "ns-change", "time": "2026-11-22T22:58:00Z", "phase": "START", "operation": "VNF_HEAL", "nsInstanceId": "n1", "vnfInstanceId": "v2"}, {"kind": "ns-change", "time": "2026-11-22T22:58:01Z", "phase": "START", "operation": "VNF_HEAL", "nsInstanceId": "n1", "vnfInstanceId": "v2"}, {"kind": "ns-change", "time": "2026-11-22T22:58:02Z", "phase": "START", "operation": "VNF_HEAL", "nsInstanceId": "n1", "vnfInstanceId": "v2"}]}), ["outcome"])
		with data.manoward.parameters["heal-storm"].maxPerNs as 3
	fixture.summary(found) == [["ns-storm", "high", ["alert"]]]
}

test_another_operation if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_OPERATE", "phase": "START", "recent": [{"kind": "ns-change", "time": "2026-11-22T22:58:00Z", "phase": "START", "operation": "VNF_HEAL", "nsInstanceId": "n1", "vnfInstanceId": "v1"}, {"kind": "ns-change", "time": "2026-11-22T22:58:01Z", "phase": "START", "operation": "VNF_HEAL", "nsInstanceId": "n1", "vnfInstanceId": "v1"}, {"kind": "ns-change", "time": "2026-11-22T22:58:02Z", "phase": "START", "operation": "VNF_HEAL", "nsInstanceId": "n1", "vnfInstanceId": "v1"}]}), ["outcome"])
	fixture.summary(found) == []
}

test_results_are_not_counted if {
	found := policy.findings with input as fixture.event("ns-change", {"operation": "VNF_HEAL", "recent": [{"kind": "ns-change", "time": "2026-11-22T22:58:00Z", "phase": "START", "operation": "VNF_HEAL", "nsInstanceId": "n1", "vnfInstanceId": "v1"}, {"kind": "ns-change", "time": "2026-11-22T22:58:01Z", "phase": "START", "operation": "VNF_HEAL", "nsInstanceId": "n1", "vnfInstanceId": "v1"}, {"kind": "ns-change", "time": "2026-11-22T22:58:02Z", "phase": "START", "operation": "VNF_HEAL", "nsInstanceId": "n1", "vnfInstanceId": "v1"}]})
	fixture.summary(found) == []
}

test_long_ago if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_HEAL", "phase": "START", "recent": [{"kind": "ns-change", "time": "2026-11-22T22:05:00Z", "phase": "START", "operation": "VNF_HEAL", "nsInstanceId": "n1", "vnfInstanceId": "v1"}, {"kind": "ns-change", "time": "2026-11-22T22:05:00Z", "phase": "START", "operation": "VNF_HEAL", "nsInstanceId": "n1", "vnfInstanceId": "v1"}, {"kind": "ns-change", "time": "2026-11-22T22:05:00Z", "phase": "START", "operation": "VNF_HEAL", "nsInstanceId": "n1", "vnfInstanceId": "v1"}]}), ["outcome"])
	fixture.summary(found) == []
}

test_the_ns_too_often_and_then_another_operation if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_OPERATE", "phase": "START", "recent": [{"kind": "ns-change", "time": "2026-11-22T22:58:00Z", "phase": "START", "operation": "VNF_HEAL", "nsInstanceId": "n1", "vnfInstanceId": "v2"}]}), ["outcome"])
		with data.manoward.parameters["heal-storm"].maxPerNs as 1
	fixture.summary(found) == []
}
