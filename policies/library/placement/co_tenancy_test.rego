package manoward.policies.co_tenancy_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.policies.co_tenancy as policy

# What the parameters are when nobody sets them.
defaults := {"securityVnfsAlone": true, "aloneProfiles": [], "classes": {}, "terminate": false}

test_a_security_vnf_beside_another_domain if {
	found := policy.findings with input as fixture.event("review", {"hosts": {"h2": {"otherTenants": true}}})
		with data.manoward.parameters as {"co-tenancy": object.union(defaults, {})}
	fixture.summary(found) == [["other-trust-domain", "default", ["alert"]]]
}

test_any_other_vnf_beside_another_domain if {
	found := policy.findings with input as fixture.event("review", {"hosts": {"h1": {"otherTenants": true}}})
		with data.manoward.parameters as {"co-tenancy": object.union(defaults, {})}
	fixture.summary(found) == []
}

test_a_profile_that_must_be_alone_ends_when_that_is_switched_on if {
	found := policy.findings with input as fixture.event("ns-change", {"hosts": {"h1": {"otherTenants": true}}})
		with data.manoward.parameters as {"co-tenancy": object.union(defaults, {"aloneProfiles": ["amf"], "terminate": true})}
	fixture.summary(found) == [["other-trust-domain", "default", ["alert", "terminate-vnf"]]]
}

test_two_classes_on_one_host if {
	found := policy.findings with input as fixture.event("ns-change", {"computes": {"c2": {"hostId": "h1"}}})
		with data.manoward.parameters as {"co-tenancy": object.union(defaults, {"classes": {"amf": "secret", "firewall": "public"}})}
	fixture.summary(found) == [["other-class", "default", ["alert"]]]
}

test_two_classes_on_two_hosts if {
	found := policy.findings with input as fixture.event("ns-change", {})
		with data.manoward.parameters as {"co-tenancy": object.union(defaults, {"classes": {"amf": "secret", "firewall": "public"}})}
	fixture.summary(found) == []
}

test_one_class_on_one_host if {
	found := policy.findings with input as fixture.event("ns-change", {"computes": {"c2": {"hostId": "h1"}}})
		with data.manoward.parameters as {"co-tenancy": object.union(defaults, {"classes": {"amf": "secret", "firewall": "secret"}})}
	fixture.summary(found) == []
}
