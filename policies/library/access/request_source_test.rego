package manoward.policies.request_source_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.policies.request_source as policy

test_an_em_changes_the_package if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_CHANGE_VNFPKG", "phase": "START", "source": {"kind": "EM", "identity": "spiffe://north/em/one"}}), ["outcome"])
	fixture.summary(found) == [["kind-not-allowed", "medium", ["alert"]]]
}

test_the_oss_changes_the_package if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_CHANGE_VNFPKG", "phase": "START"}), ["outcome"])
	fixture.summary(found) == []
}

test_nobody_says_what_kind_of_party if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_CHANGE_VNFPKG", "phase": "START"}), ["outcome", "source/kind"])
	fixture.summary(found) == [["kind-not-allowed", "medium", ["alert"]]]
}

test_nobody_says_who if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"phase": "START"}), ["outcome", "source"])
	fixture.summary(found) == [["source-missing", "low", ["alert"]]]
}

test_nobody_says_who_which_is_usual_here if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"phase": "START"}), ["outcome", "source"])
		with data.manoward.parameters["request-source"].reportMissing as false
	fixture.summary(found) == []
}

test_somebody_of_another_domain if {
	found := policy.findings with input as fixture.event("ns-operation", {"source": {"kind": "OSS", "identity": "spiffe://south/oss/x"}})
	fixture.summary(found) == [["other-domain", "high", ["alert"]]]
}

test_not_on_the_list if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"phase": "START"}), ["outcome"])
		with data.manoward.parameters["request-source"].allowedIdentities as {"VNF_INSTANTIATE": ["spiffe://north/oss/other"]}
	fixture.summary(found) == [["identity-not-allowed", "high", ["alert"]]]
}

test_no_identity_and_a_list if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"phase": "START"}), ["outcome", "source/identity"])
		with data.manoward.parameters["request-source"].allowedIdentities as {"VNF_INSTANTIATE": ["spiffe://north/oss/other"]}
	fixture.summary(found) == [["identity-not-allowed", "high", ["alert"]]]
}

test_already_over if {
	found := policy.findings with input as fixture.event("ns-change", {"operation": "VNF_CHANGE_VNFPKG", "source": {"kind": "EM", "identity": "spiffe://north/em/one"}})
	fixture.summary(found) == []
}

test_over_and_nobody_said_who if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {}), ["source"])
	fixture.summary(found) == []
}

test_over_by_somebody_of_another_domain if {
	found := policy.findings with input as fixture.event("ns-change", {"source": {"kind": "OSS", "identity": "spiffe://south/oss/x"}})
	fixture.summary(found) == []
}

test_over_by_somebody_who_is_not_on_the_list if {
	found := policy.findings with input as fixture.event("ns-change", {})
		with data.manoward.parameters["request-source"].allowedIdentities as {"VNF_INSTANTIATE": ["spiffe://north/oss/other"]}
	fixture.summary(found) == []
}

test_nobody_says_who_and_there_is_a_list if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"phase": "START"}), ["outcome", "source"])
		with data.manoward.parameters["request-source"].allowedIdentities as {"VNF_INSTANTIATE": ["spiffe://north/oss/other"]}
		with data.manoward.parameters["request-source"].reportMissing as false
	fixture.summary(found) == [["identity-not-allowed", "high", ["alert"]]]
}

test_renewal_of_a_certificate if {
	change := {"operation": "VNF_MODIFY_INFO", "phase": "START", "time": "2026-11-22T12:00:00Z", "source": {"kind": "AUTO_RENEW", "identity": "spiffe://hub/vnfm/hub"}}
	found := policy.findings with input as json.remove(fixture.event("ns-change", change), ["outcome"])
	fixture.summary(found) == []
}
