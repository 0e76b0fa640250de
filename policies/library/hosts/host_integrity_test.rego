package manoward.policies.host_integrity_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.policies.host_integrity as policy

test_untrusted if {
	found := policy.findings with input as fixture.event("host-change", {"operation": "INTEGRITY", "hosts": {"h1": {"integrity": "UNTRUSTED"}}})
	fixture.summary(found) == [["host-untrusted", "default", ["alert", "stop-host"]]]
}

test_trusted if {
	found := policy.findings with input as fixture.event("host-change", {})
	fixture.summary(found) == []
}

test_untrusted_and_already_stopped if {
	found := policy.findings with input as fixture.event("review", {"hosts": {"h1": {"integrity": "UNTRUSTED", "state": "STOPPED"}}})
	fixture.summary(found) == [["host-untrusted", "default", ["alert"]]]
}

test_untrusted_only_an_alert if {
	found := policy.findings with input as fixture.event("review", {"hosts": {"h1": {"integrity": "UNTRUSTED"}}})
		with data.manoward.parameters["host-integrity"].stopHost as false
	fixture.summary(found) == [["host-untrusted", "default", ["alert"]]]
}

test_not_measured if {
	found := policy.findings with input as json.remove(fixture.event("host-change", {}), ["hosts/h1/integrity"])
	fixture.summary(found) == [["host-not-measured", "medium", ["alert"]]]
}

test_not_measured_which_is_usual_here if {
	found := policy.findings with input as fixture.event("host-change", {"hosts": {"h1": {"integrity": "UNKNOWN"}}})
		with data.manoward.parameters["host-integrity"].reportUnknown as false
	fixture.summary(found) == []
}
