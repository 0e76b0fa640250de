package httpapi

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// discard is a ResponseWriter without a connection, so that only the handler is
// measured.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}

func benchRequest() *http.Request {
	r := httptest.NewRequest("GET", "/nslcm/v2/things/a", nil)
	r.Header.Set("Version", "2.3.0")
	r.Header.Set("Accept", TypeJSON)
	return r
}

func bareMux() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /nslcm/v2/things/{id}", func(w http.ResponseWriter, r *http.Request) {
		if err := Write(w, http.StatusOK, thing{ID: r.PathValue("id")}); err != nil {
			panic(err)
		}
	})
	return mux
}

// BenchmarkMux prints what the mux costs against a bare http.ServeMux with the
// same handler in the same run: in process, and per request over TLS.
func BenchmarkMux(b *testing.B) {
	b.Run("in process", func(b *testing.B) {
		serve := func(h http.Handler, n int) time.Duration {
			r := benchRequest()
			start := time.Now()
			for range n {
				h.ServeHTTP(&discard{header: http.Header{}}, r)
			}
			return time.Since(start)
		}
		compare(b, func(n int) time.Duration { return serve(bareMux(), n) }, func(n int) time.Duration { return serve(thingsMux(Options{}), n) })
	})
	b.Run("over TLS", func(b *testing.B) {
		bare, ours := startTLS(b, bareMux()), startTLS(b, thingsMux(Options{}))
		compare(b, func(n int) time.Duration { return overTLS(b, bare, n) }, func(n int) time.Duration { return overTLS(b, ours, n) })
	})
}

func overTLS(b *testing.B, server *httptest.Server, n int) time.Duration {
	r := benchRequest()
	r.RequestURI, r.URL.Scheme, r.URL.Host = "", "https", server.Listener.Addr().String()
	start := time.Now()
	for range n {
		resp, err := server.Client().Do(r)
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	return time.Since(start)
}

// compare runs both in small turns, so that a change of the machine's load hits
// both alike.
func compare(b *testing.B, bare, ours func(n int) time.Duration) {
	const turn = 200
	var bareTime, oursTime time.Duration
	turns := 0
	for b.Loop() {
		bareTime += bare(turn)
		oursTime += ours(turn)
		turns++
	}
	requests := float64(turns * turn)
	b.ReportMetric(float64(bareTime)/requests, "ns/bare")
	b.ReportMetric(float64(oursTime)/requests, "ns/ours")
	b.ReportMetric(float64(oursTime)/float64(bareTime), "x-of-bare")
}
