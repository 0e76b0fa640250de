package smgrapi

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/smgr"
)

// waiting is a world with an order that waits for a second person.
func waiting(t *testing.T) (*world, smgr.Order) {
	w := active(t, smgr.LevelApprove)
	w.judge(1)
	list := as[[]smgr.Order](w.call(ann, "GET", "/orders?state=waiting&nsInstanceId=n1&policy=evil-provider", "").is(http.StatusOK))
	if len(list) != 1 {
		t.Fatalf("orders: %+v", list)
	}
	return w, list[0]
}

func TestOrders(t *testing.T) {
	w, o := waiting(t)
	if list := as[[]smgr.Order](w.call(ann, "GET", "/orders?state=running", "").is(http.StatusOK)); len(list) != 0 {
		t.Errorf("running: %+v", list)
	}
	w.call(ann, "GET", "/orders?colour=red", "").is(http.StatusBadRequest)
	w.call(ann, "GET", "/orders?state=lost", "").is(http.StatusBadRequest, "superseded")
	w.call(ann, "GET", "/orders/"+o.ID, "").is(http.StatusOK, "terminate-vnf")
	w.call(ann, "GET", "/orders/none", "").is(http.StatusNotFound)
}

func TestApprove(t *testing.T) {
	w, o := waiting(t)
	path := "/orders/" + o.ID
	tag := w.call(ann, "GET", path, "").is(http.StatusOK).header.Get("ETag")
	w.call(ann, "POST", path+"/approve", `{}`).is(http.StatusBadRequest, "say why")
	w.call(ann, "POST", path+"/approve", `{"reason":" "}`).is(http.StatusBadRequest, "say why")
	w.call(ann, "POST", path+"/approve", `{"reason":"it is"`).is(http.StatusBadRequest)
	w.call(ann, "POST", path+"/approve", `{"reason":"it is"}`, "If-Match: \"other\"").is(http.StatusPreconditionFailed)
	w.call(ben, "POST", path+"/approve", `{"reason":"it is"}`).is(http.StatusForbidden, "second person")
	w.call(ann, "POST", "/orders/none/approve", `{"reason":"it is"}`).is(http.StatusNotFound)
	w.mode = hub.Passive
	w.call(ann, "POST", path+"/approve", `{"reason":"it is"}`).is(http.StatusConflict, "mode")
	w.mode = hub.FullyActive
	a := w.call(ann, "POST", path+"/approve", `{"reason":"it is evil"}`, "If-Match: "+tag).is(http.StatusOK)
	if o := as[smgr.Order](a); o.State != smgr.OrderPlanned || o.Approval == nil || o.Approval.By != ann || o.Approval.Reason != "it is evil" {
		t.Errorf("approved: %+v", o)
	}
	records := len(w.recorded("sm.order"))
	w.call(ann, "POST", path+"/approve", `{"reason":"it is evil"}`).is(http.StatusOK) // again
	if got := len(w.recorded("sm.order")); got != records {
		t.Errorf("the same word again left %d records, before %d", got, records)
	}
	w.call(ann, "POST", path+"/reject", `{"reason":"no"}`).is(http.StatusConflict)
}

func TestReject(t *testing.T) {
	w, o := waiting(t)
	a := w.call(ben, "POST", "/orders/"+o.ID+"/reject", `{"reason":"a test VNF"}`).is(http.StatusOK)
	if o := as[smgr.Order](a); o.State != smgr.OrderRejected || a.header.Get("ETag") == "" {
		t.Errorf("rejected: %+v", o)
	}
	if got := w.recorded("sm.order"); !slices.Contains(got, ben) {
		t.Errorf("recorded: %v", got)
	}
}

func TestPause(t *testing.T) {
	w := active(t, smgr.LevelEnforce)
	w.call(ann, "POST", "/pause", `{"reason":""}`).is(http.StatusBadRequest)
	for range 2 { // the second time has no effect
		s := as[status](w.call(ann, "POST", "/pause", `{"reason":"too many"}`).is(http.StatusOK))
		if !s.Enforcement.Paused || s.Enforcement.PausedBy != ann || s.Enforcement.PausedReason != "too many" {
			t.Errorf("paused: %+v", s)
		}
	}
	if s := as[status](w.call(ann, "POST", "/resume", `{"reason":"mended"}`).is(http.StatusOK)); s.Enforcement.Paused {
		t.Errorf("resumed: %+v", s)
	}
	w.call(ann, "POST", "/limits/reset", `{"reason":"mended"}`).is(http.StatusOK)
	w.call(ann, "POST", "/limits/reset", ``).is(http.StatusUnsupportedMediaType)
	s := as[status](w.call(ann, "GET", "/status", "").is(http.StatusOK))
	if s.Active == nil || s.Problem != "" || s.TrustDomain != "red" {
		t.Errorf("status: %+v", s)
	}
}

func TestStatus_NothingActive(t *testing.T) {
	w := newWorld(t)
	s := as[status](w.call(ann, "GET", "/status", "").is(http.StatusOK))
	if s.Active != nil || s.Problem == "" || s.NFVO != nil {
		t.Errorf("status: %+v", s)
	}
	w.peer = &Peer{Cannot: []string{"sing"}}
	w.call(ann, "GET", "/status", "").is(http.StatusOK, `"nfvo":{"extensions":false,"cannot":["sing"]}`)
}

// Orders are listed from the newest over all pages, of which the next begins where
// the last one ended.
func TestOrders_Newest(t *testing.T) {
	w := active(t, smgr.LevelShadow)
	const orders = 5 // of two on a page
	for i := range orders {
		check(t, w.m.Decide.Handle(t.Context(), review(i), 1))
		w.mu.Lock()
		w.now = w.now.Add(time.Second)
		w.mu.Unlock()
	}
	var list []smgr.Order
	pages := 0
	for target := "/orders?state=shadow"; target != ""; pages++ {
		a := w.call(ann, "GET", target, "").is(http.StatusOK)
		list = append(list, as[[]smgr.Order](a)...)
		link, _, more := strings.Cut(strings.TrimPrefix(a.header.Get("Link"), "<"), ">")
		if target = ""; more {
			_, target, _ = strings.Cut(link, "/orders")
			target = "/orders" + target
		}
	}
	newest := slices.IsSortedFunc(list, func(a, b smgr.Order) int { return b.Created.Compare(a.Created) })
	if len(list) != orders || pages != 3 || !newest || !list[0].Created.After(list[orders-1].Created) {
		t.Errorf("%d orders in %d pages: %+v", len(list), pages, list)
	}
}
