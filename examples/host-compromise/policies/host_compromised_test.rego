package manoward.policies.host_compromised_test

import data.manoward.policies.host_compromised as policy

# A host h with a VNF of each kind on it, after a measurement.
measured(integrity) := {
	"operation": "INTEGRITY",
	"subject": {"hostId": "h"},
	"hosts": {"h": {"id": "h", "integrity": integrity}},
	"computes": {"c1": {"id": "c1", "hostId": "h", "vnfInstanceId": "v1"}, "c2": {"id": "c2", "hostId": "h", "vnfInstanceId": "v2"}},
	"vnfs": {
		"v1": {"id": "v1", "vnfProfileId": "keys", "nsInstanceIds": ["n"]},
		"v2": {"id": "v2", "vnfProfileId": "portal", "nsInstanceIds": ["n"]},
	},
}

test_what_keeps_secrets_is_erased if {
	found := policy.findings with input as measured("UNTRUSTED")
	some f in found
	f.target.vnfInstanceId == "v1"
	f.actions[1] == {"type": "terminate-vnf", "erase": true, "replace": false, "belowMinimum": true}
}

test_what_is_exposed_is_kept_as_evidence if {
	found := policy.findings with input as measured("UNTRUSTED")
	some f in found
	f.target.vnfInstanceId == "v2"
	f.actions[1].snapshot
	not f.actions[1].erase
}

test_the_host_is_quarantined if {
	found := policy.findings with input as measured("UNTRUSTED")
	some f in found
	f.target == {"hostId": "h"}
	f.actions[1] == {"type": "stop-host", "vnfs": "migrate", "quarantine": true}
}

test_a_good_measurement_is_no_finding if {
	found := policy.findings with input as measured("TRUSTED")
	count(found) == 0
}

# The state of the host changes because of what is ordered; that is no new finding.
test_another_change_is_no_finding if {
	found := policy.findings with input as object.union(measured("UNTRUSTED"), {"operation": "STATE"})
	count(found) == 0
}
