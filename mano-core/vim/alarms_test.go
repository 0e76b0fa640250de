package vim

import (
	"fmt"
	"slices"
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/testkit/memstate"
)

// The open alarms are those of the viewer's computes and of hosts that it may be on;
// of a host's it sees those that follow from it in its own domain.
func TestAlarms(t *testing.T) {
	ctx := t.Context()
	m := loaded(t, &memstate.Bus{}, newSubscribers())
	on(t, m, "a1", "alpha", "h1")
	on(t, m, "b-one", "beta", "h1")
	open := func(viewer string) (of []string, host *ifa006.Alarm) {
		t.Helper()
		source, err := m.Alarms(ctx, viewer)
		ok(t, err)
		for item, err := range source("") {
			ok(t, err)
			a := item.Value.(*ifa006.Alarm)
			of = append(of, a.ManagedObjectID)
			got, err := m.Alarm(ctx, viewer, a.ID)
			if err != nil || got.ManagedObjectID != a.ManagedObjectID {
				t.Errorf("%s sees alarm %s in the list, and alone: %v", viewer, a.ID, err)
			}
			if a.ManagedObjectID == "h1" {
				host = a
			}
		}
		slices.Sort(of)
		return of, host
	}
	if of, _ := open(All); len(of) != 0 {
		t.Errorf("nothing has failed, and alarms are open of %v", of)
	}
	ok(t, m.Exercise(ctx, ifa006.Exercise{Kind: "host-failed", Target: "h1"}))
	of, host := open("alpha")
	if fmt.Sprint(of) != "[a1 h1]" || len(host.CorrelatedAlarms) != 1 {
		t.Errorf("alpha sees %v, and of the host %+v", of, host)
	}
	all, host := open(All)
	if fmt.Sprint(all) != "[a1 b-one h1]" || len(host.CorrelatedAlarms) != 2 {
		t.Errorf("all are %v, and of the host %+v", all, host)
	}
	beta := host.CorrelatedAlarms[slices.IndexFunc(host.CorrelatedAlarms, func(id string) bool {
		a, err := m.Alarm(ctx, All, id)
		return err == nil && a.ManagedObjectID == "b-one"
	})]
	_, err := m.Alarm(ctx, "alpha", beta)
	refused(t, err, hub.NotFound)
	for id, want := range map[string]string{beta: "beta", host.ID: All} {
		if owner, err := m.Owner(ctx, "alarms", id); err != nil || owner != want {
			t.Errorf("owner of %s: %q %v, want %q", id, owner, err, want)
		}
	}
	ok(t, m.Exercise(ctx, ifa006.Exercise{Kind: "host-recovered", Target: "h1"}))
	if of, _ := open(All); len(of) != 0 {
		t.Errorf("all has recovered, and alarms are open of %v", of)
	}
	_, err = m.Owner(ctx, "alarms", host.ID)
	refused(t, err, hub.NotFound)
}
