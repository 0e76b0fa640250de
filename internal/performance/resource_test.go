package performance

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/sol"
	"github.com/manoward/manoward/internal/testkit/atonce"
)

func TestRefusals(t *testing.T) {
	b := newBench(t)
	many := func(n int) string {
		var ids []string
		for i := range n {
			ids = append(ids, fmt.Sprintf("%q", fmt.Sprint(i)))
		}
		return "[" + strings.Join(ids, ",") + "]"
	}
	sub := func(objects, kind, subs string) string {
		return fmt.Sprintf(`{"objectType":%q,"objectInstanceIds":%s,"subObjectInstanceIds":%s,"criteria":%s,"callbackUri":"https://oss.test/n"}`, kind, objects, subs, criteria)
	}
	ok := `{"thresholdValue":1,"hysteresis":1}`
	for name, c := range map[string]struct {
		path, body string
		status     int
		text       string
	}{
		"no type":         {"/pm_jobs", `{"objectInstanceIds":["a"],"callbackUri":"https://oss.test/n"}`, 400, "objectType is missing"},
		"unknown type":    {"/pm_jobs", strings.Replace(aJob(`["a"]`, criteria), "Thing", "Sap", 1), 422, "supported are: Thing, Part"},
		"no metric":       {"/pm_jobs", aJob(`["a"]`, `{"collectionPeriod":1,"reportingPeriod":1}`), 400, "neither"},
		"unknown metric":  {"/pm_jobs", aJob(`["a"]`, `{"performanceMetric":["heat","cold"],"collectionPeriod":1,"reportingPeriod":1}`), 422, "supported are: heat, light"},
		"metric twice":    {"/pm_jobs", aJob(`["a"]`, `{"performanceMetric":["heat","heat"],"collectionPeriod":1,"reportingPeriod":1}`), 422, "twice"},
		"unknown group":   {"/pm_jobs", aJob(`["a"]`, `{"performanceMetricGroup":["Parts"],"collectionPeriod":1,"reportingPeriod":1}`), 422, "supported is: All"},
		"no period":       {"/pm_jobs", aJob(`["a"]`, `{"performanceMetric":["heat"],"reportingPeriod":1}`), 422, "from 1 to 1024"},
		"long period":     {"/pm_jobs", aJob(`["a"]`, `{"performanceMetric":["heat"],"collectionPeriod":1025,"reportingPeriod":1025}`), 422, "from 1 to 1024"},
		"odd period":      {"/pm_jobs", aJob(`["a"]`, `{"performanceMetric":["heat"],"collectionPeriod":10,"reportingPeriod":15}`), 422, "a multiple of collectionPeriod"},
		"period a text":   {"/pm_jobs", aJob(`["a"]`, `{"performanceMetric":["heat"],"collectionPeriod":"1","reportingPeriod":1}`), 400, "collectionPeriod"},
		"past boundary":   {"/pm_jobs", aJob(`["a"]`, `{"performanceMetric":["heat"],"collectionPeriod":1,"reportingPeriod":1,"reportingBoundary":"2026-11-23T00:00:00Z"}`), 422, "has passed"},
		"no object":       {"/pm_jobs", aJob(`[]`, criteria), 400, "objectInstanceIds is missing"},
		"unknown object":  {"/pm_jobs", aJob(`["a","none"]`, criteria), 422, `no object "none"`},
		"another's":       {"/pm_jobs", aJob(`["s"]`, criteria), 422, `no object "s"`},
		"object twice":    {"/pm_jobs", aJob(`["a","a"]`, criteria), 422, "twice"},
		"many objects":    {"/pm_jobs", aJob(many(MaxObjects+1), criteria), 422, "may have 64"},
		"subs of two":     {"/pm_jobs", sub(`["a","b"]`, "Part", `["1"]`), 422, "is for one object"},
		"subs of none":    {"/pm_jobs", sub(`["a"]`, "Thing", `["1"]`), 422, "is for one object"},
		"unknown sub":     {"/pm_jobs", sub(`["a"]`, "Part", `["3"]`), 422, "none of its parts; it has: 1, 2"},
		"no callback":     {"/pm_jobs", fmt.Sprintf(`{"objectType":"Thing","objectInstanceIds":["a"],"criteria":%s}`, criteria), 422, "callbackUri"},
		"plain callback":  {"/pm_jobs", strings.Replace(aJob(`["a"]`, criteria), "https:", "http:", 1), 422, "is not https"},
		"authentication":  {"/pm_jobs", strings.Replace(aJob(`["a"]`, criteria), `"callbackUri"`, `"authentication":{"authType":["MAGIC"]},"callbackUri"`, 1), 400, "MAGIC"},
		"no value":        {"/thresholds", aThreshold("Thing", "a", "", "heat", "null"), 400, "simpleThresholdDetails is missing"},
		"other threshold": {"/thresholds", strings.Replace(aThreshold("Thing", "a", "", "heat", ok), "SIMPLE", "DOUBLE", 1), 400, "it is SIMPLE"},
		"no hysteresis":   {"/thresholds", aThreshold("Thing", "a", "", "heat", `{"thresholdValue":1}`), 422, "send one above 0"},
		"negative":        {"/thresholds", aThreshold("Thing", "a", "", "heat", `{"thresholdValue":1,"hysteresis":-1}`), 400, "negative"},
		"no metric here":  {"/thresholds", aThreshold("Thing", "a", "", "", ok), 400, "performanceMetric is missing"},
		"metric of Thing": {"/thresholds", aThreshold("Part", "a", "", "light", ok), 422, "supported are: heat"},
		"type":            {"/thresholds", aThreshold("Sap", "a", "", "heat", ok), 422, "supported are: Thing, Part"},
		"object":          {"/thresholds", aThreshold("Thing", "s", "", "heat", ok), 422, `no object "s"`},
		"empty object":    {"/thresholds", aThreshold("Thing", "", "", "heat", ok), 400, "objectInstanceId is missing"},
		"no JSON":         {"/thresholds", "{", 400, ""},
	} {
		w := b.do("POST", c.path, c.body)
		var p httpapi.ProblemDetails
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != c.status || !strings.Contains(p.Detail, c.text) {
			t.Errorf("%s: %d %s; want %d %q", name, w.Code, w.Body, c.status, c.text)
		}
	}
	want[any](b, 403, b.do("POST", "/pm_jobs", aJob(`["a"]`, criteria), "X-Caller", "client@north"))
	want[any](b, 403, b.do("POST", "/thresholds", aThreshold("Thing", "a", "", "heat", ok), "X-Caller", "client@north"))
	if b.meter.jobs.Len()+b.meter.thresholds.Len() != 0 {
		t.Error("something was made")
	}
	for range b.outbox.Subscriptions("vnfpm", "") {
		t.Error("a callback was kept")
	}
}

