// Package catalogue keeps the packages of an NFVO: VNF packages, NSDs and PNFDs
// (SOL 005 "vnfpkgm" and "nsd").
//
// What is on-boarded was verified first: the digest of each artifact, the
// signature, the signer's chain to an anchor of the trust domain, and what the
// descriptor says of its images. The verdict is stored with the package and
// shown; the file's digest is checked again each time the package is used, not
// only when it enters.
//
// A package's content is a file in the folder of its trust domain, named after
// its SHA-256. Everything else is a stored resource. A change is recorded before
// it takes effect, and what a crash cuts off [Service.Open] finishes: a
// half-received upload ends in ERROR, a received one is judged, a deletion is
// completed, and events that were not told are told.
package catalogue
