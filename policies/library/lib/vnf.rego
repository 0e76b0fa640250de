# METADATA
# title: The VNFs that are to be judged
# description: Which VNF instances an event is about, and what belongs to them.
# scope: package
package manoward.lib.vnf

import data.manoward.lib.event

# METADATA
# description: |
#   The VNF instances that the event is about, once it is settled: those that it
#   names, those on its host or of its image, and all of the NS in a review and
#   when an operation on the NS ended.
judged[id] := vnf if {
	event.settled
	not ended
	some id in ids
	vnf := input.vnfs[id]
	live(vnf)
}

ended if input.operation == "VNF_TERMINATE"

ids contains input.subject.vnfInstanceId

ids contains input.computes[input.subject.computeId].vnfInstanceId

ids contains compute.vnfInstanceId if {
	not input.subject.computeId
	some compute in input.computes
	compute.hostId == input.subject.hostId
}

ids contains compute.vnfInstanceId if {
	some compute in input.computes
	compute.imageId == input.subject.imageId
}

ids contains id if {
	input.kind in {"review", "ns-operation"}
	some id, _ in input.vnfs
}

# METADATA
# description: the VNF is there; one whose state is not known counts as there
live(vnf) if object.get(vnf, "instantiationState", "INSTANTIATED") == "INSTANTIATED"

# METADATA
# description: what a finding says of a VNF; only what is known is there
target(vnf) := {name: id |
	some name, id in {
		"nsInstanceId": ns_of(vnf),
		"vnfInstanceId": vnf.id,
		"vnfProfileId": object.get(vnf, "vnfProfileId", ""),
		"vnfPkgId": object.get(vnf, "vnfPkgId", ""),
	}
	id != ""
}

# The NS of the event if the VNF is in it, for a VNF can be shared.
ns_of(vnf) := input.subject.nsInstanceId if {
	input.subject.nsInstanceId in object.get(vnf, "nsInstanceIds", [])
} else := id if {
	id := vnf.nsInstanceIds[0]
} else := ""

# METADATA
# description: |
#   The VNF is of one of the profiles. With "not", this holds of a VNF of no
#   known profile too, which "not v.vnfProfileId in profiles" would not.
of_profile(vnf, profiles) if vnf.vnfProfileId in profiles

# METADATA
# description: what a parameter that is keyed by VNF profile says of a VNF, with "*" for all others
setting(by_profile, vnf) := value if {
	value := by_profile[vnf.vnfProfileId]
} else := by_profile["*"]

# METADATA
# description: the computes of a VNF that are known
computes(vnf) := [compute |
	some id in object.get(vnf, "computeIds", [])
	compute := input.computes[id]
]

# METADATA
# description: the ids of the hosts of a VNF
host_ids(vnf) := {compute.hostId | some compute in computes(vnf)}
