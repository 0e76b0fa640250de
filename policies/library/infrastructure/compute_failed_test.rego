package manoward.policies.compute_failed_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.policies.compute_failed as policy

# What the parameters are when nobody sets them.
defaults := {"maxPerHour": 3}

test_an_alarm if {
	found := policy.findings with input as json.remove(fixture.event("alarm", {"operation": "FIRED", "event": {"notificationType": "AlarmNotification", "alarm": {"state": "FIRED"}}}), ["event/alarm/alarmClearedTime"])
		with data.manoward.parameters as {"compute-failed": object.union(defaults, {})}
	fixture.summary(found) == [["alarm", "default", ["alert"]]]
}

test_an_alarm_is_over if {
	found := policy.findings with input as fixture.event("alarm", {})
		with data.manoward.parameters as {"compute-failed": object.union(defaults, {})}
	fixture.summary(found) == []
}

test_again_and_again if {
	found := policy.findings with input as fixture.event("alarm", {"operation": "FIRED", "event": {"notificationType": "AlarmNotification", "alarm": {"state": "FIRED"}}, "recent": [{"kind": "alarm", "operation": "FIRED", "time": "2026-11-22T22:50:00Z", "vnfInstanceId": "v1"}]})
		with data.manoward.parameters as {"compute-failed": object.union(defaults, {"maxPerHour": 1})}
	fixture.summary(found) == [["alarm", "default", ["alert"]], ["fails-again", "high", ["alert"]]]
}

test_a_compute_failed if {
	found := policy.findings with input as fixture.event("compute-change", {"operation": "STATE", "event": {"changeType": "STATE", "changedResourceData": {"operationalState": "FAILED"}}})
		with data.manoward.parameters as {"compute-failed": object.union(defaults, {})}
	fixture.summary(found) == [["compute-failed", "default", ["alert"]]]
}

test_a_compute_runs if {
	found := policy.findings with input as fixture.event("compute-change", {})
		with data.manoward.parameters as {"compute-failed": object.union(defaults, {})}
	fixture.summary(found) == []
}
