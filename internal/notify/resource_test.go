package notify_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
)

// desk serves the subscriptions of one API of an outbox. The caller is in a
// header; "reader" only reads.
type desk struct {
	mux   *httpapi.Mux
	asked []string // operation, target domain and target of each authorisation
}

// shape is a subscription as the API of the tests shows it.
type shape struct {
	ID     string    `json:"id"`
	Filter *[]string `json:"filter,omitempty"`
	Links  struct {
		Self string `json:"self"`
	} `json:"_links"`
}

func newDesk(store notify.Store) *desk {
	d := &desk{mux: httpapi.NewMux(httpapi.Options{Authenticate: func(r *http.Request) (hub.Identity, error) {
		return hub.ParseIdentity(r.Header.Get("X-Caller"))
	}})}
	s := &notify.Resource{
		API: "nslcm", Store: store, Authorize: d.authorize,
		SeesAll: func(caller hub.Identity) bool { return caller.TrustDomain == "hub" },
		Decode: func(r *http.Request) (in notify.Input, err error) {
			var ask struct {
				CallbackURI string    `json:"callbackUri"`
				Filter      *[]string `json:"filter"`
				Verbosity   string    `json:"verbosity"`
			}
			if err := httpapi.DecodeLenient(r, &ask); err != nil {
				return in, err
			}
			if ask.Verbosity == "LOUD" {
				return in, hub.E(hub.Invalid, "subscribe", "verbosity is FULL or SHORT", nil)
			}
			return notify.Input{CallbackURI: ask.CallbackURI, Filter: ask.Filter, Verbosity: ask.Verbosity}, nil
		},
		Show: func(s *notify.Subscription) any {
			out := shape{ID: s.ID, Filter: notify.FilterOf[[]string](s)}
			out.Links.Self = s.Self
			return out
		},
	}
	s.Routes(d.mux.API(httpapi.API{Name: "nslcm", Major: "v2", Versions: []httpapi.APIVersion{{Version: "2.3.0"}}}))
	return d
}

// authorize decides as the table of mano-core/trust does.
func (d *desk) authorize(r *http.Request, operation, domain, target string) (hub.Identity, error) {
	caller := httpapi.Caller(r.Context())
	d.asked = append(d.asked, operation+" "+domain+" "+target)
	switch {
	case domain != "" && caller.TrustDomain != "hub" && caller.TrustDomain != domain:
		return hub.Identity{}, hub.E(hub.NotFound, operation, "not found", nil)
	case caller.Name == "reader" && operation != "subscription.query":
		return hub.Identity{}, hub.E(hub.Denied, operation, "a reader reads", nil)
	}
	return caller, nil
}

func (d *desk) ask(t *testing.T, caller, method, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(within(t), method, "https://os-ma.example/nslcm/v2/subscriptions"+path, strings.NewReader(body))
	r.Header.Set("X-Caller", caller)
	r.Header.Set("Version", "2.3.0")
	r.Header.Set("X-Request-Id", "r") // which answers repeat
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	d.mux.ServeHTTP(w, r)
	return w
}

const owner = "spiffe://a/oss/o"

