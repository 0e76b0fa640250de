# METADATA
# title: The hosts that are to be judged
# description: Which hosts an event is about.
# scope: package
package manoward.lib.host

# METADATA
# description: the host that the event names, and in a review all hosts of the NS
judged[id] := host if {
	some id in ids
	host := input.hosts[id]
}

ids contains input.subject.hostId

ids contains id if {
	input.kind == "review"
	some id, _ in input.hosts
}

# METADATA
# description: the host takes part in the service; one whose state is not known does
in_use(host) if not object.get(host, "state", "ENABLED") in {"STOPPED", "QUARANTINED"}
