package indicators

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol001"
)

// What a VNF and its EM say is what is kept, each from the source that the VNFD names;
// a change is told, and the same said in another spelling is none.
func TestRound(t *testing.T) {
	b := newBench(t)
	b.add("v1", sol001.SourceVNF, sol001.SourceEM)
	b.say(atVNF, "v1", "load", `{"percent":10}`, "mode", `{"from":"the wrong source"}`, "users", `{"n":1}`, "secret", `{"not":"declared"}`)
	b.say(atEM, "v1", "mode", `{"m":"day"}`, "users", `{"n":99}`)
	b.round()
	b.wantValues("v1", `load={"percent":10}`, `mode={"m":"day"}`, `users={"n":1}`)
	b.wantTold("all", "v1 has load mode users", `v1 load={"percent":10}`, `v1 mode={"m":"day"}`, `v1 users={"n":1}`)
	at := b.now

	b.say(atVNF, "v1", "load", "{ \"percent\" : 10 }", "users", `{"n":2}`)
	b.round()
	b.wantTold("all", `v1 users={"n":2}`)
	if read, changed := b.list.readTime("v1", "load"), b.value("v1", "load").Changed; !read.Equal(b.now) || !changed.Equal(at) {
		t.Errorf("load: read at %s, changed at %s; want %s and %s", read, changed, b.now, at)
	}
	if b.read != 1 {
		t.Errorf("the VNFD was read %d times", b.read)
	}

	// The EM's address is taken away: its indicator goes, and the VNF's own stay.
	b.add("v1", sol001.SourceVNF)
	b.round()
	b.wantTold("all", "v1 has load users")
	b.wantValues("v1", `load={"percent":10}`, `users={"n":2}`)

	// Another VNFD, as after a change of the package.
	v := b.vnfs["v1"]
	v.VnfdID, b.vnfds["web2"] = "web2", []sol001.IndicatorDesc{{ID: "load", Source: sol001.SourceBoth}, {ID: "heat", Source: sol001.SourceVNF}}
	b.vnfs["v1"] = v
	b.say(atVNF, "v1", "load", `{"percent":10}`, "heat", `{"c":70}`)
	b.round()
	b.wantTold("all", "v1 has load heat", `v1 heat={"c":70}`)

	// Terminated: nothing is left, and the same VNF begins anew.
	b.add("v1")
	b.round()
	b.wantValues("v1")
	b.wantTold("all")
	b.add("v1", sol001.SourceVNF)
	b.round()
	b.wantTold("all", "v1 has load users", `v1 load={"percent":10}`)
	delete(b.vnfs, "v1")
	b.round()
	b.wantValues("v1")
	if b.list.kept.Len() != 0 || len(b.list.asked) != 0 {
		t.Errorf("%d VNFs are left, %v", b.list.kept.Len(), b.list.asked)
	}
}

// value is one that is kept.
func (b *bench) value(vnf, id string) value {
	b.t.Helper()
	e, err := b.list.kept.Get(b.t.Context(), vnf)
	if err != nil {
		b.t.Fatal(err)
	}
	return e.Value.Values[id]
}

