package vim

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/testkit/memstate"
)

func notifyAll() notify.Subscription {
	return notify.Subscription{ID: "all", API: API, TrustDomain: All}
}

var operator = hub.Identity{TrustDomain: All, Kind: hub.KindOperator, Name: "op"}

// on allocates a small compute of a trust domain on a host.
func on(t *testing.T, m *Model, id, domain, host string) {
	t.Helper()
	c := compute(id, "small")
	c.TrustDomain, c.HostID = domain, host
	_, err := m.Allocate(t.Context(), c)
	ok(t, err)
}

func stopUse(t *testing.T, m *Model, host string, req ifa006.StopUseRequest) *ifa006.Job {
	t.Helper()
	_, err := m.StopUse(t.Context(), operator, host, req)
	ok(t, err)
	var job *ifa006.Job
	until(t, "the end of the job", func() bool {
		job, err = m.Job(t.Context(), All, req.ID)
		ok(t, err)
		return job.State != jobProcessing
	})
	return job
}

// TestStopUse_OfOneDomain holds that an order of one domain binds no other.
func TestStopUse_OfOneDomain(t *testing.T) {
	ctx := t.Context()
	m := loaded(t, &memstate.Bus{}, newSubscribers())
	on(t, m, "a1", "alpha", "h1")
	on(t, m, "b1", "beta", "h1")
	req := ifa006.StopUseRequest{ID: "j1", Computes: stopLeave, Quarantine: true, TrustDomain: "alpha", Reason: "alpha's secret"}
	job := stopUse(t, m, "h1", req)
	if job.State != jobCompleted || !slices.Equal(job.Remaining, []string{"a1"}) || len(job.Migrated) > 0 {
		t.Errorf("job %+v", job)
	}
	for _, tt := range []struct {
		compute  string
		isolated bool
	}{{"a1", true}, {"b1", false}} {
		c, err := m.Compute(ctx, All, tt.compute)
		ok(t, err)
		if c.Isolated != tt.isolated || c.RunningState != ifa006.Started {
			t.Errorf("compute %s: isolated %v, %s", tt.compute, c.Isolated, c.RunningState)
		}
	}
	c := compute("a2", "small")
	c.HostID = "h1"
	_, err := m.Allocate(ctx, c)
	refused(t, err, hub.Conflict, "stopped for this trust domain")
	on(t, m, "b2", "beta", "h1")
	refused(t, m.Migrate(ctx, All, "a1", ifa006.MigrateRequest{}), hub.Conflict, "isolated")
	seen, err := m.Host(ctx, "beta", "h1")
	ok(t, err)
	if raw, _ := json.Marshal(seen); strings.Contains(string(raw), "alpha") || strings.Contains(string(raw), "a1") || len(seen.ComputeIDs) != 2 {
		t.Errorf("beta sees %s", raw)
	}
	if _, err := m.Job(ctx, "beta", "j1"); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("beta sees alpha's job: %v", err)
	}
	ok(t, m.Release(ctx, "h1", "alpha"))
	ok(t, m.Migrate(ctx, All, "a1", ifa006.MigrateRequest{HostID: "h2"}))
	req.Reason = "another"
	_, err = m.StopUse(ctx, operator, "h1", req)
	refused(t, err, hub.Unprocessable, "j1")
}