// thing is a job or a threshold.
type thing struct {
	ID string `json:"id"`
}

// A consumer sees its own, an operator of the hub all, and nobody another's.
func TestSeparation(t *testing.T) {
	b := newBench(t)
	bodies := map[string]string{"/pm_jobs": aJob(`["a"]`, criteria), "/thresholds": aThreshold("Thing", "a", "", "heat", `{"thresholdValue":1,"hysteresis":1}`)}
	for path, body := range bodies {
		made := want[thing](b, 201, b.do("POST", path, body))
		want[thing](b, 201, b.do("POST", path, strings.ReplaceAll(body, `"a"`, `"s"`), "X-Caller", "oss@south"))
		want[thing](b, 201, b.do("POST", path, strings.ReplaceAll(body, `"a"`, `"s"`), "X-Caller", "nfvo@hub"))
		for caller, n := range map[string]int{"oss@north": 1, "em@north": 0, "oss@south": 1, "nfvo@hub": 1, "operator@hub": 3, "operator@north": 0} {
			if list := want[[]thing](b, 200, b.do("GET", path, "", "X-Caller", caller)); len(list) != n {
				t.Errorf("%s sees %d of %s, want %d", caller, len(list), path, n)
			}
		}
		none := plain(b.do("GET", path+"/none", "", "X-Caller", "em@north").Body.String())
		for _, method := range []string{"GET", "DELETE", "PATCH"} {
			body := map[bool]string{true: `{"callbackUri":"https://evil.test/"}`}[method == "PATCH"]
			for _, caller := range []string{"em@north", "oss@south", "nfvo@hub"} {
				w := b.do(method, path+"/"+made.ID, body, "X-Caller", caller)
				if w.Code != 404 || plain(w.Body.String()) != none && method == "GET" {
					t.Errorf("%s %s as %s: %d %s; what is not there answers %s", method, path, caller, w.Code, w.Body, none)
				}
			}
		}
		want[any](b, 403, b.do("DELETE", path+"/"+made.ID, "", "X-Caller", "client@north"))
		filter := "?filter=" + url.QueryEscape("(eq,objectType,Thing);(eq,id,"+made.ID+")")
		if list := want[[]thing](b, 200, b.do("GET", path+filter, "", "X-Caller", "operator@hub")); len(list) != 1 {
			t.Errorf("filtered: %v", list)
		}
		want[any](b, 204, b.do("DELETE", path+"/"+made.ID, "", "X-Caller", "operator@hub"))
	}
}

