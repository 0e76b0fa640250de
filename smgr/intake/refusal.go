package intake

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

// refusal is why a notification is not taken in.
type refusal struct {
	code   hub.Code
	status int           // 0: as the code says
	reason string        // an outcome
	text   string        // cause and mend, for the sender
	wait   time.Duration // until it may be sent again; 0: never as it is
	cause  error         // for the log
}

// statuses are those of the codes that a refusal has.
func (r *refusal) httpStatus() int {
	if r.status != 0 {
		return r.status
	}
	switch r.code {
	case hub.Denied:
		return http.StatusForbidden
	case hub.NotFound:
		return http.StatusNotFound
	case hub.Conflict:
		return http.StatusConflict
	case hub.RateLimited:
		return http.StatusTooManyRequests
	case hub.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusBadRequest
}

// write answers with the refusal.
func (r *refusal) write(w http.ResponseWriter) {
	if r.wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((r.wait+time.Second-1)/time.Second)))
	}
	status := r.httpStatus()
	httpapi.WriteProblem(w, httpapi.ProblemDetails{Title: http.StatusText(status), Status: status, Detail: r.text, Code: r.code})
}

// KindRefused is the kind of the record, an alarm, of notifications that were
// refused. Its subject is "sm/<name>", its data a [RefusedRecord].
const KindRefused = "sm.notification-refused"

// RefusedRecord is the data of a record of KindRefused.
type RefusedRecord struct {
	Interface        hub.Interface `json:"interface"`
	Sender           string        `json:"sender"` // as it showed itself; "nobody" if it did not
	Reason           string        `json:"reason"` // an outcome
	Detail           string        `json:"detail"`
	NotificationID   string        `json:"notificationId,omitempty"`
	NotificationType string        `json:"notificationType,omitempty"`
	Count            int           `json:"count"` // refused for this reason since the last record of it, this one included
}

// alarms records refusals, so many that none goes unseen and so few that a flood
// does not fill the log.
type alarms struct {
	in *Intake

	mu    sync.Mutex // covers last; never held while a record is written
	quiet map[alarmKey]*silence
}

type alarmKey struct {
	i              hub.Interface
	sender, reason string
}

type silence struct {
	until time.Time
	count int
}

// maxAlarmKeys bounds what is remembered. Senders that showed a credential are
// few; above it all others are one.
const maxAlarmKeys = 256

// raise records a refusal, or counts it for the next record.
func (a *alarms) raise(ctx context.Context, rec RefusedRecord) {
	now := a.in.ports.Now()
	key := alarmKey{rec.Interface, rec.Sender, rec.Reason}
	a.mu.Lock()
	s := a.quiet[key]
	if s == nil && len(a.quiet) >= maxAlarmKeys {
		key.sender = ""
		s = a.quiet[key]
	}
	if s == nil {
		s = &silence{}
		a.quiet[key] = s
	}
	s.count++
	if now.Before(s.until) {
		a.mu.Unlock()
		return
	}
	rec.Count, s.count, s.until = s.count, 0, now.Add(a.in.limits.RecordEvery)
	a.mu.Unlock()
	if err := a.in.record(ctx, hub.NewID(), KindRefused, rec); err != nil {
		a.mu.Lock()
		s.count, s.until = s.count+rec.Count, time.Time{} // the next one tells of these too
		a.mu.Unlock()
		a.in.ports.Log.Error("a refused notification could not be recorded", "interface", rec.Interface, "sender", rec.Sender, "reason", rec.Reason, "error", err)
	}
}

// record appends one record of the Security Manager's.
func (in *Intake) record(ctx context.Context, id, kind string, data any) error {
	raw, err := json.Marshal(data)
	if err != nil {
		return hub.E(hub.Internal, "record what was taken in", "the record cannot be encoded", err)
	}
	return in.ports.Append(ctx, hub.Record{ID: id, Kind: kind, Time: in.ports.Now().UTC(), Actor: in.sm.String(), Subject: "sm/" + in.sm.Name, Data: raw})
}
