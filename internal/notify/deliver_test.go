package notify_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
)

// An endpoint that fails holds up itself alone, is shown as failing and then as
// dead, is tried for as long as it takes, and gets everything in order.
func TestDeliver_Failing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		o, stop := w.open(t, w.config())
		defer stop()
		const bad, good = "https://bad.example/n?token=secret", "https://good.example/n"
		s := subscribe(t, o, "a", bad)
		subscribe(t, o, "a", good)
		w.endpoints.set(bad, 404)
		begun := time.Now()
		for i := range 3 {
			must(t, o.Publish(t.Context(), event("a", fmt.Sprint(i))))
			synctest.Wait()
		}
		if got := w.endpoints.took(good); got != "0 1 2" {
			t.Errorf("the other endpoint got %q", got)
		}
		d := deliveryOf(t, o, s.ID)
		if d.Pending != 3 || d.Delivered != 0 || d.FailingSince == nil || d.Dead || !strings.Contains(d.LastError, "answered 404") || d.LastSuccess != nil {
			t.Errorf("at first: %+v", d)
		}
		if got := gauge(o); got != "nslcm failing 1, nslcm ok 1" {
			t.Errorf("endpoints: %s", got)
		}
		w.endpoints.set(bad, -1)
		time.Sleep(5*time.Minute - time.Since(begun))
		if deliveryOf(t, o, s.ID).Dead || w.logged("takes no notifications any more") != 0 {
			t.Error("dead after five minutes")
		}
		time.Sleep(2 * time.Minute)
		if w.logged("takes no notifications any more") != 1 {
			t.Error("not told to be dead")
		}
		d = deliveryOf(t, o, s.ID)
		if !d.Dead || !d.FailingSince.Equal(begun) || !strings.Contains(d.LastError, "broken by the test") {
			t.Errorf("then: %+v", d)
		}
		if got := gauge(o); got != "nslcm dead 1, nslcm ok 1" {
			t.Errorf("endpoints: %s", got)
		}
		tries := w.counted(notify.OutcomeFailed)
		time.Sleep(10 * time.Minute)
		if more := w.counted(notify.OutcomeFailed) - tries; more < 9 || more > 12 {
			t.Errorf("%d attempts in ten minutes when it is dead", more)
		}
		w.endpoints.set(bad, 204)
		time.Sleep(time.Minute)
		if got := w.endpoints.took(bad); got != "0 1 2" {
			t.Errorf("got %q", got)
		}
		d = deliveryOf(t, o, s.ID)
		if d.Pending != 0 || d.Delivered != 3 || d.FailingSince != nil || d.Dead || d.LastError != "" || d.LastSuccess == nil {
			t.Errorf("in the end: %+v", d)
		}
		if w.logged("a notification is not taken") != 1 || w.logged("takes notifications again") != 1 || w.logged("secret") != 0 {
			t.Errorf("log: %s", w.log.String())
		}
	})
}

func deliveryOf(t *testing.T, o *notify.Outbox, id string) notify.Delivery {
	t.Helper()
	for _, d := range o.Deliveries(t.Context()) {
		if d.Subscription == id {
			return d
		}
	}
	t.Fatalf("no delivery of %s", id)
	return notify.Delivery{}
}

// gauge returns what the gauge of endpoints shows, sorted.
func gauge(o *notify.Outbox) string {
	shown := map[string]float64{}
	o.Endpoints(func(value float64, labels ...string) { shown[strings.Join(labels, " ")] = value })
	var parts []string
	for _, state := range []string{notify.StateDead, notify.StateFailing, notify.StateOK} {
		if n, ok := shown["nslcm "+state]; ok {
			parts = append(parts, fmt.Sprintf("nslcm %s %v", state, n))
		}
	}
	return strings.Join(parts, ", ")
}

func TestDeliver_Answers(t *testing.T) {
	for status, want := range map[int]string{ // want is part of the error, empty when it is taken
		204: "", 200: "", 202: "", 201: "answered 201", 301: "answered 301", 303: "answered 303", 400: "answered 400",
		401: "answered 401", 404: "answered 404", 429: "answered 429", 500: "answered 500", 503: "answered 503",
		0: "did not answer in time", -1: "cannot be reached: broken by the test",
	} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.queues.backoff = func(int) time.Duration { return time.Hour }
				o, stop := w.open(t, w.config())
				defer stop()
				const uri = "https://a.example/n"
				s := subscribe(t, o, "a", uri)
				w.endpoints.set(uri, status)
				begun := time.Now()
				for i := range 3 {
					must(t, o.Publish(t.Context(), event("a", fmt.Sprint(i))))
				}
				eventually(t, "it is tried", func() bool { return w.counted(notify.OutcomeDelivered)+w.counted(notify.OutcomeFailed) > 0 })
				synctest.Wait()
				d := deliveryOf(t, o, s.ID)
				if want == "" && (d.Delivered != 3 || d.FailingSince != nil) || want != "" && !strings.Contains(d.LastError, want) {
					t.Errorf("%+v", d)
				}
				if odd := w.logged("another status than 204"); (status == 200 || status == 202) != (odd == 1) {
					t.Errorf("logged %d times", odd)
				}
				if took := time.Since(begun); status == 0 && took.Round(time.Second) != notify.DefaultTimeout {
					t.Errorf("gave up after %v", took)
				}
			})
		})
	}
}

