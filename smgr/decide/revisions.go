package decide

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync/atomic"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/policies"
)

// The states of a revision.
const (
	RevisionStored   = "stored"
	RevisionActive   = "active"
	RevisionPrevious = "previous" // what a rollback goes back to
)

// Revision is a set of policies that was pushed.
type Revision struct {
	Revision string    `json:"revision"`        // of the set: policies.Set.Revision
	Source   string    `json:"source"`          // "bundle", or what the hub itself brought: "library", a directory
	KeyID    string    `json:"keyId,omitempty"` // of the key that signed the bundle
	Content  string    `json:"content"`         // SHA-256 of what was pushed
	Size     int       `json:"size"`            // of it, in bytes
	Policies int       `json:"policies"`
	PushedBy []string  `json:"pushedBy"` // identities; the first one first
	Pushed   time.Time `json:"pushed"`
	State    string    `json:"state,omitempty"` // as it is told; not stored
}

const sourceBundle = "bundle"

// maxPushers bounds who is remembered to have pushed one set.
const maxPushers = 32

// Policies keeps the sets of policies and the parameters of a Security Manager,
// and says which are active, for all of its processes: see [Policies.Current].
// What is active changes in one step, and only to what this process has loaded
// and whose samples hold.
type Policies struct {
	c           *Config
	blobs       *blobs
	revisions   *state.Kind[Revision]
	activations *state.Kind[Activation]
	pointer     *state.Kind[Activation] // of one entry: the active one
	loading     chan struct{}           // taken by who loads
	changed     chan struct{}           // has one for Run after a change that this process made
	loaded      atomic.Pointer[loaded]
	failed      atomic.Pointer[failedLoad]
	reopened    atomic.Pointer[loaded]       // the last one that was loaded for an old decision
	pushed      atomic.Pointer[policies.Set] // the last one that was pushed here, until one is activated: it need not be compiled again
}

// loaded is an activation that this process can judge by.
type loaded struct {
	id       string // of the activation
	snapshot *policies.Snapshot
}

func newPolicies(c *Config, b *blobs) *Policies {
	return &Policies{
		c: c, blobs: b, loading: make(chan struct{}, 1), changed: make(chan struct{}, 1),
		revisions:   state.NewKind[Revision](c.Space, "policies", nil),
		activations: state.NewKind(c.Space, "activation", func(a *Activation) []string { return []string{a.term()} }),
		pointer:     state.NewKept[Activation](c.Space, "active", nil),
	}
}

func (p *Policies) now() time.Time { return p.c.Now().UTC() }

// Push takes a signed bundle in, after it was verified, compiled and tested with
// its samples; the problems that were found are returned with it. It changes
// nothing that is active. To push the same set again is right when the key that
// signed it before is not trusted any more. Errors: those of policies.LoadBundle,
// and hub.Unprocessable for a set with problems.
func (p *Policies) Push(ctx context.Context, bundle []byte, keyID, by string) (Revision, []policies.Problem, error) {
	set, problems, err := policies.LoadBundle(ctx, bundle, p.c.Keys(), keyID, p.options())
	if err = firstOf(err, refusal(set, problems)); err != nil {
		return Revision{}, problems, err
	}
	p.pushed.Store(set)
	r, err := p.store(ctx, set, Revision{Source: sourceBundle, KeyID: keyID}, blobBundle, bundle, by)
	return r, problems, err
}

// PushFiles is Push for policies that the hub itself brings, such as the built-in
// library: they need no signature, because who could change them could change the
// hub.
func (p *Policies) PushFiles(ctx context.Context, files fs.FS, source, by string) (Revision, []policies.Problem, error) {
	if source == "" || source == sourceBundle {
		return Revision{}, nil, hub.E(hub.Invalid, "push policies", "say where the policies come from, such as \"library\"", nil)
	}
	set, problems := policies.Load(ctx, files, p.options())
	if err := refusal(set, problems); err != nil {
		return Revision{}, problems, err
	}
	p.pushed.Store(set)
	packed, err := zipped(files)
	if err != nil {
		return Revision{}, problems, fmt.Errorf("push policies: %w", err)
	}
	r, err := p.store(ctx, set, Revision{Source: source}, blobFiles, packed, by)
	return r, problems, err
}

