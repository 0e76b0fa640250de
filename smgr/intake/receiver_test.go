package intake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/smgr"
)

// Each type of notification becomes an event of its kind, under the key that keeps
// its order.
func TestKinds(t *testing.T) {
	at := start.Format(time.RFC3339)
	sol := func(kind, rest string) string {
		return `{"id":"n","notificationType":"` + kind + `","subscriptionId":"sub-1","timestamp":"` + at + `"` + rest + `}`
	}
	ifa := func(kind, rest string) string {
		return `{"id":"n","notificationType":"` + kind + `","subscriptionId":"sub-1","timeStamp":"` + at + `"` + rest + `}`
	}
	op := `,"nsInstanceId":"a","nsLcmOpOccId":"o","operationState":"COMPLETED"`
	for _, tt := range []struct {
		name string
		i    hub.Interface
		body string
		kind hub.EventKind // empty: taken and not judged
		key  string
	}{
		{"operation", hub.ScOrNsLcm, sol("NsLcmOperationOccurrenceNotification", op), hub.EventNsOperation, "ns/a"},
		{"operation with one r", hub.ScOrNsLcm, sol("NsLcmOperationOccurenceNotification", op), hub.EventNsOperation, "ns/a"},
		{"change", hub.ScOrNsLcm, sol("NsChangeNotification", `,"nsInstanceId":"a"`), hub.EventNsChange, "ns/a"},
		{"created", hub.ScOrNsLcm, sol("NsIdentifierCreationNotification", `,"nsInstanceId":"a"`), hub.EventNsIdentifier, "ns/a"},
		{"deleted", hub.ScOrNsLcm, sol("NsIdentifierDeletionNotification", `,"nsInstanceId":"a"`), hub.EventNsIdentifier, "ns/a"},
		{"attempt on an NS", hub.ScOrNsLcm, sol("manoward.UnauthorizedAttemptNotification", `,"attempt":{"target":"ns/a"}`), hub.EventUnauthorizedAttempt, "ns/a"},
		{"attempt on a package", hub.ScOrNsLcm, sol("manoward.UnauthorizedAttemptNotification", `,"attempt":{"target":"vnf-package/p"}`), hub.EventUnauthorizedAttempt, "domain"},
		{"shortage", hub.ScOrNsLcm, sol("NsLcmCapacityShortageNotification", ""), "", ""},
		{"compute", hub.ScViTelem, ifa("VirtualisedResourceChangeNotification", `,"resourceType":"COMPUTE","virtualisedResourceId":"c"`), hub.EventComputeChange, "compute/c"},
		{"port", hub.ScViTelem, ifa("VirtualisedResourceChangeNotification", `,"resourceType":"PORT","virtualisedResourceId":"p"`), hub.EventComputeChange, "compute/p"},
		{"storage", hub.ScViTelem, ifa("VirtualisedResourceChangeNotification", `,"resourceType":"STORAGE","virtualisedResourceId":"s"`), hub.EventComputeChange, "compute/s"},
		{"host", hub.ScViTelem, ifa("VirtualisedResourceChangeNotification", `,"resourceType":"HOST","virtualisedResourceId":"h"`), hub.EventHostChange, "host/h"},
		{"image", hub.ScViTelem, ifa("VirtualisedResourceChangeNotification", `,"resourceType":"IMAGE","virtualisedResourceId":"i"`), hub.EventImageChange, "image/i"},
		{"network", hub.ScViTelem, ifa("VirtualisedResourceChangeNotification", `,"resourceType":"NETWORK","virtualisedResourceId":"x"`), "", ""},
		{"alarm of a host", hub.ScViTelem, ifa("AlarmNotification", `,"alarm":{"managedObjectId":"h","hostId":"h"}`), hub.EventAlarm, "host/h"},
		{"alarm of a compute", hub.ScViTelem, ifa("AlarmClearedNotification", `,"alarm":{"managedObjectId":"c"}`), hub.EventAlarm, "compute/c"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			url := serve(t, NewReceiver(w.open(Limits{}), &ours{}), tt.i)
			if got := post(t, url, "vim", []byte(tt.body)).StatusCode; got != http.StatusNoContent {
				t.Fatalf("answered %d", got)
			}
			if tt.kind == "" {
				if len(w.waiting) != 0 || w.count(OutcomeIgnored) != 1 {
					t.Fatalf("queued %v, counted %v", w.waiting, w.counts)
				}
				return
			}
			if len(w.waiting) != 1 || w.count(OutcomeAccepted) != 1 {
				t.Fatalf("queued %v, counted %v", w.waiting, w.counts)
			}
			ev := w.waiting[0]
			if ev.Kind != tt.kind || ev.Key != tt.key || ev.Origin != smgr.OriginNotification || ev.Sender != "vim" || !ev.Time.Equal(start) || !ev.Received.Equal(start) || string(ev.Body) != tt.body {
				t.Fatalf("the event is %+v, body %s", ev, ev.Body)
			}
		})
	}
}

