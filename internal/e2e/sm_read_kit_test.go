package e2e_test

import (
	"bufio"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/smgr"
)

// smList lists a collection of the Security Manager alpha of a trust domain, over
// its REST interface.
func smList[T any](h *nsHub, domain, collection string, query url.Values) []T {
	h.t.Helper()
	if query == nil {
		query = url.Values{}
	}
	query.Set("trustDomain", domain)
	list := []T{}
	for item, err := range httpapi.All[T](h.t.Context(), h.operator(), "/security_managers/alpha/"+collection, query) {
		if err != nil {
			h.t.Fatal(err)
		}
		list = append(list, item)
	}
	return list
}

// smDecisions counts the decisions of a trust domain's Security Manager by the
// event that they are on.
func (h *nsHub) smDecisions(domain string, query url.Values) map[string]int {
	h.t.Helper()
	events := map[string]int{}
	for _, d := range smList[smgr.Decision](h, domain, "decisions", query) {
		events[d.EventID]++
	}
	return events
}

// smMetric is the sum of the samples of a metric that have all labels, name and
// value by turns.
func (h *nsHub) smMetric(name string, labels ...string) float64 {
	h.t.Helper()
	c := h.operatorContext()
	resp, body := call(h.t, httpClient(h.t, adminTLS(h.t, c, true), false), http.MethodGet, c.Server+"/metrics", nil, "")
	if resp.StatusCode != http.StatusOK {
		h.t.Fatalf("/metrics: %d %.200s", resp.StatusCode, body)
	}
	return metricSum(h, body, name, labels...)
}

// metricSum sums the samples of a page of metrics.
func metricSum(h *nsHub, page, name string, labels ...string) (sum float64) {
	h.t.Helper()
	for lines := bufio.NewScanner(strings.NewReader(page)); lines.Scan(); {
		line := lines.Text()
		if !strings.HasPrefix(line, name+"{") && !strings.HasPrefix(line, name+" ") {
			continue
		}
		has := true
		for n := 0; n+1 < len(labels); n += 2 {
			has = has && strings.Contains(line, labels[n]+`="`+labels[n+1]+`"`)
		}
		if !has {
			continue
		}
		v, err := strconv.ParseFloat(line[strings.LastIndex(line, " ")+1:], 64)
		if err != nil {
			h.t.Fatalf("metric %q: %v", line, err)
		}
		sum += v
	}
	return sum
}

// smOutcome is how many notifications of an interface of a domain's Security
// Manager had an outcome.
func (h *nsHub) smOutcome(domain string, i hub.Interface, outcome string) int {
	h.t.Helper()
	return int(h.smMetric("manoward_sm_notifications_total", "trust_domain", domain, "sm", "alpha", "interface", string(i), "outcome", outcome))
}
