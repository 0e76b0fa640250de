package manoward.policies.blind_spot_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.policies.blind_spot as policy

test_the_package_is_not_known if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {}), ["packages/k-amf"])
	fixture.summary(found) == [["package-unknown", "default", ["alert"]]]
}

test_all_is_known if {
	found := policy.findings with input as fixture.event("review", {})
	fixture.summary(found) == []
}

test_the_vnf_does_not_say_its_package if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {}), ["vnfs/v1/vnfPkgId"])
	fixture.summary(found) == [["package-unknown", "default", ["alert"]]]
}

test_the_vnf_is_not_known if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {}), ["vnfs/v1"])
	fixture.summary(found) == [["vnf-unknown", "default", ["alert"]]]
}

test_the_vnf_is_gone_as_it_should_be if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_TERMINATE"}), ["vnfs/v1"])
	fixture.summary(found) == []
}

test_a_compute_is_not_known if {
	found := policy.findings with input as fixture.event("ns-change", {"vnfs": {"v1": {"computeIds": ["c1", "c9"]}}})
	fixture.summary(found) == [["computes-unknown", "default", ["alert"]]]
}

test_no_compute_is_known if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {}), ["vnfs/v1/computeIds"])
	fixture.summary(found) == [["computes-unknown", "default", ["alert"]]]
}

test_the_host_is_not_known if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {}), ["hosts/h1"])
	fixture.summary(found) == [["host-unknown", "default", ["alert"]]]
}

test_the_compute_does_not_say_its_host if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {}), ["computes/c1/hostId"])
	fixture.summary(found) == [["host-unknown", "default", ["alert"]]]
}

test_nothing_from_the_vim_and_that_is_usual_here if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"computes": {}, "hosts": {}}), ["computes/c1", "hosts/h1"])
		with data.manoward.parameters["blind-spot"].parts as ["vnfs", "packages"]
	fixture.summary(found) == []
}

test_hosts_were_seen_long_ago_packages_never if {
	found := policy.findings with input as json.remove(fixture.event("review", {"asOf": {"hosts": "2026-11-22T20:00:00Z"}}), ["asOf/packages"])
	fixture.summary(found) == [["view-old", "default", ["alert"]], ["view-old", "default", ["alert"]]]
}

test_a_vnf_that_is_about_to_be_made if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"phase": "START"}), ["outcome", "vnfs/v1"])
	fixture.summary(found) == []
}

test_the_age_is_for_reviews if {
	found := policy.findings with input as fixture.event("ns-change", {"asOf": {"hosts": "2026-11-22T20:00:00Z"}})
	fixture.summary(found) == []
}

test_no_computes_at_all if {
	found := policy.findings with input as fixture.event("ns-change", {"vnfs": {"v1": {"computeIds": []}}})
	fixture.summary(found) == [["computes-unknown", "default", ["alert"]]]
}

started(change) := {"recent": [object.union({"kind": "ns-change", "time": "2026-11-22T22:59:00Z", "operation": "VNF_TERMINATE", "phase": "START", "vnfInstanceId": "v1"}, change)]}

test_a_review_while_a_vnf_is_terminated if {
	seen := fixture.event("review", object.union(started({}), {"vnfs": {"v1": {"computeIds": []}}, "asOf": {"hosts": "2026-11-22T20:00:00Z"}}))
	fixture.summary(policy.findings) == [] with input as seen
}

test_a_review_while_the_ns_is_terminated if {
	seen := fixture.event("review", object.union(started({"kind": "ns-operation", "operation": "TERMINATE"}), {"vnfs": {"v1": {"computeIds": []}, "v2": {"computeIds": []}}, "asOf": {"hosts": "2026-11-22T20:00:00Z"}}))
	fixture.summary(policy.findings) == [] with input as seen
}

test_a_review_while_another_vnf_is_terminated if {
	seen := fixture.event("review", object.union(started({"vnfInstanceId": "v2"}), {"vnfs": {"v1": {"computeIds": []}}}))
	fixture.summary(policy.findings) == [["computes-unknown", "default", ["alert"]]] with input as seen
}
