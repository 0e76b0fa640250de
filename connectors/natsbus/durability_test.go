package natsbus

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

func TestDurability_Embedded(t *testing.T) {
	d := mustOpen(t, embeddedConfig(t)).Durability(testContext(t))
	want := ServerDurability{Name: "test-hub", Version: server.VERSION, Sync: SyncAlways}
	if d.Mode != ModeEmbedded || d.Sync != SyncAlways || d.Replicas != 1 || !slices.Equal(d.Servers, []ServerDurability{want}) || len(d.Warnings) != 0 {
		t.Errorf("%+v", d)
	}
	if d.String() != "embedded, sync always, replicas 1" {
		t.Errorf("banner %q", d)
	}
}

func TestDurability_External(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(i int, o *server.Options)
		noSys  bool
		sync   string
		says   string
	}{
		"always":               {func(int, *server.Options) {}, false, SyncAlways, ""},
		"the server's default": {func(_ int, o *server.Options) { o.SyncAlways = false }, false, "every 2m0s", "set sync_interval: always"},
		"one second":           {func(_ int, o *server.Options) { o.SyncAlways, o.SyncInterval = false, time.Second }, false, "every 1s", "power cut"},
		"no system account":    {func(int, *server.Options) {}, true, SyncUnknown, "durability unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := startCluster(t, 1, tc.change).config()
			if tc.noSys {
				cfg.External.SystemCredsFile = ""
			}
			d := mustOpen(t, cfg).Durability(testContext(t))
			if d.Mode != ModeExternal || d.Sync != tc.sync || d.Replicas != 1 {
				t.Errorf("%+v", d)
			}
			if warned := len(d.Warnings) > 0; warned != (tc.says != "") || !strings.Contains(d.String(), tc.says) {
				t.Errorf("banner %q does not say %q", d, tc.says)
			}
		})
	}
}

func TestDurability_UnknownWhenNobodyAnswers(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1)
	b := mustOpenCluster(t, c.config())
	c.servers[0].Shutdown()
	c.servers[0].WaitForShutdown()
	if d := b.Durability(testContext(t)); d.Sync != SyncUnknown || len(d.Warnings) != 1 {
		t.Errorf("%+v", d)
	}
}

// A cluster that has lost a server still holds what it acknowledges; one that has lost
// its quorum, or of which a server that answers does not sync, does not.
func TestDurability_Holds(t *testing.T) {
	t.Parallel()
	srv := func(sync ...string) (list []ServerDurability) {
		for _, s := range sync {
			list = append(list, ServerDurability{Sync: s})
		}
		return list
	}
	for name, tc := range map[string]struct {
		d    Durability
		want bool
	}{
		"one":                         {Durability{Replicas: 1, Servers: srv(SyncAlways)}, true},
		"three":                       {Durability{Replicas: 3, Servers: srv(SyncAlways, SyncAlways, SyncAlways)}, true},
		"one of three is silent":      {Durability{Replicas: 3, Silent: 1, Servers: srv(SyncAlways, SyncAlways)}, true},
		"two of three":                {Durability{Replicas: 3, Silent: 2, Servers: srv(SyncAlways)}, false},
		"two of five, three replicas": {Durability{Replicas: 3, Silent: 2, Servers: srv(SyncAlways, SyncAlways, SyncAlways)}, false},
		"two of five, five replicas":  {Durability{Replicas: 5, Silent: 2, Servers: srv(SyncAlways, SyncAlways, SyncAlways)}, true},
		"no replicas, one silent":     {Durability{Replicas: 1, Silent: 1, Servers: srv(SyncAlways, SyncAlways)}, false},
		"one syncs later":             {Durability{Replicas: 3, Servers: srv(SyncAlways, SyncAlways, "every 2m0s")}, false},
		"one does not say":            {Durability{Replicas: 3, Servers: srv(SyncAlways, SyncAlways, SyncUnknown)}, false},
		"nobody":                      {Durability{Replicas: 3, Silent: 3}, false},
		"nobody is known":             {Durability{Replicas: 1}, false},
	} {
		if got := tc.d.Holds(); got != tc.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	c := startCluster(t, 3)
	cfg := c.config()
	if d := mustOpenCluster(t, cfg).Durability(testContext(t)); !d.Holds() || d.Silent != 0 { // makes what the next one opens
		t.Errorf("with all three servers: %+v", d)
	}
	c.servers[2].Shutdown()
	c.servers[2].WaitForShutdown()
	if d := mustOpen(t, cfg).Durability(testContext(t)); !d.Holds() || d.Silent != 1 || len(d.Warnings) != 1 { // it waits for the silent one
		t.Errorf("with one of three servers gone: %+v", d)
	}
}

func TestWeakest(t *testing.T) {
	srv := func(sync string) ServerDurability { return ServerDurability{Name: "n", Sync: sync} }
	for name, tc := range map[string]struct {
		s        survey
		mode     string
		warnings int
	}{
		"all good":    {survey{servers: []ServerDurability{srv(SyncAlways), srv(SyncAlways)}, size: 2}, SyncAlways, 0},
		"one slow":    {survey{servers: []ServerDurability{srv(SyncAlways), srv("every 2m0s")}, size: 2, longest: 2 * time.Minute}, "every 2m0s", 1},
		"one silent":  {survey{servers: []ServerDurability{srv(SyncAlways)}, size: 2}, SyncUnknown, 1},
		"one unknown": {survey{servers: []ServerDurability{srv(SyncUnknown), srv("every 1s")}, size: 2, longest: time.Second}, SyncUnknown, 2},
	} {
		if mode, w := weakest(tc.s); mode != tc.mode || len(w) != tc.warnings {
			t.Errorf("%s: %s, %v", name, mode, w)
		}
	}
}

// What servers answer comes from the network.
func FuzzSurvey(f *testing.F) {
	const answer = `{"server":{"name":"n","ver":"2.15.2"},"data":{"config":{"sync_always":%t,"sync_interval":%d},"meta_cluster":{"cluster_size":%d}}}`
	f.Add(fmt.Appendf(nil, answer, true, 0, 3))
	f.Add(fmt.Appendf(nil, answer, false, 0, -1))
	f.Add([]byte(`{"server":{},"data":{"disabled":true}}`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		var s survey
		s.add(answer)
		mode, warnings := weakest(s)
		if len(s.servers) == 1 && s.servers[0].Sync != SyncAlways && (mode == SyncAlways || len(warnings) == 0) {
			t.Errorf("%q was taken for durable", answer)
		}
		if len(s.servers) > s.size {
			t.Errorf("%d answers of %d servers", len(s.servers), s.size)
		}
	})
}
