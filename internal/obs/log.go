package obs

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"

	"go.opentelemetry.io/otel/trace"

	"github.com/manoward/manoward/internal/hub"
)

// The formats of the log.
const (
	FormatAuto = "auto" // text on a terminal, JSON elsewhere
	FormatText = "text" // key=value, for people
	FormatJSON = "json" // one object a line, for machines
)

// KeyTraceID is the key under which a log line names the trace that it belongs
// to, always at the top level of the line.
const KeyTraceID = "trace_id"

// NewLogger returns a logger that writes to w, from level on. format is one of
// the Format constants, or empty for [FormatAuto]; another one is [hub.Invalid].
// Lines logged with a context that carries a trace have its id under
// [KeyTraceID]. level may be a [slog.LevelVar], to change it while running.
//
// A [hub.Secret] that is logged, alone or in an exported field, is redacted.
func NewLogger(w io.Writer, format string, level slog.Leveler) (*slog.Logger, error) {
	opts := &slog.HandlerOptions{Level: level}
	var h slog.Handler
	switch format {
	case FormatText:
		h = slog.NewTextHandler(w, opts)
	case FormatJSON:
		h = slog.NewJSONHandler(w, opts)
	case FormatAuto, "":
		if isTerminal(w) {
			h = slog.NewTextHandler(w, opts)
		} else {
			h = slog.NewJSONHandler(w, opts)
		}
	default:
		return nil, hub.E(hub.Invalid, "open log", fmt.Sprintf("unknown log format %q; use auto, text or json", format), nil)
	}
	return slog.New(&traceHandler{Handler: h}), nil
}

// isTerminal reports whether w is a character device. The null device is one
// too, where the format does not matter.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// traceHandler adds the trace of the context to each line.
type traceHandler struct {
	slog.Handler // takes lines; has no group open
	// grouped replays what came since the first WithGroup, so that the trace's
	// id stays at the top level of the line instead of in the open group.
	grouped []func(slog.Handler) slog.Handler
}

// Handle implements [slog.Handler].
func (h *traceHandler) Handle(ctx context.Context, r slog.Record) error {
	next := h.Handler
	if sc := trace.SpanContextFromContext(ctx); sc.HasTraceID() {
		next = next.WithAttrs([]slog.Attr{slog.String(KeyTraceID, sc.TraceID().String())})
	}
	for _, replay := range h.grouped {
		next = replay(next)
	}
	return next.Handle(ctx, r)
}

// WithAttrs implements [slog.Handler].
func (h *traceHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(h.grouped) == 0 {
		return &traceHandler{Handler: h.Handler.WithAttrs(attrs)}
	}
	return h.later(func(next slog.Handler) slog.Handler { return next.WithAttrs(attrs) })
}

// WithGroup implements [slog.Handler].
func (h *traceHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return h.later(func(next slog.Handler) slog.Handler { return next.WithGroup(name) })
}

func (h *traceHandler) later(replay func(slog.Handler) slog.Handler) slog.Handler {
	return &traceHandler{Handler: h.Handler, grouped: append(slices.Clip(h.grouped), replay)}
}
