package manoward.policies.host_equipment_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.policies.host_equipment as policy

test_no_enclave if {
	found := policy.findings with input as fixture.event("ns-change", {})
		with data.manoward.parameters["host-equipment"].needs as {"amf": ["tpm", "hmee"]}
	fixture.summary(found) == [["equipment-missing", "default", ["alert"]]]
}

test_has_what_it_needs if {
	found := policy.findings with input as fixture.event("ns-change", {})
		with data.manoward.parameters["host-equipment"].needs as {"amf": ["tpm"]}
	fixture.summary(found) == []
}

test_attested_without_an_attester if {
	found := policy.findings with input as fixture.event("compute-change", {"operation": "MIGRATED", "hosts": {"h1": {"equipment": {"tpm": false}}}})
	fixture.summary(found) == [["attester-missing", "high", ["alert"]]]
}

test_attested_by_an_hsm_over_the_network if {
	found := policy.findings with input as fixture.event("compute-change", {"hosts": {"h1": {"equipment": {"tpm": false}}}})
		with data.manoward.parameters["host-equipment"].checkAttesters as false
	fixture.summary(found) == []
}

test_not_attested if {
	found := policy.findings with input as fixture.event("compute-change", {"hosts": {"h1": {"equipment": {"tpm": false}}}, "vnfs": {"v1": {"certificates": []}}})
	fixture.summary(found) == []
}

test_equipment_is_not_known if {
	found := policy.findings with input as json.remove(fixture.event("ns-change", {}), ["hosts/h1/equipment"])
		with data.manoward.parameters["host-equipment"].needs as {"*": ["tpm"]}
	fixture.summary(found) == [["equipment-missing", "default", ["alert"]]]
}

test_attested_by_an_hsm_of_the_host if {
	found := policy.findings with input as fixture.event("compute-change", {"hosts": {"h1": {"equipment": {"tpm": false, "hsm": true}}}})
	fixture.summary(found) == []
}
