package manoward.policies.package_unsigned_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.policies.package_unsigned as policy

test_unsigned if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {}), ["vnfs/v1/integrity/signer", "packages/k-amf/signer"])
	fixture.summary(found) == [["unsigned", "default", ["alert"]]]
}

test_unsigned_ends_the_vnf_when_that_is_switched_on if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"vnfs": {"v1": {"integrity": {"signer": ""}}}}), ["packages/k-amf/signer"])
		with data.manoward.parameters["package-unsigned"].terminate as true
	fixture.summary(found) == [["unsigned", "default", ["alert", "terminate-vnf"]]]
}

test_signed if {
	found := policy.findings with input as fixture.event("ns-change", {})
	fixture.summary(found) == []
}

test_the_package_says_who_signed_it if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {}), ["vnfs/v1/integrity/signer"])
	fixture.summary(found) == []
}

test_exempt_profile if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {}), ["vnfs/v1/integrity/signer", "packages/k-amf/signer"])
		with data.manoward.parameters["package-unsigned"].exemptProfiles as ["amf"]
	fixture.summary(found) == []
}

test_no_verdict_and_no_package if {
	found := policy.findings with input as json.remove(fixture.event("review", {}), ["vnfs/v1/integrity", "packages/k-amf"])
	fixture.summary(found) == [["signature-unknown", "low", ["alert"]]]
}

test_no_vnf_that_is_known if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {}), ["vnfs/v1"])
	fixture.summary(found) == []
}

test_begins_only if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"phase": "START"}), ["outcome", "vnfs/v1/integrity/signer", "packages/k-amf/signer"])
	fixture.summary(found) == []
}

test_exempt_profile_of_which_nobody_knows if {
	found := policy.findings with input as json.remove(fixture.event("review", {}), ["vnfs/v1/integrity", "packages/k-amf"])
		with data.manoward.parameters["package-unsigned"].exemptProfiles as ["amf"]
	fixture.summary(found) == []
}

test_nobody_says_but_the_package_does if {
	found := policy.findings with input as json.remove(fixture.event("review", {}), ["vnfs/v1/integrity"])
	fixture.summary(found) == []
}
