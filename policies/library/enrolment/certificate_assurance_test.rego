package manoward.policies.certificate_assurance_test

import data.manoward.lib.fixture_test as summaries
import data.manoward.lib.request_fixture_test as fixture
import data.manoward.policies.certificate_assurance as policy

summary(found) := summaries.summary(found)

classes := {"d-amf": "secret", "*": "public"}

minimum := {"secret": "genuine", "public": "none"}

test_nothing_is_set if summary(policy.findings) == [] with input as fixture.request({})

test_too_low if {
	found := policy.findings with input as fixture.request({})
		with data.manoward.parameters["certificate-assurance"] as {"classes": classes, "minimum": minimum, "downgrade": false}
	summary(found) == [["assurance-low", "default", ["deny-certificate"]]]
}

test_enough if {
	found := policy.findings with input as fixture.request({"assurance": "genuine"})
		with data.manoward.parameters["certificate-assurance"] as {"classes": classes, "minimum": minimum, "downgrade": false}
	summary(found) == []
}

test_another_class if {
	found := policy.findings with input as fixture.bare({"event": {"vnfdId": "d-web"}})
		with data.manoward.parameters["certificate-assurance"] as {"classes": classes, "minimum": minimum, "downgrade": false}
	summary(found) == []
}

test_counts_as_unattested if {
	found := policy.findings with input as fixture.request({})
		with data.manoward.parameters["certificate-assurance"] as {"classes": classes, "minimum": minimum, "downgrade": true}
	summary(found) == [["assurance-low", "default", ["downgrade-attestation"]]]
}

test_counts_as_unattested_once if {
	found := policy.findings with input as fixture.request({"attested": false, "assurance": "none", "downgradedBy": ["certificate-assurance"]})
		with data.manoward.parameters["certificate-assurance"] as {"classes": classes, "minimum": minimum, "downgrade": true}
	summary(found) == []
}

test_no_assurance_is_set_for_the_class if {
	found := policy.findings with input as fixture.request({"assurance": "genuine"})
		with data.manoward.parameters["certificate-assurance"] as {"classes": {"c1": "secrt"}, "minimum": minimum, "downgrade": true}
	summary(found) == [["class-unknown", "default", ["deny-certificate"]]]
}