func TestStopUse_OfTheHost(t *testing.T) {
	ctx := t.Context()
	m := loaded(t, &memstate.Bus{}, newSubscribers(notifyAll()))
	on(t, m, "a1", "alpha", "h1")
	on(t, m, "b1", "beta", "h1")
	tpm := compute("t1", "tpm") // no other host has a TPM
	_, err := m.Allocate(ctx, tpm)
	ok(t, err)
	job := stopUse(t, m, "h1", ifa006.StopUseRequest{ID: "j1", Computes: stopMigrate, Quarantine: true, Reason: "rootkit"})
	if job.State != jobFailed || !slices.Equal(job.Migrated, []string{"a1", "b1"}) || !slices.Equal(job.Remaining, []string{"t1"}) || len(job.Problems) != 1 {
		t.Errorf("job %+v", job)
	}
	h, err := m.Host(ctx, All, "h1")
	ok(t, err)
	c, err := m.Compute(ctx, All, "t1")
	ok(t, err)
	if h.State != ifa006.Quarantined || h.StateReason != "rootkit" || !c.Isolated {
		t.Errorf("host %+v, isolated %v", h, c.Isolated)
	}
	checkModel(t, m)
	ok(t, m.Release(ctx, "h1", ""))
	if h, _ := m.Host(ctx, All, "h1"); h.State != ifa006.Enabled || h.StateReason != "" {
		t.Errorf("released: %+v", h)
	}
	for _, tt := range []struct {
		host string
		req  ifa006.StopUseRequest
		code hub.Code
	}{
		{"h9", ifa006.StopUseRequest{ID: "j2", Computes: stopLeave}, hub.NotFound},
		{"h1", ifa006.StopUseRequest{ID: "j2", Computes: "BURN"}, hub.Invalid},
		{"h1", ifa006.StopUseRequest{ID: "", Computes: stopLeave}, hub.Invalid},
		{"h1", ifa006.StopUseRequest{ID: "j2", Computes: stopLeave, TrustDomain: "NO"}, hub.Invalid},
	} {
		_, err := m.StopUse(ctx, operator, tt.host, tt.req)
		refused(t, err, tt.code)
	}
	refused(t, m.Release(ctx, "h9", ""), hub.NotFound, "h9")
}

// TestHostFails follows a failure to every subscriber, each of which hears of its
// own domain only, and back.
func TestHostFails(t *testing.T) {
	ctx := t.Context()
	alpha := notify.Subscription{ID: "alpha", API: ScVi, TrustDomain: "alpha"}
	beta := notify.Subscription{ID: "beta", API: ScVi, TrustDomain: "beta"}
	faults := notify.Subscription{ID: "faults", API: API, TrustDomain: All, Filter: json.RawMessage(`{"notificationTypes":["AlarmNotification"],"hostIds":["h1"]}`)}
	subs := newSubscribers(alpha, beta, faults, notifyAll())
	m := loaded(t, &memstate.Bus{}, subs)
	on(t, m, "a1", "alpha", "h1")
	on(t, m, "b-one", "beta", "h1")
	ok(t, m.Operate(ctx, All, "a1", "STOP"))
	for range 2 { // the second changes nothing
		ok(t, m.Exercise(ctx, ifa006.Exercise{Kind: "host-failed", Target: "h1"}))
	}
	checkModel(t, m)
	c, err := m.Compute(ctx, All, "a1")
	ok(t, err)
	if c.OperationalState != ifa006.Failed || c.RunningState != ifa006.Failed {
		t.Errorf("compute %+v", c)
	}
	refused(t, m.Operate(ctx, All, "a1", "START"), hub.Conflict, "failed")
	want := []string{"COMPUTE a1 CREATED", "COMPUTE a1 OPERATED", "HOST h1 STATE", "AlarmNotification h1", "COMPUTE a1 STATE", "AlarmNotification a1"}
	if got := subs.changes("alpha"); !slices.Equal(got, want) {
		t.Errorf("alpha was told %q", got)
	}
	raw, _ := json.Marshal(subs.got["alpha"])
	if strings.Contains(string(raw), "b-one") || strings.Contains(string(raw), "beta") {
		t.Errorf("alpha was told of beta: %s", raw)
	}
	if got := subs.changes("faults"); !slices.Equal(got, []string{"AlarmNotification h1", "AlarmNotification a1", "AlarmNotification b-one"}) {
		t.Errorf("alarms: %q", got)
	}
	host := subs.got["faults"][0].(*ifa006.AlarmNotification).Alarm
	one := subs.got["faults"][1].(*ifa006.AlarmNotification).Alarm
	if !host.IsRootCause || len(host.CorrelatedAlarms) != 2 || one.RootCause != "h1" || !slices.Equal(one.CorrelatedAlarms, []string{host.ID}) {
		t.Errorf("correlation: %+v %+v", host, one)
	}
	ok(t, m.Migrate(ctx, All, "b-one", ifa006.MigrateRequest{})) // evacuated
	ok(t, m.Exercise(ctx, ifa006.Exercise{Kind: "host-recovered", Target: "h1"}))
	for id, state := range map[string]string{"a1": ifa006.Halted, "b-one": ifa006.Started} {
		if c, _ := m.Compute(ctx, All, id); c.RunningState != state || c.OperationalState != ifa006.Enabled {
			t.Errorf("%s after recovery: %+v", id, c)
		}
	}
	if got := subs.changes("beta"); !slices.Contains(got, "AlarmClearedNotification b-one") || !slices.Contains(got, "AlarmClearedNotification h1") {
		t.Errorf("beta was told %q", got)
	}
}

