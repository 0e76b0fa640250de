package notify_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/testkit/memstate"
)

func TestSubscribe(t *testing.T) {
	w := newWorld()
	o, _ := w.open(t, w.config())
	ask := subscription("a", "https://a.example/n")
	ask.Filter = []byte(`{"x": [1], "a":2.0}`)
	ask.Auth = &notify.Auth{Types: []string{notify.AuthBasic}, UserName: "u", Password: []byte("pass")}
	s, created, err := o.Subscribe(within(t), ask, "")
	must(t, err)
	if !created || s.Self != ask.Self+"/"+s.ID || s.Created.IsZero() || string(s.Auth.Password) != "sealed "+notify.SecretLabel(s.ID)+" pass" {
		t.Errorf("created %v: %+v", created, s)
	}
	got, err := o.Subscription(within(t), "nslcm", s.ID)
	if err != nil || got.Self != s.Self || string(got.Filter) != `{"a":2.0,"x":[1]}` {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = o.Subscription(within(t), "vnfpkgm", s.ID)
	wantCode(t, err, hub.NotFound)
	same := ask
	same.Filter = []byte(`{"a":2.0,"x":[1]}`)
	if again, created, err := o.Subscribe(within(t), same, ""); err != nil || created || again.ID != s.ID {
		t.Errorf("a duplicate: %s, %v, %v", again.ID, created, err)
	}
	for name, change := range map[string]func(*notify.Subscription){
		"owner":    func(s *notify.Subscription) { s.Owner += "2" },
		"API":      func(s *notify.Subscription) { s.API = "nsd" },
		"domain":   func(s *notify.Subscription) { s.TrustDomain = "b" },
		"callback": func(s *notify.Subscription) { s.CallbackURI += "2" },
		"filter":   func(s *notify.Subscription) { s.Filter = []byte(`{"a":2.0,"x":[1,2]}`) },
		"all":      func(s *notify.Subscription) { s.Filter = []byte(`null`) },
	} {
		other := ask
		change(&other)
		if got, created, err := o.Subscribe(within(t), other, ""); err != nil || !created || got.ID == s.ID {
			t.Errorf("another %s: %v, %v", name, created, err)
		}
	}
}

func TestSubscribe_Idempotent(t *testing.T) {
	w := newWorld()
	o, _ := w.open(t, w.config())
	ask := subscription("a", "https://a.example/n")
	ask.Auth = &notify.Auth{Types: []string{notify.AuthBasic}, UserName: "u", Password: []byte("pass")}
	first, _, err := o.Subscribe(within(t), ask, "key")
	must(t, err)
	if again, created, err := o.Subscribe(within(t), ask, "key"); err != nil || !created || again.ID != first.ID || again.Self != first.Self {
		t.Errorf("again: %+v, %v, %v", again, created, err)
	}
	for name, change := range map[string]func(*notify.Subscription){
		"callback":  func(s *notify.Subscription) { s.CallbackURI += "2" },
		"verbosity": func(s *notify.Subscription) { s.Verbosity = "SHORT" },
		"no auth":   func(s *notify.Subscription) { s.Auth = nil },
		"user": func(s *notify.Subscription) {
			s.Auth = &notify.Auth{Types: []string{notify.AuthBasic}, UserName: "other"}
		},
	} {
		other := ask
		change(&other)
		if _, _, err := o.Subscribe(within(t), other, "key"); hub.CodeOf(err) != hub.Unprocessable {
			t.Errorf("another %s: %v", name, err)
		}
	}
	another := ask
	another.Owner = "spiffe://a/oss/other"
	if s, created, err := o.Subscribe(within(t), another, "key"); err != nil || !created || s.ID == first.ID {
		t.Errorf("the key of another owner: %v, %v", created, err)
	}
}

// Many at once, in two processes, with one key: one subscription.
func TestSubscribe_AtOnce(t *testing.T) {
	w := newWorld()
	o1, _ := w.open(t, w.config())
	o2, _ := w.open(t, w.config())
	ids := make([]string, 16)
	var all sync.WaitGroup
	for i := range ids {
		all.Go(func() {
			s, created, err := []*notify.Outbox{o1, o2}[i%2].Subscribe(within(t), subscription("a", "https://a.example/n"), "key")
			if err != nil || !created {
				t.Errorf("created %v, %v", created, err)
			}
			ids[i] = s.ID
		})
	}
	all.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("several: %v", ids)
		}
	}
}

