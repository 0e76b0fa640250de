// Package hub is the vocabulary that every role of manoward shares: who
// somebody is ([Identity]), where they may speak ([Interface]), what a Security
// Manager may order ([Mode]), what is kept of everything that happens
// ([Record]) and how a failure is named ([Error]).
//
// It imports nothing but the standard library and holds no behaviour beyond
// parsing, printing and checking its own words. Values are plain data and safe
// to copy; nothing here locks, logs or blocks.
package hub
