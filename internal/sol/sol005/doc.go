// Package sol005 holds the data types of ETSI GS NFV-SOL 005 V3.7.1 as they
// stand on the wire, for producers and consumers alike. Attribute names,
// spellings and enumerations are ETSI's, misspellings included
// (addVnfIstance); what the official OpenAPI files have wrong in type or name is
// put right here and named in the comment of the type.
//
// A type has the name that it has in SOL 005, and a clause in its comment is one of
// that. Where ETSI gives no name, because the attributes stand inline in another
// type, the name is ours and the comment says so. What SOL 003 has too is in package
// sol, and shared.go lists it.
//
// Values are plain data. An optional attribute that is absent is the zero value.
package sol005