func TestSubscribe_Refused(t *testing.T) {
	w := newWorld()
	bus := &memstate.Bus{}
	c := w.config()
	c.Tables = bus
	c.Seal = func(string, []byte) ([]byte, error) { return nil, errBroken }
	o, _ := w.open(t, c)
	secret := subscription("a", "https://a.example/n")
	secret.Auth = &notify.Auth{Types: []string{notify.AuthBasic}, UserName: "u", Password: []byte("pass")}
	if _, _, err := o.Subscribe(within(t), secret, ""); err == nil || strings.Contains(err.Error(), "pass") {
		t.Errorf("a secret that cannot be sealed: %v", err)
	}
	_, _, err := o.Subscribe(within(t), notify.Subscription{API: "nslcm"}, "")
	wantCode(t, err, hub.Internal)
	for _, filter := range []string{`{`, `{} x`} {
		bad := subscription("a", "https://a.example/n")
		bad.Filter = []byte(filter)
		_, _, err = o.Subscribe(within(t), bad, "")
		wantCode(t, err, hub.Invalid)
	}
	bus.Fail = func(string, string, string) error { return hub.E(hub.Unavailable, "write", "full", nil) }
	_, _, err = o.Subscribe(within(t), subscription("a", "https://a.example/n"), "")
	wantCode(t, err, hub.Unavailable)
	w.queues.fail = func(string) error { return hub.E(hub.NotFound, "open", "no such domain", nil) }
	_, _, err = o.Subscribe(within(t), subscription("none", "https://a.example/n"), "")
	wantCode(t, err, hub.NotFound)
	wantCode(t, o.Unsubscribe(within(t), "nslcm", "none"), hub.NotFound)
}

// Subscriptions outlive the process.
func TestSubscribe_Kept(t *testing.T) {
	w := newWorld()
	o, stop := w.open(t, w.config())
	s := subscribe(t, o, "a", "https://a.example/n")
	stop()
	o, _ = w.open(t, w.config())
	if got, err := o.Subscription(within(t), "nslcm", s.ID); err != nil || got.Self != s.Self || got.Owner != s.Owner {
		t.Errorf("%+v, %v", got, err)
	}
	for _, nothing := range []string{"", "null"} {
		same := subscription("a", "https://a.example/n")
		same.Filter = []byte(nothing)
		if again, created, err := o.Subscribe(within(t), same, ""); err != nil || created || again.ID != s.ID {
			t.Errorf("with the filter %q: %v, %v", nothing, created, err)
		}
	}
	if again, created, err := o.Subscribe(within(t), subscription("a", "https://a.example/n"), ""); err != nil || created || again.ID != s.ID {
		t.Errorf("a duplicate after a start: %v, %v", created, err)
	}
}

func TestUnsubscribe(t *testing.T) {
	w := newWorld()
	w.queues.backoff = func(int) time.Duration { return time.Millisecond }
	o, _ := w.open(t, w.config())
	const uri = "https://a.example/n"
	s := subscribe(t, o, "a", uri)
	w.endpoints.set(uri, 503)
	must(t, o.Publish(within(t), event("a", "1")))
	must(t, o.Publish(within(t), event("a", "2")))
	eventually(t, "it fails", func() bool { return w.counted(notify.OutcomeFailed) > 0 })
	wantCode(t, o.Unsubscribe(within(t), "nsd", s.ID), hub.NotFound) // not that API's
	must(t, o.Unsubscribe(within(t), "nslcm", s.ID))
	eventually(t, "what waited is dropped", func() bool { return w.queues.len("a") == 0 })
	if w.counted(notify.OutcomeDropped) != 2 || w.endpoints.took(uri) != "" || len(o.Deliveries(within(t))) != 0 {
		t.Errorf("%d dropped, %q taken", w.counted(notify.OutcomeDropped), w.endpoints.took(uri))
	}
	must(t, o.Publish(within(t), event("a", "3")))
	if w.queues.len("a") != 0 {
		t.Error("still queued for it")
	}
	wantCode(t, o.Unsubscribe(within(t), "nslcm", s.ID), hub.NotFound)
}

func TestList(t *testing.T) {
	w := newWorld()
	o, _ := w.open(t, w.config())
	want := map[string]bool{}
	for _, uri := range []string{"1", "2", "3"} {
		want[subscribe(t, o, "a", "https://a.example/"+uri).ID] = true
	}
	subscribe(t, o, "b", "https://b.example/n")
	other := subscription("a", "https://a.example/n")
	other.API = "nsd"
	_, _, err := o.Subscribe(within(t), other, "")
	must(t, err)
	source := o.List("nslcm", func(s *notify.Subscription) bool { return s.TrustDomain == "a" }, func(s *notify.Subscription) any { return s.CallbackURI })
	last := ""
	for item, err := range source("") {
		must(t, err)
		if !want[item.Key] || item.Key <= last || !strings.HasPrefix(item.Value.(string), "https://a.") {
			t.Errorf("listed %v", item)
		}
		delete(want, item.Key)
		last = item.Key
	}
	if len(want) != 0 {
		t.Errorf("not listed: %v", want)
	}
	for range source(last) {
		t.Error("listed after the last")
	}
	for range source("") {
		break
	}
}

