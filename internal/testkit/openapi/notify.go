package openapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// Handler returns a handler that reports what of a notification, and of the
// answer that next gives to it, is not as the files say. A POST is held against
// the notification that its notificationType names; a GET is the test of the
// address (SOL005 clause 6.4.18.3.2). Both may come to any path, which the
// subscriber chose.
func (v *Validator) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := readJSON(r.Header, &r.Body)
		if err != nil {
			v.t.Errorf("read the notification at %s: %v", r.URL.Path, err)
			http.Error(w, "the notification could not be read", http.StatusBadRequest)
			return
		}
		o, problem := v.notification(r.Method, body)
		if problem != "" {
			v.t.Errorf("%s %s: %s; body %s", r.Method, r.URL.Path, problem, excerpt(string(body)))
			next.ServeHTTP(w, r)
			return
		}
		problems := checkParameters(o, r)
		if o.op.RequestBody != nil {
			problems = append(problems, checkContent("body", o.requestContent(), r.Header, body)...)
		}
		v.report(o.String()+" notification", problems)
		status := &statusWriter{ResponseWriter: w}
		next.ServeHTTP(status, r)
		if o.op.Responses.Status(status.code()) == nil {
			v.t.Errorf("%s: the receiver answered %s, which the file does not list", o, statusText(status.code()))
		}
		v.count(o, status.code())
	})
}

// notification finds the operation of a notification. The path of each ends in
// the name of its type. The test of an address has no body to tell the type, and
// is the same for all.
func (v *Validator) notification(method string, body []byte) (operation, string) {
	var n struct{ NotificationType string }
	if method == http.MethodPost {
		if err := json.Unmarshal(body, &n); err != nil || n.NotificationType == "" {
			return operation{}, "a notification is a JSON object with notificationType"
		}
	}
	for _, d := range v.docs {
		if !d.api.notification() {
			continue
		}
		for _, o := range d.operations() {
			name := notificationType(o.path)
			if o.method == method && (method == http.MethodGet || name == n.NotificationType) {
				return operation{d, method, name, o.item, o.op}, ""
			}
		}
	}
	return operation{}, fmt.Sprintf("no API of this validator has a %s notification %q", method, n.NotificationType)
}

// notificationType is what a path that the consumer chooses ends in: after a dash
// in the files of SOL 003 and SOL 005, after an underscore in that of SOL 012.
func notificationType(path string) string { return path[strings.LastIndexAny(path, "-_")+1:] }

// statusWriter remembers the status that a receiver answers.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(code int) {
	if w.status == 0 {
		w.status = code
	}
	w.ResponseWriter.WriteHeader(code)
}

// Unwrap lets http.ResponseController reach the writer below.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *statusWriter) code() int {
	if w.status == 0 {
		return http.StatusOK
	}
	return w.status
}