// What is refused has its status, is counted, is recorded as an alarm, and adds
// nothing to the queue.
func TestRefused(t *testing.T) {
	large := bytes.Repeat([]byte(" "), 10<<20)
	good := string(changeBody("n", "a", start))
	for _, tt := range []struct {
		name, sender, media, body string
		status                    int
		reason                    string
	}{
		{"wrong sender", "mallory", "", good, 403, OutcomeWrongSender},
		{"10 MB", "", "", string(large), 413, OutcomeTooLarge},
		{"no JSON type", "", "text/plain", good, 415, OutcomeMalformed},
		{"no JSON", "", "", `{"id"`, 400, OutcomeMalformed},
		{"empty", "", "", ``, 400, OutcomeMalformed},
		{"an array", "", "", `[1]`, 400, OutcomeMalformed},
		{"a member twice", "", "", `{"id":"a","id":"b"}`, 400, OutcomeMalformed},
		{"another spelling", "", "", strings.Replace(good, `"id"`, `"ID"`, 1), 400, OutcomeMalformed},
		{"too deep", "", "", `{"x":` + strings.Repeat("[", 50) + strings.Repeat("]", 50) + `}`, 400, OutcomeMalformed},
		{"no id", "", "", strings.Replace(good, `"n"`, `""`, 1), 400, OutcomeMalformed},
		{"long id", "", "", strings.Replace(good, `"n"`, `"`+strings.Repeat("n", 257)+`"`, 1), 400, OutcomeMalformed},
		{"no time", "", "", strings.Replace(good, `"timestamp"`, `"when"`, 1), 400, OutcomeMalformed},
		{"no NS", "", "", strings.Replace(good, `"nsInstanceId"`, `"ns"`, 1), 400, OutcomeUnknownType},
		{"unknown type", "", "", strings.Replace(good, "NsChange", "NsHope", 1), 400, OutcomeUnknownType},
		{"type of a VIM", "", "", strings.Replace(good, "NsChangeNotification", "AlarmNotification", 1), 400, OutcomeUnknownType},
		{"another's subscription", "", "", strings.Replace(good, "sub-1", "sub-2", 1), 404, OutcomeNotSubscribed},
		{"stale", "", "", string(changeBody("n", "a", start.Add(-24*time.Hour-time.Second))), 400, OutcomeStale},
		{"future", "", "", string(changeBody("n", "a", start.Add(5*time.Minute+time.Second))), 400, OutcomeFuture},
		{"schema", "", "", strings.Replace(good, `"a"`, `"unfit"`, 1), 400, OutcomeSchema},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.refusals = func(k hub.EventKind, raw []byte) error {
				if k == hub.EventNsChange && bytes.Contains(raw, []byte("unfit")) {
					return hub.E(hub.Invalid, "check", "nsInstanceId is unfit", nil)
				}
				return nil
			}
			url := serve(t, NewReceiver(w.open(Limits{}), &ours{}), hub.ScOrNsLcm)
			req, _ := http.NewRequest(http.MethodPost, url, strings.NewReader(tt.body))
			req.Header.Set("Sender", tt.sender)
			if tt.media == "" {
				tt.media = "application/json"
			}
			req.Header.Set("Content-Type", tt.media)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != tt.status || w.count(tt.reason) != 1 || len(w.waiting) != 0 {
				t.Fatalf("answered %d, counted %v, queued %d", resp.StatusCode, w.counts, len(w.waiting))
			}
			recs := recorded[RefusedRecord](w, KindRefused)
			if len(recs) != 1 || recs[0].Reason != tt.reason || recs[0].Count != 1 || recs[0].Interface != hub.ScOrNsLcm || recs[0].Detail == "" {
				t.Fatalf("recorded %+v", recs)
			}
			// The rest goes on.
			if got := post(t, url, "nfvo", changeBody("next", "a", start)).StatusCode; got != http.StatusNoContent {
				t.Fatalf("a good one after it: %d", got)
			}
		})
	}
}

