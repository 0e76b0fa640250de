package decide

import (
	"encoding/json"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/policies"
	"github.com/manoward/manoward/policies/library"
	"github.com/manoward/manoward/smgr"
)

// bundle is a set of policies, signed.
func (w *world) bundle(set fstest.MapFS) []byte {
	w.t.Helper()
	own, err := schemas()
	check(w.t, err)
	s, problems := policies.Load(w.t.Context(), set, policies.Options{Schemas: own})
	if s == nil {
		w.t.Fatal(problems)
	}
	raw, err := s.Bundle()
	check(w.t, err)
	raw, err = policies.Sign(raw, w.key)
	check(w.t, err)
	return raw
}

// another is a set that finds nothing bad in evil providers.
func another() fstest.MapFS {
	set := files(map[string]string{"evil-provider": strings.Replace(finder(`[]`), `"found"`, `"other"`, 1)})
	set["evil-provider.samples.yaml"] = &fstest.MapFile{Data: []byte(strings.Replace(samples, "code: found", "code: other", 1))}
	return set
}

func code(t *testing.T, w *world, d *Decider, n int) string {
	t.Helper()
	check(t, d.Handle(t.Context(), review(n), 1))
	dec, _, err := d.find(t.Context(), review(n).ID)
	check(t, err)
	if len(dec.Findings) == 0 {
		return ""
	}
	return dec.Findings[0].Code
}

func TestActivate(t *testing.T) {
	w := newWorld(t)
	a, b := w.process(), w.process()
	p := a.Policies()
	refused(t, a.Policies().Check(t.Context()), hub.Unavailable, "push a set")
	first, _, err := p.Push(t.Context(), w.bundle(one()), "team", "ann")
	check(t, err)
	if first.State != RevisionStored || first.KeyID != "team" || first.Policies != 1 {
		t.Errorf("%+v", first)
	}
	second, _, err := p.Push(t.Context(), w.bundle(another()), "team", "ann")
	check(t, err)
	_, err = p.Rollback(t.Context(), "ben", "")
	refused(t, err, hub.Conflict)
	_, err = p.Activate(t.Context(), first.Revision, "", "")
	refused(t, err, hub.Invalid)
	_, err = p.Activate(t.Context(), "beef", "ben", "")
	refused(t, err, hub.NotFound)

	_, err = p.Activate(t.Context(), first.Revision, "ben", "go")
	check(t, err)
	if got := code(t, w, a, 1); got != "found" {
		t.Errorf("found %q", got)
	}
	_, err = p.Activate(t.Context(), second.Revision, "ben", "better")
	check(t, err)
	if got := code(t, w, a, 2); got != "other" {
		t.Errorf("found %q", got)
	}
	all, err := p.Revisions(t.Context())
	check(t, err)
	states := map[string]string{}
	for _, r := range all {
		states[r.Revision] = r.State
	}
	if states[first.Revision] != RevisionPrevious || states[second.Revision] != RevisionActive {
		t.Errorf("%v", states)
	}
	for _, r := range all {
		refused(t, p.Delete(t.Context(), r.Revision, "ann"), hub.Conflict)
	}
	back, err := p.Rollback(t.Context(), "ben", "too quiet")
	check(t, err)
	if got := code(t, w, a, 3); got != "found" || back.PolicyRevision != first.Revision || back.Number != 3 {
		t.Errorf("found %q by %+v", got, back)
	}
	// The other process follows what it sees.
	until(t, func() bool { now, _ := b.Policies().Active(); return now.ID == back.ID })
	if got := code(t, w, b, 4); got != "found" {
		t.Errorf("the other process found %q", got)
	}
	check(t, b.Policies().Check(t.Context()))
	var changes []string
	for act, err := range b.Policies().History(t.Context()) {
		check(t, err)
		changes = append(changes, act.Change+" by "+act.By)
	}
	if !slices.Equal(changes, []string{"rollback by ben", "activate by ben", "activate by ben"}) {
		t.Errorf("%q", changes)
	}
	if kinds := w.kinds(); kinds["sm.policies.pushed"] != 2 || kinds["sm.policies.activate"] != 2 || kinds["sm.policies.rollback"] != 1 {
		t.Errorf("records %v", kinds)
	}
}