// A VNF that does not answer keeps what it said, is asked less and less often, and keeps
// no other from being asked; neither does one whose VNFD cannot be read.
func TestRound_Silent(t *testing.T) {
	b := newBench(t)
	b.add("v1", sol001.SourceVNF, sol001.SourceEM)
	b.add("v2", sol001.SourceVNF)
	b.add("v4", sol001.SourceVNF)
	four := b.vnfs["v4"]
	four.VnfdID = "unknown"
	b.vnfs["v4"] = four
	b.vnfds["none"] = []sol001.IndicatorDesc{{ID: "load", Source: sol001.SourceVNF}}
	b.vnfs["v3"] = VNF{Domain: "north", VnfdID: "none", Addresses: map[string]string{sol001.SourceVNF: "https://away.test"}}
	b.filters = map[string]string{"values": `{"notificationTypes":"VnfIndicatorValueChangeNotification"}`}
	b.say(atEM, "v1", "mode", `{}`)
	b.say(atVNF, "v2", "load", `{"n":1}`)
	for i := range 40 {
		b.say(atVNF, "v2", "load", fmt.Sprintf(`{"n":%d}`, i))
		b.round()
	}
	if got := b.told["values"]; len(got) != 41 {
		t.Errorf("told %d values, want 40 of v2 and one of v1", len(got))
	}
	calls := map[string]int{}
	for _, c := range b.calls {
		calls[c]++
	}
	// 40 rounds of 30 s: asked after 0, 0.5, 1.5, 3.5, 7.5, 15.5 minutes.
	if n := calls["https://away.test/vnfind/v1/indicators/v3"]; n != 6 {
		t.Errorf("who does not answer was asked %d times, want 6", n)
	}
	// One source of two answers: nothing is put off.
	if n := calls[atVNF+"/vnfind/v1/indicators/v1"]; n != 40 {
		t.Errorf("who answers in part was asked %d times, want 40", n)
	}
	b.wantValues("v1", `mode={}`)
	b.wantValues("v4")
	read := b.list.readTime("v1", "mode")
	b.silent(atEM, "v1")
	b.round()
	b.wantValues("v1", `mode={}`)
	if again := b.list.readTime("v1", "mode"); !again.Equal(*read) {
		t.Errorf("read at %s, and at %s when it did not answer", read, again)
	}
}

// A VNF of a trust domain without a credential is not called at all.
func TestRound_NoCredential(t *testing.T) {
	b := newBench(t)
	b.vnfs["v1"] = VNF{Domain: "south", VnfdID: "web", Addresses: map[string]string{sol001.SourceVNF: atVNF}}
	b.closed = errors.New("what south has to tell is not looked at here")
	b.round()
	if len(b.calls) != 0 || b.list.asked["v1"].failures != 1 {
		t.Errorf("called %v, %+v", b.calls, b.list.asked["v1"])
	}
}

// Answers that are not to be believed change nothing.
func TestRound_BadAnswers(t *testing.T) {
	big := strings.Repeat("x", maxValue)
	many := make([]string, 0, 2*maxTold+2)
	for i := range maxTold + 1 {
		many = append(many, fmt.Sprint("i", i), "{}")
	}
	b := newBench(t)
	b.add("v1", sol001.SourceVNF)
	b.say(atVNF, "v1", "load", `{"n":1}`)
	b.round()
	for what, body := range map[string]string{
		"another VNF":  `[{"id":"load","vnfInstanceId":"v2","value":{}}]`,
		"no VNF":       `[{"id":"load","value":{}}]`,
		"twice":        `[{"id":"load","vnfInstanceId":"v1","value":{}},{"id":"load","vnfInstanceId":"v1","value":{}}]`,
		"no object":    `[{"id":"load","vnfInstanceId":"v1","value":7}]`,
		"null":         `[{"id":"load","vnfInstanceId":"v1","value":null}]`,
		"no value":     `[{"id":"load","vnfInstanceId":"v1"}]`,
		"too large":    `[{"id":"load","vnfInstanceId":"v1","value":{"x":"` + big + `"}}]`,
		"endless":      `[` + strings.Repeat(" ", maxAnswer) + `]`,
		"no list":      `{"id":"load"}`,
		"no JSON":      `<html>`,
		"half of it":   `[{"id":"users","vnfInstanceId":"v1","value":{"n":3}},{"id":"load","vnfInstanceId":"v1","value":[]}]`,
		"nested value": `[{"id":"load","vnfInstanceId":"v1","value":` + strings.Repeat(`{"a":`, 20_000) + `1` + strings.Repeat(`}`, 20_000) + `}]`,
	} {
		b.answer(atVNF, "v1", body)
		b.now = b.now.Add(maxPause)
		b.round()
		if b.list.asked["v1"].failures == 0 {
			t.Errorf("%s: the answer was taken", what)
		}
	}
	b.say(atVNF, "v1", many...)
	b.now = b.now.Add(maxPause)
	b.round()
	b.wantValues("v1", `load={"n":1}`)
	b.wantTold("all", "v1 has load users", `v1 load={"n":1}`)
	b.say(atVNF, "v1")
	b.now = b.now.Add(maxPause)
	b.round()
	if b.list.asked["v1"].failures != 0 {
		t.Error("an empty list is a fault")
	}
	b.wantValues("v1", `load={"n":1}`)
}

