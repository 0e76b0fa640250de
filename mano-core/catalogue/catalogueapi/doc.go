// Package catalogueapi is the REST binding of the catalogue: SOL 005 "vnfpkgm" and
// "nsd" for OSS/BSS and operators, SOL 003 "vnfpkgm" for VNFMs, and our own
// package policy of a trust domain under /manoward/v1/.
//
// Who may ask what is decided elsewhere, through API.Authorize. What belongs to
// another trust domain answers exactly as what does not exist.
package catalogueapi
