package decide

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/smgr"
)

// TestOutage fails each read and write of each operation, one after the other:
// the operation says so, with the code of the outage, and can be repeated.
func TestOutage(t *testing.T) {
	ctx := context.Background()
	type prepared struct {
		w     *world
		d     *Decider
		extra Revision // pushed and not active
		dec   smgr.Decision
	}
	prepare := func(t *testing.T) prepared {
		w := newWorld(t)
		d := w.active(one())
		_, err := d.Levels().Set(ctx, Rule{Policy: "evil-provider", Scope: Every, Level: smgr.LevelApprove, By: "ben"})
		check(t, err)
		check(t, d.Handle(ctx, review(1), 1))
		extra, _, err := d.Policies().Push(ctx, w.bundle(another()), "team", "ann")
		check(t, err)
		_, err = d.Policies().SetParameters(ctx, "evil-provider", json.RawMessage(`{"names": ["evil", "x"]}`), "cid", "")
		check(t, err)
		return prepared{w, w.process(), extra, list(t, d, Query{})[0]}
	}
	active := func(p prepared) { // other policies are active, so that a rollback can be
		_, err := p.d.Policies().Activate(ctx, p.extra.Revision, "ben", "")
		check(t, err)
	}
	drain := func(seq func(func(smgr.Decision, error) bool)) (err error) {
		for _, err = range seq {
			if err != nil {
				return err
			}
		}
		return nil
	}
	for name, tt := range map[string]struct {
		before func(prepared)
		do     func(prepared) error
	}{
		"push": {nil, func(p prepared) error {
			_, _, err := p.d.Policies().Push(ctx, p.w.bundle(files(map[string]string{"new": finder(`[]`)})), "team", "ann")
			return err
		}},
		"push again": {nil, func(p prepared) error {
			_, _, err := p.d.Policies().Push(ctx, p.w.bundle(another()), "team", "bea")
			return err
		}},
		"push files": {nil, func(p prepared) error {
			_, _, err := p.d.Policies().PushFiles(ctx, another(), "library", "bea")
			return err
		}},
		"activate": {nil, func(p prepared) error {
			_, err := p.d.Policies().Activate(ctx, p.extra.Revision, "ben", "")
			return err
		}},
		"rollback": {active, func(p prepared) error {
			_, err := p.d.Policies().Rollback(ctx, "ben", "")
			return err
		}},
		"parameters": {nil, func(p prepared) error {
			_, err := p.d.Policies().SetParameters(ctx, "evil-provider", json.RawMessage(`{"names": ["y"]}`), "cid", "")
			return err
		}},
		"delete": {nil, func(p prepared) error { return p.d.Policies().Delete(ctx, p.extra.Revision, "ann") }},
		"revisions": {nil, func(p prepared) error {
			_, err := p.d.Policies().Revisions(ctx)
			return err
		}},
		"history": {nil, func(p prepared) error {
			for _, err := range p.d.Policies().History(ctx) {
				if err != nil {
					return err
				}
			}
			return nil
		}},
		"set level": {nil, func(p prepared) error {
			_, err := p.d.Levels().Set(ctx, Rule{Policy: "evil-provider", Scope: Every, Level: smgr.LevelEnforce, By: "ben"})
			return err
		}},
		"new level": {nil, func(p prepared) error {
			_, err := p.d.Levels().Set(ctx, Rule{Policy: "evil-provider", Scope: "ns/n7", Level: smgr.LevelEnforce, By: "ben"})
			return err
		}},
		"clear level": {nil, func(p prepared) error { return p.d.Levels().Clear(ctx, "evil-provider", Every, "ben", "") }},
		"event":       {nil, func(p prepared) error { return p.d.Handle(ctx, review(2), 1) }},
		"event again": {nil, func(p prepared) error { return p.d.Handle(ctx, review(1), 1) }},
		"list":        {nil, func(p prepared) error { return drain(p.d.Decisions(ctx, Query{})) }},
		"reopen": {active, func(p prepared) error {
			c, err := p.d.Reopen(ctx, p.dec.ID)
			if err == nil {
				_, _, err = p.d.Again(ctx, c)
			}
			return err
		}},
		"authors": {nil, func(p prepared) error {
			_, err := p.d.Authors(ctx, p.w.orders[p.dec.Orders[0]])
			return err
		}},
		"prune": {func(p prepared) { p.w.wait(40 * 24 * time.Hour); clear(p.w.orders) }, func(p prepared) error {
			_, err := p.d.Prune(ctx)
			return err
		}},
		"review": {func(p prepared) { p.w.nss = []string{"n1"} }, func(p prepared) error {
			_, _, err := p.d.Review(ctx)
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			for at := 1; ; at++ {
				p := prepare(t)
				if tt.before != nil {
					tt.before(p)
				}
				n, cut := 0, ""
				fail := func(what string, do func() error) error {
					p.w.mu.Lock()
					n++
					mine := n == at
					if mine {
						cut = what
					}
					p.w.mu.Unlock()
					if mine {
						return hub.E(hub.Unavailable, what, "the bus does not answer", nil)
					}
					return do()
				}
				p.w.step, p.w.read = fail, fail
				err := tt.do(p)
				p.w.step, p.w.read = nil, nil
				if cut == "" {
					check(t, err)
					if at == 1 {
						t.Error("it touches nothing")
					}
					return
				}
				if hub.CodeOf(err) != hub.Unavailable || !strings.Contains(hub.SafeText(err), "does not answer") {
					t.Errorf("%s failed: %v", cut, err)
				}
				err = tt.do(prepared{p.w, p.w.process(), p.extra, p.dec})
				if code := hub.CodeOf(err); err != nil && code != hub.NotFound { // a deletion that took place
					t.Errorf("%s failed, and again: %v", cut, err)
				}
			}
		})
	}
}
