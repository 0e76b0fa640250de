// Package examples has the scenarios that a hub is demonstrated with (package demo shows
// them): a folder for each, with a README, the sources of its packages, its inventory and
// its policies. Nothing in them is secret: keys are made when a scenario is shown.
//
// The folders deploy and distributed are no scenarios: they have what starts a hub
// elsewhere, and one of many processes.
package examples

import (
	"embed"
	"fmt"
	"io/fs"
)

//go:embed bring-your-own-policy delegated-certificates host-compromise rogue-package two-domains
var files embed.FS

// Folder returns the files of a scenario.
func Folder(name string) (fs.FS, error) {
	if _, err := fs.Stat(files, name); err != nil {
		return nil, fmt.Errorf("open the files of scenario %s: %w", name, err)
	}
	return fs.Sub(files, name)
}

// Names lists the scenarios, in the order of their names.
func Names() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil // there are no embedded files only when nothing is embedded
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names
}
