package manoward.lib.event_test

import data.manoward.lib.event
import data.manoward.lib.fixture_test as fixture

test_begins if {
	event.begins with input as fixture.event("ns-change", {"phase": "START"})
	not event.settled with input as fixture.event("ns-change", {"phase": "START"})
}

test_settled if {
	event.settled with input as fixture.event("ns-change", {})
	event.settled with input as fixture.event("review", {})
}

test_succeeded if {
	event.succeeded with input as fixture.event("ns-change", {})
	not event.succeeded with input as fixture.event("ns-change", {"outcome": "FAILED"})
	not event.succeeded with input as fixture.event("review", {})
	not event.succeeded with input as fixture.event("ns-change", {"phase": "START"})
}

test_target_names_no_compute if {
	event.target == {"nsInstanceId": "n1"} with input as {"subject": {"nsInstanceId": "n1", "computeId": "c1"}}
}

recent := [
	{"kind": "ns-change", "time": "2026-11-22T22:29:59Z", "phase": "START", "operation": "VNF_HEAL", "vnfInstanceId": "v1"},
	{"kind": "ns-change", "time": "2026-11-22T22:30:00Z", "phase": "START", "operation": "VNF_HEAL", "vnfInstanceId": "v1"},
	{"kind": "ns-change", "time": "2026-11-22T22:31:00Z", "phase": "RESULT", "operation": "VNF_HEAL", "vnfInstanceId": "v1"},
	{"kind": "ns-change", "time": "2026-11-22T22:32:00Z", "phase": "START", "operation": "VNF_SCALE", "vnfInstanceId": "v1"},
	{"kind": "ns-change", "time": "2026-11-22T22:33:00Z", "phase": "START", "operation": "VNF_HEAL", "vnfInstanceId": "v2"},
	{"kind": "alarm", "time": "2026-11-22T22:34:00Z", "operation": "FIRED", "vnfInstanceId": "v1"},
	{"kind": "ns-operation", "time": "2026-11-22T22:35:00Z", "phase": "START", "operation": "VNF_HEAL", "vnfInstanceId": "v1"},
]

test_earlier if count(event.earlier(30)) == 6 with input as fixture.event("review", {"recent": recent})

test_begun_on_vnf if {
	event.begun_on_vnf({"VNF_HEAL"}, "v1", 30) == 2 with input as fixture.event("review", {"recent": recent})
}

test_begun_in_ns if {
	event.begun_in_ns({"VNF_HEAL"}, 30) == 3 with input as fixture.event("review", {"recent": recent})
}

operations(list) := [object.union({"kind": "ns-change", "time": "2026-11-22T22:59:00Z", "vnfInstanceId": "v1"}, e) | some e in list]

under_way(list) if event.under_way("v1") with input as fixture.event("compute-change", {"recent": operations(list)})

test_an_operation_on_the_vnf_is_under_way if {
	under_way([{"phase": "START"}])
	under_way([{"phase": "START"}, {"phase": "RESULT"}, {"phase": "START"}])
	under_way([{"phase": "START"}, {"phase": "RESULT", "vnfInstanceId": "v2"}])
}

test_an_operation_on_the_ns_is_under_way if {
	under_way([{"kind": "ns-operation", "phase": "START"}, {"phase": "START"}, {"phase": "RESULT"}])
}

test_no_operation_is_under_way if {
	not under_way([])
	not under_way([{"phase": "START"}, {"phase": "RESULT"}])
	not under_way([{"phase": "START", "vnfInstanceId": "v2"}])
	not under_way([{"kind": "ns-operation", "phase": "START"}, {"kind": "ns-operation", "phase": "RESULT"}])
}

ns_ends(list) if event.ns_ends with input as fixture.event("ns-change", {"recent": operations(list)})

test_ns_ends if {
	ns_ends([{"kind": "ns-operation", "operation": "TERMINATE", "phase": "START"}])
	not ns_ends([{"kind": "ns-operation", "operation": "TERMINATE", "phase": "START"}, {"kind": "ns-operation", "operation": "TERMINATE", "phase": "RESULT"}])
	not ns_ends([{"kind": "ns-operation", "operation": "UPDATE", "phase": "START"}])
	not ns_ends([])
}
