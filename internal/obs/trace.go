package obs

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/manoward/manoward/internal/hub"
)

// Config says where traces go.
type Config struct {
	// Endpoint is the URL of an OTLP/HTTP receiver, http or https, with its path:
	// "http://127.0.0.1:4318/v1/traces", which is also the path taken when the
	// URL has none. Empty means that no trace leaves the process.
	Endpoint string
	Service  string       // service.name of the spans: "manoward"
	Version  string       // service.version of the spans
	Log      *slog.Logger // where failures to export are told; nil means nowhere
}

// Tracer begins spans. Without an endpoint, and as a nil pointer, it records
// none, but still sees to it that every context has a trace, so that log lines
// and messages of one piece of work share an id. It is safe for concurrent use.
type Tracer struct {
	spans trace.Tracer // nil when nothing is recorded
}

// NewTracer returns a tracer for cfg and the function that sends what is still
// held and ends it; call that last, with a bounded context. Until then up to
// 2048 finished spans are held, and more are dropped: tracing never holds work
// up, and an endpoint that does not answer only costs its traces.
//
// An endpoint that is no URL with http or https is [hub.Invalid].
func NewTracer(ctx context.Context, cfg Config) (*Tracer, func(context.Context) error, error) {
	if cfg.Endpoint == "" {
		return &Tracer{}, func(context.Context) error { return nil }, nil
	}
	u, err := url.Parse(cfg.Endpoint)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, nil, hub.E(hub.Invalid, "start tracing", fmt.Sprintf("trace endpoint %q is no http or https URL; use one like http://127.0.0.1:4318/v1/traces", cfg.Endpoint), nil)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/v1/traces"
	}
	otlp, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(u.String()))
	if err != nil {
		return nil, nil, fmt.Errorf("start tracing to %s: %w", u.Redacted(), err)
	}
	log := cfg.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(&exporter{SpanExporter: otlp, log: log.With("endpoint", u.Redacted())}),
		sdktrace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", cfg.Service),
			attribute.String("service.version", cfg.Version),
		)),
	)
	return &Tracer{spans: provider.Tracer("manoward")}, provider.Shutdown, nil
}

// Start begins a span named name below the one in ctx, or a new trace when there
// is none, and returns a context that carries it. end finishes the span with the
// outcome of the work; it must be called once. Of an error only what
// [hub.SafeText] shows leaves the process.
func (t *Tracer) Start(ctx context.Context, name string, attrs ...slog.Attr) (_ context.Context, end func(err error)) {
	if t == nil || t.spans == nil {
		return withTrace(ctx), func(error) {}
	}
	ctx, span := t.spans.Start(ctx, name, trace.WithAttributes(attributes(attrs)...))
	return ctx, func(err error) {
		if err != nil {
			span.SetAttributes(attribute.String("error.type", string(hub.CodeOf(err))))
			span.SetStatus(codes.Error, hub.SafeText(err))
		}
		span.End()
	}
}

// TraceID returns the id of the trace in ctx in 32 hexadecimal digits, or the
// empty string.
func TraceID(ctx context.Context) string {
	if sc := trace.SpanContextFromContext(ctx); sc.HasTraceID() {
		return sc.TraceID().String()
	}
	return ""
}

// Inject gives the trace in ctx to set as the headers of W3C Trace Context,
// "traceparent" and "tracestate". Without a trace it gives nothing.
func Inject(ctx context.Context, set func(key, value string)) {
	propagation.TraceContext{}.Inject(ctx, carrier{set: set})
}

// Extract returns ctx with the trace that get finds in the headers of W3C Trace
// Context. Headers that are missing or malformed leave ctx as it is. The trace
// of another party is only a name for log lines and spans; nothing may be
// allowed or refused by it.
func Extract(ctx context.Context, get func(key string) string) context.Context {
	return propagation.TraceContext{}.Extract(ctx, carrier{get: get})
}

// withTrace returns ctx with a trace that is not recorded, or as it is when it
// has one: the flags and state of a caller that records must go on unchanged.
func withTrace(ctx context.Context) context.Context {
	if trace.SpanContextFromContext(ctx).IsValid() {
		return ctx
	}
	var ids trace.SpanContextConfig
	rand.Read(ids.TraceID[:])
	rand.Read(ids.SpanID[:])
	return trace.ContextWithSpanContext(ctx, trace.NewSpanContext(ids))
}

// attributes turns log attributes into those of a span. Groups and other values
// without a counterpart are printed.
func attributes(attrs []slog.Attr) []attribute.KeyValue {
	list := make([]attribute.KeyValue, 0, len(attrs))
	for _, a := range attrs {
		v := a.Value.Resolve() // a secret resolves to its placeholder
		switch v.Kind() {
		case slog.KindBool:
			list = append(list, attribute.Bool(a.Key, v.Bool()))
		case slog.KindInt64:
			list = append(list, attribute.Int64(a.Key, v.Int64()))
		case slog.KindFloat64:
			list = append(list, attribute.Float64(a.Key, v.Float64()))
		default:
			list = append(list, attribute.String(a.Key, v.String()))
		}
	}
	return list
}

// carrier makes a pair of functions a [propagation.TextMapCarrier].
type carrier struct {
	get func(key string) string
	set func(key, value string)
}

// Get implements [propagation.TextMapCarrier].
func (c carrier) Get(key string) string { return c.get(key) }

// Set implements [propagation.TextMapCarrier].
func (c carrier) Set(key, value string) { c.set(key, value) }

// Keys implements [propagation.TextMapCarrier]. Trace Context asks for no list.
func (c carrier) Keys() []string { return nil }

// exporter tells the log when exporting begins to fail and when it works again,
// instead of the library's global error handler at each batch.
type exporter struct {
	sdktrace.SpanExporter
	log     *slog.Logger
	failing atomic.Bool
}

// exportTimeout bounds one batch, retries included, so that a shutdown while the
// receiver is away ends.
const exportTimeout = 10 * time.Second

// ExportSpans implements [sdktrace.SpanExporter].
func (e *exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	ctx, cancel := context.WithTimeout(ctx, exportTimeout)
	defer cancel()
	err := e.SpanExporter.ExportSpans(ctx, spans)
	switch {
	case err == nil && e.failing.Swap(false):
		e.log.Info("traces are exported again")
	case err != nil && !errors.Is(err, context.Canceled) && !e.failing.Swap(true):
		e.log.Warn("traces are lost: the endpoint does not take them", "error", err)
	}
	return nil
}
