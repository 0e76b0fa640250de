package configuration

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/manoward/manoward/internal/hub"
)

// What differs is sent once, what is not wanted any more is taken back, and what the VNF
// has of its own stays.
func TestRound(t *testing.T) {
	b := newBench(t)
	b.is(Pending, "")
	b.round("GET", `PATCH {"colour":"blue"}`)
	v := b.is(Taken, "")
	if string(v.Configuration) != `{"vnfConfigurationData":{"vnfSpecificData":{"colour":"blue","own":"kept"}}}` || v.Wanted["colour"] != "blue" || v.Since == nil {
		t.Errorf("%+v %s", v, v.Configuration)
	}
	b.round() // nothing is left to do
	b.open()
	b.round()

	b.want("op-2", map[string]any{"colour": "blue", "limits": map[string]any{"users": 5, "deep": map[string]any{"x": []any{1, nil}}}})
	b.is(Pending, "")
	b.round("GET", `PATCH {"limits":{"deep":{"x":[1,null]},"users":5}}`)
	b.want("op-3", map[string]any{"colour": "blue", "limits": map[string]any{"users": 6}})
	b.round("GET", `PATCH {"limits":{"deep":null,"users":6}}`)
	b.want("op-4", map[string]any{})
	b.round("GET", `PATCH {"colour":null,"limits":null}`)
	if !reflect.DeepEqual(b.data, map[string]any{"own": "kept"}) {
		t.Errorf("the VNF has %v", b.data)
	}
	b.want("op-5", map[string]any{})
	b.round("GET") // a VNF that was healed is looked at again, and has what is wanted
	b.is(Taken, "")
	if n := len(b.records); n != 4 || b.records[0].Kind != kindSent || string(b.records[0].Data) != `{"properties":["colour"]}` {
		t.Errorf("%d records: %+v", n, b.records)
	}

	// An operation's end is waited for, and a VNF that is not configured is forgotten.
	b.vnf.Busy = true
	b.want("op-6", map[string]any{"colour": "green"})
	b.round()
	b.is(Pending, "")
	b.vnf.Busy, b.vnf.Address = false, ""
	b.round()
	if v := b.is(None, ""); v.Configuration != nil || v.ReadProblem != "" {
		t.Errorf("%+v", v)
	}
	if _, err := b.list.kept.Get(t.Context(), "v1"); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("what is kept of it: %v", err)
	}
	b.gone = true
	if _, err := b.list.Show(t.Context(), "v1"); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("no VNF: %v", err)
	}
}

// What a VNF answers wrong, or not at all, is tried again, less and less often, and shown.
func TestRound_Failures(t *testing.T) {
	t.Run("refused", func(t *testing.T) {
		b := newBench(t)
		b.status = 422
		b.round("GET", `PATCH {"colour":"blue"}`)
		b.is(Refused, "the colour is not to be had")
		b.round("GET", `PATCH {"colour":"blue"}`)
		b.round() // by now it waits for longer
		b.want("op-2", map[string]any{"colour": "pink"})
		b.status = 0
		b.round("GET", `PATCH {"colour":"pink"}`) // what is wanted now is no repetition
		b.is(Taken, "")
	})
	t.Run("busy", func(t *testing.T) {
		b := newBench(t)
		b.status = 503
		b.round("GET", `PATCH {"colour":"blue"}`)
		b.is(Pending, "the colour is not to be had")
	})
	t.Run("somebody else changes it", func(t *testing.T) {
		b := newBench(t)
		b.meddle = true
		b.round("GET", `PATCH {"colour":"blue"}`)
		b.is(Pending, "it was changed")
		b.round("GET", `PATCH {"colour":"blue"}`)
		b.is(Taken, "")
	})
	t.Run("the answer is lost", func(t *testing.T) {
		b := newBench(t)
		b.lost = true
		b.round("GET", `PATCH {"colour":"blue"}`)
		b.is(Pending, "the server does not answer")
		b.round("GET") // it has had its effect, and is not sent twice
		b.is(Taken, "")
	})
	t.Run("the other type of content", func(t *testing.T) {
		b := newBench(t)
		b.only, b.noTag = "application/json", true
		b.round("GET", `PATCH {"colour":"blue"}`)
		b.is(Taken, "")
	})
	t.Run("no type of content", func(t *testing.T) {
		b := newBench(t)
		b.only = "text/plain"
		b.round("GET")
		b.is(Refused, "415")
	})
	t.Run("silent", func(t *testing.T) {
		b := newBench(t)
		b.silent = true
		b.round()
		if v := b.is(Pending, "the server does not answer"); !strings.Contains(v.ReadProblem, "does not answer") || v.Configuration != nil {
			t.Errorf("%+v", v)
		}
	})
	t.Run("no credential", func(t *testing.T) {
		b := newBench(t)
		b.vnf.Domain = "south"
		b.round()
		b.is(Pending, "there is no credential for south")
	})
	for _, body := range []string{`[]`, `{`, `{}`, `{"vnfConfigurationData":7}`, `{"vnfConfigurationData":{"vnfSpecificData":[]}}`} {
		b := newBench(t)
		b.body = body
		b.round("GET")
		b.is(Pending, "the ") // in other words for each
	}
}

