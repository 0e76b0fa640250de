# METADATA
# title: The event that is judged
# description: When it was, whether it is over, and what it is about.
# scope: package
package manoward.lib.event

# METADATA
# description: the time of the event, in nanoseconds
now := time.parse_rfc3339_ns(input.time)

# METADATA
# description: an operation begins; there is time to warn, and nothing to act on yet
begins if input.phase == "START"

# METADATA
# description: what the event tells of is over, or never was an operation
settled if not begins

# METADATA
# description: an operation ended with a change
succeeded if {
	input.phase == "RESULT"
	input.outcome in {"COMPLETED", "PARTIALLY_COMPLETED"}
}

# METADATA
# description: what a finding can name of that which the event is about
target := object.remove(input.subject, ["computeId"])

# METADATA
# description: |
#   An operation on the VNF, or on its NS, began, and its end was not told yet:
#   what is seen of its computes meanwhile may be a step of the operation.
under_way(vnf_id) if last([e |
	some e in input.recent
	e.kind == "ns-change"
	e.vnfInstanceId == vnf_id
]).phase == "START"

under_way(_) if last(ns_operations).phase == "START"

# METADATA
# description: the NS is being terminated, with all that is in it
ns_ends if {
	operation := last(ns_operations)
	operation.operation == "TERMINATE"
	operation.phase == "START"
}

ns_operations := [e |
	some e in input.recent
	e.kind == "ns-operation"
]

last(list) := list[count(list) - 1]

# METADATA
# description: the events before this one, of the last so many minutes
earlier(minutes) := [e |
	some e in input.recent
	now - time.parse_rfc3339_ns(e.time) <= minutes * 60000000000
]

# METADATA
# description: how often one of the operations began on a VNF in the last minutes, this event included
begun_on_vnf(operations, vnf_id, minutes) := count([1 |
	some e in earlier(minutes)
	e.kind == "ns-change"
	e.phase == "START"
	e.operation in operations
	e.vnfInstanceId == vnf_id
]) + 1

# METADATA
# description: how often one of the operations began in this NS in the last minutes, this event included
begun_in_ns(operations, minutes) := count([1 |
	some e in earlier(minutes)
	e.kind == "ns-change"
	e.phase == "START"
	e.operation in operations
]) + 1