// The values of one VNF together are bounded, so that they can be stored.
func TestRound_ManyLargeValues(t *testing.T) {
	b := newBench(t)
	b.add("v1", sol001.SourceVNF)
	var declared []sol001.IndicatorDesc
	var values []string
	for i := range maxValues/maxValue + 1 {
		declared = append(declared, sol001.IndicatorDesc{ID: fmt.Sprint("i", i), Source: sol001.SourceVNF})
		values = append(values, fmt.Sprint("i", i), `{"x":"`+strings.Repeat("x", maxValue-8)+`"}`)
	}
	b.vnfds["web"] = declared
	b.say(atVNF, "v1", values...)
	b.round()
	if b.list.asked["v1"].failures != 1 || b.list.kept.Len() != 0 {
		t.Errorf("%d bytes of values were taken", maxValues+maxValue)
	}
	b.say(atVNF, "v1", values[2:]...)
	b.now = b.now.Add(maxPause)
	b.round()
	if e, err := b.list.kept.Get(t.Context(), "v1"); err != nil || len(e.Value.Values) != maxValues/maxValue {
		t.Errorf("%d values, %v", len(e.Value.Values), err)
	}
}

// Filters of subscriptions (SOL 003 clause 8.5.3).
func TestFilters(t *testing.T) {
	b := newBench(t)
	b.filters = map[string]string{
		"named": `{"vnfInstanceSubscriptionFilter":{"vnfInstanceNames":["v2"]}}`, "load": `{"indicatorIds":["load"]}`,
		"sets": `{"notificationTypes":["SupportedIndicatorsChangeNotification"]}`, "other": `{"indicatorIds":["heat"]}`, "broken": `{"indicatorIds":3}`,
	}
	b.add("v1", sol001.SourceVNF)
	b.say(atVNF, "v1", "load", `{"n":1}`, "users", `{"n":1}`)
	b.round()
	b.add("v2", sol001.SourceVNF)
	b.say(atVNF, "v2", "users", `{"n":1}`)
	b.round()
	b.wantTold("named", "v2 has load users", `v2 users={"n":1}`)
	b.wantTold("load", "v1 has load users", `v1 load={"n":1}`, "v2 has load users")
	b.wantTold("sets", "v1 has load users", "v2 has load users")
	b.wantTold("other")
	b.wantTold("broken")
}

// While the outbox is closed a VNF is not asked again, so that what waits does not grow;
// then all of it is told, also of a VNF that is gone meanwhile.
func TestClosedOutbox(t *testing.T) {
	b := newBench(t)
	b.add("v1", sol001.SourceVNF)
	b.add("v2", sol001.SourceVNF)
	b.say(atVNF, "v1", "load", `{"n":1}`)
	b.say(atVNF, "v2", "load", `{"n":1}`)
	b.closed = hub.E(hub.Unavailable, "publish", "the outbox is closed", nil)
	b.round()
	b.say(atVNF, "v1", "load", `{"n":2}`)
	delete(b.vnfs, "v2")
	b.round()
	b.wantValues("v1", `load={"n":1}`)
	if len(b.calls) != 2 {
		t.Errorf("called %v", b.calls)
	}
	b.closed = nil
	b.now = b.now.Add(maxPause)
	b.round()
	got := b.told["all"]
	slices.Sort(got)
	if want := []string{"v1 has load users", `v1 load={"n":1}`, `v1 load={"n":2}`, "v2 has load users", `v2 load={"n":1}`}; !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
	if b.list.kept.Len() != 1 {
		t.Error("a VNF that is gone is kept")
	}
}