func request(t *testing.T, key string) *http.Request {
	r := httptest.NewRequestWithContext(within(t), http.MethodPost, "/nslcm/v2/subscriptions", nil)
	if key != "" {
		r.Header.Set(notify.HeaderIdempotencyKey, key)
	}
	return r
}

func input(uri, authentication string) notify.Input {
	in := notify.Input{
		API: "nslcm", TrustDomain: "a", Owner: hub.Identity{TrustDomain: "a", Kind: hub.KindOSS, Name: "o"},
		CallbackURI: uri, Filter: []string{"1"}, Collection: "https://os-ma.example/nslcm/v2/subscriptions",
	}
	if authentication != "" {
		in.Authentication = json.RawMessage(authentication)
	}
	return in
}

func TestRequest(t *testing.T) {
	w := newWorld()
	o, _ := w.open(t, w.config())
	const uri = "https://a.example/n"
	s, created, err := o.Request(request(t, "k"), input(uri, `{"authType":["TLS_CERT","BASIC"],"paramsBasic":{"userName":"u","password":"p"}}`))
	must(t, err)
	if !created || s.Owner != "spiffe://a/oss/o" || string(s.Filter) != `["1"]` || s.Auth.UserName != "u" {
		t.Errorf("%+v", s)
	}
	if name, password, ok := w.endpoints.last.BasicAuth(); !ok || name != "u" || password != "p" || w.endpoints.last.Method != http.MethodGet {
		t.Errorf("tested by %s as %q", w.endpoints.last.Method, name)
	}
	w.endpoints.set(uri, 404) // what is there already is not tested again
	if again, created, err := o.Request(request(t, "k"), input(uri, `{"authType":["TLS_CERT","BASIC"],"paramsBasic":{"userName":"u","password":"p"}}`)); err != nil || !created || again.ID != s.ID {
		t.Errorf("again: %v, %v", created, err)
	}
	if again, created, err := o.Request(request(t, ""), input(uri, "")); err != nil || created || again.ID != s.ID {
		t.Errorf("a duplicate: %v, %v", created, err)
	}
	for name, c := range map[string]struct {
		key, uri, auth string
		code           hub.Code
		text           string
	}{
		"endpoint fails":  {"", uri + "2", "", hub.Unprocessable, "answers a GET with 404"},
		"http":            {"", "http://a.example/n", "", hub.Unprocessable, "is not https"},
		"http loopback":   {"", "http://127.0.0.1/n", "", hub.Unprocessable, "is not https"},
		"no URI":          {"", "", "", hub.Unprocessable, "no absolute URI"},
		"long key":        {strings.Repeat("k", 256), uri, "", hub.Invalid, "at most 255"},
		"key of another":  {"k", uri + "2", "", hub.Unprocessable, "use a new one"},
		"no type":         {"", uri, `{"authType":[]}`, hub.Invalid, "name at least one"},
		"unknown type":    {"", uri, `{"authType":["MAGIC"]}`, hub.Invalid, `"MAGIC" is unknown`},
		"wrong form":      {"", uri, `{"authType":"BASIC"}`, hub.Invalid, "form"},
		"no parameters":   {"", uri, `{"authType":["BASIC"]}`, hub.Unprocessable, "paramsBasic"},
		"colon":           {"", uri, `{"authType":["BASIC"],"paramsBasic":{"userName":"a:b","password":"p"}}`, hub.Unprocessable, "colon"},
		"no token server": {"", uri, `{"authType":["OAUTH2_CLIENT_CREDENTIALS"],"paramsOauth2ClientCredentials":{"clientId":"c"}}`, hub.Unprocessable, "tokenEndpoint"},
		"token over http": {"", uri, `{"authType":["OAUTH2_CLIENT_CREDENTIALS"],"paramsOauth2ClientCredentials":{"clientId":"c","tokenEndpoint":"http://t.example/"}}`, hub.Unprocessable, "tokenEndpoint"},
	} {
		w.endpoints.set(uri+"2", 404)
		_, _, err := o.Request(request(t, c.key), input(c.uri, c.auth))
		if hub.CodeOf(err) != c.code || !strings.Contains(hub.SafeText(err), c.text) {
			t.Errorf("%s: %v", name, err)
		}
	}
	n := 0
	for range o.Subscriptions("nslcm", "") {
		n++
	}
	if n != 1 {
		t.Errorf("%d subscriptions after refusals", n)
	}
}

