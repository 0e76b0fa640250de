package manoward.lib.pkg_test

import data.manoward.lib.pkg

packages := {"packages": {"k": {"signer": "CN=b"}, "none": {"signer": ""}}}

test_signer if {
	pkg.signer({"integrity": {"signer": "CN=a"}, "vnfPkgId": "k"}) == "CN=a" with input as packages
	pkg.signer({"integrity": {"signer": ""}, "vnfPkgId": "k"}) == "CN=b" with input as packages
	pkg.signer({"vnfPkgId": "k"}) == "CN=b" with input as packages
	not pkg.signer({"vnfPkgId": "none"}) with input as packages
	not pkg.signer({}) with input as packages
}

test_told if {
	pkg.told({"integrity": {"verdict": "PASSED"}})
	not pkg.told({})
}

test_differ if {
	pkg.differ({"algorithm": "SHA-256", "hash": "a"}, {"algorithm": "sha256", "hash": "b"})
	not pkg.differ({"algorithm": "SHA-256", "hash": "a"}, {"algorithm": "sha256", "hash": "A"})
	not pkg.differ({"algorithm": "SHA-256", "hash": "a"}, {"algorithm": "SHA-512", "hash": "b"})
}
