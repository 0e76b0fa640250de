// Package wire builds a hub: it is the one place that sees every role, joins
// their ports to the connectors, and starts and stops them in order.
package wire
