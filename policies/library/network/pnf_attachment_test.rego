package manoward.policies.pnf_attachment_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.policies.pnf_attachment as policy

test_a_pnf_that_the_ns_does_not_have if {
	found := policy.findings with input as fixture.event("ns-change", {"vnfs": {"v1": {"connectivity": [{"extCpId": "x1", "pnfIds": ["p9"]}]}}})
	fixture.summary(found) == [["pnf-not-of-ns", "high", ["alert"]]]
}

test_a_pnf_of_the_ns if {
	found := policy.findings with input as fixture.event("ns-change", {"vnfs": {"v1": {"connectivity": [{"extCpId": "x1", "pnfIds": ["p1"]}]}}})
	fixture.summary(found) == []
}

test_no_pnf if {
	found := policy.findings with input as fixture.event("ns-change", {})
	fixture.summary(found) == []
}

test_a_pnf_that_it_may_not_meet if {
	found := policy.findings with input as fixture.event("review", {"vnfs": {"v1": {"connectivity": [{"extCpId": "x1", "pnfIds": ["p1"]}]}}})
		with data.manoward.parameters["pnf-attachment"].allowedPnfs as {"amf": ["gnb"]}
	fixture.summary(found) == [["pnf-not-allowed", "medium", ["alert"]]]
}

test_a_pnf_that_it_may_meet if {
	found := policy.findings with input as fixture.event("review", {"vnfs": {"v1": {"connectivity": [{"extCpId": "x1", "pnfIds": ["p1"]}]}}})
		with data.manoward.parameters["pnf-attachment"].allowedPnfs as {"amf": ["router"]}
	fixture.summary(found) == []
}

test_after_a_change if {
	found := policy.findings with input as fixture.event("ns-change", {"operation": "VNF_CHANGE_EXT_CONN", "vnfs": {"v1": {"connectivity": [{"extCpId": "x1", "pnfIds": ["p1"]}]}}})
	fixture.summary(found) == [["pnf-after-change", "low", ["alert"]]]
}

test_after_a_change_which_is_usual_here if {
	found := policy.findings with input as fixture.event("ns-change", {"operation": "VNF_CHANGE_EXT_CONN", "vnfs": {"v1": {"connectivity": [{"extCpId": "x1", "pnfIds": ["p1"]}]}}})
		with data.manoward.parameters["pnf-attachment"].reportLate as false
	fixture.summary(found) == []
}

test_the_pnfs_of_the_ns_are_not_known if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"vnfs": {"v1": {"connectivity": [{"extCpId": "x1", "pnfIds": ["p1"]}]}}}), ["ns/pnfs"])
	fixture.summary(found) == []
}

test_a_pnf_was_added_to_the_ns if {
	met := {"vnfs": {"v1": {"connectivity": [{"extCpId": "x1", "pnfIds": ["p1"]}]}}}
	found := policy.findings with input as fixture.event("ns-operation", object.union(met, {"phase": "RESULT", "outcome": "COMPLETED"}))
		with data.manoward.parameters["pnf-attachment"].allowedPnfs as {"amf": ["gnb"]}
	fixture.summary(found) == [["pnf-not-allowed", "medium", ["alert"]]]
}
