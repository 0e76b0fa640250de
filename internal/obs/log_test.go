package obs

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// traced returns a context with the trace of traceparent.
func traced(t *testing.T) context.Context {
	t.Helper()
	ctx := Extract(t.Context(), func(key string) string {
		return map[string]string{"traceparent": traceparent, "tracestate": "vendor=1"}[key]
	})
	if TraceID(ctx) != "0af7651916cd43dd8448eb211c80319c" {
		t.Fatalf("TraceID = %q", TraceID(ctx))
	}
	return ctx
}

func line(t *testing.T, b *bytes.Buffer) map[string]any {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal(b.Bytes(), &fields); err != nil {
		t.Fatalf("%v in %q", err, b)
	}
	b.Reset()
	return fields
}

func TestNewLogger_Formats(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	file, err := os.Create(t.TempDir() + "/log")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if !isTerminal(null) { // a character device, as a terminal is
		t.Error("a character device is not taken for a terminal")
	}
	if isTerminal(file) || isTerminal(&bytes.Buffer{}) {
		t.Error("a file or a buffer is taken for a terminal")
	}
	for format, want := range map[string]string{"": "{", FormatAuto: "{", FormatJSON: "{", FormatText: "time="} {
		var b bytes.Buffer
		log, err := NewLogger(&b, format, slog.LevelInfo)
		if err != nil {
			t.Fatal(err)
		}
		log.Info("hello")
		log.Debug("not shown")
		if !strings.HasPrefix(b.String(), want) || strings.Count(b.String(), "\n") != 1 {
			t.Errorf("format %q wrote %q", format, b.String())
		}
	}
	if _, err := NewLogger(file, "xml", slog.LevelInfo); hub.CodeOf(err) != hub.Invalid {
		t.Errorf("format xml: %v", err)
	}
}

func TestNewLogger_LevelChanges(t *testing.T) {
	var b bytes.Buffer
	var level slog.LevelVar
	log, err := NewLogger(&b, FormatJSON, &level)
	if err != nil {
		t.Fatal(err)
	}
	level.Set(slog.LevelDebug)
	log.Debug("seen")
	if line(t, &b)["msg"] != "seen" {
		t.Error("the new level is not in force")
	}
}

func TestNewLogger_Trace(t *testing.T) {
	var b bytes.Buffer
	log, err := NewLogger(&b, FormatJSON, slog.LevelInfo)
	if err != nil {
		t.Fatal(err)
	}
	log.InfoContext(t.Context(), "no trace")
	if _, there := line(t, &b)[KeyTraceID]; there {
		t.Error("a line without a trace has a trace id")
	}
	ctx := traced(t)
	log.With("role", "nfvo").InfoContext(ctx, "plain")
	if got := line(t, &b); got[KeyTraceID] != TraceID(ctx) || got["role"] != "nfvo" {
		t.Errorf("got %v", got)
	}
	grouped := log.With("role", "nfvo").WithGroup("").WithGroup("request").With("path", "/")
	_ = grouped.With("other", "branch") // must not reach its sibling
	grouped.InfoContext(ctx, "in a group", "id", 7)
	got := line(t, &b)
	request, _ := got["request"].(map[string]any)
	if got[KeyTraceID] != TraceID(ctx) || got["role"] != "nfvo" || len(request) != 2 || request["path"] != "/" || request["id"] != 7.0 {
		t.Errorf("got %v", got)
	}
}

func TestNewLogger_Secrets(t *testing.T) {
	for _, format := range []string{FormatText, FormatJSON} {
		var b bytes.Buffer
		log, err := NewLogger(&b, format, slog.LevelInfo)
		if err != nil {
			t.Fatal(err)
		}
		pin := hub.Secret("hunter2")
		log.Info("secrets\nforged line", "pin", pin, "struct", struct{ PIN hub.Secret }{pin}, "list", []hub.Secret{pin})
		if strings.Contains(b.String(), "hunter2") {
			t.Errorf("%s shows the secret: %s", format, b.String())
		}
		if strings.Count(b.String(), "\n") != 1 {
			t.Errorf("%s lets a message forge a line: %q", format, b.String())
		}
	}
}
