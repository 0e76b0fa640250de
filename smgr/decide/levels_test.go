package decide

import (
	"slices"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/smgr"
)

// TestLevelOrder is the order of rules: the narrower one counts, and of those of
// which none is narrower, the least.
func TestLevelOrder(t *testing.T) {
	here := place{ns: "n1", nsd: "d1", vnfd: "f1"}
	for name, tt := range map[string]struct {
		rules string // policy scope level, one a line
		at    place
		want  smgr.Level
	}{
		"none":                              {"", here, smgr.LevelAdvise},
		"of another":                        {"q * enforce\np ns/n2 enforce\np nsd/d2 enforce\np vnfd/f2 enforce", here, smgr.LevelAdvise},
		"everything":                        {"* * shadow", here, smgr.LevelShadow},
		"a policy over all":                 {"* * shadow\np * enforce", here, smgr.LevelEnforce},
		"an NS over everything":             {"p * enforce\np ns/n1 shadow", here, smgr.LevelShadow},
		"an NS over everything, upwards":    {"p * shadow\np ns/n1 enforce", here, smgr.LevelEnforce},
		"an NS over its NSD":                {"p nsd/d1 shadow\np ns/n1 enforce", here, smgr.LevelEnforce},
		"an NSD over everything":            {"p nsd/d1 approve\np * enforce", here, smgr.LevelApprove},
		"a VNFD over everything":            {"p vnfd/f1 off\np * enforce", here, smgr.LevelOff},
		"a VNFD beside an NS":               {"p vnfd/f1 enforce\np ns/n1 shadow", here, smgr.LevelShadow},
		"a VNFD beside an NSD":              {"p vnfd/f1 shadow\np nsd/d1 enforce", here, smgr.LevelShadow},
		"an NS frozen for all policies":     {"* ns/n1 shadow\np * enforce", here, smgr.LevelShadow},
		"a policy on trial everywhere":      {"* ns/n1 enforce\np * shadow", here, smgr.LevelShadow},
		"a policy in an NS over both":       {"* ns/n1 shadow\np * shadow\np ns/n1 enforce", here, smgr.LevelEnforce},
		"all policies in an NS and its NSD": {"* nsd/d1 enforce\n* ns/n1 approve", here, smgr.LevelApprove},
		"a host":                            {"p * enforce\np ns/n1 shadow\n* nsd/d1 off", place{}, smgr.LevelEnforce},
		"the NSD is not known":              {"p * enforce\np nsd/d1 off", place{ns: "n1"}, smgr.LevelEnforce},
	} {
		t.Run(name, func(t *testing.T) {
			lines := strings.Split(tt.rules, "\n")
			for range 2 { // the order in which they are set means nothing
				l := newWorld(t).process().Levels()
				for _, line := range lines {
					if f := strings.Fields(line); len(f) == 3 {
						_, err := l.Set(t.Context(), Rule{Policy: f[0], Scope: f[1], Level: smgr.Level(f[2]), By: "ben"})
						check(t, err)
					}
				}
				if got := l.at("p", tt.at); got != tt.want {
					t.Errorf("%s, want %s", got, tt.want)
				}
				slices.Reverse(lines)
			}
		})
	}
}

// TestLevelOfManyPlaces holds that what concerns several NSs has the least level,
// and is not off because one of them has it off.
func TestLevelOfManyPlaces(t *testing.T) {
	l := newWorld(t).process().Levels()
	for scope, level := range map[string]smgr.Level{"ns/a": smgr.LevelEnforce, "ns/b": smgr.LevelApprove, "ns/c": smgr.LevelOff} {
		_, err := l.Set(t.Context(), Rule{Policy: "p", Scope: scope, Level: level, By: "ben"})
		check(t, err)
	}
	for _, tt := range []struct {
		nss  string
		want smgr.Level
	}{{"a", smgr.LevelEnforce}, {"a b", smgr.LevelApprove}, {"a b x", smgr.LevelAdvise}, {"a c", smgr.LevelShadow}, {"c", smgr.LevelOff}, {"c c", smgr.LevelOff}} {
		var places []place
		for _, ns := range strings.Fields(tt.nss) {
			places = append(places, place{ns: ns})
		}
		if got := l.of("p", places); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.nss, got, tt.want)
		}
	}
}

