// Package obs is how a running hub is watched: its log ([NewLogger]), its
// metrics ([Metrics]), its traces ([Tracer]) and whether it is fit to work
// ([Health]).
//
// It is the only importer of the Prometheus and OpenTelemetry libraries, and
// none of its exported names shows their types, so that a role can count, trace
// and report without knowing either. Nothing here is global: the hub makes one
// of each and hands them to its roles.
package obs