// What was pushed is not compiled again to activate it, but its signature is
// verified with the keys of that moment.
func TestActivatePushed(t *testing.T) {
	w := newWorld(t)
	p := w.process().Policies()
	r, _, err := p.Push(t.Context(), w.bundle(one()), "team", "ann")
	check(t, err)
	pushed := p.pushed.Load()
	keys := w.keys
	w.keys = nil
	_, err = p.Activate(t.Context(), r.Revision, "ben", "")
	refused(t, err, hub.Denied)
	w.keys = keys
	_, err = p.Activate(t.Context(), r.Revision, "ben", "")
	check(t, err)
	s, err := p.Current(t.Context())
	check(t, err)
	if s.Set() != pushed || p.pushed.Load() != nil {
		t.Error("it was compiled again, or is kept twice")
	}
}

// until waits for what another process will see.
func until(t *testing.T, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatal("it never came")
		}
	}
}

func TestPushRefuses(t *testing.T) {
	w := newWorld(t)
	d := w.active(one())
	p := d.Policies()
	before, _ := p.Active()
	signed := w.bundle(another())

	_, _, err := p.Push(t.Context(), signed, "others", "eve")
	refused(t, err, hub.Denied, "others")
	good := w.keys
	_, w.keys = newKey(t, "team")
	_, _, err = p.Push(t.Context(), signed, "team", "eve")
	refused(t, err, hub.Denied, "team")
	w.keys = good
	broken := one()
	broken["evil-provider.samples.yaml"] = &fstest.MapFile{Data: []byte(strings.Replace(samples, "code: found", "code: lost", 1))}
	_, problems, err := p.PushFiles(t.Context(), broken, "library", "ann")
	if refused(t, err, hub.Unprocessable); len(problems) == 0 {
		t.Error("a failed sample is no problem")
	}
	_, _, err = p.PushFiles(t.Context(), one(), "bundle", "ann")
	refused(t, err, hub.Invalid)
	if after, _ := p.Active(); after != before {
		t.Errorf("%+v is active, was %+v", after, before)
	}
	if got := code(t, w, d, 1); got != "found" {
		t.Errorf("found %q", got)
	}

	// A key that is withdrawn takes its policies along at the next load, and
	// changes nothing that runs.
	r, _, err := p.Push(t.Context(), signed, "team", "ann")
	check(t, err)
	_, w.keys = newKey(t, "team")
	_, err = p.Activate(t.Context(), r.Revision, "ben", "")
	refused(t, err, hub.Denied)
	if after, _ := p.Active(); after != before {
		t.Errorf("%+v is active, was %+v", after, before)
	}
	check(t, p.Delete(t.Context(), r.Revision, "ann"))
	_, err = p.Content(t.Context(), r)
	refused(t, err, hub.NotFound)
	_, err = p.Revision(t.Context(), r.Revision)
	refused(t, err, hub.NotFound)
}

// TestPushAgain pushes a set again whose signer is not trusted any more.
func TestPushAgain(t *testing.T) {
	w := newWorld(t)
	p := w.process().Policies()
	old, _, err := p.Push(t.Context(), w.bundle(one()), "team", "ann")
	check(t, err)
	w.key, w.keys = newKey(t, "new-team")
	_, err = p.Activate(t.Context(), old.Revision, "ben", "")
	refused(t, err, hub.Denied)
	r, _, err := p.Push(t.Context(), w.bundle(one()), "new-team", "bea")
	check(t, err)
	if r.Revision != old.Revision || r.KeyID != "new-team" || !slices.Equal(r.PushedBy, []string{"ann", "bea"}) {
		t.Errorf("%+v", r)
	}
	_, err = p.Activate(t.Context(), r.Revision, "ben", "")
	check(t, err)
	_, err = p.blobs.get(t.Context(), blobBundle, old.Content)
	refused(t, err, hub.NotFound)
}