// Stopping is no failure of the endpoint, and what was under way comes again.
func TestDeliver_Stopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		o, stop := w.open(t, w.config())
		const uri = "https://a.example/n"
		subscribe(t, o, "a", uri)
		w.endpoints.set(uri, 0)
		must(t, o.Publish(t.Context(), event("a", "1")))
		synctest.Wait()
		stop()
		if w.counted(notify.OutcomeFailed) != 0 || w.queues.len("a") != 1 {
			t.Errorf("%d failed, %d queued", w.counted(notify.OutcomeFailed), w.queues.len("a"))
		}
		w.endpoints.set(uri, 204)
		_, stop = w.open(t, w.config())
		defer stop()
		eventually(t, "it is delivered", func() bool { return w.endpoints.took(uri) == "1" })
	})
}

// What keeps a delivery from being tried is shown like a failure.
func TestDeliver_CannotPrepare(t *testing.T) {
	for name, breakIt := range map[string]func(c *notify.Config){
		"client": func(c *notify.Config) {
			c.Client = func(*notify.Subscription) (*http.Client, error) { return nil, errBroken }
		},
		"secret": func(c *notify.Config) { c.Open = func(string, []byte) ([]byte, error) { return nil, errBroken } },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			c := w.config()
			breakIt(&c)
			o, _ := w.open(t, c)
			ask := subscription("a", "https://a.example/n")
			ask.Auth = &notify.Auth{Types: []string{notify.AuthBasic}, UserName: "u", Password: []byte("pass")}
			s, _, err := o.Subscribe(within(t), ask, "")
			must(t, err)
			must(t, o.Publish(within(t), event("a", "1")))
			eventually(t, "it is shown", func() bool {
				d := deliveryOf(t, o, s.ID)
				return strings.Contains(d.LastError, "prepare the connection") && !strings.Contains(d.LastError, "pass")
			})
		})
	}
}

// The client is made anew after the endpoint could not be reached, and only then.
func TestDeliver_ClientRenewed(t *testing.T) {
	w := newWorld()
	w.queues.backoff = func(int) time.Duration { return time.Millisecond }
	var mu sync.Mutex
	made := 0
	c := w.config()
	c.Client = func(*notify.Subscription) (*http.Client, error) {
		mu.Lock()
		defer mu.Unlock()
		made++
		return &http.Client{Transport: w.endpoints}, nil
	}
	o, _ := w.open(t, c)
	const uri = "https://a.example/n"
	subscribe(t, o, "a", uri)
	for i := range 5 {
		must(t, o.Publish(within(t), event("a", fmt.Sprint(i))))
	}
	eventually(t, "all are delivered", func() bool { return w.counted(notify.OutcomeDelivered) == 5 })
	mu.Lock()
	if made != 1 {
		t.Errorf("%d clients for five deliveries", made)
	}
	mu.Unlock()
	w.endpoints.set(uri, -1)
	must(t, o.Publish(within(t), event("a", "x")))
	eventually(t, "another one is made", func() bool { mu.Lock(); defer mu.Unlock(); return made > 2 })
}