// A VNF has itself measured, and nothing else; what it has made ends with it.
func TestVNFOfItselfAlone(t *testing.T) {
	b := newBench(t)
	ok := `{"thresholdValue":1,"hysteresis":1}`
	bodies := map[string]string{"/pm_jobs": aJob(`["a"]`, criteria), "/thresholds": aThreshold("Thing", "a", "", "heat", ok)}
	refused := func(path, body, caller string) string {
		t.Helper()
		w := b.do("POST", path, body, "X-Caller", caller)
		var p httpapi.ProblemDetails
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != 422 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		return regexp.MustCompile(`"[^"]*"`).ReplaceAllString(p.Detail, "X")
	}
	for path, body := range bodies {
		none := refused(path, strings.ReplaceAll(body, `"a"`, `"none"`), "vnf@north/a")
		for other, in := range map[string]string{
			"b": strings.ReplaceAll(body, `"a"`, `"b"`), "s": strings.ReplaceAll(body, `"a"`, `"s"`),
		} {
			if got := refused(path, in, "vnf@north/a"); got != none {
				t.Errorf("%s of %s: %s, and of none: %s", path, other, got, none)
			}
		}
		// Another trust domain has no VNF of the ID.
		refused(path, body, "vnf@south/a")
		made := want[thing](b, 201, b.do("POST", path, body, "X-Caller", "vnf@north/a"))
		theirs := want[thing](b, 201, b.do("POST", path, strings.ReplaceAll(body, `"a"`, `"b"`), "X-Caller", "vnf@north/b"))
		for _, caller := range []string{"vnf@north/b", "vnf@south/a", "oss@north"} {
			for _, method := range []string{"GET", "DELETE"} {
				want[any](b, 404, b.do(method, path+"/"+made.ID, "", "X-Caller", caller))
			}
		}
		if list := want[[]thing](b, 200, b.do("GET", path, "", "X-Caller", "vnf@north/a")); len(list) != 1 || list[0].ID != made.ID {
			t.Errorf("it sees %v, and has made %s", list, made.ID)
		}
		want[any](b, 200, b.do("PATCH", path+"/"+made.ID, `{"callbackUri":"https://vnf.test/second"}`, "X-Caller", "vnf@north/a"))
		want[any](b, 200, b.do("GET", path+"/"+theirs.ID, "", "X-Caller", "vnf@north/b"))
	}
	both := refused("/pm_jobs", aJob(`["a","b"]`, criteria), "vnf@north/a")
	if !strings.Contains(both, "there is no object") {
		t.Errorf("itself and another: %s", both)
	}
	for _, try := range []string{"performance.create:of-another vnf/b", "performance.create:of-another vnf/s", "performance.query:of-another PM job/", "performance.delete:of-another threshold/"} {
		if !strings.Contains(strings.Join(b.tried, "\n"), try) {
			t.Errorf("no record of %s: %q", try, b.tried)
		}
	}
	b.pass(21 * time.Second)
	if b.meter.reports.Len() != 2 {
		t.Errorf("%d reports, want one of each VNF", b.meter.reports.Len())
	}

	// One of them ends. Who cannot be asked about it keeps what it has.
	b.set(func() { b.ended, b.deaf = map[string]bool{"a": true}, errors.New("deaf") })
	b.pass(sweepEvery)
	if n := b.meter.jobs.Len() + b.meter.thresholds.Len(); n != 4 {
		t.Errorf("%d are left, want 4", n)
	}
	b.set(func() { b.deaf = nil })
	b.open() // as after a crash
	b.pass(0)
	if b.meter.jobs.Len() != 1 || b.meter.thresholds.Len() != 1 || b.meter.reports.Len() != 1 {
		t.Errorf("%d jobs, %d thresholds and %d reports are left, want one of each", b.meter.jobs.Len(), b.meter.thresholds.Len(), b.meter.reports.Len())
	}
	for s := range b.outbox.Subscriptions("vnfpm", "") {
		if s.Owner != "spiffe://north/vnf/b" {
			t.Errorf("a callback of %s is left", s.Owner)
		}
	}
}

