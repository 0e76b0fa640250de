package manoward.policies.compute_failed_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.policies.compute_failed as policy

test_an_alarm if {
	found := policy.findings with input as json.remove(fixture.event("alarm", {"operation": "FIRED", "event": {"notificationType": "AlarmNotification", "alarm": {"state": "FIRED"}}}), ["event/alarm/alarmClearedTime"])
	fixture.summary(found) == [["alarm", "default", ["alert"]]]
}

test_an_alarm_is_over if {
	found := policy.findings with input as fixture.event("alarm", {})
	fixture.summary(found) == []
}

test_again_and_again if {
	found := policy.findings with input as fixture.event("alarm", {"operation": "FIRED", "event": {"notificationType": "AlarmNotification", "alarm": {"state": "FIRED"}}, "recent": [{"kind": "alarm", "operation": "FIRED", "time": "2026-11-22T22:50:00Z", "vnfInstanceId": "v1"}]})
		with data.manoward.parameters["compute-failed"].maxPerHour as 1
	fixture.summary(found) == [["alarm", "default", ["alert"]], ["fails-again", "high", ["alert"]]]
}

test_a_compute_failed if {
	found := policy.findings with input as fixture.event("compute-change", {"operation": "STATE", "event": {"changeType": "STATE", "changedResourceData": {"operationalState": "FAILED"}}})
	fixture.summary(found) == [["compute-failed", "default", ["alert"]]]
}

test_a_compute_runs if {
	found := policy.findings with input as fixture.event("compute-change", {})
	fixture.summary(found) == []
}

test_of_nothing_that_a_finding_can_name if {
	found := policy.findings with input as json.remove(fixture.event("alarm", {"operation": "FIRED", "event": {"notificationType": "AlarmNotification", "alarm": {"state": "FIRED"}}}), ["subject/nsInstanceId", "subject/vnfInstanceId", "subject/vnfProfileId", "subject/vnfPkgId"])
	fixture.summary(found) == []
}

test_over_after_many if {
	found := policy.findings with input as fixture.event("alarm", {"recent": [{"time": "2026-11-22T22:59:00Z", "kind": "alarm", "operation": "FIRED", "vnfInstanceId": "v1"}]})
		with data.manoward.parameters["compute-failed"].maxPerHour as 1
	fixture.summary(found) == []
}

test_alarms_of_others_and_other_events if {
	found := policy.findings with input as fixture.event("alarm", {"operation": "FIRED", "event": {"notificationType": "AlarmNotification", "alarm": {"state": "FIRED"}}, "recent": [{"time": "2026-11-22T22:59:00Z", "kind": "alarm", "operation": "FIRED", "vnfInstanceId": "v2"}, {"time": "2026-11-22T22:59:00Z", "kind": "alarm", "operation": "CLEARED", "vnfInstanceId": "v1"}, {"time": "2026-11-22T22:59:00Z", "kind": "ns-change", "operation": "FIRED", "vnfInstanceId": "v1"}]})
		with data.manoward.parameters["compute-failed"].maxPerHour as 1
	fixture.summary(found) == [["alarm", "default", ["alert"]]]
}