// consumer is an endpoint over real TLS that wants what its authentication says.
func consumer(t *testing.T) (server *httptest.Server, tokens func() int) {
	var mu sync.Mutex
	issued := 0
	mux := http.NewServeMux()
	mux.HandleFunc("/basic", func(w http.ResponseWriter, r *http.Request) {
		if name, password, _ := r.BasicAuth(); name != "u" || password != "p" {
			w.WriteHeader(401)
			return
		}
		w.WriteHeader(204)
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		if id, secret, _ := r.BasicAuth(); id != "c" || secret != "s" || r.FormValue("grant_type") != "client_credentials" {
			w.WriteHeader(401)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		issued++
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"access_token":"t%d","token_type":"Bearer","expires_in":3600}`, issued)
	})
	mux.HandleFunc("/oauth", func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer t") {
			w.WriteHeader(401)
			return
		}
		w.WriteHeader(204)
	})
	mux.HandleFunc("/redirect", func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.WriteHeader(204)
			return
		}
		http.Redirect(w, r, "/basic", http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(map[string]int{http.MethodGet: 204, http.MethodPost: 200}[r.Method])
		if r.Method == http.MethodPost {
			_, _ = io.Copy(w, endless{r.Context()})
		}
	})
	server = httptest.NewTLSServer(mux)
	t.Cleanup(server.Close)
	return server, func() int { mu.Lock(); defer mu.Unlock(); return issued }
}

type endless struct{ ctx context.Context }

func (e endless) Read(p []byte) (int, error) { return len(p), e.ctx.Err() }

// Each way to authenticate, over TLS, from the request to the delivery.
func TestDeliver_Authenticated(t *testing.T) {
	w := newWorld()
	w.queues.backoff = func(int) time.Duration { return time.Hour }
	server, tokens := consumer(t)
	c := w.config()
	c.Client = func(*notify.Subscription) (*http.Client, error) { return server.Client(), nil }
	o, _ := w.open(t, c)
	basic := func(password string) string {
		return fmt.Sprintf(`{"authType":["BASIC"],"paramsBasic":{"userName":"u","password":%q}}`, password)
	}
	oauth := fmt.Sprintf(`{"authType":["BASIC","OAUTH2_CLIENT_CREDENTIALS"],"paramsBasic":{"userName":"u","password":"p"},
		"paramsOauth2ClientCredentials":{"clientId":"c","clientPassword":"s","tokenEndpoint":"%s/token"}}`, server.URL)
	if _, _, err := o.Request(request(t, ""), input(server.URL+"/basic", basic("wrong"))); hub.CodeOf(err) != hub.Unprocessable {
		t.Errorf("a wrong password: %v", err)
	}
	ids := map[string]string{}
	for path, auth := range map[string]string{"/basic": basic("p"), "/oauth": oauth, "/redirect": "", "/endless": ""} {
		s, created, err := o.Request(request(t, ""), input(server.URL+path, auth))
		if err != nil || !created {
			t.Fatalf("%s: %v", path, err)
		}
		ids[path] = s.ID
	}
	before := tokens()
	for i := range 3 {
		e := event("a", fmt.Sprint(i))
		e.Render = func(_ *notify.Subscription, id string) (any, bool) {
			return json.RawMessage(`{"id":"` + id + `"}`), true
		}
		must(t, o.Publish(within(t), e))
	}
	for _, path := range []string{"/basic", "/oauth", "/endless"} {
		eventually(t, path+" is served", func() bool { return deliveryOf(t, o, ids[path]).Delivered == 3 })
	}
	if n := tokens() - before; n != 1 {
		t.Errorf("%d tokens for three deliveries", n)
	}
	eventually(t, "the redirect is an error", func() bool { return strings.Contains(deliveryOf(t, o, ids["/redirect"]).LastError, "answered 307") })
}

// A token endpoint that refuses is named, without what it was given.
func TestDeliver_NoToken(t *testing.T) {
	w := newWorld()
	server, _ := consumer(t)
	c := w.config()
	c.Client = func(*notify.Subscription) (*http.Client, error) { return server.Client(), nil }
	o, _ := w.open(t, c)
	ask := subscription("a", server.URL+"/oauth")
	ask.Auth = &notify.Auth{Types: []string{notify.AuthOAuth}, ClientID: "c", ClientSecret: []byte("hidden"), TokenEndpoint: server.URL + "/token"}
	s, _, err := o.Subscribe(within(t), ask, "")
	must(t, err)
	must(t, o.Publish(within(t), event("a", "1")))
	eventually(t, "the reason is shown", func() bool { return strings.Contains(deliveryOf(t, o, s.ID).LastError, "token endpoint answered 401") })
	if w.logged("hidden") != 0 {
		t.Error("the secret is in the log")
	}
}

// A subscription whose table cannot be read is not taken for gone.
func TestDeliver_TableUnavailable(t *testing.T) {
	w := newWorld()
	late := &lateTables{Tables: w.tables}
	late.setErr(errors.New("no answer"))
	c := w.config()
	c.Tables = late
	_, stop := w.open(t, c)
	defer stop()
	q, err := w.queues.open(within(t), "a")
	must(t, err)
	must(t, q.Push(within(t), "id", "unknown", []byte("{}")))
	eventually(t, "it is tried", func() bool { return late.asked.Load() > 1 })
	if w.queues.len("a") != 1 || w.counted(notify.OutcomeDropped) != 0 {
		t.Error("it was dropped")
	}
}