// Dead at any write, the VNF has what is wanted after the next start, and was sent it in
// effect once.
func TestCrash(t *testing.T) {
	for n, dead := int64(0), true; dead; n++ {
		b := newBench(t)
		var left atomic.Int64
		left.Store(1 << 40)
		b.bus.Fail = func(_, _, _ string) error {
			if left.Add(-1) < 0 {
				return errors.New("the process is dead")
			}
			return nil
		}
		b.open()
		left.Store(n)
		b.list.Round(t.Context())
		if dead = left.Load() < 0; !dead && n < 3 {
			t.Errorf("there are only %d writes", n)
		}
		left.Store(1 << 40)
		b.open()
		b.list.Round(t.Context())
		if b.data["colour"] != "blue" || b.version != 1 {
			t.Errorf("dead at write %d: the VNF has %v, changed %d times", n, b.data, b.version)
		}
		b.is(Taken, "")
	}
}

// A VNF whose operation has ended is looked at without waiting for the next round.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- b.list.Watch(ctx) }()
		synctest.Wait()
		b.want("op-2", map[string]any{"colour": "green"})
		b.list.Changed("v1")
		synctest.Wait()
		b.mu.Lock()
		if b.data["colour"] != "green" {
			t.Errorf("the VNF has %v", b.data)
		}
		b.mu.Unlock()
		for range 2 * maxWaiting {
			b.list.Changed("v1") // never blocks
		}
		stop()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		b.end()
		synctest.Wait()
	})
}

// FuzzParse: whatever a VNF says, what is sent brings it to what is wanted, and nothing is
// sent then.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{"vnfConfigurationData":{"vnfSpecificData":{"colour":"red","limits":{"users":5,"more":{"a":[1,null]}},"own":1e3}},"vnfcConfigurationData":[{"vnfcInstanceId":"c"}]}`,
		`{"vnfConfigurationData":{}}`, `{"vnfConfigurationData":{"vnfSpecificData":{"limits":7}}}`, `null`, `{"vnfConfigurationData":{"vnfSpecificData":{"limits":{"users":null}}}}`,
	} {
		f.Add(s, `{"colour":"blue","limits":{"users":6}}`)
	}
	f.Fuzz(func(t *testing.T, said, wanted string) {
		have, err := parse([]byte(said))
		if err != nil {
			if hub.CodeOf(err) != hub.Unavailable {
				t.Fatal(err)
			}
			return
		}
		var asked map[string]any
		if json.Unmarshal([]byte(wanted), &asked) != nil || strings.Contains(wanted, "null") {
			return // nobody can want that something is not there
		}
		want, err := plain(asked)
		if err != nil {
			t.Fatal(err)
		}
		ours := []string{"own"}
		after, _ := merged(have.data, difference(have.data, want, ours)).(map[string]any)
		if again := difference(after, want, ours); len(again) > 0 {
			t.Errorf("of %s and %s there is left: %v", said, wanted, again)
		}
		for name := range have.data {
			_, kept := after[name]
			_, isWanted := want[name]
			if name != "own" && !isWanted && !kept {
				t.Errorf("%q is taken away, which nobody asked for", name)
			}
		}
	})
}
