package manoward.policies.foreign_hand_test

import data.manoward.policies.foreign_hand as policy

by(actor, subject) := {
	"sm": {"trustDomain": "rail"},
	"subject": subject,
	"event": {"attempt": {"actor": actor, "operation": "ns.update:REMOVE_VNF", "target": "ns/n1"}},
}

test_another_trust_domain if {
	found := policy.findings with input as by("spiffe://tram/sm/intruder/sc-or.sec-enforce", {"vnfInstanceId": "v1"})
	some f in found
	f.target == {"vnfInstanceId": "v1"}
}

test_nothing_is_known_of_what_it_aimed_at if {
	found := policy.findings with input as by("spiffe://tram/sm/intruder/sc-or.sec-enforce", {})
	some f in found
	f.target == {"nsInstanceId": "-"}
}

test_our_own if {
	found := policy.findings with input as by("spiffe://rail/sm/warden/sc-or.sec-enforce", {})
	count(found) == 0
}

test_another_party_of_another_trust_domain if {
	found := policy.findings with input as by("spiffe://tram/oss/rail", {})
	count(found) == 0
}

test_nobody_proved_who_they_are if {
	found := policy.findings with input as by("nobody", {})
	count(found) == 0
}
