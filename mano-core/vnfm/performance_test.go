package vnfm

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/performance"
)

// at is a time of a test, in seconds.
func at(second int) time.Time { return time.Date(2026, 11, 23, 0, 0, second, 0, time.UTC) }

// series makes the measurements of a metric, one each second from the first on.
func series(metric string, first int, values ...float64) ifa006.Series {
	s := ifa006.Series{Metric: metric}
	for i, v := range values {
		s.Measurements = append(s.Measurements, ifa006.Measurement{Value: v, At: at(first + i)})
	}
	return s
}

// What measurements of computes and ports mean for a VNF and its parts, in two periods of
// 10 s.
func TestValuesOf(t *testing.T) {
	dropped := at(5)
	lost := series(ifa006.CPUUsageMean, 6, 90)
	lost.DroppedUntil = &dropped
	two := []ifa006.Measurements{
		{ResourceID: "c1", Metrics: []ifa006.Series{series(ifa006.CPUUsageMean, 9, 10, 20, 40), series(ifa006.CPUUsagePeak, 1, 5, 7, 6)}},
		{ResourceID: "c2", Metrics: []ifa006.Series{series(ifa006.CPUUsageMean, 10, 60)}},
		{ResourceID: "other", Metrics: []ifa006.Series{series(ifa006.CPUUsageMean, 10, 100)}},
	}
	computes := map[string]string{"c1": "vnfc-1", "c2": "vnfc-2"}
	for name, c := range map[string]struct {
		kind, metric string
		parts        map[string]string
		of           []ifa006.Measurements
		want         []string
	}{
		"each VNFC":        {ofVNFC, "VCpuUsageMeanVnf", computes, two, []string{"vnfc-1 10s 15", "vnfc-2 10s 60", "vnfc-1 20s 40"}},
		"the VNF":          {ofVNF, "VCpuUsageMeanVnf", computes, two, []string{" 10s 37.5", " 20s 40"}},
		"a peak":           {ofVNF, "VCpuUsagePeakVnf", computes, two, []string{" 10s 7"}},
		"nothing":          {ofVNF, "VDiskUsageMeanVnf", computes, two, nil},
		"lost of one":      {ofVNF, "VCpuUsageMeanVnf", computes, append([]ifa006.Measurements{{ResourceID: "c2", Metrics: []ifa006.Series{lost}}}, two[0]), []string{" 20s 40"}},
		"lost of a VNFC":   {ofVNFC, "VCpuUsageMeanVnf", computes, []ifa006.Measurements{{ResourceID: "c2", Metrics: []ifa006.Series{lost}}}, nil},
		"external port":    {ofExtCP, "ByteIncomingVnfExtCp", map[string]string{"p": "ext-p"}, []ifa006.Measurements{{ResourceID: "p", Metrics: []ifa006.Series{series(ifa006.BytesIncoming, 9, 100, 50, 7)}}}, []string{"ext-p 10s 150", "ext-p 20s 7"}},
		"internal port":    {ofIntCP, "PacketOutgoingVnfIntCp", map[string]string{"p": "cp"}, []ifa006.Measurements{{ResourceID: "p", Metrics: []ifa006.Series{series(ifa006.PacketsOutgoing, 20, 3)}}}, []string{"cp 20s 3"}},
		"after the last":   {ofVNF, "VCpuUsageMeanVnf", computes, []ifa006.Measurements{{ResourceID: "c1", Metrics: []ifa006.Series{series(ifa006.CPUUsageMean, 21, 1)}}}, nil},
		"before the first": {ofVNF, "VCpuUsageMeanVnf", computes, []ifa006.Measurements{{ResourceID: "c1", Metrics: []ifa006.Series{series(ifa006.CPUUsageMean, 0, 1)}}}, nil},
	} {
		task := &performance.Task{Type: c.kind, Period: 10 * time.Second, From: at(0), Until: at(20)}
		var got []string
		for _, v := range valuesOf(task, "vnf", c.metric, c.parts, c.of) {
			if v.Object != "vnf" || v.Metric != c.metric {
				t.Errorf("%s: %+v", name, v)
			}
			got = append(got, fmt.Sprintf("%s %s %v", v.Sub, v.At.Sub(at(0)), v.Value))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// Each metric that is offered is made of one that the VIM has.
func TestPerformanceTypes(t *testing.T) {
	has := append(ifa006.ComputeMetrics(), ifa006.PortMetrics()...)
	for _, kind := range PerformanceTypes() {
		for _, m := range kind.Metrics {
			if from := resourceMetric(kind.Name, m); !slices.Contains(has, from) {
				t.Errorf("%s of %s is made of %s, which nobody measures", m, kind.Name, from)
			}
		}
	}
}

func TestParts(t *testing.T) {
	l := &Layout{VNFCs: []VNFC{{ID: "vnfc", ComputeID: "c", Ports: []Port{{ID: "in", PortID: "p1"}, {ID: "out", PortID: "p2", ExtCp: "cp"}, {ID: "none"}}}}}
	for kind, want := range map[string]string{ofVNF: "map[c:vnfc]", ofVNFC: "map[c:vnfc]", ofIntCP: "map[p1:in]", ofExtCP: "map[p2:ext-out]"} {
		if got := fmt.Sprint(l.parts(kind)); got != want {
			t.Errorf("%s: %s, want %s", kind, got, want)
		}
	}
	if got := (*Layout)(nil).parts(ofVNF); len(got) != 0 {
		t.Errorf("a VNF that is not instantiated has %v", got)
	}
}