// TestPlaces says which NSs and VNFDs a finding concerns.
func TestPlaces(t *testing.T) {
	k := aWorld(t)
	n1, n2 := place{"n1", "d1", "f-a"}, place{"n2", "", "f-a"}
	other := place{"n1", "d1", "f-b"}
	for name, tt := range map[string]struct {
		f    hub.Finding
		want []place
	}{
		"VNF":            {hub.Finding{Target: vnf("v1")}, []place{n1}},
		"VNF of another": {hub.Finding{Target: vnf("v3")}, []place{n2}},
		"unknown VNF":    {hub.Finding{Target: vnf("x")}, []place{{}}},
		"NS":             {hub.Finding{Target: hub.Target{NsInstanceID: "n1"}}, []place{{ns: "n1", nsd: "d1"}}},
		"host":           {hub.Finding{Target: hub.Target{HostID: "h1"}}, []place{n1, other}},
		"empty host":     {hub.Finding{Target: hub.Target{HostID: "h9"}}, []place{{}}},
		"image":          {hub.Finding{Target: hub.Target{ImageID: "i1"}}, []place{n2}},
		"co-hosted":      {hub.Finding{Target: vnf("v1"), Actions: []hub.Action{{Type: hub.ActionTerminateVnf, CoHosted: true}}}, []place{n1, other}},
		"VNF and host":   {hub.Finding{Target: hub.Target{VnfInstanceID: "v3", HostID: "h1"}, Actions: []hub.Action{{Type: hub.ActionStopHost, Vnfs: "migrate"}}}, []place{n1, other, n2}},
	} {
		got := k.places(&tt.f)
		slices.SortFunc(got, func(a, b place) int { return strings.Compare(a.ns+a.vnfd, b.ns+b.vnfd) })
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

func TestSetLevel(t *testing.T) {
	w := newWorld(t)
	l := w.process().Levels()
	for name, r := range map[string]Rule{
		"no level":  {Policy: "p", Scope: "*", Level: "on", By: "ben"},
		"no policy": {Policy: "P!", Scope: "*", Level: smgr.LevelOff, By: "ben"},
		"no scope":  {Policy: "p", Scope: "n1", Level: smgr.LevelOff, By: "ben"},
		"empty":     {Policy: "p", Scope: "ns/", Level: smgr.LevelOff, By: "ben"},
		"nobody":    {Policy: "p", Scope: "*", Level: smgr.LevelOff},
	} {
		if _, err := l.Set(t.Context(), r); hub.CodeOf(err) != hub.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := l.Set(t.Context(), Rule{Policy: "p", Scope: "*", Level: smgr.LevelEnforce, By: "ben", Reason: "two weeks in shadow"})
	check(t, err)
	w.wait(1)
	_, err = l.Set(t.Context(), Rule{Policy: "p", Scope: "*", Level: smgr.LevelOff, By: "eve"})
	check(t, err)
	all := w.process().Levels().All()
	if len(all) != 1 || all[0].Level != smgr.LevelOff || all[0].By != "eve" || !all[0].At.Equal(w.clock()) {
		t.Errorf("%+v", all)
	}
	check(t, l.Clear(t.Context(), "p", "*", "ann", "done"))
	refused(t, l.Clear(t.Context(), "p", "*", "ann", "again"), hub.NotFound)
	if kinds := w.kinds(); kinds["sm.level.set"] != 2 || kinds["sm.level.cleared"] != 1 || len(l.All()) != 0 {
		t.Errorf("records %v, rules %v", kinds, l.All())
	}
	w.step = func(what string, do func() error) error {
		if what == "record" {
			return hub.E(hub.Unavailable, "record", "the disk is full", nil)
		}
		return do()
	}
	if _, err := l.Set(t.Context(), Rule{Policy: "p", Scope: "*", Level: smgr.LevelEnforce, By: "ben"}); err == nil || len(l.All()) != 0 {
		t.Errorf("a level counts without a record: %v, %v", err, l.All())
	}
}