// One consumer cannot fill the memory of the hub, nor have it call strangers
// without end; and it holds nobody else up.
func TestRequest_TooMany(t *testing.T) {
	w := newWorld()
	c := w.config()
	c.MaxOwned = 2
	o, _ := w.open(t, c)
	first, _, err := o.Request(request(t, ""), input("https://a.example/1", ""))
	must(t, err)
	second, _, err := o.Request(request(t, "k"), input("https://a.example/2", ""))
	must(t, err)
	w.endpoints.last = nil
	_, _, err = o.Request(request(t, ""), input("https://a.example/3", ""))
	if hub.CodeOf(err) != hub.Unprocessable || !strings.Contains(hub.SafeText(err), "end one") || w.endpoints.last != nil {
		t.Errorf("one more: %v; called: %v", err, w.endpoints.last != nil)
	}
	more := subscription("a", "https://a.example/3")
	_, _, err = o.Subscribe(within(t), more, "")
	wantCode(t, err, hub.Unprocessable)
	if again, _, err := o.Request(request(t, "k"), input("https://a.example/2", "")); err != nil || again.ID != second.ID {
		t.Errorf("what is there already: %v", err)
	}
	other := input("https://a.example/3", "")
	other.Owner.Name = "p"
	if _, _, err := o.Request(request(t, ""), other); err != nil {
		t.Errorf("another consumer: %v", err)
	}
	must(t, o.Unsubscribe(within(t), "nslcm", first.ID))
	if _, _, err := o.Request(request(t, ""), input("https://a.example/3", "")); err != nil {
		t.Errorf("after one was ended: %v", err)
	}
}

func TestRequest_Fails(t *testing.T) {
	w := newWorld()
	c := w.config()
	c.Client = func(*notify.Subscription) (*http.Client, error) { return nil, errBroken }
	o, _ := w.open(t, c)
	if _, _, err := o.Request(request(t, ""), input("https://a.example/n", "")); err == nil {
		t.Error("subscribed without a client")
	}
	in := input("https://a.example/n", "")
	in.Filter = func() {}
	_, _, err := o.Request(request(t, ""), in)
	wantCode(t, err, hub.Internal)
	in = input("https://a.example/n", "")
	in.Authentication = func() {}
	_, _, err = o.Request(request(t, ""), in)
	wantCode(t, err, hub.Internal)
	w.queues.fail = func(string) error { return hub.E(hub.NotFound, "open", "no such domain", nil) }
	in = input("https://a.example/n", "")
	in.TrustDomain = "none"
	_, _, err = o.Request(request(t, ""), in)
	wantCode(t, err, hub.NotFound)
}

// FuzzAuthentication gives Request what the network may: what is accepted has what
// its types need.
func FuzzAuthentication(f *testing.F) {
	for _, seed := range []string{
		`{"authType":["BASIC"],"paramsBasic":{"userName":"u","password":"p"}}`, `{"authType":["TLS_CERT"]}`, `null`, `{}`, `[]`, `{"authType":[null]}`,
		`{"authType":["OAUTH2_CLIENT_CREDENTIALS"],"paramsOauth2ClientCredentials":{"clientId":"c","clientPassword":"p","tokenEndpoint":"https://t.example/"}}`,
	} {
		f.Add(seed)
	}
	w := newWorld()
	o, _ := w.open(f, w.config())
	f.Fuzz(func(t *testing.T, text string) {
		if !json.Valid([]byte(text)) {
			return
		}
		w.endpoints.set("https://a.example/n", 404) // nothing is stored
		_, _, err := o.Request(httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/", nil), input("https://a.example/n", text))
		if c := hub.CodeOf(err); c != hub.Invalid && c != hub.Unprocessable {
			t.Fatalf("%q: %v", text, err)
		}
	})
}

// FuzzStored puts anything into the table of subscriptions: nothing that is there
// stops deliveries to the others.
func FuzzStored(f *testing.F) {
	for _, seed := range []string{`{}`, `{"id":"x","api":"nslcm","trustDomain":"a","filter":7,"auth":{"types":null}}`, `{"auth":{"password":"!"}}`, `null`, `x`, `{"api":"nslcm","trustDomain":"a","callbackUri":":","auth":{"types":["BASIC","OAUTH2_CLIENT_CREDENTIALS"]}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, stored []byte) {
		w := newWorld()
		table, err := w.tables.Open(t.Context(), "a", notify.DefaultTable)
		must(t, err)
		_, err = table.Create(t.Context(), "subscription/x", stored)
		must(t, err)
		o, stop := w.open(t, w.config())
		defer stop()
		subscribe(t, o, "a", "https://good.example/n")
		must(t, o.Publish(t.Context(), event("a", "1")))
		eventually(t, "the others are served", func() bool { return w.endpoints.took("https://good.example/n") == "1" })
	})
}
