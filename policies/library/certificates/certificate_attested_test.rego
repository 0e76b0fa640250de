package manoward.policies.certificate_attested_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.policies.certificate_attested as policy

test_not_attested if {
	found := policy.findings with input as fixture.event("review", {"vnfs": {"v1": {"certificates": [{"serialNumber": "0a", "attested": false}, {"attested": false}]}}})
	fixture.summary(found) == [["unattested", "default", ["alert"]]]
}

test_attested if {
	found := policy.findings with input as fixture.event("review", {})
	fixture.summary(found) == []
}

test_not_attested_ends_the_vnf_when_that_is_switched_on if {
	found := policy.findings with input as fixture.event("ns-change", {"vnfs": {"v1": {"certificates": [{"serialNumber": "0a"}]}}})
		with data.manoward.parameters["certificate-attested"].terminate as true
	fixture.summary(found) == [["unattested", "default", ["alert", "terminate-vnf"]]]
}

test_need_not_be_attested if {
	found := policy.findings with input as fixture.event("ns-change", {"vnfs": {"v1": {"certificates": [{"serialNumber": "0a"}]}}})
		with data.manoward.parameters["certificate-attested"].unattestedProfiles as ["amf"]
	fixture.summary(found) == []
}

test_a_security_vnf_without_a_certificate if {
	found := policy.findings with input as json.remove(fixture.event("review", {}), ["vnfs/v2/certificates"])
	fixture.summary(found) == [["no-certificate", "default", ["alert"]]]
}

test_a_required_one_without_a_certificate if {
	found := policy.findings with input as fixture.event("ns-change", {"vnfs": {"v1": {"certificates": []}}})
		with data.manoward.parameters["certificate-attested"].requiredProfiles as ["amf"]
	fixture.summary(found) == [["no-certificate", "default", ["alert"]]]
}

test_none_is_required if {
	found := policy.findings with input as fixture.event("ns-change", {"vnfs": {"v1": {"certificates": []}}})
	fixture.summary(found) == []
}

test_security_vnfs_need_none_here if {
	found := policy.findings with input as json.remove(fixture.event("review", {}), ["vnfs/v2/certificates"])
		with data.manoward.parameters["certificate-attested"].securityVnfsRequired as false
	fixture.summary(found) == []
}
