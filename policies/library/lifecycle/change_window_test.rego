package manoward.policies.change_window_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.policies.change_window as policy

test_at_noon if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_MODIFY_INFO", "phase": "START", "time": "2026-11-22T12:00:00Z"}), ["outcome"])
	fixture.summary(found) == [["outside-window", "default", ["alert"]]]
}

test_at_night if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_MODIFY_INFO", "phase": "START"}), ["outcome"])
	fixture.summary(found) == []
}

test_after_midnight if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_MODIFY_INFO", "phase": "START", "time": "2026-11-23T05:59:00Z"}), ["outcome"])
	fixture.summary(found) == []
}

test_after_midnight_of_a_window_of_another_day if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_MODIFY_INFO", "phase": "START", "time": "2026-11-23T05:59:00Z"}), ["outcome"])
		with data.manoward.parameters["change-window"].windows as [{"days": ["Monday"], "from": "22:00", "to": "06:00"}]
	fixture.summary(found) == [["outside-window", "default", ["alert"]]]
}

test_within_a_day if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_CHANGE_VNFPKG", "phase": "START", "time": "2026-11-22T12:00:00Z"}), ["outcome"])
		with data.manoward.parameters["change-window"].windows as [{"days": ["Sunday"], "from": "11:00", "to": "13:00"}]
	fixture.summary(found) == []
}

test_at_the_end_of_it if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_CHANGE_VNFPKG", "phase": "START", "time": "2026-11-22T13:00:00Z"}), ["outcome"])
		with data.manoward.parameters["change-window"].windows as [{"days": ["Sunday"], "from": "11:00", "to": "13:00"}]
	fixture.summary(found) == [["outside-window", "default", ["alert"]]]
}

test_by_another_clock if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_CHANGE_VNFPKG", "phase": "START", "time": "2026-11-22T13:00:00Z"}), ["outcome"])
		with data.manoward.parameters["change-window"].offsetMinutes as -60
		with data.manoward.parameters["change-window"].windows as [{"days": ["Sunday"], "from": "11:00", "to": "13:00"}]
	fixture.summary(found) == []
}

test_the_security_manager_itself if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_MODIFY_INFO", "phase": "START", "time": "2026-11-22T12:00:00Z", "source": {"kind": "SM", "identity": "spiffe://north/sm/alpha/sc-or.security-vnf-mgmt"}}), ["outcome"])
	fixture.summary(found) == []
}

test_another_operation if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_HEAL", "phase": "START", "time": "2026-11-22T12:00:00Z"}), ["outcome"])
	fixture.summary(found) == []
}

test_only_the_beginning_is_judged if {
	found := policy.findings with input as fixture.event("ns-change", {"operation": "VNF_MODIFY_INFO", "time": "2026-11-22T12:00:00Z"})
	fixture.summary(found) == []
}

test_on_another_day if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_MODIFY_INFO", "phase": "START", "time": "2026-11-22T12:00:00Z"}), ["outcome"])
		with data.manoward.parameters["change-window"].windows as [{"days": ["Monday"], "from": "11:00", "to": "13:00"}]
	fixture.summary(found) == [["outside-window", "default", ["alert"]]]
}

test_too_early if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_MODIFY_INFO", "phase": "START", "time": "2026-11-22T12:00:00Z"}), ["outcome"])
		with data.manoward.parameters["change-window"].windows as [{"days": ["Sunday"], "from": "12:30", "to": "13:00"}]
	fixture.summary(found) == [["outside-window", "default", ["alert"]]]
}

test_before_midnight_of_a_window_of_another_day if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_MODIFY_INFO", "phase": "START"}), ["outcome"])
		with data.manoward.parameters["change-window"].windows as [{"days": ["Monday"], "from": "22:00", "to": "06:00"}]
	fixture.summary(found) == [["outside-window", "default", ["alert"]]]
}

test_on_the_day_after_a_window_within_a_day if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_MODIFY_INFO", "phase": "START", "time": "2026-11-22T12:00:00Z"}), ["outcome"])
		with data.manoward.parameters["change-window"].windows as [{"days": ["Saturday"], "from": "11:00", "to": "13:00"}]
	fixture.summary(found) == [["outside-window", "default", ["alert"]]]
}

test_renewal_of_a_certificate if {
	change := {"operation": "VNF_MODIFY_INFO", "phase": "START", "time": "2026-11-22T12:00:00Z", "source": {"kind": "AUTO_RENEW", "identity": "spiffe://hub/vnfm/hub"}}
	found := policy.findings with input as json.remove(fixture.event("ns-change", change), ["outcome"])
	fixture.summary(found) == []
}