// The reports of a job go with it, and those that a crash left are found at the next start
// and now and then; no others.
func TestReportOfNothing(t *testing.T) {
	b := newBench(t)
	job := func() string {
		t.Helper()
		return want[thing](b, 201, b.do("POST", "/pm_jobs", aJob(`["a"]`, criteria))).ID
	}
	stays, deleted, left, later := job(), job(), job(), job()
	b.pass(21 * time.Second)
	reports := func(of string) int { return len(b.meter.reports.Find(termJob + of)) }
	if reports(stays) == 0 || reports(deleted) == 0 || reports(left) == 0 || reports(later) == 0 {
		t.Fatal("a job has no report")
	}
	b.do("DELETE", "/pm_jobs/"+deleted, "")
	if n := reports(deleted); n != 0 {
		t.Errorf("a job that was deleted left %d reports", n)
	}
	lose := func(id string) {
		t.Helper()
		if err := b.meter.jobs.Delete(t.Context(), id, nil); err != nil {
			t.Fatal(err)
		}
	}
	lose(left)
	b.open() // as after a crash
	b.pass(0)
	if n := reports(left); n != 0 {
		t.Errorf("%d reports of no job are left after a start", n)
	}
	lose(later)
	b.pass(orphansEvery)
	if n := reports(later); n != 0 {
		t.Errorf("%d reports of no job are left after %s", n, orphansEvery)
	}
	if reports(stays) == 0 {
		t.Error("the reports of a job that is there are gone")
	}
}

// A callback whose job was not stored is dropped, and no other.
func TestCallbackOfNothing(t *testing.T) {
	b := newBench(t)
	made := want[thing](b, 201, b.do("POST", "/pm_jobs", aJob(`["a"]`, criteria)))
	limit := want[thing](b, 201, b.do("POST", "/thresholds", aThreshold("Thing", "a", "", "heat", `{"thresholdValue":1,"hysteresis":1}`)))
	left := want[thing](b, 201, b.do("POST", "/pm_jobs", aJob(`["a"]`, criteria)))
	if err := b.meter.jobs.Delete(t.Context(), left.ID, nil); err != nil {
		t.Fatal(err)
	}
	callbacks := func() (ids []string) {
		for s := range b.outbox.Subscriptions("vnfpm", "") {
			ids = append(ids, s.ID)
		}
		return ids
	}
	b.set(func() { b.now = time.Now() }) // the clock of the outbox
	b.pass(0)
	if got := callbacks(); len(got) != 3 {
		t.Errorf("a callback that may be about to be used is gone: %v", got)
	}
	b.pass(keepCallback + time.Minute)
	got := callbacks()
	slices.Sort(got)
	if keep := slices.Sorted(slices.Values([]string{made.ID, limit.ID})); !slices.Equal(got, keep) {
		t.Errorf("%v are left, want %v", got, keep)
	}
}

// plain is an answer without what differs in each.
func plain(body string) string {
	return regexp.MustCompile(`"requestId":"[^"]*"`).ReplaceAllString(body, "")
}

func TestCreate_Bounded(t *testing.T) {
	b := newBench(t)
	for path, c := range map[string]struct {
		body string
		most int
	}{"/pm_jobs": {aJob(`["a"]`, criteria), MaxJobs}, "/thresholds": {aThreshold("Thing", "a", "", "heat", `{"thresholdValue":1,"hysteresis":1}`), MaxThresholds}} {
		first := want[thing](b, 201, b.do("POST", path, c.body, "Idempotency-Key", "k"))
		for range c.most - 1 {
			want[any](b, 201, b.do("POST", path, c.body))
		}
		if w := b.do("POST", path, c.body); w.Code != 422 || !strings.Contains(w.Body.String(), "delete one") {
			t.Errorf("one more: %d %s", w.Code, w.Body)
		}
		if again := want[thing](b, 201, b.do("POST", path, c.body, "Idempotency-Key", "k")); again.ID != first.ID {
			t.Errorf("the same again: %s, want %s", again.ID, first.ID)
		}
		want[any](b, 422, b.do("POST", path, strings.Replace(c.body, "heat", "light", 1), "Idempotency-Key", "k"))
		want[any](b, 400, b.do("POST", path, c.body, "Idempotency-Key", strings.Repeat("k", maxKey+1)))
		want[any](b, 201, b.do("POST", path, c.body, "X-Caller", "em@north"))
		for range c.most + 1 {
			want[any](b, 201, b.do("POST", path, c.body, "X-Caller", "nfvo@hub"))
		}
	}
	if len(b.meter.making) != 0 {
		t.Errorf("%v", b.meter.making)
	}
}