func TestResource(t *testing.T) {
	w := newWorld()
	o, _ := w.open(t, w.config())
	d := newDesk(o)
	const body = `{"callbackUri":"https://a.example/n","filter":["1"]}`
	made := d.ask(t, owner, "POST", "", body)
	var s shape
	must(t, json.Unmarshal(made.Body.Bytes(), &s))
	self := made.Header().Get("Location")
	if made.Code != http.StatusCreated || s.Links.Self != self || self != "https://os-ma.example/nslcm/v2/subscriptions/"+s.ID || (*s.Filter)[0] != "1" {
		t.Fatalf("%d %s at %s", made.Code, made.Body, self)
	}
	if stored, err := o.Subscription(within(t), "nslcm", s.ID); err != nil || stored.TrustDomain != "a" || stored.Owner != owner {
		t.Errorf("%+v, %v", stored, err)
	}
	if again := d.ask(t, owner, "POST", "", body); again.Code != http.StatusSeeOther || again.Header().Get("Location") != self {
		t.Errorf("the same again: %d, %s", again.Code, again.Header().Get("Location"))
	}
	all := d.ask(t, owner, "POST", "", `{"callbackUri":"https://a.example/all"}`)
	if all.Code != http.StatusCreated || strings.Contains(all.Body.String(), "filter") {
		t.Errorf("without a filter: %d %s", all.Code, all.Body)
	}
	for bad, status := range map[string]int{
		`{`: 400, `{"callbackUri":1}`: 400, `{"callbackUri":"https://a.example/n","verbosity":"LOUD"}`: 400, `{}`: 422,
	} {
		if a := d.ask(t, owner, "POST", "", bad); a.Code != status {
			t.Errorf("%s: %d %s", bad, a.Code, a.Body)
		}
	}
	if a := d.ask(t, "spiffe://a/client/reader", "POST", "", body); a.Code != http.StatusForbidden {
		t.Errorf("subscribed by a reader: %d", a.Code)
	}
	for caller, n := range map[string]int{owner: 2, "spiffe://a/oss/other": 0, "spiffe://b/oss/o": 0, "spiffe://hub/operator/root": 2} {
		var list []shape
		a := d.ask(t, caller, "GET", "?exclude_fields=_links", "") // which stays
		if err := json.Unmarshal(a.Body.Bytes(), &list); err != nil || len(list) != n {
			t.Errorf("%s lists %s: %v", caller, a.Body, err)
		}
		if len(list) > 0 && list[0].Links.Self == "" {
			t.Errorf("a list without links: %s", a.Body)
		}
	}
	if a := d.ask(t, owner, "GET", "/"+s.ID, ""); a.Code != http.StatusOK || !strings.Contains(a.Body.String(), self) {
		t.Errorf("show: %d %s", a.Code, a.Body)
	}
	if a := d.ask(t, "spiffe://hub/operator/root", "GET", "/"+s.ID, ""); a.Code != http.StatusOK {
		t.Errorf("shown to the hub: %d", a.Code)
	}
	if a := d.ask(t, owner, "DELETE", "/"+s.ID, ""); a.Code != http.StatusNoContent || a.Body.Len() != 0 {
		t.Errorf("terminate: %d %s", a.Code, a.Body)
	}
	if a := d.ask(t, owner, "DELETE", "/"+s.ID, ""); a.Code != http.StatusNotFound {
		t.Errorf("terminate again: %d", a.Code)
	}
}

// What somebody else subscribed to answers, to the last byte, as what is not
// there: in another trust domain or in one's own, to those who may ask and to
// those who may not. The first question names whose it is, so that the attempt
// is recorded there.
func TestResource_OthersAreNotThere(t *testing.T) {
	w := newWorld()
	o, _ := w.open(t, w.config())
	d := newDesk(o)
	theirs := subscribe(t, o, "a", "https://a.example/n").ID
	for _, c := range []struct {
		caller, method string
		status         int
	}{
		{"spiffe://b/oss/o", "GET", 404}, {"spiffe://b/oss/o", "DELETE", 404},
		{"spiffe://a/oss/other", "GET", 404}, {"spiffe://a/oss/other", "DELETE", 404},
		{"spiffe://b/client/reader", "GET", 404}, {"spiffe://b/client/reader", "DELETE", 403},
		{"spiffe://a/client/reader", "DELETE", 403},
	} {
		d.asked = nil
		a := d.ask(t, c.caller, c.method, "/"+theirs, "")
		if !strings.HasSuffix(d.asked[0], " a "+theirs) {
			t.Errorf("%s by %s was asked as %v", c.method, c.caller, d.asked)
		}
		b := d.ask(t, c.caller, c.method, "/"+hub.NewID(), "")
		if a.Code != c.status || b.Code != c.status || a.Body.String() != b.Body.String() {
			t.Errorf("%s by %s: %d %s; of what is not there %d %s", c.method, c.caller, a.Code, a.Body, b.Code, b.Body)
		}
	}
	if _, err := o.Subscription(within(t), "nslcm", theirs); err != nil {
		t.Error(err)
	}
}

// brokenStore is an outbox whose bus does not answer.
type brokenStore struct{ *notify.Outbox }

func (brokenStore) Subscription(context.Context, string, string) (notify.Subscription, error) {
	return notify.Subscription{}, hub.E(hub.Unavailable, "find subscription", "the bus does not answer", errBroken)
}

// unending is an outbox that cannot end a subscription now.
type unending struct{ *notify.Outbox }

func (unending) Unsubscribe(context.Context, string, string) error {
	return hub.E(hub.Unavailable, "unsubscribe", "the bus does not answer", errBroken)
}

// A store that fails is not taken for one that has nothing.
func TestResource_StoreFails(t *testing.T) {
	w := newWorld()
	o, _ := w.open(t, w.config())
	id := subscribe(t, o, "a", "https://a.example/n").ID
	for _, c := range []struct {
		store  notify.Store
		method string
	}{{brokenStore{o}, "GET"}, {brokenStore{o}, "DELETE"}, {unending{o}, "DELETE"}} {
		if a := newDesk(c.store).ask(t, owner, c.method, "/"+id, ""); a.Code != http.StatusServiceUnavailable {
			t.Errorf("%s: %d %s", c.method, a.Code, a.Body)
		}
	}
}