func TestExercises(t *testing.T) {
	ctx := t.Context()
	m := loaded(t, &memstate.Bus{}, newSubscribers())
	on(t, m, "a1", "alpha", "h1")
	ok(t, m.Exercise(ctx, ifa006.Exercise{Kind: "host-integrity", Target: "h1", Value: ifa006.IntegrityUntrusted}))
	if h, _ := m.Host(ctx, "alpha", "h1"); h.Integrity != ifa006.IntegrityUntrusted {
		t.Errorf("integrity %s", h.Integrity)
	}
	ok(t, m.Exercise(ctx, ifa006.Exercise{Kind: "compute-failed", Target: "a1"}))
	ok(t, m.Migrate(ctx, All, "a1", ifa006.MigrateRequest{}))
	if c, _ := m.Compute(ctx, All, "a1"); c.RunningState != ifa006.Started {
		t.Errorf("after evacuation: %s", c.RunningState)
	}
	for _, x := range []struct {
		ifa006.Exercise
		code hub.Code
	}{
		{ifa006.Exercise{Kind: "rain"}, hub.Invalid},
		{ifa006.Exercise{Kind: "host-integrity", Target: "h1", Value: "GOOD"}, hub.Invalid},
		{ifa006.Exercise{Kind: "host-failed", Target: "h9"}, hub.NotFound},
		{ifa006.Exercise{Kind: "host-recovered", Target: "h9"}, hub.NotFound},
		{ifa006.Exercise{Kind: "compute-failed", Target: "c9"}, hub.NotFound},
		{ifa006.Exercise{Kind: "image-altered", Target: "i9"}, hub.NotFound},
		{ifa006.Exercise{Kind: "image-altered", Target: "i9", Value: strings.Repeat("x", maxText+1)}, hub.Invalid},
	} {
		refused(t, m.Exercise(ctx, x.Exercise), x.code)
	}
}

// TestSharedImage holds that all domains hear of a change of an image for all,
// each once.
func TestSharedImage(t *testing.T) {
	ctx := t.Context()
	subs := newSubscribers(notifyAll(), notify.Subscription{ID: "alpha", API: ScVi, TrustDomain: "alpha"})
	m := loaded(t, &memstate.Bus{}, subs)
	_, err := m.AddImage(ctx, ifa006.Image{ID: "i1", TrustDomain: All})
	ok(t, err)
	ok(t, m.PutContent(ctx, All, "i1", strings.NewReader("bytes")))
	ok(t, m.Exercise(ctx, ifa006.Exercise{Kind: "image-altered", Target: "i1", Value: "evil"}))
	for _, sub := range []string{"all", "alpha"} {
		got := slices.DeleteFunc(subs.changes(sub), func(c string) bool { return c != "IMAGE i1 CONTENT" })
		if len(got) != 2 {
			t.Errorf("%s was told %q", sub, subs.changes(sub))
		}
	}
}

