// Package library holds the built-in policies: Rego by family of controls, each
// with its tests and sample inputs beside it, and what they share in lib. Each
// policy has a page in docs/controls.
package library

import (
	"embed"
	"io/fs"
)

//go:embed access certificates hosts infrastructure lib lifecycle network packages placement securityvnf
var files embed.FS

// FS returns the library, as a set of policies to load.
func FS() fs.FS { return files }
