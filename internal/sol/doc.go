// Package sol holds the data types that ETSI GS NFV-SOL 003 and NFV-SOL 005 share:
// the same attributes, under the same names, with the same meaning. Packages sol003
// and sol005 take them over as aliases, so that a value of one goes into the other
// as it is. A type that differs in one attribute stands in both packages.
//
// A clause in a comment is one of V3.7.1. The files in testdata hold what each type
// looks like on the wire.
package sol
