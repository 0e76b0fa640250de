// Package policies is policy as code: it loads, checks, tests, signs, evaluates
// and explains Rego policies, and alone knows their engine.
//
// A policy is one Rego file with metadata. A [Set] is what [Load] makes of a
// folder or of a signed bundle; it exists only when every policy in it compiles
// against the schemas of the events that it is for, and does what its own
// samples say. A [Snapshot] is a set with the parameters of one trust domain,
// and is what judges: a decision is a function of the snapshot, the input and
// the time of the event, and of nothing else.
//
// Nothing here fails open. A policy that errs, takes too long or says what is
// not in the vocabulary of internal/hub is undecided in the result, by name and
// with the reason; the others are not touched by it.
package policies
