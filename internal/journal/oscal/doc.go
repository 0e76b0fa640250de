// Package oscal writes what the records of an evidence pack say of controls as NIST
// OSCAL assessment results, version 1.1.2: an observation for each rule that found
// something, and a finding for each control that the rule's policy is for.
//
// The document follows from the pack alone, its UUIDs included, so nobody has to be
// believed who hands it over: whoever has the pack makes it again. A control without
// a finding is not said to be satisfied: that no policy found anything does not show
// it (docs/controls).
//
// Names and structure are those of the assessment-results model,
// https://pages.nist.gov/OSCAL-Reference/models/v1.1.2/assessment-results/json-outline/,
// against whose official JSON Schema the tests hold it.
package oscal
