package manoward.lib.identity_test

import data.manoward.lib.identity

test_parts if {
	identity.domain("spiffe://north/sm/alpha/sc-or.ns-lcm") == "north"
	identity.kind("spiffe://north/sm/alpha/sc-or.ns-lcm") == "sm"
}

test_no_identity if {
	not identity.domain("nobody")
	not identity.kind("nobody")
	not identity.kind("spiffe://north")
	not identity.domain("")
}

test_ours if {
	identity.ours("spiffe://north/oss/portal") with input as {"sm": {"trustDomain": "north"}}
	identity.ours("spiffe://hub/vnfm/hub") with input as {"sm": {"trustDomain": "north"}}
	not identity.ours("spiffe://south/oss/portal") with input as {"sm": {"trustDomain": "north"}}
	not identity.ours("nobody") with input as {"sm": {"trustDomain": "north"}}
}
