package e2e_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

// The data directory that an earlier build made, and what it showed of it.
// internal/e2e/testdata/make-stored-data makes both.
const (
	storedData = "testdata/data-v1.tar.gz"
	storedWant = "testdata/data-v1.json"
)

// storedState is what a hub shows of its data.
type storedState struct {
	Verbs   map[string]json.RawMessage `json:"verbs"`
	Records []hub.Record               `json:"records"` // of trust domain north
}

// Today's build starts on a data directory of an earlier one, shows all that that one
// showed, and goes on with it. Who changed the shape of what is stored sees it here: it
// needs a new format and code that reads the one before (ADR-0018), not another file
// below testdata.
func TestStoredData(t *testing.T) {
	t.Parallel()
	if os.Getenv("UPDATE_STORED_DATA") != "" {
		makeStoredData(t)
	}
	var want storedState
	raw, err := os.ReadFile(storedWant)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	h := &backupHub{nsHub: &nsHub{hubProcess: newHub(t)}}
	writeFile(t, filepath.Join(h.home, "data.tar"), string(gunzip(t, storedData)), 0o600)
	h.do("restore", "data.tar", "--data", h.data)
	if err := os.Remove(h.file("listeners.json")); err != nil { // its ports may be in use here
		t.Fatal(err)
	}
	h.start()
	if raw, err := os.ReadFile(h.file("FORMAT")); err != nil || string(raw) != "manoward data v2\n" {
		t.Errorf("after the start FORMAT is %q, %v: the program of before would take what is written now for all there is", raw, err)
	}
	managed := []string{"decision list", "order list", "policy revisions"} // by the role sm
	for verb, was := range want.Verbs {
		if !slices.Contains(managed, verb) {
			h.shows(verb, was)
		}
	}
	same := func(a, b hub.Record) bool {
		return a.ID == b.ID && a.Kind == b.Kind && a.Time.Equal(b.Time) && a.Actor == b.Actor && a.Subject == b.Subject && compact(t, a.Data) == compact(t, b.Data)
	}
	if got := h.records("north"); len(got) < len(want.Records) || !slices.EqualFunc(got[:len(want.Records)], want.Records, same) {
		t.Errorf("%d records, and the %d that were there do not begin them", len(got), len(want.Records))
	}

	// The credentials of then have ended some day; the Security Manager is the same.
	credentials := filepath.Join(h.home, "alpha")
	h.do("sm", "rotate", "alpha", "--trust-domain", "north", "--out", credentials)
	h.stop()
	// An order that is open is kept, and its decision with it, however old they are.
	h.configure(strings.Replace(smConfig(t, credentials), "}", ", orderExpiry: 876000h}", 1))
	h.start()
	h.smReady()
	for _, verb := range managed {
		h.shows(verb, want.Verbs[verb])
	}
	h.do("package", "verify", firstID(t, string(want.Verbs["package list"])))
	h.do("ns", "terminate", firstID(t, string(want.Verbs["ns list"])))
	h.checkNfvi(0)
}

// compact is JSON without the spaces of a file for people.
func compact(t *testing.T, raw json.RawMessage) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// shows makes sure that a verb shows everything that it showed, as it was.
func (h *backupHub) shows(verb string, want json.RawMessage) {
	h.t.Helper()
	var was, is []any
	if err := json.Unmarshal(want, &was); err != nil || len(was) == 0 {
		h.t.Fatalf("%s showed nothing, which proves nothing: %v", verb, err)
	}
	got := h.do(append(strings.Fields(verb), "-o", "json")...)
	if err := json.Unmarshal([]byte(got), &is); err != nil {
		h.t.Fatal(err)
	}
	lasting(is)
	for _, thing := range was {
		lasting(thing)
		if !slices.ContainsFunc(is, func(x any) bool { return reflect.DeepEqual(x, thing) }) {
			h.t.Errorf("%s showed\n%.2000v\nand shows\n%.3000v", verb, thing, is)
		}
	}
}

// lasting takes out what changes with time and place: where things are reached, what
// has ended meanwhile, and the operator's credential, which is made anew each year.
func lasting(v any) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			lasting(x)
		}
	case map[string]any:
		for _, name := range []string{"_links", "url", "expires", "state", "fingerprint", "notAfter"} {
			delete(v, name)
		}
		for _, x := range v {
			lasting(x)
		}
	}
}

// makeStoredData makes the test data anew, with the build of today.
func makeStoredData(t *testing.T) {
	h := newBackupHub(t)
	want := storedState{Verbs: map[string]json.RawMessage{}, Records: h.records("north")}
	for verb, text := range h.state() {
		want.Verbs[verb] = json.RawMessage(text)
	}
	h.stop()
	h.do("backup", "data.tar", "--data", h.data)
	archive, err := os.ReadFile(filepath.Join(h.home, "data.tar"))
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write(archive); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	writeFile(t, storedData, packed.String(), 0o644)
	raw, err := json.MarshalIndent(want, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, storedWant, string(raw)+"\n", 0o644)
}

func gunzip(t *testing.T, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
