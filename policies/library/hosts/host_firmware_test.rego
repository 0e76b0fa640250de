package manoward.policies.host_firmware_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.policies.host_firmware as policy

test_denied if {
	found := policy.findings with input as fixture.event("host-change", {})
		with data.manoward.parameters["host-firmware"].denied as ["2.4"]
	fixture.summary(found) == [["firmware-denied", "high", ["alert"]]]
}

test_no_list if {
	found := policy.findings with input as fixture.event("host-change", {})
	fixture.summary(found) == []
}

test_denied_stops_the_host_when_that_is_switched_on if {
	found := policy.findings with input as fixture.event("review", {"hosts": {"h2": {"firmware": "2.5"}}})
		with data.manoward.parameters["host-firmware"].denied as ["2.4"]
		with data.manoward.parameters["host-firmware"].stopHost as true
	fixture.summary(found) == [["firmware-denied", "high", ["alert", "stop-host"]]]
}

test_not_on_the_list if {
	found := policy.findings with input as fixture.event("host-change", {})
		with data.manoward.parameters["host-firmware"].known as ["2.5"]
	fixture.summary(found) == [["firmware-unknown", "default", ["alert"]]]
}

test_on_the_list if {
	found := policy.findings with input as fixture.event("host-change", {})
		with data.manoward.parameters["host-firmware"].known as ["2.4"]
	fixture.summary(found) == []
}

test_not_stated if {
	found := policy.findings with input as json.remove(fixture.event("host-change", {}), ["hosts/h1/firmware"])
		with data.manoward.parameters["host-firmware"].known as ["2.4"]
	fixture.summary(found) == [["firmware-unknown", "default", ["alert"]]]
}

test_denied_and_not_known_is_one_finding if {
	found := policy.findings with input as fixture.event("host-change", {})
		with data.manoward.parameters["host-firmware"].known as ["2.5"]
		with data.manoward.parameters["host-firmware"].denied as ["2.4"]
	fixture.summary(found) == [["firmware-denied", "high", ["alert"]]]
}
