// Package e2e holds the tests across roles: they build the program, start it as
// its users would, and drive it through its command line, its REST API and its
// TLS endpoints. It exports nothing.
package e2e
