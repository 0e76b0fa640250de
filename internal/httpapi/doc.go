// Package httpapi is the mechanics of ETSI GS NFV-SOL 013, built once for all
// REST APIs of the hub: URIs with API name and major version, the Version
// header, ProblemDetails for every error, attribute filters and selectors,
// paging, ETags, merge patches, subscription answers, and a typed client that
// speaks the same rules from the other side.
//
// A [Mux] holds the APIs of one listener. [Mux.API] adds one and returns the
// [Group] that its resources are registered with. A [Handler] returns an error
// instead of writing one: the mux alone turns [hub.Code] into a status and
// writes the answer, so no handler can leak a cause, and a panic is a 500
// without details.
//
//	mux := httpapi.NewMux(httpapi.Options{Log: log, Authenticate: who})
//	nslcm := mux.API(httpapi.API{Name: "nslcm", Major: "v2", Versions: []httpapi.APIVersion{{Version: "2.3.0"}}})
//	nslcm.Handle("GET /ns_instances/{id}", show)
//	server := httpapi.NewServer(mux)
//
// Clause numbers are those of SOL 013 V3.4.1. Where its text leaves a point open
// or was not at hand, the comment says what was chosen. The OpenAPI files of SOL
// 005 V3.7.1 are the reference for data types and answers.
package httpapi
