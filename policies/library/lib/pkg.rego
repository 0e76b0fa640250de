# METADATA
# title: The package of a VNF
# description: Who signed it, and what its digests are.
# scope: package
package manoward.lib.pkg

# METADATA
# description: who signed the package of a VNF; undefined when nobody did or nobody knows
signer(vnf) := vnf.integrity.signer if {
	vnf.integrity.signer != ""
} else := input.packages[vnf.vnfPkgId].signer if {
	input.packages[vnf.vnfPkgId].signer != ""
}

# METADATA
# description: the NFVO said what it found when it used the package
told(vnf) if vnf.integrity.verdict

# METADATA
# description: two digests that can be compared are not the same
differ(a, b) if {
	algorithm(a) == algorithm(b)
	lower(a.hash) != lower(b.hash)
}

algorithm(checksum) := replace(upper(checksum.algorithm), "-", "")
