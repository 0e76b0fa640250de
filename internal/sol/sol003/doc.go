// Package sol003 holds the data types of ETSI GS NFV-SOL 003 V3.7.1 as they
// stand on the wire, for producers and consumers alike. Attribute names,
// spellings and enumerations are ETSI's, misspellings included
// (addVnfIstance); what the official OpenAPI files have wrong in type or name is
// put right here and named in the comment of the type.
//
// Values are plain data. An optional attribute that is absent is the zero value.
package sol003
