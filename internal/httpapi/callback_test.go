package httpapi

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

func TestCallbackTest(t *testing.T) {
	redirected := atomic.Bool{}
	release := make(chan struct{})
	handler := http.NewServeMux()
	handler.HandleFunc("GET /ok", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })
	handler.HandleFunc("/200", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("secret")) })
	handler.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/target", http.StatusFound) })
	handler.HandleFunc("/target", func(w http.ResponseWriter, _ *http.Request) { redirected.Store(true); w.WriteHeader(204) })
	handler.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) {
		select { // until the test is over or the caller gave up
		case <-release:
		case <-r.Context().Done():
		}
	})
	handler.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	})
	server := startTLS(t, handler)
	plainServer := httptest.NewServer(handler)
	defer plainServer.Close()
	defer close(release)
	for name, c := range map[string]struct {
		uri, want string // want is part of the error, empty if none
		loopback  bool
	}{
		"204":                {server.URL + "/ok", "", false},
		"query":              {server.URL + "/ok?x=1", "", false},
		"200":                {server.URL + "/200", "with 200 and not with 204", false},
		"404":                {server.URL + "/none", "with 404", false},
		"redirect":           {server.URL + "/moved", "with 302", false},
		"slow":               {server.URL + "/slow", "within 200ms", false},
		"endless body":       {server.URL + "/endless", "with 200", false},
		"http":               {plainServer.URL + "/ok", "is not https", false},
		"http loopback":      {plainServer.URL + "/ok", "", true},
		"http elsewhere":     {"http://192.0.2.1/ok", "is not https", true},
		"http localhost.com": {"http://localhost.example/ok", "is not https", true},
		"localhost, closed":  {"http://localhost:1/ok", "does not answer", true},
		"relative":           {"/ok", "no absolute URI", false},
		"opaque":             {"https:ok", "no absolute URI", false},
		"broken":             {"https://h:p:q/%zz", "no absolute URI", false},
		"credentials":        {"https://user:pass@h/ok", "holds credentials", false},
		"fragment":           {server.URL + "/ok#x", "fragment", false},
		"file":               {"file://h/etc/passwd", "is not https", true},
		"nobody there":       {"https://127.0.0.1:1/ok", "does not answer", false},
	} {
		t.Run(name, func(t *testing.T) {
			test := CallbackTest{HTTP: server.Client(), AllowLoopbackHTTP: c.loopback}
			if c.want == "within 200ms" {
				test.Timeout = 200 * time.Millisecond
			}
			err := test.Run(context.Background(), c.uri)
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			wantCode(t, err, hub.Unprocessable)
			if text := hub.SafeText(err); !strings.Contains(text, c.want) || strings.Contains(text, "secret") {
				t.Errorf("%q, want %q", text, c.want)
			}
		})
	}
	if redirected.Load() {
		t.Error("a redirect was followed")
	}
	if err := TestCallback(context.Background(), server.Client(), server.URL+"/ok"); err != nil {
		t.Error(err)
	}
	// A client that does not trust the server's certificate.
	wantCode(t, TestCallback(context.Background(), nil, server.URL+"/ok"), hub.Unprocessable)
}

func TestDialControl(t *testing.T) {
	for address, want := range map[string]struct{ strict, loopback bool }{ // taken?
		"192.0.2.1:443":            {true, true},
		"10.0.0.1:443":             {true, true},
		"[2001:db8::1]:443":        {true, true},
		"127.0.0.1:443":            {false, true},
		"[::1]:443":                {false, true},
		"[::ffff:127.0.0.1]:443":   {false, true},
		"0.0.0.0:443":              {false, false},
		"[::]:443":                 {false, false},
		"169.254.169.254:80":       {false, false},
		"[::ffff:169.254.1.1]:443": {false, false},
		"[fe80::1%eth0]:443":       {false, false},
		"[fd00:ec2::254]:80":       {false, false},
		"224.0.0.1:443":            {false, false},
		"nonsense":                 {false, false},
	} {
		for _, loopback := range []bool{false, true} {
			err := DialControl(loopback)("tcp", address, nil)
			if taken := want.strict || loopback && want.loopback; taken != (err == nil) {
				t.Errorf("%s, loopback %v: %v", address, loopback, err)
			}
			if err != nil {
				wantCode(t, err, hub.Unprocessable)
			}
		}
	}
}

// A name is judged by what it stands for.
func TestDialControl_Dialer(t *testing.T) {
	server := startTLS(t, http.NotFoundHandler())
	dialer := net.Dialer{Control: DialControl(false)}
	client := &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}}
	wantCode(t, CallbackTest{HTTP: client}.Run(context.Background(), server.URL), hub.Unprocessable)
	_, err := client.Get("http://localhost:1/")
	if err == nil || !strings.Contains(err.Error(), "no address at which a peer can be called") {
		t.Errorf("connected to this host: %v", err)
	}
}
