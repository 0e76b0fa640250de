package intake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

// producer is an NFVO or VIM: subscriptions, operations and NSs, over TLS.
type producer struct {
	t      testing.TB
	server *httptest.Server
	client *httpapi.Client

	mu       sync.Mutex
	subs     []remote
	next     int
	creates  int
	refuse   func(request) int // status of POST of a subscription; 0: taken
	down     bool              // everything answers 500
	lost     bool              // POST makes it and its answer is lost
	asked    chan struct{}     // an entry for each request, while there is room
	ops      []map[string]any
	noFilter bool
	nss      []string
}

func newProducer(t testing.TB) *producer {
	p := &producer{t: t, asked: make(chan struct{}, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /subscriptions", p.subscribe)
	mux.HandleFunc("GET /subscriptions", func(w http.ResponseWriter, r *http.Request) { p.answer(w, 200, p.subs) })
	mux.HandleFunc("GET /subscriptions/{id}", func(w http.ResponseWriter, r *http.Request) {
		at := p.at(r.PathValue("id"))
		if at < 0 {
			p.answer(w, 404, nil)
			return
		}
		p.answer(w, 200, p.subs[at])
	})
	mux.HandleFunc("DELETE /subscriptions/{id}", func(w http.ResponseWriter, r *http.Request) {
		at := p.at(r.PathValue("id"))
		if at < 0 {
			p.answer(w, 404, nil)
			return
		}
		p.subs = slices.Delete(p.subs, at, at+1)
		w.WriteHeader(204)
	})
	mux.HandleFunc("GET /ns_lcm_op_occs", p.listOps)
	mux.HandleFunc("GET /ns_instances", func(w http.ResponseWriter, r *http.Request) {
		list := []map[string]string{}
		for _, id := range p.nss {
			list = append(list, map[string]string{"id": id, "nsState": "INSTANTIATED"})
		}
		p.answer(w, 200, list)
	})
	p.server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		select {
		case p.asked <- struct{}{}:
		default:
		}
		if p.down {
			p.answer(w, 500, nil)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(p.server.Close)
	p.client = &httpapi.Client{Base: p.server.URL, HTTP: p.server.Client(), Retries: -1}
	return p
}

// do changes the producer while it serves.
func (p *producer) do(fn func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fn()
}

func (p *producer) at(id string) int {
	return slices.IndexFunc(p.subs, func(r remote) bool { return r.ID == id })
}

func (p *producer) answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	if status >= 400 {
		w.Header().Set("Content-Type", "application/problem+json")
		v = map[string]any{"status": status, "detail": http.StatusText(status)}
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func (p *producer) subscribe(w http.ResponseWriter, r *http.Request) {
	var in request
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		p.t.Error(err)
	}
	p.creates++
	if p.refuse != nil {
		if status := p.refuse(in); status == 303 {
			w.Header().Set("Location", p.server.URL+"/subscriptions/"+p.subs[0].ID)
			w.WriteHeader(303)
			return
		} else if status != 0 {
			p.answer(w, status, nil)
			return
		}
	}
	p.next++
	made := remote{ID: fmt.Sprint("sub-", p.next), CallbackURI: in.CallbackURI, Filter: in.Filter, Verbosity: in.Verbosity}
	p.subs = append(p.subs, made)
	if p.lost {
		p.answer(w, 500, nil)
		return
	}
	p.answer(w, 201, made)
}

func (p *producer) listOps(w http.ResponseWriter, r *http.Request) {
	list := []map[string]any{}
	filter := r.URL.Query().Get("filter")
	if filter != "" && p.noFilter {
		p.answer(w, 400, nil)
		return
	}
	wanted, err := httpapi.ParseFilter(filter)
	if filter == "" {
		wanted, err = nil, nil
	}
	if err != nil {
		p.t.Errorf("filter %q: %v", filter, err)
	}
	for _, o := range p.ops {
		if wanted.Match(o) {
			list = append(list, o)
		}
	}
	// Two to a page.
	page := 0
	fmt.Sscan(r.URL.Query().Get("nextpage_opaque_marker"), &page)
	if end := 2 * (page + 1); end < len(list) {
		q := r.URL.Query()
		q.Set("nextpage_opaque_marker", fmt.Sprint(page+1))
		w.Header().Set("Link", fmt.Sprintf("<%s/ns_lcm_op_occs?%s>; rel=\"next\"", p.server.URL, q.Encode()))
		list = list[:end]
	}
	p.answer(w, 200, list[min(len(list), 2*page):])
}

// op is an operation occurrence as SOL 005 shows it.
func op(id, ns, state string, started, entered time.Time) map[string]any {
	return map[string]any{
		"id": id, "nsInstanceId": ns, "operationState": state, "startTime": started.Format(time.RFC3339Nano), "stateEnteredTime": entered.Format(time.RFC3339Nano),
		"lcmOperationType": "UPDATE", "isAutomaticInvocation": false, "isCancelPending": false,
		"resourceChanges": map[string]any{"affectedVnfs": []any{map[string]any{"vnfInstanceId": "v"}}},
		"_links":          map[string]any{},
	}
}

const callback = "https://sm.example.net/notifications"

// subscriber makes the subscriber of one interface.
func (p *producer) subscriber(w *world, renewed func(hub.Interface)) *Subscriber {
	return NewSubscriber(w.open(Limits{}), SubscriberConfig{
		Producers: []Producer{{Interface: hub.ScOrNsLcm, Client: p.client, CallbackURI: callback}}, Renewed: renewed,
	})
}
