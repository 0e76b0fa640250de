package manoward.policies.snapshot_source_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.policies.snapshot_source as policy

test_the_oss_takes_one if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_CREATE_SNAPSHOT", "phase": "START"}), ["outcome"])
	fixture.summary(found) == [["snapshot-taken", "default", ["alert"]]]
}

test_the_security_manager_takes_one if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_CREATE_SNAPSHOT", "phase": "START", "source": {"kind": "SM", "identity": "spiffe://north/sm/alpha/sc-or.sec-enforce"}}), ["outcome"])
	fixture.summary(found) == []
}

test_nobody_says_who if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_REVERT_TO_SNAPSHOT", "phase": "START"}), ["outcome", "source"])
	fixture.summary(found) == [["set-back", "default", ["alert"]]]
}

test_an_identity_that_may if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_CREATE_SNAPSHOT", "phase": "START"}), ["outcome"])
		with data.manoward.parameters["snapshot-source"].allowedIdentities as ["spiffe://north/oss/portal"]
	fixture.summary(found) == []
}

test_another_operation if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"phase": "START"}), ["outcome"])
	fixture.summary(found) == []
}

test_only_the_beginning_is_judged if {
	found := policy.findings with input as fixture.event("ns-change", {"operation": "VNF_CREATE_SNAPSHOT"})
	fixture.summary(found) == []
}
