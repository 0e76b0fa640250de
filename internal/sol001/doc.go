// Package sol001 reads TOSCA descriptors of ETSI GS NFV-SOL 001 (VNFD, NSD,
// PNFD) as far as life cycle, checksums, certificates, indicators and security VNFs
// need them. It resolves the imports of a service template inside its package,
// derives node types as SOL 001 defines them and returns plain Go values; it
// executes nothing and fetches nothing.
package sol001
