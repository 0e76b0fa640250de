# METADATA
# title: Identities
# description: Reads identities such as spiffe://north/oss/portal.
# scope: package
package manoward.lib.identity

# METADATA
# description: the trust domain of an identity; undefined when it is none
domain(identity) := split(identity, "/")[2] if startswith(identity, "spiffe://")

# METADATA
# description: the kind of party; undefined when it is none
kind(identity) := split(identity, "/")[3] if startswith(identity, "spiffe://")

# METADATA
# description: the identity is of this trust domain, or of the hub's own functions, which serve all
ours(identity) if domain(identity) in {input.sm.trustDomain, "hub"}
