package openapi

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
)

// jsonText is JSON that is passed as a value.
func jsonText(s string) json.RawMessage { return json.RawMessage(s) }

// recorder is a test that keeps what would fail it.
type recorder struct {
	testing.TB
	mu       sync.Mutex
	problems []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.problems = append(r.problems, fmt.Sprintf(format, args...))
}

// take returns what was recorded since it was last called.
func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.problems
	r.problems = nil
	return all
}

// recording returns a validator whose findings are kept by the recorder.
func recording(t *testing.T, apis ...API) (*Validator, *recorder) {
	t.Helper()
	v, r := Load(t, apis...), &recorder{TB: t}
	v.t = r
	return v, r
}

// expect compares what was found with parts of the lines that are expected, in
// any order; each line must be wanted and each wanted part found.
func expect(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d findings, want %d:\n\t%s", what, len(got), len(want), strings.Join(got, "\n\t"))
		return
	}
	all := strings.Join(got, "\n")
	for _, w := range want {
		if !strings.Contains(all, w) {
			t.Errorf("%s: no %q in\n\t%s", what, w, strings.Join(got, "\n\t"))
		}
	}
}

func mkdir(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
