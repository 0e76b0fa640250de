package manoward.policies.security_vnf_removed_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.policies.security_vnf_removed as policy

test_removed_by_the_oss if {
	found := policy.findings with input as fixture.event("ns-change", {"operation": "VNF_TERMINATE", "subject": {"vnfInstanceId": "v2", "vnfProfileId": "firewall"}})
	fixture.summary(found) == [["removed", "critical", ["alert"]]]
}

test_removed_by_the_security_manager if {
	found := policy.findings with input as fixture.event("ns-change", {"operation": "VNF_TERMINATE", "subject": {"vnfInstanceId": "v2", "vnfProfileId": "firewall"}, "source": {"kind": "SM", "identity": "spiffe://north/sm/alpha/sc-or.security-vnf-mgmt"}})
	fixture.summary(found) == []
}

test_inserted_again_when_that_is_switched_on if {
	found := policy.findings with input as fixture.event("ns-change", {"operation": "VNF_TERMINATE", "subject": {"vnfInstanceId": "v2", "vnfProfileId": "firewall"}})
		with data.manoward.parameters["security-vnf-removed"].reinsert as true
	fixture.summary(found) == [["removed", "critical", ["alert", "insert-security-vnf"]]]
}

test_begins_by_nobody_knows_whom if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_TERMINATE", "phase": "START", "subject": {"vnfInstanceId": "v2", "vnfProfileId": "firewall"}}), ["outcome", "source"])
	fixture.summary(found) == [["removal-begins", "default", ["alert"]]]
}

test_gone_already_known_by_its_profile if {
	found := policy.findings with input as fixture.event("ns-change", {"operation": "VNF_TERMINATE", "subject": {"vnfInstanceId": "v9", "vnfProfileId": "ids"}})
		with data.manoward.parameters["security-vnf-removed"].securityProfiles as ["ids"]
	fixture.summary(found) == [["removed", "critical", ["alert"]]]
}

test_another_vnf if {
	found := policy.findings with input as fixture.event("ns-change", {"operation": "VNF_TERMINATE"})
	fixture.summary(found) == []
}

test_removal_failed if {
	found := policy.findings with input as fixture.event("ns-change", {"operation": "VNF_TERMINATE", "outcome": "FAILED", "subject": {"vnfInstanceId": "v2", "vnfProfileId": "firewall"}})
	fixture.summary(found) == []
}

test_another_vnf_begins_to_go if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_TERMINATE", "phase": "START"}), ["outcome"])
	fixture.summary(found) == []
}

test_another_operation if {
	found := policy.findings with input as fixture.event("ns-change", {"operation": "VNF_HEAL", "subject": {"vnfInstanceId": "v2", "vnfProfileId": "firewall"}})
	fixture.summary(found) == []
}

test_cannot_be_inserted_again_without_its_profile if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_TERMINATE", "subject": {"vnfInstanceId": "v2", "vnfProfileId": "firewall"}}), ["subject/vnfProfileId"])
		with data.manoward.parameters["security-vnf-removed"].reinsert as true
	fixture.summary(found) == [["removed", "critical", ["alert"]]]
}

test_cannot_be_inserted_again_without_its_ns if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_TERMINATE", "subject": {"vnfInstanceId": "v2", "vnfProfileId": "firewall"}}), ["subject/nsInstanceId"])
		with data.manoward.parameters["security-vnf-removed"].reinsert as true
	fixture.summary(found) == [["removed", "critical", ["alert"]]]
}

test_its_ns_is_terminated if {
	found := policy.findings with input as fixture.event("ns-change", {
		"operation": "VNF_TERMINATE",
		"subject": {"vnfInstanceId": "v2", "vnfProfileId": "firewall"},
		"recent": [{"kind": "ns-operation", "time": "2026-11-22T22:59:00Z", "operation": "TERMINATE", "phase": "START"}],
	})
	fixture.summary(found) == []
}

test_what_is_inserted_is_another_one if {
	found := policy.findings with input as fixture.event("ns-change", {"operation": "VNF_TERMINATE", "subject": {"vnfInstanceId": "v2", "vnfProfileId": "firewall"}})
		with data.manoward.parameters["security-vnf-removed"].reinsert as true
	{object.get(f.target, "vnfInstanceId", "none") | some f in found} == {"none"}
}
