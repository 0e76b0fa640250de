// Package trail walks one chain through the records of a trust domain: from an
// event over input, policies, decision and order to the operation at the NFVO
// and its outcome, or from a registration over statement, verdict and policy to
// the certificate and what became of it.
//
// It reads records alone, from a hub or from an evidence pack, and says of each
// link which record says so, where that one stands in the journal, and whether it
// is sealed. A link that no record tells of is named too. What it shows is what
// was recorded; whether the records are as they were sealed, journal.Verify says.
package trail
