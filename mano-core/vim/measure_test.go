package vim

import (
	"fmt"
	"math"
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
)

func TestMeasured(t *testing.T) {
	m, port := withPort(t, newSubscribers())
	_, err := m.Allocate(t.Context(), compute("c1", "small"))
	ok(t, err)
	take := func(target, value string) error {
		return m.Exercise(t.Context(), ifa006.Exercise{Kind: "measured", Target: target, Value: value})
	}
	for i := range keptMeasurements + 2 {
		ok(t, take("c1", fmt.Sprintf("%s %d", ifa006.CPUUsageMean, i)))
	}
	ok(t, take("c1", "VDiskUsagePeak 0.5"))
	ok(t, take(port, "VNetByteIncoming 1500"))
	got, err := m.MeasuredOf(t.Context(), "alpha", "c1")
	ok(t, err)
	if len(got.Metrics) != 2 || got.Metrics[0].Metric != ifa006.CPUUsageMean || got.Metrics[1].DroppedUntil != nil || got.TrustDomain != "alpha" {
		t.Fatalf("%+v", got)
	}
	s := got.Metrics[0]
	if len(s.Measurements) != keptMeasurements || s.Measurements[0].Value != 2 || s.DroppedUntil == nil || s.DroppedUntil.After(s.Measurements[0].At) {
		t.Errorf("kept %d from %v on, dropped until %v", len(s.Measurements), s.Measurements[0], s.DroppedUntil)
	}
	_, err = m.MeasuredOf(t.Context(), "beta", "c1")
	refused(t, err, hub.NotFound, "nothing was measured")
	for viewer, want := range map[string]int{"alpha": 2, "beta": 0, All: 2} {
		if n := len(listed(t, m.Measured(t.Context(), viewer, nil))); n != want {
			t.Errorf("%s sees %d, want %d", viewer, n, want)
		}
	}
	if items := listed(t, m.Measured(t.Context(), All, []string{"none", "c1", "c1"})); len(items) != 1 || items[0].Key != "c1" {
		t.Errorf("asked for one: %+v", items)
	}
	refused(t, take("none", "VCpuUsageMean 1"), hub.NotFound, "no compute and no port")
	refused(t, take(port, "VCpuUsageMean 1"), hub.Unprocessable, "it has: VNetByteIncoming")
	for _, bad := range []string{"", "VCpuUsageMean", "VCpuUsageMean NaN", "VCpuUsageMean 101", "VCpuUsageMean -1", "VCpuUsageMean x", "load 1", "VNetByteIncoming 0.5", "VNetByteIncoming 1e300", "VNetByteIncoming Inf"} {
		refused(t, take("c1", bad), hub.Invalid, "METRIC VALUE")
	}
	ok(t, m.Terminate(t.Context(), "alpha", "c1", false))
	if n := len(listed(t, m.Measured(t.Context(), All, nil))); n != 1 {
		t.Errorf("%d resources are measured after the compute has gone, want the port alone", n)
	}
}

// FuzzMeasurement holds that what is taken is a number that a metric can have.
func FuzzMeasurement(f *testing.F) {
	for _, text := range []string{"VCpuUsageMean 12.5", "VNetByteIncoming 1500", "VDiskUsagePeak 0x1p-2", "x y", "VCpuUsagePeak Inf", "VNetPacketOutgoing -0"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		metric, value, err := parseMeasurement(text)
		if err == nil && (metric == "" || !(value >= 0) || value > maxCount || math.IsNaN(value)) {
			t.Errorf("%q is %s %v", text, metric, value)
		}
	})
}
