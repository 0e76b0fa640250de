package openapi

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// receive sends a notification to a receiver behind v, and returns what the
// receiver read and the status that came back.
func receive(t *testing.T, v *Validator, status int, method, header, body string) (read string, code int) {
	t.Helper()
	receiver := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		read = string(text)
		if status != 0 {
			w.WriteHeader(status)
		}
	})
	req := httptest.NewRequestWithContext(t.Context(), method, "/chosen/by/me", strings.NewReader(body))
	for line := range strings.Lines(header) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		req.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	v.Handler(receiver).ServeHTTP(w, req)
	return read, w.Code
}

func TestHandler(t *testing.T) {
	tests := map[string]struct {
		status               int
		method, header, body string
		want                 []string
	}{
		"obedient":             {204, "POST", version + asJSON, change, nil},
		"test of address":      {204, "GET", version, "", nil},
		"receiver answers 200": {0, "POST", version + asJSON, change, []string{"NsLcmNotification POST NsChangeNotification: the receiver answered 200 OK"}},
		"no version":           {204, "POST", asJSON, change, []string{"NsLcmNotification POST NsChangeNotification notification: header Version is missing"}},
		"against schema":       {204, "POST", version + asJSON, strings.Replace(change, `"VNF"`, `"PNFD"`, 1), []string{"body at /nsComponentType"}},
		"other media type":     {204, "POST", version + "Content-Type: application/ld+json\n", change, []string{`body has the type "application/ld+json"`}},
		"unknown type":         {204, "POST", version + asJSON, `{"notificationType":"AlarmNotification"}`, []string{`no API of this validator has a POST notification "AlarmNotification"`}},
		"no type":              {204, "POST", version + asJSON, `{}`, []string{"a notification is a JSON object with notificationType"}},
		"no JSON":              {204, "POST", version + asJSON, `<`, []string{"a notification is a JSON object with notificationType"}},
		"method":               {204, "PUT", version + asJSON, change, []string{"has a PUT notification"}},
	}
	for name, tt := range tests {
		v, r := recording(t, NsLcm, NsLcmNotification, VnfLcmNotification)
		read, code := receive(t, v, tt.status, tt.method, tt.header, tt.body)
		expect(t, name, r.take(), tt.want...)
		if read != tt.body || code != max(tt.status, 200) && tt.status != 0 {
			t.Errorf("%s: the receiver read %q and answered %d", name, read, code)
		}
	}
}

func TestHandlerBrokenBody(t *testing.T) {
	v, r := recording(t, NsLcmNotification)
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", broken{})
	req.Header.Set("Content-Type", typeJSON)
	w := httptest.NewRecorder()
	v.Handler(http.NotFoundHandler()).ServeHTTP(w, req)
	expect(t, "broken body", r.take(), errBroken.Error())
	if w.Code != http.StatusBadRequest {
		t.Errorf("answered %d", w.Code)
	}
}

// Each notification of each API is found by its type.
func TestNotificationsFound(t *testing.T) {
	for a := range lastAPI + 1 {
		if !a.notification() {
			continue
		}
		v := Load(t, a)
		n := 0
		for _, o := range v.all() {
			if o.method != http.MethodPost {
				continue
			}
			n++
			found, problem := v.notification(http.MethodPost, []byte(`{"notificationType":"`+o.path+`"}`))
			if problem != "" || found.op != o.op {
				t.Errorf("%s: %s", o, problem)
			}
		}
		if n == 0 {
			t.Errorf("%s has no notification", a)
		}
	}
}
