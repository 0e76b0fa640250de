package obs

import (
	"context"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// fakeExporter answers each batch with err.
type fakeExporter struct{ err error }

func (f *fakeExporter) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error { return f.err }
func (f *fakeExporter) Shutdown(context.Context) error                             { return nil }
