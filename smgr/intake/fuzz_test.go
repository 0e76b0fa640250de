package intake

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

// Whatever is posted is answered; what is answered 204 and not ignored is in the
// queue, as JSON with what was sent as its body, and only that is.
func FuzzHandler(f *testing.F) {
	f.Add(true, changeBody("n", "a", start), "application/json")
	f.Add(true, opBody("n", "o", "COMPLETED", start), "application/json; charset=utf-8")
	f.Add(true, []byte(`{"id":"n","notificationType":"manoward.UnauthorizedAttemptNotification","subscriptionId":"sub-1","timestamp":"2026-11-22T12:00:00Z","attempt":{"target":"ns/"}}`), "application/json")
	f.Add(true, []byte(`{"id":"n","notificationType":"NsLcmCapacityShortageNotification","subscriptionId":"sub-1","timestamp":"2026-11-22T12:00:00Z"}`), "application/json")
	f.Add(false, []byte(`{"id":"n","notificationType":"AlarmNotification","subscriptionId":"sub-1","timeStamp":"2026-11-22T12:00:00+02:00","alarm":{"managedObjectId":"c"}}`), "application/json")
	f.Add(false, []byte(`{"id":"n","notificationType":"VirtualisedResourceChangeNotification","subscriptionId":"sub-1","timeStamp":"2026-11-22T12:00:00Z","resourceType":"HOST","virtualisedResourceId":"\ud800"}`), "application/json")
	f.Add(false, []byte(`{"id":null,"notificationType":{}}`), "text/plain")
	f.Add(false, []byte("{\"id\":\"\xff\"}"), "")
	f.Fuzz(func(t *testing.T, nfvo bool, body []byte, media string) {
		w := newWorld(t)
		i := hub.ScViTelem
		if nfvo {
			i = hub.ScOrNsLcm
		}
		h := NewReceiver(w.open(Limits{MaxBody: 4096}), &ours{}).Handler(i, byHeader)
		req := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		req.Header.Set("Content-Type", media)
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, req)
		switch rec.Code {
		case http.StatusNoContent:
			if w.count(OutcomeIgnored) == 1 && len(w.waiting) == 0 {
				return
			}
			if len(w.waiting) != 1 || w.count(OutcomeAccepted) != 1 {
				t.Fatalf("204, and %d wait, counted %v", len(w.waiting), w.counts)
			}
			ev := w.waiting[0]
			var sent, kept any
			if json.Unmarshal(body, &sent) != nil || json.Unmarshal(ev.Body, &kept) != nil || ev.ID == "" || ev.Key == "" || ev.Kind == "" || ev.Time.IsZero() {
				t.Fatalf("the event of %q is %+v", body, ev)
			}
			a, _ := json.Marshal(sent)
			b, _ := json.Marshal(kept)
			if !bytes.Equal(a, b) {
				t.Fatalf("%s was sent and %s is judged", a, b)
			}
		case 400, 404, 413, 415:
			if len(w.waiting) != 0 || len(recorded[RefusedRecord](w, KindRefused)) != 1 {
				t.Fatalf("%d, %d wait", rec.Code, len(w.waiting))
			}
		default:
			t.Fatalf("answered %d: %s", rec.Code, rec.Body)
		}
	})
}
