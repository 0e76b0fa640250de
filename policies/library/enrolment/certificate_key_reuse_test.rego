package manoward.policies.certificate_key_reuse_test

import data.manoward.lib.fixture_test as summaries
import data.manoward.lib.request_fixture_test as fixture
import data.manoward.policies.certificate_key_reuse as policy

summary(found) := summaries.summary(found)

reused := fixture.request({"event": {"key": {"otherCertificates": 2, "otherSubjects": ["c2"]}}})

test_a_new_key if summary(policy.findings) == [] with input as fixture.request({})

test_the_key_of_another if {
	found := policy.findings with input as reused
	summary(found) == [["key-of-another", "default", ["deny-certificate"]]]
	some f in found
	contains(f.message, "others have or had 2: c2")
}

test_it_may_share if {
	found := policy.findings with input as reused
		with data.manoward.parameters["certificate-key-reuse"].sharing as ["d-amf"]
	summary(found) == []
}

test_others_may_share if {
	found := policy.findings with input as reused
		with data.manoward.parameters["certificate-key-reuse"].sharing as ["c2"]
	summary(found) == [["key-of-another", "default", ["deny-certificate"]]]
}