// The producer's test of the URI is answered 204, and other methods 405.
func TestCallbackTest(t *testing.T) {
	w := newWorld(t)
	url := serve(t, NewReceiver(w.open(Limits{}), &ours{}), hub.ScOrNsLcm)
	for method, want := range map[string]int{http.MethodGet: 204, http.MethodPut: 405, http.MethodDelete: 405} {
		req, _ := http.NewRequest(method, url, nil)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", method, resp.StatusCode, want)
		}
	}
	req, _ := http.NewRequest(http.MethodGet, url, nil)
	req.Header.Set("Sender", "mallory")
	if resp, err := http.DefaultClient.Do(req); err != nil || resp.StatusCode != 403 || w.count(OutcomeWrongSender) != 1 {
		t.Fatalf("GET of a stranger: %v %v", resp, err)
	}
}

// A notification that comes again has no second effect: while it waits, after it
// was handled, after a restart, and in another layout.
func TestDuplicates(t *testing.T) {
	w := newWorld(t)
	url := serve(t, NewReceiver(w.open(Limits{}), &ours{}), hub.ScOrNsLcm)
	body := changeBody("n-1", "a", start)
	send := func(what, url string, body []byte) {
		t.Helper()
		if got := post(t, url, "nfvo", body).StatusCode; got != http.StatusNoContent {
			t.Fatalf("%s: %d", what, got)
		}
	}
	send("first", url, body)
	send("while it waits", url, body)
	if len(w.waiting) != 1 {
		t.Fatalf("%d wait", len(w.waiting))
	}
	w.handle()
	before := w.pushed()
	send("after it was handled", url, body)
	again := serve(t, NewReceiver(w.open(Limits{}), &ours{}), hub.ScOrNsLcm)
	w.advance(23 * time.Hour)
	send("after a restart, a day later", again, body)
	send("in another layout", again, bytes.ReplaceAll(body, []byte(","), []byte(" ,\n")))
	if got := w.judged(hub.EventNsChange); len(got) != 1 || w.pushed() != before || w.count(OutcomeDuplicate) != 4 {
		t.Fatalf("judged %d, pushed %d and before %d, counted %v", len(got), w.pushed(), before, w.counts)
	}

	// The same id of another sender is another notification.
	if got := post(t, again, "other", changeBody("n-1", "b", start.Add(23*time.Hour))).StatusCode; got != http.StatusNoContent {
		t.Fatalf("another sender's: %d", got)
	}
	// With other content it is refused.
	if got := post(t, again, "nfvo", changeBody("n-1", "b", start.Add(23*time.Hour))).StatusCode; got != http.StatusConflict || w.count(OutcomeAltered) != 1 {
		t.Fatalf("other content: %d, %v", got, w.counts)
	}
	if got := w.judged(hub.EventNsChange); len(got) != 2 {
		t.Fatalf("judged %d", len(got))
	}
}

