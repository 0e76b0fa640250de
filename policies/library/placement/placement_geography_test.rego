package manoward.policies.placement_geography_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.policies.placement_geography as policy

test_another_country if {
	found := policy.findings with input as fixture.event("ns-change", {})
		with data.manoward.parameters["placement-geography"].allowedCountries as {"*": ["FR"]}
	fixture.summary(found) == [["country-not-allowed", "default", ["alert"]]]
}

test_its_country if {
	found := policy.findings with input as fixture.event("ns-change", {})
		with data.manoward.parameters["placement-geography"].allowedCountries as {"*": ["DE", "FR"]}
	fixture.summary(found) == []
}

test_another_site_ends_the_vnf_when_that_is_switched_on if {
	found := policy.findings with input as fixture.event("compute-change", {})
		with data.manoward.parameters["placement-geography"].allowedSites as {"amf": ["Paris"]}
		with data.manoward.parameters["placement-geography"].terminate as true
	fixture.summary(found) == [["site-not-allowed", "default", ["alert", "terminate-vnf"]]]
}

test_its_site_as_its_host_says if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {}), ["computes/c1/location"])
		with data.manoward.parameters["placement-geography"].allowedSites as {"amf": ["Berlin"]}
	fixture.summary(found) == []
}

test_nobody_says_where if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {}), ["computes/c1/location", "hosts/h1/location"])
		with data.manoward.parameters["placement-geography"].allowedCountries as {"amf": ["DE"]}
		with data.manoward.parameters["placement-geography"].allowedSites as {"amf": ["Berlin"]}
	fixture.summary(found) == [["country-unknown", "medium", ["alert"]], ["site-unknown", "medium", ["alert"]]]
}

test_nobody_says_where_and_everything_is_allowed if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {}), ["computes/c1/location", "hosts/h1/location"])
	fixture.summary(found) == []
}
