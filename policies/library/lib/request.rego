# METADATA
# title: A request for a certificate
# description: Who it is for, and what is proven of its key.
# scope: package
package manoward.lib.request

# METADATA
# description: the names that parameters know an entity by; "*" is everybody
names contains "*"

names contains input.event.subjectId

names contains input.event.vnfdId

# METADATA
# description: who the certificate is for, in words
who := sprintf("%s %s", [input.event.certType, input.event.subjectId])

# METADATA
# description: what a parameter that is keyed by names says of the entity; its own id goes before its VNFD, and "*" is last
setting(by_name) := value if {
	value := by_name[input.event.subjectId]
} else := value if {
	value := by_name[input.event.vnfdId]
} else := by_name["*"]

# METADATA
# description: the levels of assurance in order
rank := {"none": 0, "bound": 1, "protected": 2, "genuine": 3}

# METADATA
# description: what the CMF is asked to do
deny := [{"type": "deny-certificate"}]

# METADATA
# description: the same for a key that is to count as unattested
downgrade := [{"type": "downgrade-attestation"}]
