// Package library holds the built-in policies: Rego by family of controls, each
// with its tests and sample inputs beside it, and what they share in lib. Each
// policy has a page in docs/controls.
package library

import (
	"embed"
	"io/fs"
)

//go:embed access certificates enrolment hosts infrastructure lib lifecycle network packages placement securityvnf
var files embed.FS

//go:embed enrolment lib
var enrolment embed.FS

// FS returns the library, as a set of policies to load.
func FS() fs.FS { return files }

// Enrolment returns the part of it that judges requests for certificates, as a
// set of its own: the CMF needs no other, and loads it in a fraction of the time.
func Enrolment() fs.FS { return enrolment }