// TestNotLoaded holds that a process that cannot load what is active says so and
// goes on with what it has; one that has nothing decides nothing.
func TestNotLoaded(t *testing.T) {
	w := newWorld(t)
	a := w.active(one())
	b := w.process()
	if got := code(t, w, b, 1); got != "found" {
		t.Fatalf("found %q", got)
	}
	r, _, err := a.Policies().Push(t.Context(), w.bundle(another()), "team", "ann")
	check(t, err)
	act, err := a.Policies().Activate(t.Context(), r.Revision, "ben", "")
	check(t, err)
	until(t, func() bool { now, _ := b.Policies().Active(); return now.ID == act.ID })
	good := w.keys
	w.keys = nil
	if got := code(t, w, b, 2); got != "found" {
		t.Errorf("b found %q, and cannot load the new set", got)
	}
	refused(t, b.Policies().Check(t.Context()), hub.Unavailable, "cannot be loaded")
	c := w.process()
	check(t, c.Handle(t.Context(), review(3), 1))
	if dec := list(t, c, Query{EventID: review(3).ID}); len(dec) != 1 || len(dec[0].Undecided) != 1 || dec[0].Undecided[0].Policy != Every {
		t.Errorf("%+v", dec)
	}
	w.keys = good
	if got := code(t, w, b, 4); got != "found" {
		t.Errorf("b found %q before it tries again", got)
	}
	w.wait(pauseOfLoading)
	if got := code(t, w, b, 5); got != "other" {
		t.Errorf("b found %q after it tried again", got)
	}
	check(t, b.Policies().Check(t.Context()))
	if kinds := w.kinds(); kinds["sm.policies.not-loaded"] != 1 {
		t.Errorf("records %v", kinds)
	}
}

