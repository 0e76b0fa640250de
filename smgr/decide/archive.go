package decide

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
)

// Archive reads what a Security Manager has kept of its decisions and policies,
// also where the Security Manager does not run: for evidence. It changes nothing.
type Archive struct {
	State state.Table // of its resources
	Blobs state.Table // of its contents
	// Grouped returns, as it is stored, a resource that was created together with others
	// and so has no key of its own in State, hub.NotFound if there is none.
	Grouped func(ctx context.Context, key string) ([]byte, error)
}

const opArchive = "read what a Security Manager kept"

// Input returns the input of a decision, hub.NotFound when it is over its age.
func (a Archive) Input(ctx context.Context, decision, digest string) ([]byte, error) {
	var d stored
	found, err := a.read(ctx, "decision", decision, &d)
	if err != nil {
		return nil, err
	}
	if found && d.Input != nil && d.InputDigest == digest {
		return unpack(blobInput, digest, d.Input)
	}
	return a.blob(ctx, blobInput, digest, "the input is not kept any more; the retention of decisions says how long")
}

// Policies returns what was pushed as a revision, hub.NotFound when it was deleted.
func (a Archive) Policies(ctx context.Context, revision string) ([]byte, error) {
	const gone = "the policies of this revision were deleted"
	var r Revision
	found, err := a.read(ctx, "policies", revision, &r)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, hub.E(hub.NotFound, opArchive, gone, nil)
	}
	return a.blob(ctx, r.blob(), r.Content, gone)
}

// Parameters returns the parameters that were set when policies judged by these
// revisions, "{}" when none were: hub.NotFound when it is not known any more.
func (a Archive) Parameters(ctx context.Context, policyRevision, dataRevision string) ([]byte, error) {
	const gone = "the parameters are not kept any more"
	var at Activation
	found, err := a.read(ctx, "active", pointerID, &at)
	for found && err == nil && (at.PolicyRevision != policyRevision || at.DataRevision != dataRevision) {
		before := at.Parent
		at = Activation{}
		if before == "" {
			found = false
			break
		}
		found, err = a.read(ctx, "activation", before, &at)
	}
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, hub.E(hub.NotFound, opArchive, gone, nil)
	case at.Parameters == "":
		return []byte("{}"), nil
	}
	return a.blob(ctx, blobParameters, at.Parameters, gone)
}

// read reads a resource as it is stored, and whether it is there.
func (a Archive) read(ctx context.Context, kind, id string, into any) (bool, error) {
	raw, _, err := a.State.Get(ctx, kind+"/"+id)
	if hub.CodeOf(err) == hub.NotFound {
		raw, err = a.Grouped(ctx, kind+"/"+id)
	}
	if code := hub.CodeOf(err); code == hub.NotFound || code == hub.Invalid {
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		return false, fmt.Errorf("%s: %s %s: %w", opArchive, kind, id, err)
	}
	return true, nil
}

func (a Archive) blob(ctx context.Context, kind, digest, gone string) ([]byte, error) {
	b := blobs{table: a.Blobs}
	raw, err := b.get(ctx, kind, digest)
	if hub.CodeOf(err) == hub.NotFound {
		return nil, hub.E(hub.NotFound, opArchive, gone, err)
	}
	return raw, err
}