func (p *Policies) options() policies.Options {
	return policies.Options{Schemas: p.c.Schemas, Known: p.pushed.Load()}
}

// firstOf returns the first error that is one.
func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func refusal(set *policies.Set, problems []policies.Problem) error {
	if set != nil {
		return nil
	}
	if err := policies.Refusal(problems); err != nil {
		return err
	}
	return hub.E(hub.Unprocessable, "load policies", "there are no policies in it", nil)
}

// store keeps the content, the record and the revision, in this order.
func (p *Policies) store(ctx context.Context, set *policies.Set, r Revision, kind string, content []byte, by string) (Revision, error) {
	var err error
	if r.Content, err = p.blobs.put(ctx, kind, content); err != nil {
		return Revision{}, fmt.Errorf("push policies: %w", err)
	}
	r.Revision, r.Size, r.Policies, r.Pushed, r.PushedBy = set.Revision(), len(content), len(set.Policies()), p.now(), []string{by}
	there, err := p.revisions.GetIn(ctx, p.c.TrustDomain, r.Revision)
	known := err == nil
	if ignore(err, hub.NotFound) != nil {
		return Revision{}, fmt.Errorf("push policies: %w", err)
	}
	if known {
		r.PushedBy = there.Value.PushedBy
		if !slices.Contains(r.PushedBy, by) {
			r.PushedBy = append(slices.Clone(r.PushedBy), by)
		}
		if len(r.PushedBy) > maxPushers {
			return Revision{}, hub.E(hub.Unprocessable, "push policies", fmt.Sprintf("%d parties have pushed this set already; delete it first", maxPushers), nil)
		}
	}
	if err := p.record(ctx, "sm.policies.pushed", by, "policies/"+r.Revision, r.Pushed, r); err != nil {
		return Revision{}, err
	}
	if known {
		next := there
		next.Value = r
		_, err = p.revisions.Replace(ctx, next)
	} else {
		_, err = p.revisions.Create(ctx, p.c.TrustDomain, r.Revision, &r)
	}
	if code := hub.CodeOf(err); code == hub.Conflict || code == hub.Precondition {
		return Revision{}, hub.E(hub.Precondition, "push policies", "somebody else pushed the same policies at the same time; look at them and try again", err)
	}
	if err != nil {
		return Revision{}, fmt.Errorf("push policies: %w", err)
	}
	if old := there.Value; known && old.Content != r.Content { // such as the same set with another signature
		err = p.blobs.remove(ctx, old.blob(), old.Content)
	}
	r.State = p.stateOf(r.Revision)
	return r, err
}

// blob is the kind of content that the revision has.
func (r *Revision) blob() string {
	if r.Source == sourceBundle {
		return blobBundle
	}
	return blobFiles
}

// record appends a record of which there is one for each content and moment.
func (p *Policies) record(ctx context.Context, kind, by, subject string, at time.Time, content any) error {
	data, err := json.Marshal(content)
	if err != nil {
		return fmt.Errorf("record %s: %w", kind, err)
	}
	err = p.c.Records(ctx, hub.Record{
		ID: hub.DeriveID(kind, p.c.TrustDomain, p.c.Name, subject, at.String(), string(data)), Kind: kind, Time: at,
		Actor: by, Subject: subject, Data: data,
	})
	if err != nil {
		return fmt.Errorf("record %s: %w", kind, err)
	}
	return nil
}

// Revisions lists what was pushed, the newest first.
func (p *Policies) Revisions(ctx context.Context) ([]Revision, error) {
	var all []Revision
	for e, err := range p.revisions.List(ctx, func(d string) bool { return d == p.c.TrustDomain }, "") {
		if err != nil {
			return nil, fmt.Errorf("list policies: %w", err)
		}
		e.Value.State = p.stateOf(e.ID)
		all = append(all, e.Value)
	}
	slices.SortFunc(all, func(a, b Revision) int {
		return cmp.Or(b.Pushed.Compare(a.Pushed), cmp.Compare(a.Revision, b.Revision))
	})
	return all, nil
}