func TestParameters(t *testing.T) {
	w := newWorld(t)
	d := w.process()
	p := d.Policies()
	_, err := p.SetParameters(t.Context(), "evil-provider", json.RawMessage(`{}`), "ann", "")
	refused(t, err, hub.Conflict)
	d = w.active(one())
	p = d.Policies()
	before, _ := p.Active()
	for name, values := range map[string]string{"type": `{"names": 1}`, "name": `{"name": ["x"]}`, "no object": `[]`} {
		if _, err := p.SetParameters(t.Context(), "evil-provider", json.RawMessage(values), "ann", ""); hub.CodeOf(err) != hub.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = p.SetParameters(t.Context(), "other", json.RawMessage(`{}`), "ann", "")
	refused(t, err, hub.NotFound)
	if now, _ := p.Active(); now != before {
		t.Errorf("%+v", now)
	}
	act, err := p.SetParameters(t.Context(), "evil-provider", json.RawMessage(`{"names": ["good"]}`), "cid", "changed sides")
	check(t, err)
	if got := code(t, w, d, 1); got != "" || act.DataRevision == before.DataRevision || act.PolicyRevision != before.PolicyRevision || act.Policy != "evil-provider" {
		t.Errorf("found %q by %+v", got, act)
	}
	// They stay when the policies change, and when a set does not know them.
	r, _, err := p.PushFiles(t.Context(), files(map[string]string{"unrelated": finder(`[]`)}), "library", "ann")
	check(t, err)
	_, err = p.Activate(t.Context(), r.Revision, "ben", "")
	check(t, err)
	back, err := p.Activate(t.Context(), before.PolicyRevision, "ben", "")
	check(t, err)
	values, err := p.Parameters(t.Context(), back)
	check(t, err)
	if string(values["evil-provider"]) != `{"names":["good"]}` || back.DataRevision != act.DataRevision {
		t.Errorf("%s in %+v", values, back)
	}
	reset, err := p.SetParameters(t.Context(), "evil-provider", nil, "cid", "")
	check(t, err)
	if reset.DataRevision != before.DataRevision || reset.Parameters != "" {
		t.Errorf("%+v", reset)
	}
}

// TestActivateAtOnce lets somebody else activate in between.
func TestActivateAtOnce(t *testing.T) {
	w := newWorld(t)
	d, other := w.active(one()), w.process()
	r, _, err := d.Policies().PushFiles(t.Context(), another(), "library", "ann")
	check(t, err)
	w.step = func(what string, do func() error) error {
		if strings.HasPrefix(what, "update active/") {
			w.step = nil
			_, err := other.Policies().SetParameters(t.Context(), "evil-provider", json.RawMessage(`{"names": ["good"]}`), "eve", "")
			check(t, err)
		}
		return do()
	}
	_, err = d.Policies().Activate(t.Context(), r.Revision, "ben", "")
	refused(t, err, hub.Precondition, "try again")
	until(t, func() bool { now, _ := d.Policies().Active(); return now.By == "eve" })
	n := 0
	for _, err := range d.Policies().History(t.Context()) {
		check(t, err)
		n++
	}
	if got := code(t, w, d, 1); got != "" || n != 2 {
		t.Errorf("found %q; %d activations in the history", got, n)
	}
}

// TestActivateCrash cuts an activation off at each step: it took place or it did
// not, and can be repeated.
func TestActivateCrash(t *testing.T) {
	for at := 1; ; at++ {
		w := newWorld(t)
		d := w.active(one())
		r, _, err := d.Policies().PushFiles(t.Context(), another(), "library", "ann")
		check(t, err)
		n, cut := 0, false
		w.step = func(what string, do func() error) error {
			if n++; n != at {
				return do()
			}
			cut = true
			return errors.New("the process ends here")
		}
		_, err = d.Policies().Activate(t.Context(), r.Revision, "ben", "")
		w.step = nil
		if !cut {
			check(t, err)
			if at != 4 {
				t.Errorf("an activation has %d steps, want history, record and pointer", at-1)
			}
			return
		}
		d = w.process()
		if got := code(t, w, d, 1); got != "found" {
			t.Errorf("step %d: found %q", at, got)
		}
		_, err = d.Policies().Activate(t.Context(), r.Revision, "ben", "")
		check(t, err)
		if got := code(t, w, d, 2); got != "other" {
			t.Errorf("step %d, repeated: found %q", at, got)
		}
	}
}

// TestAgain evaluates decisions again after the policies and parameters that made
// them were replaced.
func TestAgain(t *testing.T) {
	w := newWorld(t)
	d := w.active(one())
	check(t, d.Handle(t.Context(), review(1), 1))
	_, err := d.Policies().SetParameters(t.Context(), "evil-provider", json.RawMessage(`{"names": ["evil", "good"]}`), "cid", "")
	check(t, err)
	check(t, d.Handle(t.Context(), review(2), 1))
	r, _, err := d.Policies().Push(t.Context(), w.bundle(another()), "team", "ann")
	check(t, err)
	_, err = d.Policies().Activate(t.Context(), r.Revision, "ben", "")
	check(t, err)
	check(t, d.Handle(t.Context(), review(3), 1))
	d = w.process()
	for _, dec := range list(t, d, Query{}) {
		c, err := d.Reopen(t.Context(), dec.ID)
		check(t, err)
		result, same, err := d.Again(t.Context(), c)
		check(t, err)
		if !same || result.PolicyRevision != dec.PolicyRevision || result.DataRevision != dec.DataRevision || len(result.Findings) != 1 {
			t.Errorf("%+v again gives %+v", dec, result)
		}
		now, err := d.Policies().Current(t.Context())
		check(t, err)
		c.Snapshot = now // what would be said now
		if _, same, err = d.Again(t.Context(), c); err != nil || same != (dec.EventID == review(3).ID) {
			t.Errorf("%s by the policies of now: same %t, %v", dec.EventID, same, err)
		}
	}
	_, err = d.Reopen(t.Context(), "nothing")
	refused(t, err, hub.NotFound)
}

func TestAuthors(t *testing.T) {
	w := newWorld(t)
	d := w.process()
	r, _, err := d.Policies().Push(t.Context(), w.bundle(one()), "team", "ann")
	check(t, err)
	_, err = d.Policies().Activate(t.Context(), r.Revision, "ben", "")
	check(t, err)
	_, err = d.Policies().SetParameters(t.Context(), "evil-provider", json.RawMessage(`{"names": ["evil", "x"]}`), "cid", "")
	check(t, err)
	_, err = d.Levels().Set(t.Context(), Rule{Policy: "evil-provider", Scope: "nsd/d1", Level: smgr.LevelApprove, By: "dan"})
	check(t, err)
	check(t, d.Handle(t.Context(), review(1), 1))
	authors, err := d.Authors(t.Context(), w.orders[w.planned[0]])
	check(t, err)
	if !slices.Equal(authors, []string{"ann", "ben", "cid", "dan"}) {
		t.Errorf("%v", authors)
	}
	_, err = d.Authors(t.Context(), smgr.Order{DecisionID: w.orders[w.planned[0]].DecisionID, Finding: 9})
	refused(t, err, hub.Invalid)
}

// TestLibrary activates what the hub brings.
func TestLibrary(t *testing.T) {
	w := newWorld(t)
	d := w.process()
	r, problems, err := d.Policies().PushFiles(t.Context(), library.FS(), "library", "ann")
	if err != nil {
		t.Fatal(err, problems)
	}
	_, err = d.Policies().Activate(t.Context(), r.Revision, "ann", "")
	check(t, err)
	other := w.process()
	check(t, other.Handle(t.Context(), review(1), 1))
	if all := list(t, other, Query{}); len(all) != 1 || all[0].Undecided != nil || all[0].PolicyRevision != r.Revision {
		t.Errorf("%+v", all)
	}
}
