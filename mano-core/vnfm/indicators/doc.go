// Package indicators is the VNF indicator management of the VNFM: it reads what VNFs
// tell of themselves over Ve-Vnfm-vnf, and EMs of them over Ve-Vnfm-em (vnfind/v1 of
// SOL 002 clause 8, of which the VNFM is the consumer there), and offers it on Or-Vnfm
// (SOL 003 clause 8) and to EMs in the same form, with notifications.
//
// ETSI leaves open how a VNFM learns where a VNF produces that interface. Here the VNF
// instance says it: vnfConfigurableProperties has {apiRoot} of the VNF under
// [AddressVNF], and that of its EM under [AddressEM]. So whoever may configure the VNF
// names the place, and nobody gets a right or an entrance that was not there: the VNFM
// calls, and the VNF calls nobody. It is called with the credential of the trust domain
// that the VNF is of, and its server is held against the roots of that trust domain, so
// that a party of one trust domain cannot have the VNFM read from a VNF of another. And
// only /indicators/{vnfInstanceId} is read: what answers must know the instance by that
// identifier, and say so in each indicator.
//
// Of an answer only the indicators count that the VNFD declares, from the source that it
// names, within bounds. A change and its notification are one write; the notification is
// then published, and is again after a crash, under the same ID. A VNF that cannot be
// read keeps the values it told last, each with the time when it was read.
package indicators
