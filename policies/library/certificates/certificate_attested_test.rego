package manoward.policies.certificate_attested_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.policies.certificate_attested as policy

# What the parameters are when nobody sets them.
defaults := {"requiredProfiles": [], "securityVnfsRequired": true, "unattestedProfiles": [], "terminate": false}

test_not_attested if {
	found := policy.findings with input as fixture.event("review", {"vnfs": {"v1": {"certificates": [{"serialNumber": "0a", "attested": false}, {"attested": false}]}}})
		with data.manoward.parameters as {"certificate-attested": object.union(defaults, {})}
	fixture.summary(found) == [["unattested", "default", ["alert"]]]
}

test_attested if {
	found := policy.findings with input as fixture.event("review", {})
		with data.manoward.parameters as {"certificate-attested": object.union(defaults, {})}
	fixture.summary(found) == []
}

test_not_attested_ends_the_vnf_when_that_is_switched_on if {
	found := policy.findings with input as fixture.event("ns-change", {"vnfs": {"v1": {"certificates": [{"serialNumber": "0a"}]}}})
		with data.manoward.parameters as {"certificate-attested": object.union(defaults, {"terminate": true})}
	fixture.summary(found) == [["unattested", "default", ["alert", "terminate-vnf"]]]
}

test_need_not_be_attested if {
	found := policy.findings with input as fixture.event("ns-change", {"vnfs": {"v1": {"certificates": [{"serialNumber": "0a"}]}}})
		with data.manoward.parameters as {"certificate-attested": object.union(defaults, {"unattestedProfiles": ["amf"]})}
	fixture.summary(found) == []
}

test_a_security_vnf_without_a_certificate if {
	found := policy.findings with input as json.remove(fixture.event("review", {}), ["vnfs/v2/certificates"])
		with data.manoward.parameters as {"certificate-attested": object.union(defaults, {})}
	fixture.summary(found) == [["no-certificate", "default", ["alert"]]]
}

test_a_required_one_without_a_certificate if {
	found := policy.findings with input as fixture.event("ns-change", {"vnfs": {"v1": {"certificates": []}}})
		with data.manoward.parameters as {"certificate-attested": object.union(defaults, {"requiredProfiles": ["amf"]})}
	fixture.summary(found) == [["no-certificate", "default", ["alert"]]]
}

test_none_is_required if {
	found := policy.findings with input as fixture.event("ns-change", {"vnfs": {"v1": {"certificates": []}}})
		with data.manoward.parameters as {"certificate-attested": object.union(defaults, {})}
	fixture.summary(found) == []
}