func (p *Policies) stateOf(revision string) string {
	switch a := p.pointer.Kept(pointerID); {
	case a == nil:
	case a.PolicyRevision == revision:
		return RevisionActive
	case a.PreviousRevision == revision:
		return RevisionPrevious
	}
	return RevisionStored
}

// Revision returns one set as it was pushed, hub.NotFound if there is none.
func (p *Policies) Revision(ctx context.Context, revision string) (Revision, error) {
	e, err := p.revisions.GetIn(ctx, p.c.TrustDomain, revision)
	if code := hub.CodeOf(err); code == hub.NotFound || code == hub.Invalid {
		return Revision{}, hub.E(hub.NotFound, "find policies", fmt.Sprintf("no policies of revision %.80q were pushed; list them with \"manoward policy list\"", revision), err)
	}
	if err != nil {
		return Revision{}, err
	}
	e.Value.State = p.stateOf(revision)
	return e.Value, nil
}

// Content returns what was pushed: a bundle, or a zip of what the hub brought.
func (p *Policies) Content(ctx context.Context, r Revision) ([]byte, error) {
	return p.blobs.get(ctx, r.blob(), r.Content)
}

// Delete forgets a set that is neither active nor what a rollback goes back to;
// hub.Conflict otherwise. Decisions by it cannot be evaluated again.
func (p *Policies) Delete(ctx context.Context, revision, by string) error {
	r, err := p.Revision(ctx, revision)
	if err != nil {
		return err
	}
	if r.State != RevisionStored {
		return hub.E(hub.Conflict, "delete policies", "the policies are "+r.State+"; activate others first", nil)
	}
	if err := p.record(ctx, "sm.policies.deleted", by, "policies/"+revision, p.now(), r); err != nil {
		return err
	}
	if err := ignore(p.revisions.Delete(ctx, revision, nil), hub.NotFound); err != nil {
		return fmt.Errorf("delete policies: %w", err)
	}
	return p.blobs.remove(ctx, r.blob(), r.Content)
}

// Load returns a set that was pushed, verified again with the keys of now; the one
// that this process judges by is taken as it is.
func (p *Policies) Load(ctx context.Context, revision string) (*policies.Set, error) {
	if l := p.loaded.Load(); l != nil && l.snapshot.PolicyRevision() == revision {
		return l.snapshot.Set(), nil
	}
	r, err := p.Revision(ctx, revision)
	if err != nil {
		return nil, err
	}
	content, err := p.Content(ctx, r)
	if err != nil {
		return nil, err
	}
	var set *policies.Set
	var problems []policies.Problem
	if r.Source == sourceBundle {
		set, problems, err = policies.LoadBundle(ctx, content, p.c.Keys(), r.KeyID, p.options())
	} else {
		var files *zip.Reader
		if files, err = zip.NewReader(bytes.NewReader(content), int64(len(content))); err == nil {
			set, problems = policies.Load(ctx, files, p.options())
		}
	}
	if ctx.Err() != nil {
		return nil, hub.E(hub.Unavailable, "load policies", "loading was given up; try again", ctx.Err())
	}
	if err = firstOf(err, refusal(set, problems)); err != nil {
		return nil, fmt.Errorf("load policies of revision %s: %w", revision, err)
	}
	if set.Revision() != revision {
		return nil, hub.E(hub.Unprocessable, "load policies", "what was stored has another revision; push the policies again", nil)
	}
	return set, nil
}

// zipped packs files, sorted and without times: the same files give the same bytes.
func zipped(files fs.FS) ([]byte, error) {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	size, count := 0, 0
	err := fs.WalkDir(files, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		f, err := files.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		raw, err := io.ReadAll(io.LimitReader(f, policies.MaxFile+1))
		if err != nil {
			return err
		}
		size, count = size+len(raw), count+1
		if len(raw) > policies.MaxFile || size > policies.MaxSetBytes || count > policies.MaxFiles {
			return hub.E(hub.Unprocessable, "push policies", fmt.Sprintf("the policies are too large: at most %d files of %d bytes, %d in all", policies.MaxFiles, policies.MaxFile, policies.MaxSetBytes), nil)
		}
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate})
		if err != nil {
			return err
		}
		_, err = w.Write(raw)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
