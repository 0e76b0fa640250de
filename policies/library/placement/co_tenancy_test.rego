package manoward.policies.co_tenancy_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.policies.co_tenancy as policy

test_a_security_vnf_beside_another_domain if {
	found := policy.findings with input as fixture.event("review", {"hosts": {"h2": {"otherTenants": true}}})
	fixture.summary(found) == [["other-trust-domain", "default", ["alert"]]]
}

test_any_other_vnf_beside_another_domain if {
	found := policy.findings with input as fixture.event("review", {"hosts": {"h1": {"otherTenants": true}}})
	fixture.summary(found) == []
}

test_a_profile_that_must_be_alone_ends_when_that_is_switched_on if {
	found := policy.findings with input as fixture.event("ns-change", {"hosts": {"h1": {"otherTenants": true}}})
		with data.manoward.parameters["co-tenancy"].aloneProfiles as ["amf"]
		with data.manoward.parameters["co-tenancy"].terminate as true
	fixture.summary(found) == [["other-trust-domain", "default", ["alert", "terminate-vnf"]]]
}

test_nobody_knows_the_neighbours if {
	found := policy.findings with input as json.remove(fixture.event("review", {}), ["hosts/h2/otherTenants"])
	fixture.summary(found) == [["neighbours-unknown", "low", ["alert"]]]
}

test_the_host_is_not_known if {
	found := policy.findings with input as json.remove(fixture.event("review", {}), ["hosts/h2"])
	fixture.summary(found) == [["neighbours-unknown", "low", ["alert"]]]
}

test_two_classes_on_one_host if {
	found := policy.findings with input as fixture.event("ns-change", {"computes": {"c2": {"hostId": "h1"}}})
		with data.manoward.parameters["co-tenancy"].classes as {"amf": "secret", "firewall": "public"}
	fixture.summary(found) == [["other-class", "default", ["alert"]]]
}

test_two_classes_on_two_hosts if {
	found := policy.findings with input as fixture.event("ns-change", {})
		with data.manoward.parameters["co-tenancy"].classes as {"amf": "secret", "firewall": "public"}
	fixture.summary(found) == []
}

test_one_class_on_one_host if {
	found := policy.findings with input as fixture.event("ns-change", {"computes": {"c2": {"hostId": "h1"}}})
		with data.manoward.parameters["co-tenancy"].classes as {"amf": "secret", "firewall": "secret"}
	fixture.summary(found) == []
}

test_nobody_knows_the_neighbours_of_a_vnf_that_need_not_be_alone if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {}), ["hosts/h1/otherTenants"])
	fixture.summary(found) == []
}

test_security_vnfs_need_not_be_alone_here if {
	found := policy.findings with input as fixture.event("review", {"hosts": {"h2": {"otherTenants": true}}})
		with data.manoward.parameters["co-tenancy"].securityVnfsAlone as false
	fixture.summary(found) == []
}

test_neighbours_are_not_known_yet if {
	found := policy.findings with input as json.remove(fixture.event("compute-change", {"subject": {"vnfInstanceId": "v2"}, "vnfs": {"v2": {"securityVnf": true}}}), ["hosts/h1/otherTenants", "hosts/h2/otherTenants"])
	fixture.summary(found) == []
}
