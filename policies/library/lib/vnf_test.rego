package manoward.lib.vnf_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.lib.vnf

ids(doc) := {id | some id, _ in vnf.judged with input as doc}

test_the_vnf_that_the_event_names if ids(fixture.event("ns-change", {})) == {"v1"}

test_the_vnf_of_the_compute if {
	ids(json.remove(fixture.event("compute-change", {}), ["subject/vnfInstanceId"])) == {"v1"}
}

test_not_the_neighbours_of_a_compute if {
	ids(fixture.event("compute-change", {"computes": {"c2": {"hostId": "h1"}}})) == {"v1"}
}

test_all_vnfs_on_the_host if {
	ids(fixture.event("host-change", {"computes": {"c2": {"hostId": "h1"}}})) == {"v1", "v2"}
}

test_all_vnfs_of_the_image if ids(fixture.event("image-change", {"computes": {"c2": {"imageId": "i2"}}})) == {"v1"}

test_all_vnfs_in_a_review if ids(fixture.event("review", {})) == {"v1", "v2"}

test_all_vnfs_when_an_operation_on_the_ns_ended if {
	ids(fixture.event("ns-operation", {"phase": "RESULT", "outcome": "COMPLETED"})) == {"v1", "v2"}
	ids(fixture.event("ns-operation", {})) == set()
}

test_none_while_an_operation_runs if ids(fixture.event("ns-change", {"phase": "START"})) == set()

test_none_that_was_terminated if ids(fixture.event("ns-change", {"operation": "VNF_TERMINATE"})) == set()

test_none_that_is_not_instantiated if {
	ids(fixture.event("ns-change", {"vnfs": {"v1": {"instantiationState": "NOT_INSTANTIATED"}}})) == set()
}

test_a_vnf_of_no_known_state_is_there if {
	ids(json.remove(fixture.event("ns-change", {}), ["vnfs/v1/instantiationState"])) == {"v1"}
}

test_target_has_what_is_known if {
	got := vnf.target({"id": "v", "nsInstanceIds": ["a", "b"]}) with input as {"subject": {"nsInstanceId": "b"}}
	got == {"vnfInstanceId": "v", "nsInstanceId": "b"}
}

test_target_in_another_ns if {
	got := vnf.target({"id": "v", "nsInstanceIds": ["a", "b"], "vnfPkgId": "k"}) with input as {"subject": {}}
	got == {"vnfInstanceId": "v", "nsInstanceId": "a", "vnfPkgId": "k"}
}

test_target_in_no_ns if {
	got := vnf.target({"id": "v"}) with input as {"subject": {"nsInstanceId": "b"}}
	got == {"vnfInstanceId": "v"}
}

test_setting_of_the_profile if vnf.setting({"a": [1], "*": [2]}, {"vnfProfileId": "a"}) == [1]

test_setting_of_all_others if vnf.setting({"a": [1], "*": [2]}, {"vnfProfileId": "b"}) == [2]

test_setting_of_no_known_profile if vnf.setting({"a": [1], "*": [2]}, {}) == [2]

test_no_setting if not vnf.setting({"a": [1]}, {"vnfProfileId": "b"})

test_of_profile if {
	vnf.of_profile({"vnfProfileId": "a"}, ["a"])
	not vnf.of_profile({"vnfProfileId": "b"}, ["a"])
	not vnf.of_profile({}, ["a"])
}

test_hosts_of_known_computes if {
	got := vnf.host_ids({"computeIds": ["c1", "c9"]}) with input as fixture.event("review", {})
	got == {"h1"}
}

test_no_hosts_without_computes if vnf.host_ids({}) == set()