// Wherever the process ends, the sender's repetition makes the event, once.
func TestCrashAtEachStep(t *testing.T) {
	for name, of := range map[string]struct {
		body  []byte
		least int // durable steps: the event in the queue; the occurrence, or that the NS is there
	}{
		"change":    {changeBody("n-1", "a", start), 1},
		"operation": {opBody("n-1", "op-1", "COMPLETED", start), 2},
		"created":   {bytes.Replace(changeBody("n-1", "a", start), []byte("NsChange"), []byte("NsIdentifierCreation"), 1), 2},
	} {
		body := of.body
		for handledBetween := range 2 {
			for steps := 0; ; steps++ {
				w := newWorld(t)
				url := serve(t, NewReceiver(w.open(Limits{}), &ours{}), hub.ScOrNsLcm)
				w.steps = steps
				first := post(t, url, "nfvo", body).StatusCode
				w.steps = -1
				if handledBetween == 1 {
					w.handle()
				}
				url = serve(t, NewReceiver(w.open(Limits{}), &ours{}), hub.ScOrNsLcm)
				if second := post(t, url, "nfvo", body).StatusCode; second != http.StatusNoContent {
					t.Fatalf("%s, %d steps: the repetition is answered %d", name, steps, second)
				}
				w.handle()
				if len(w.order) != 1 {
					t.Fatalf("%s, %d steps: judged %d times", name, steps, len(w.order))
				}
				if first == http.StatusNoContent {
					if steps < of.least {
						t.Fatalf("%s: 204 after %d durable steps", name, steps)
					}
					break
				}
				if first != http.StatusServiceUnavailable {
					t.Fatalf("%s, %d steps: answered %d", name, steps, first)
				}
			}
		}
	}
}

// What is told twice, by two subscriptions, or under two ids, is one event when it
// can happen once only.
func TestOneOccurrence(t *testing.T) {
	w := newWorld(t)
	url := serve(t, NewReceiver(w.open(Limits{}), &ours{}), hub.ScOrNsLcm)
	for i, tt := range []struct {
		state string
		at    time.Duration
		want  int // events of operations so far
	}{
		{"PROCESSING", 0, 1}, {"PROCESSING", 0, 1}, {"FAILED_TEMP", time.Second, 2},
		{"PROCESSING", 2 * time.Second, 3}, // it was retried
		{"COMPLETED", 3 * time.Second, 4}, {"COMPLETED", time.Minute, 4},
	} {
		if got := post(t, url, "nfvo", opBody(fmt.Sprint("n-", i), "op-1", tt.state, start.Add(tt.at))).StatusCode; got != http.StatusNoContent {
			t.Fatal(got)
		}
		if got := len(w.judged(hub.EventNsOperation)); got != tt.want {
			t.Fatalf("notification %d: judged %d, want %d", i, got, tt.want)
		}
	}
}

// A notification that is refused for ever makes its subscription anew, but not
// the one of somebody else's subscription.
func TestStuck(t *testing.T) {
	w, subs := newWorld(t), &ours{}
	url := serve(t, NewReceiver(w.open(Limits{}), subs), hub.ScOrNsLcm)
	for range 2 * maxRepeats {
		post(t, url, "nfvo", bytes.Replace(changeBody("x", "a", start), []byte("sub-1"), []byte("sub-2"), 1))
	}
	for range maxRepeats - 1 {
		post(t, url, "nfvo", changeBody("n-1", "a", start.Add(-48*time.Hour)))
	}
	post(t, url, "nfvo", changeBody("n-2", "a", start.Add(-48*time.Hour)))
	if len(subs.renewed) != 0 {
		t.Fatalf("renewed %v", subs.renewed)
	}
	for range maxRepeats - 1 {
		post(t, url, "nfvo", changeBody("n-2", "a", start.Add(-48*time.Hour)))
	}
	if len(subs.renewed) != 1 || subs.renewed[0] != hub.ScOrNsLcm {
		t.Fatalf("renewed %v", subs.renewed)
	}
}

// When the bus does not answer, the sender is told to come again, and nothing is
// acknowledged.
func TestUnavailable(t *testing.T) {
	w, subs := newWorld(t), &ours{err: errors.New("no answer")}
	url := serve(t, NewReceiver(w.open(Limits{}), subs), hub.ScOrNsLcm)
	resp := post(t, url, "nfvo", changeBody("n", "a", start))
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" || w.count(OutcomeUnavailable) != 1 {
		t.Fatalf("answered %d, %v", resp.StatusCode, w.counts)
	}
	p := w.ports()
	p.Depth = func(context.Context) (int, error) { return 0, errors.New("no answer") }
	in, err := Open(context.Background(), w.bus, "north", "beta", p, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	url = serve(t, NewReceiver(in, &ours{}), hub.ScOrNsLcm)
	for range 2 {
		if resp := post(t, url, "nfvo", changeBody("n", "a", start)); resp.StatusCode != http.StatusServiceUnavailable {
			t.Fatalf("without a depth: %d", resp.StatusCode)
		}
	}
}
