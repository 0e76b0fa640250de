package nfvo

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/performance"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/testkit/memstate"
)

// What went through a SAP is what its port had, seen from the NS.
func TestMeasuredSaps(t *testing.T) {
	at := func(second int) time.Time { return time.Date(2026, 11, 23, 0, 0, second, 0, time.UTC) }
	dropped := at(4)
	vim := []ifa006.Measurements{
		{ResourceID: sapPortID("door"), Metrics: []ifa006.Series{
			{Metric: "VNetByteOutgoing", Measurements: []ifa006.Measurement{{Value: 5, At: at(10)}, {Value: 7, At: at(11)}, {Value: 11, At: at(20)}}},
			{Metric: "VNetByteIncoming", Measurements: []ifa006.Measurement{{Value: 99, At: at(15)}}},
		}},
		{ResourceID: sapPortID("gate"), Metrics: []ifa006.Series{{Metric: "VNetByteOutgoing", DroppedUntil: &dropped, Measurements: []ifa006.Measurement{{Value: 3, At: at(5)}, {Value: 4, At: at(16)}}}}},
		{ResourceID: "of somebody else", Metrics: []ifa006.Series{{Metric: "VNetByteOutgoing", Measurements: []ifa006.Measurement{{Value: 1, At: at(12)}}}}},
	}
	broken := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if broken {
			httpapi.WriteProblem(w, httpapi.ProblemDetails{Status: 503, Detail: "not now"})
			return
		}
		list := slices.DeleteFunc(slices.Clone(vim), func(m ifa006.Measurements) bool {
			return !strings.Contains(r.URL.Query().Get("filter"), "'"+m.ResourceID+"'")
		})
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(list)
	}))
	t.Cleanup(server.Close)
	s := New(Config{
		Tables: &memstate.Bus{}, Publisher: silent{}, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		VIM: &httpapi.Client{Base: server.URL, Version: "1.0.0", Retries: -1},
	})
	if err := s.Open(t.Context(), t.Context(), "hub", "north"); err != nil {
		t.Fatal(err)
	}
	for id, saps := range map[string][]sol005.SapInfo{"ns": {{ID: "door"}, {ID: "gate"}, {ID: "new"}}, "bare": nil} {
		if _, err := s.nss.Create(t.Context(), "north", id, &ns{Saps: saps}); err != nil {
			t.Fatal(err)
		}
	}
	if domain, subs, err := s.measurable(t.Context(), measuredSap, "ns"); err != nil || domain != "north" || !slices.Equal(subs, []string{"door", "gate", "new"}) {
		t.Errorf("%s has %v, %v", domain, subs, err)
	}
	task := performance.Task{Type: measuredSap, Objects: []string{"ns", "bare", "gone"}, Metrics: []string{"ByteIncomingSap", "ByteOutgoingSap"}, Period: 10 * time.Second, From: at(0), Until: at(20)}
	for name, c := range map[string]struct {
		subs []string
		want []string
	}{
		"all":                         {nil, []string{"door ByteIncomingSap 10 5", "door ByteIncomingSap 20 18", "door ByteOutgoingSap 20 99", "gate ByteIncomingSap 20 4"}},
		"one":                         {[]string{"gate"}, []string{"gate ByteIncomingSap 20 4"}},
		"one that was never measured": {[]string{"new"}, nil},
	} {
		task.Subs = c.subs
		values, marks, err := s.measured(t.Context(), &task)
		var got []string
		for _, v := range values {
			got = append(got, fmt.Sprintf("%s %s %d %v", v.Sub, v.Metric, v.At.Second(), v.Value))
			if v.Object != "ns" {
				t.Errorf("%s: of %s", name, v.Object)
			}
		}
		if slices.Sort(got); err != nil || marks != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, %v; want %q", name, got, err, c.want)
		}
	}
	broken = true
	if _, _, err := s.measured(t.Context(), &task); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("a VIM that does not answer: %v", err)
	}
}
