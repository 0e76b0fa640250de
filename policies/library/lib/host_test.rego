package manoward.lib.host_test

import data.manoward.lib.fixture_test as fixture
import data.manoward.lib.host

ids(doc) := {id | some id, _ in host.judged with input as doc}

test_the_host_that_the_event_names if ids(fixture.event("host-change", {})) == {"h1"}

test_all_hosts_in_a_review if ids(fixture.event("review", {})) == {"h1", "h2"}

test_no_host if ids(fixture.event("ns-change", {})) == set()

test_in_use if {
	host.in_use({"state": "ENABLED"})
	host.in_use({})
	not host.in_use({"state": "STOPPED"})
	not host.in_use({"state": "QUARANTINED"})
}
