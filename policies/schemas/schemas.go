// Package schemas holds the JSON Schemas of policies: of the input that a
// policy is given, one for each kind of event, and of the findings that it
// gives back.
//
// The schemas are of draft 2020-12 and each stands alone: references are local,
// so that nothing is ever fetched. The files are generated from the pieces in
// generate_test.go.
package schemas

import (
	"embed"
	"fmt"
	"io/fs"

	"github.com/manoward/manoward/internal/hub"
)

// Version is the value of the member "schema" of every input.
const Version = "manoward.policy-input/1"

//go:embed *.json
var files embed.FS

// FS returns all schemas: <kind>.json for each of [hub.EventKinds], and
// finding.json.
func FS() fs.FS { return files }

// Input returns the schema of the input of one kind of event. It fails with
// code NotFound for a kind that there is not.
func Input(kind hub.EventKind) ([]byte, error) {
	for _, k := range hub.EventKinds() {
		if k == kind {
			return files.ReadFile(string(k) + ".json")
		}
	}
	return nil, hub.E(hub.NotFound, "read schema", fmt.Sprintf("there is no kind of event %q; the kinds are %v", kind, hub.EventKinds()), nil)
}

// Finding returns the schema of one finding as a policy gives it: the closed
// vocabulary of actions with their arguments and what each needs of the target.
func Finding() ([]byte, error) { return files.ReadFile("finding.json") }
