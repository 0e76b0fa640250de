// Package cli is the command line of manoward: verbs that speak to a running
// hub over its REST API, verbs that work on local files, and the verbs that
// start a hub.
//
// Private keys of clients are made here, where they are used; only certificate
// signing requests travel.
//
// Rules that all verbs keep: what a program may want to read goes to standard
// output, everything else to standard error; -o chooses between table, json and
// yaml; an error is one line with its cause and its mend; exit codes are those
// of [ExitCode].
package cli