func TestImage(t *testing.T) {
	ctx := t.Context()
	m := loaded(t, &memstate.Bus{}, newSubscribers())
	sum := sha256Of([]byte("bytes"))
	want := ifa006.Image{ID: "i1", Name: "i", TrustDomain: "alpha", StatedChecksum: sum}
	_, err := m.AddImage(ctx, want)
	ok(t, err)
	refused(t, m.PutContent(ctx, All, "i1", strings.NewReader("other bytes")), hub.Unprocessable, sum.Hash)
	refused(t, m.PutContent(ctx, All, "i1", strings.NewReader("")), hub.Invalid, "empty")
	refused(t, m.PutContent(ctx, All, "i1", iotest.ErrReader(io.ErrUnexpectedEOF)), hub.Invalid)
	refused(t, m.PutContent(ctx, "beta", "i1", strings.NewReader("bytes")), hub.NotFound)
	refused(t, m.Exercise(ctx, ifa006.Exercise{Kind: "image-altered", Target: "i1"}), hub.Conflict, "no content")
	for range 2 {
		ok(t, m.PutContent(ctx, All, "i1", strings.NewReader("bytes")))
	}
	refused(t, m.PutContent(ctx, All, "i1", strings.NewReader("other")), hub.Conflict, "another content")
	c := compute("c1", "small")
	c.ImageID = "i1"
	_, err = m.Allocate(ctx, c)
	ok(t, err)
	refused(t, m.DeleteImage(ctx, All, "i1"), hub.Conflict, "c1")
	ok(t, m.Exercise(ctx, ifa006.Exercise{Kind: "image-altered", Target: "i1", Value: "evil"}))
	i, err := m.Image(ctx, "alpha", "i1")
	ok(t, err)
	if *i.Checksum == *sum || *i.StatedChecksum != *sum {
		t.Errorf("altered: %+v", i)
	}
	c.ID = "c2"
	_, err = m.Allocate(ctx, c)
	refused(t, err, hub.Conflict, "altered", i.Checksum.Hash)
	ok(t, m.Terminate(ctx, All, "c1", false))
	ok(t, m.DeleteImage(ctx, All, "i1"))
	refused(t, m.DeleteImage(ctx, All, "i1"), hub.NotFound)
	want.StatedChecksum = &ifa006.Checksum{Algorithm: "MD5", Hash: "00"}
	_, err = m.AddImage(ctx, want)
	refused(t, err, hub.Invalid, "MD5")
	big := ifa006.Image{ID: "i2", TrustDomain: "alpha", MinDiskGiB: 100}
	_, err = m.AddImage(ctx, big)
	ok(t, err)
	ok(t, m.PutContent(ctx, All, "i2", strings.NewReader(strings.Repeat("long ", 3000))))
	c.ImageID = "i2"
	_, err = m.Allocate(ctx, c)
	refused(t, err, hub.Unprocessable, "too small")
}

// What a job takes of the disk for ever is stated in docs/howto/operate-a-hub.md.
func TestStopUse_Size(t *testing.T) {
	m := loaded(t, &memstate.Bus{}, newSubscribers())
	const computes = 4
	for i := range computes {
		on(t, m, fmt.Sprintf("0f4be0a1-7c3d-4d2e-9f00-00000000000%d", i), "alpha", "h1")
	}
	stopUse(t, m, "h1", ifa006.StopUseRequest{ID: "0f4be0a1-7c3d-4d2e-9f00-000000000100", Computes: stopMigrate, Reason: "integrity lost"})
	e, err := m.jobs.Get(t.Context(), "0f4be0a1-7c3d-4d2e-9f00-000000000100")
	ok(t, err)
	raw, err := json.Marshal(e.Value)
	ok(t, err)
	if moved := len(e.Value.Migrated); moved == 0 || len(raw) > 400+100*computes {
		t.Errorf("a job that moved %d of %d computes takes %d bytes", moved, computes, len(raw))
	}
}
