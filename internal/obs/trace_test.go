package obs

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

// inject returns the headers that Inject gives.
func inject(ctx context.Context) map[string]string {
	headers := make(map[string]string)
	Inject(ctx, func(k, v string) { headers[k] = v })
	return headers
}

func TestPropagation_Off(t *testing.T) {
	tracer, shutdown, err := NewTracer(t.Context(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	for name, tracer := range map[string]*Tracer{"off": tracer, "nil": nil} {
		// The trace of a caller that records goes on as it came.
		ctx, end := tracer.Start(traced(t), "work")
		if got := inject(ctx); got["traceparent"] != traceparent || got["tracestate"] != "vendor=1" {
			t.Errorf("%s: headers became %v", name, got)
		}
		end(errors.New("an outcome"))
		// Work of our own has a trace, which two spans of it share.
		ctx, end = tracer.Start(t.Context(), "work")
		inner, endInner := tracer.Start(ctx, "part")
		endInner(nil)
		end(nil)
		if id := TraceID(ctx); len(id) != 32 || TraceID(inner) != id {
			t.Errorf("%s: traces %q and %q", name, id, TraceID(inner))
		}
		if got := inject(ctx)["traceparent"]; !strings.HasPrefix(got, "00-"+TraceID(ctx)) || !strings.HasSuffix(got, "-00") {
			t.Errorf("%s: traceparent %q", name, got)
		}
	}
	if err := shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestExtract_Malformed(t *testing.T) {
	for _, header := range []string{
		"", "x", "00-0-0-00", strings.Repeat("0", 1<<16),
		"00-00000000000000000000000000000000-b7ad6b7169203331-01",
		"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
		"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	} {
		ctx := Extract(t.Context(), func(string) string { return header })
		if TraceID(ctx) != "" || len(inject(ctx)) != 0 {
			t.Errorf("traceparent %.80q gave trace %q", header, TraceID(ctx))
		}
	}
}

// FuzzExtract meets headers of any kind: what comes out is a trace that W3C
// Trace Context allows, or none.
func FuzzExtract(f *testing.F) {
	f.Add(traceparent, "vendor=1,other@x=2")
	f.Add("", "=")
	f.Fuzz(func(t *testing.T, parent, state string) {
		ctx := Extract(context.Background(), func(key string) string {
			return map[string]string{"traceparent": parent, "tracestate": state}[key]
		})
		headers := inject(ctx)
		if id := TraceID(ctx); id == "" != (headers["traceparent"] == "") || (id != "" && !strings.Contains(parent, id)) {
			t.Fatalf("%q and %q gave %q and %v", parent, state, id, headers)
		}
		again := Extract(context.Background(), func(key string) string { return headers[key] })
		if TraceID(again) != TraceID(ctx) {
			t.Fatalf("%v is not read again", headers)
		}
	})
}

// receiver is an OTLP/HTTP receiver that keeps what it gets, or refuses it.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	path   string
	got    bytes.Buffer
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{status: http.StatusOK}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		_, _ = io.Copy(&r.got, req.Body)
		r.path = req.URL.Path
		w.WriteHeader(r.status)
	}))
	t.Cleanup(r.Close)
	return r
}

func TestTracer_Exports(t *testing.T) {
	r := newReceiver(t)
	tracer, shutdown, err := NewTracer(t.Context(), Config{Endpoint: r.URL, Service: "manoward", Version: "v1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := tracer.Start(traced(t), "scor.order",
		slog.String("sm", "north"), slog.Int("tries", 2), slog.Bool("again", true), slog.Float64("share", 0.5),
		slog.Any("pin", hub.Secret("hunter2")), slog.Any("cause", errors.New("a cause")))
	if TraceID(ctx) != "0af7651916cd43dd8448eb211c80319c" || inject(ctx)["traceparent"] == traceparent {
		t.Errorf("the span is not below the caller's: %v", inject(ctx))
	}
	end(hub.E(hub.Denied, "order", "this SM is passive", errors.New("internal detail")))
	if err := shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := r.got.String() // protobuf, in which strings are as they are
	for _, want := range []string{"manoward", "v1.2.3", "scor.order", "north", "tries", "again", "share", "a cause", "[redacted]", "denied", "this SM is passive"} {
		if !strings.Contains(got, want) {
			t.Errorf("the export lacks %q", want)
		}
	}
	for _, secret := range []string{"hunter2", "internal detail"} {
		if strings.Contains(got, secret) {
			t.Errorf("the export shows %q", secret)
		}
	}
	if r.path != "/v1/traces" {
		t.Errorf("exported to %s", r.path)
	}
}

// TestTracer_ReceiverFails loses traces, and says so once.
func TestTracer_ReceiverFails(t *testing.T) {
	r := newReceiver(t)
	r.status = http.StatusForbidden
	var log bytes.Buffer
	tracer, shutdown, err := NewTracer(t.Context(), Config{Endpoint: r.URL + "/else/where", Log: slog.New(slog.NewJSONHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	for range 1200 { // more than two batches of 512
		_, end := tracer.Start(t.Context(), "work")
		end(nil)
	}
	if err := shutdown(t.Context()); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if n := strings.Count(log.String(), "traces are lost"); n != 1 {
		t.Errorf("the log says %d times that traces are lost:\n%s", n, log.String())
	}
	if r.path != "/else/where" {
		t.Errorf("exported to %s", r.path)
	}
}

func TestExporter_Recovers(t *testing.T) {
	var log bytes.Buffer
	inner := &fakeExporter{err: errors.New("no route")}
	e := &exporter{SpanExporter: inner, log: slog.New(slog.NewJSONHandler(&log, nil))}
	for _, err := range []error{errors.New("no route"), errors.New("no route"), nil, nil, errors.New("no route")} {
		inner.err = err
		if err := e.ExportSpans(t.Context(), nil); err != nil {
			t.Error(err)
		}
	}
	if lost, again := strings.Count(log.String(), "are lost"), strings.Count(log.String(), "exported again"); lost != 2 || again != 1 {
		t.Errorf("the log says\n%s", log.String())
	}
}

func TestNewTracer_BadEndpoint(t *testing.T) {
	for _, endpoint := range []string{"collector:4318", "grpc://collector:4317", "http://", "://", "http://a b"} {
		_, _, err := NewTracer(t.Context(), Config{Endpoint: endpoint})
		if hub.CodeOf(err) != hub.Invalid || !strings.Contains(hub.SafeText(err), "http://127.0.0.1:4318/v1/traces") {
			t.Errorf("endpoint %q: %v", endpoint, err)
		}
	}
}
