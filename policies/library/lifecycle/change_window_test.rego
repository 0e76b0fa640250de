package manoward.policies.change_window_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.policies.change_window as policy

# What the parameters are when nobody sets them.
defaults := {"operations": ["VNF_MODIFY_INFO", "VNF_CHANGE_VNFPKG", "VNF_CHANGE_FLAVOUR", "VNF_CHANGE_EXT_CONN"], "exemptKinds": ["AUTO_HEAL", "AUTO_SCALE", "SM"], "offsetMinutes": 0, "windows": [{"days": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"], "from": "22:00", "to": "06:00"}]}

test_at_noon if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_MODIFY_INFO", "phase": "START", "time": "2026-11-22T12:00:00Z"}), ["outcome"])
		with data.manoward.parameters as {"change-window": object.union(defaults, {})}
	fixture.summary(found) == [["outside-window", "default", ["alert"]]]
}

test_at_night if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_MODIFY_INFO", "phase": "START"}), ["outcome"])
		with data.manoward.parameters as {"change-window": object.union(defaults, {})}
	fixture.summary(found) == []
}

test_after_midnight if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_MODIFY_INFO", "phase": "START", "time": "2026-11-23T05:59:00Z"}), ["outcome"])
		with data.manoward.parameters as {"change-window": object.union(defaults, {})}
	fixture.summary(found) == []
}

test_after_midnight_of_a_window_of_another_day if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_MODIFY_INFO", "phase": "START", "time": "2026-11-23T05:59:00Z"}), ["outcome"])
		with data.manoward.parameters as {"change-window": object.union(defaults, {"windows": [{"days": ["Monday"], "from": "22:00", "to": "06:00"}]})}
	fixture.summary(found) == [["outside-window", "default", ["alert"]]]
}

test_within_a_day if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_CHANGE_VNFPKG", "phase": "START", "time": "2026-11-22T12:00:00Z"}), ["outcome"])
		with data.manoward.parameters as {"change-window": object.union(defaults, {"windows": [{"days": ["Sunday"], "from": "11:00", "to": "13:00"}]})}
	fixture.summary(found) == []
}

test_at_the_end_of_it if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_CHANGE_VNFPKG", "phase": "START", "time": "2026-11-22T13:00:00Z"}), ["outcome"])
		with data.manoward.parameters as {"change-window": object.union(defaults, {"windows": [{"days": ["Sunday"], "from": "11:00", "to": "13:00"}]})}
	fixture.summary(found) == [["outside-window", "default", ["alert"]]]
}

test_by_another_clock if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_CHANGE_VNFPKG", "phase": "START", "time": "2026-11-22T13:00:00Z"}), ["outcome"])
		with data.manoward.parameters as {"change-window": object.union(defaults, {"offsetMinutes": -60, "windows": [{"days": ["Sunday"], "from": "11:00", "to": "13:00"}]})}
	fixture.summary(found) == []
}

test_the_security_manager_itself if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_MODIFY_INFO", "phase": "START", "time": "2026-11-22T12:00:00Z", "source": {"kind": "SM", "identity": "spiffe://north/sm/alpha/sc-or.security-vnf-mgmt"}}), ["outcome"])
		with data.manoward.parameters as {"change-window": object.union(defaults, {})}
	fixture.summary(found) == []
}

test_another_operation if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {"operation": "VNF_HEAL", "phase": "START", "time": "2026-11-22T12:00:00Z"}), ["outcome"])
		with data.manoward.parameters as {"change-window": object.union(defaults, {})}
	fixture.summary(found) == []
}
