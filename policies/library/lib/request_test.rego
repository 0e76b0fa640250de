package manoward.lib.request_test

import data.manoward.lib.request
import data.manoward.lib.request_fixture_test as fixture

test_names if {
	request.names == {"*", "c1", "d-amf"} with input as fixture.request({})
	request.names == {"*", "nfvo.example.net"} with input as {"event": {"subjectId": "nfvo.example.net"}}
}

test_who if request.who == "VNFCI_CERT c1" with input as fixture.request({})

test_setting if {
	request.setting({"c1": 1, "d-amf": 2, "*": 3}) == 1 with input as fixture.request({})
	request.setting({"d-amf": 2, "*": 3}) == 2 with input as fixture.request({})
	request.setting({"*": 3}) == 3 with input as fixture.request({})
	not request.setting({"other": 3}) with input as fixture.request({})
}

test_levels if request.rank == {"none": 0, "bound": 1, "protected": 2, "genuine": 3}

test_actions if {
	request.deny == [{"type": "deny-certificate"}]
	request.downgrade == [{"type": "downgrade-attestation"}]
}