// The process dies at each of its writes: what there is when it is back is told, once
// and in order.
func TestCrash(t *testing.T) {
	for n := range 6 {
		b := newBench(t)
		var left atomic.Int64
		left.Store(1 << 40)
		b.bus.Fail = func(_, _, _ string) error {
			if left.Add(-1) < 0 {
				return errors.New("the process is dead")
			}
			return nil
		}
		b.open()
		b.add("v1", sol001.SourceVNF)
		left.Store(int64(n))
		for i := range 2 {
			b.say(atVNF, "v1", "load", fmt.Sprintf(`{"n":%d}`, i))
			b.round()
		}
		left.Store(1 << 40)
		b.open()
		b.round()
		b.round()
		want := []string{"v1 has load users", `v1 load={"n":0}`, `v1 load={"n":1}`}
		if n == 0 { // it was never written down that there was another value before
			want = slices.Delete(want, 1, 2)
		}
		b.wantTold("all", want...)
		b.wantValues("v1", `load={"n":1}`)
	}
}

// Watch asks at once, and until its context ends.
func TestWatch(t *testing.T) {
	b := newBench(t)
	b.add("v1", sol001.SourceVNF)
	b.say(atVNF, "v1", "load", `{"n":1}`)
	if err := b.list.Watch(t.Context()); err == nil {
		t.Error("Watch ended without an error")
	}
	b.wantValues("v1", `load={"n":1}`)
	if since := b.value("v1", "load").Changed; !since.Equal(b.now) {
		t.Errorf("changed at %s", since.Format(time.RFC3339))
	}
}

func TestCheckAddress(t *testing.T) {
	for _, x := range []struct {
		set  any
		code hub.Code
	}{
		{"https://198.51.100.7:8443", ""}, {"https://vnf.example.net/root/", ""}, {7, hub.Invalid}, {map[string]any{}, hub.Invalid},
		{"https://" + strings.Repeat("x", maxAddress), hub.Invalid}, {"", hub.Unprocessable}, {"http://127.0.0.1", hub.Unprocessable},
		{"https://me:secret@vnf.example.net", hub.Unprocessable}, {"https://vnf.example.net/#here", hub.Unprocessable}, {"https://vnf.example.net?x=", hub.Unprocessable}, {"ftp://vnf.example.net", hub.Unprocessable},
	} {
		if err := CheckAddress("address", x.set); hub.CodeOf(err) != x.code {
			t.Errorf("%v: %v, want %q", x.set, err, x.code)
		}
	}
	b := newBench(t)
	b.add("v1", sol001.SourceVNF)
	b.vnfs["v1"].Addresses[sol001.SourceVNF] = "http://vnf.test" // as a VNFD may have it
	b.round()
	if len(b.calls) != 0 || b.list.asked["v1"].failures != 1 {
		t.Errorf("called %v", b.calls)
	}
}

// FuzzRead has a producer answer anything: what is taken is of the VNF, wanted, an
// object, and within the bounds, and the same when it is read again.
func FuzzRead(f *testing.F) {
	f.Add(`[{"id":"load","vnfInstanceId":"v1","value":{"n":1}}]`)
	f.Add(`[{"id":"load","vnfInstanceId":"v1","value":{"n":1e400,"n":"\ud800","<":[]}},{"id":"x","vnfInstanceId":"v1","value":3}]`)
	f.Add(`[{"ID":"load","vnfInstanceId":"v2"}]`)
	f.Add(`[null]`)
	f.Fuzz(func(t *testing.T, body string) {
		b := newBench(t)
		b.answer(atVNF, "v1", body)
		client, _ := b.client("north")
		values, err := read(t.Context(), client, atVNF, "v1", func(id string) bool { return id == "load" })
		if err != nil && len(values) > 0 {
			t.Errorf("%v, and %d values", err, len(values))
		}
		for id, v := range values {
			again, err := canonical(v)
			if id != "load" || len(v) > maxValue || err != nil || string(again) != string(v) {
				t.Errorf("%q: %s, again %s, %v", id, v, again, err)
			}
		}
	})
}
