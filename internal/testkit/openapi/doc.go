// Package openapi holds what crosses our wires against the official OpenAPI
// files of ETSI NFV-SOL V3.7.1, which are kept beside the project. Only tests
// import it.
//
// A [Validator] stands between a client and a server ([Validator.Transport]) or
// in front of a receiver of notifications ([Validator.Handler]). It reports each
// violation through the test, with the operation, the place and the value, and
// remembers which operations were exercised with which status
// ([Validator.RequireAll]).
//
// What it takes as wrong in the files, and nothing else, stands in patches.go
// (errors that the README beside the files lists) and found.go (others), each
// with a proof. Beyond the files it holds:
//   - SOL013 clause 6.3: an error has a ProblemDetails of type
//     application/problem+json whose status is the status line's;
//   - a PATCH sends application/merge-patch+json (RFC 7396), as their prose says;
//   - OpenAPI 3.0.2: parameters named Accept, Content-Type and Authorization and
//     a response header Content-Type are ignored where the files list them;
//   - a documented Version header is always there, and so is Location on 201,
//     on 303 and on a 202 that documents it;
//   - a request that is wrong on purpose ([Bad]) may also be answered by one of
//     the common status codes of SOL013 clause 6.4, which the files list for
//     some operations only.
package openapi
