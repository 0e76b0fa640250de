// Package certlint reads a certificate as a strict verifier would and says where
// it breaks RFC 5280 and the RFCs around it, before anybody signs it.
//
// It is the only importer of zlint. The rules of the public web (CA/Browser Forum,
// root programmes) are left out: the certificates of a trust domain are for its own
// parties.
package certlint
