package manoward.policies.wall_inspection_test

import data.manoward.policies.wall_inspection as policy

changed(vnf) := {
	"operation": "VNF_MODIFY_INFO",
	"phase": "RESULT",
	"event": {"nsInstanceId": "n", "nsComponentId": "v"},
	"vnfs": {"v": object.union({"id": "v", "securityVnf": true}, vnf)},
}

test_it_is_turned_off if {
	found := policy.findings with input as changed({"configuration": {"inspection": "off"}})
	some f in found
	f.actions[1].properties == {"inspection": "strict"}
}

test_it_says_nothing if {
	found := policy.findings with input as changed({})
	count(found) == 1
}

test_it_is_as_it_has_to_be if {
	found := policy.findings with input as changed({"configuration": {"inspection": "strict"}})
	count(found) == 0
}

test_no_security_vnf if {
	found := policy.findings with input as changed({"securityVnf": false})
	count(found) == 0
}
