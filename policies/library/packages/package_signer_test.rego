package manoward.policies.package_signer_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.policies.package_signer as policy

test_signer_is_not_on_the_list if {
	found := policy.findings with input as fixture.event("ns-change", {})
		with data.manoward.parameters["package-signer"].allowedSigners as ["CN=Somebody Else"]
	fixture.summary(found) == [["signer-unknown", "default", ["alert"]]]
}

test_a_signer_that_is_not_on_the_list_ends_the_vnf_when_that_is_switched_on if {
	found := policy.findings with input as fixture.event("ns-change", {})
		with data.manoward.parameters["package-signer"].allowedSigners as ["CN=Somebody Else"]
		with data.manoward.parameters["package-signer"].terminate as true
	fixture.summary(found) == [["signer-unknown", "default", ["alert", "terminate-vnf"]]]
}

test_signer_is_on_the_list if {
	found := policy.findings with input as fixture.event("ns-change", {})
		with data.manoward.parameters["package-signer"].allowedSigners as ["CN=Acme Release"]
	fixture.summary(found) == []
}

test_no_list if {
	found := policy.findings with input as fixture.event("ns-change", {})
	fixture.summary(found) == []
}

test_nobody_signed if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {}), ["vnfs/v1/integrity/signer", "packages/k-amf/signer"])
		with data.manoward.parameters["package-signer"].allowedSigners as ["CN=Acme Release"]
	fixture.summary(found) == []
}

test_two_packages_of_one_product_by_two_signers if {
	found := policy.findings with input as fixture.event("review", {"packages": {"k-new": {"id": "k-new", "provider": "Acme", "productName": "AMF", "signer": "CN=Mallory"}}})
	fixture.summary(found) == [["signers-differ", "medium", ["alert"]]]
}
