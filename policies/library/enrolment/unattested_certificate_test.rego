package manoward.policies.unattested_certificate_test

import data.manoward.lib.fixture_test as summaries
import data.manoward.lib.request_fixture_test as fixture
import data.manoward.policies.unattested_certificate as policy

summary(found) := summaries.summary(found)

refused := [["unattested-refused", "default", ["deny-certificate"]]]

allowed := [["unattested-allowed", "info", ["downgrade-attestation"]]]

test_attested if summary(policy.findings) == [] with input as fixture.request({})

test_none if summary(policy.findings) == refused with input as fixture.bare({})

test_failed if summary(policy.findings) == refused with input as fixture.failed({})

test_downgraded if {
	found := policy.findings with input as fixture.request({"attested": false, "assurance": "none", "downgradedBy": ["certificate-assurance"]})
	summary(found) == refused
	some f in found
	contains(f.message, "a policy wants")
}

test_allowed_by_each_name if {
	every name in ["*", "c1", "d-amf"] {
		found := policy.findings with input as fixture.bare({})
			with data.manoward.parameters["unattested-certificate"].allowed as {"VNFCI_CERT": [name]}
		summary(found) == allowed
	}
}

test_another_name_or_type if {
	every who in [{"VNFCI_CERT": ["c2", "d-smf"]}, {"VNFOAM_CERT": ["*"]}, {}] {
		found := policy.findings with input as fixture.bare({})
			with data.manoward.parameters["unattested-certificate"].allowed as who
		summary(found) == refused
	}
}

test_failed_is_not_none if {
	found := policy.findings with input as fixture.failed({})
		with data.manoward.parameters["unattested-certificate"].allowed as {"VNFCI_CERT": ["*"]}
	summary(found) == refused
}

test_failed_allowed if {
	found := policy.findings with input as fixture.failed({})
		with data.manoward.parameters["unattested-certificate"] as {"allowed": {"VNFCI_CERT": ["*"]}, "failedToo": true}
	summary(found) == allowed
}
