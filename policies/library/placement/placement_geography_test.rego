package manoward.policies.placement_geography_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.policies.placement_geography as policy

# What the parameters are when nobody sets them.
defaults := {"allowedCountries": {}, "allowedSites": {}, "terminate": false}

test_another_country if {
	found := policy.findings with input as fixture.event("ns-change", {})
		with data.manoward.parameters as {"placement-geography": object.union(defaults, {"allowedCountries": {"*": ["FR"]}})}
	fixture.summary(found) == [["country-not-allowed", "default", ["alert"]]]
}

test_its_country if {
	found := policy.findings with input as fixture.event("ns-change", {})
		with data.manoward.parameters as {"placement-geography": object.union(defaults, {"allowedCountries": {"*": ["DE", "FR"]}})}
	fixture.summary(found) == []
}

test_another_site_ends_the_vnf_when_that_is_switched_on if {
	found := policy.findings with input as fixture.event("compute-change", {})
		with data.manoward.parameters as {"placement-geography": object.union(defaults, {"allowedSites": {"amf": ["Paris"]}, "terminate": true})}
	fixture.summary(found) == [["site-not-allowed", "default", ["alert", "terminate-vnf"]]]
}

test_its_site_as_its_host_says if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {}), ["computes/c1/location"])
		with data.manoward.parameters as {"placement-geography": object.union(defaults, {"allowedSites": {"amf": ["Berlin"]}})}
	fixture.summary(found) == []
}

test_nobody_says_where if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {}), ["computes/c1/location", "hosts/h1/location"])
		with data.manoward.parameters as {"placement-geography": object.union(defaults, {"allowedCountries": {"amf": ["DE"]}, "allowedSites": {"amf": ["Berlin"]}})}
	fixture.summary(found) == [["country-unknown", "medium", ["alert"]], ["site-unknown", "medium", ["alert"]]]
}
