package manoward.policies.request_source_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.policies.request_source as policy

# What the parameters are when nobody sets them.
defaults := {"allowedKinds": {"VNF_TERMINATE": ["OSS", "OPERATOR", "SM", "VNFM", "AUTO_SCALE"], "VNF_CHANGE_VNFPKG": ["OSS", "OPERATOR", "SM"], "VNF_CHANGE_EXT_CONN": ["OSS", "OPERATOR", "SM"], "VNF_MODIFY_INFO": ["OSS", "OPERATOR", "SM", "EM"], "TERMINATE": ["OSS", "OPERATOR"]}, "allowedIdentities": {}, "reportMissing": true}

test_an_em_changes_the_package if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_CHANGE_VNFPKG", "phase": "START", "source": {"kind": "EM", "identity": "spiffe://north/em/one"}}), ["outcome"])
		with data.manoward.parameters as {"request-source": object.union(defaults, {})}
	fixture.summary(found) == [["kind-not-allowed", "medium", ["alert"]]]
}

test_the_oss_changes_the_package if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_CHANGE_VNFPKG", "phase": "START"}), ["outcome"])
		with data.manoward.parameters as {"request-source": object.union(defaults, {})}
	fixture.summary(found) == []
}

test_nobody_says_who if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"phase": "START"}), ["outcome", "source"])
		with data.manoward.parameters as {"request-source": object.union(defaults, {})}
	fixture.summary(found) == [["source-missing", "low", ["alert"]]]
}

test_nobody_says_who_which_is_usual_here if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"phase": "START"}), ["outcome", "source"])
		with data.manoward.parameters as {"request-source": object.union(defaults, {"reportMissing": false})}
	fixture.summary(found) == []
}

test_somebody_of_another_domain if {
	found := policy.findings with input as fixture.event("ns-operation", {"source": {"kind": "OSS", "identity": "spiffe://south/oss/x"}})
		with data.manoward.parameters as {"request-source": object.union(defaults, {})}
	fixture.summary(found) == [["other-domain", "high", ["alert"]]]
}

test_not_on_the_list if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"phase": "START"}), ["outcome"])
		with data.manoward.parameters as {"request-source": object.union(defaults, {"allowedIdentities": {"VNF_INSTANTIATE": ["spiffe://north/oss/other"]}})}
	fixture.summary(found) == [["identity-not-allowed", "high", ["alert"]]]
}

test_no_identity_and_a_list if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"phase": "START"}), ["outcome", "source/identity"])
		with data.manoward.parameters as {"request-source": object.union(defaults, {"allowedIdentities": {"VNF_INSTANTIATE": ["spiffe://north/oss/other"]}})}
	fixture.summary(found) == [["identity-not-allowed", "high", ["alert"]]]
}

test_already_over if {
	found := policy.findings with input as fixture.event("ns-change", {"operation": "VNF_CHANGE_VNFPKG", "source": {"kind": "EM", "identity": "spiffe://north/em/one"}})
		with data.manoward.parameters as {"request-source": object.union(defaults, {})}
	fixture.summary(found) == []
}