func TestPatch(t *testing.T) {
	b := newBench(t)
	basic := `"authentication":{"authType":["BASIC"],"paramsBasic":{"userName":"u","password":"p"}}`
	for path, body := range map[string]string{"/pm_jobs": aJob(`["a"]`, criteria), "/thresholds": aThreshold("Thing", "a", "", "heat", `{"thresholdValue":1,"hysteresis":1}`)} {
		made := want[thing](b, 201, b.do("POST", path, strings.Replace(body, `"callbackUri"`, basic+`,"callbackUri"`, 1)))
		self := path + "/" + made.ID
		tag := b.do("GET", self, "").Header().Get("ETag")
		to := want[sol.CallbackModifications](b, 200, b.do("PATCH", self, `{"callbackUri":"https://oss.test/m"}`, "If-Match", tag))
		if to.CallbackURI != "https://oss.test/m" {
			t.Errorf("%+v", to)
		}
		want[any](b, 412, b.do("PATCH", self, `{"callbackUri":"https://oss.test/k"}`, "If-Match", tag))
		s, err := b.outbox.Subscription(t.Context(), "vnfpm", made.ID)
		if err != nil || s.Auth == nil || s.CallbackURI != "https://oss.test/m" || s.Self != "https://vnfm.test/vnfpm/v2"+self {
			t.Errorf("%+v, %v", s, err)
		}
		want[any](b, 200, b.do("PATCH", self, `{"authentication":null}`))
		if s, err = b.outbox.Subscription(t.Context(), "vnfpm", made.ID); err != nil || s.Auth != nil {
			t.Errorf("%+v, %v", s, err)
		}
		if shown := b.do("GET", self, ""); strings.Contains(shown.Body.String(), "uthentication") || !strings.Contains(shown.Body.String(), "https://oss.test/m") {
			t.Errorf("%s", shown.Body)
		}
		for bad, status := range map[string]int{`{}`: 400, `{"callbackUri":null}`: 400, `{"callbackUri":""}`: 400, `{"objectType":"Part"}`: 400, `{"callbackUri":"http://x"}`: 422, `{"authentication":{"authType":[]}}`: 400, `[]`: 400} {
			if w := b.do("PATCH", self, bad); w.Code != status {
				t.Errorf("%s: %d %s, want %d", bad, w.Code, w.Body, status)
			}
		}
	}
}

// FuzzCreate holds that no request breaks the function, whatever it says, and that what
// is taken is collected.
func FuzzCreate(f *testing.F) {
	f.Add("/pm_jobs", aJob(`["a"]`, criteria))
	f.Add("/pm_jobs", `{"objectType":"Part","objectInstanceIds":["a"],"subObjectInstanceIds":["2"],"criteria":{"performanceMetricGroup":["Parts"],"collectionPeriod":1,"reportingPeriod":1024,"reportingBoundary":"9999-12-31T23:59:59Z"},"callbackUri":"https://x/"}`)
	f.Add("/thresholds", aThreshold("Part", "a", "", "heat", `{"thresholdValue":1e300,"hysteresis":5e-324}`))
	f.Add("/thresholds", `{"criteria":null}`)
	f.Fuzz(func(t *testing.T, path, body string) {
		if path != "/pm_jobs" && path != "/thresholds" {
			return
		}
		b := newBench(t)
		w := b.do("POST", path, body)
		if w.Code >= 500 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if w.Code != 201 {
			return
		}
		b.pass(2000e9)
		self := strings.TrimPrefix(w.Header().Get("Location"), "https://vnfm.test/vnfpm/v2")
		if w := b.do("GET", self, ""); w.Code != 200 {
			t.Errorf("GET %s: %d %s", self, w.Code, w.Body)
		}
		if w := b.do("DELETE", self, ""); w.Code != 204 {
			t.Errorf("DELETE %s: %d %s", self, w.Code, w.Body)
		}
	})
}

// The same request many times at once, with a key, has one effect.
func TestSameKeyAtOnce(t *testing.T) {
	b := newBench(t)
	for path, body := range map[string]string{"/pm_jobs": aJob(`["a"]`, criteria), "/thresholds": aThreshold("Thing", "a", "", "heat", `{"thresholdValue":1,"hysteresis":1}`)} {
		for round := range 20 { // in some of them two find that it is not there yet
			ids := map[string]bool{}
			for _, w := range atonce.Do(8, func() *httptest.ResponseRecorder {
				return b.do("POST", path, body, "Idempotency-Key", fmt.Sprint("k", round))
			}) {
				var made thing
				if err := json.Unmarshal(w.Body.Bytes(), &made); err != nil || w.Code != 201 {
					t.Error(path, w.Code, err, w.Body)
				}
				ids[made.ID] = true
			}
			if len(ids) != 1 {
				t.Fatalf("%s: %v", path, ids)
			}
		}
	}
}
