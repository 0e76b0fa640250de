package natsbus

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// jsons are values, and what is none, that tell readers of JSON apart.
var jsons = []string{
	`{}`, `[]`, `null`, `true`, `false`, `0`, `-0`, `01`, `-`, `1.`, `1.5`, `.5`, `1e`, `1e5`, `1E-05`, `1e+`, `"a"`, `"`, `""`, `"\"`, `"\\"`, `"\u12"`,
	`"\u12aF"`, `"\u12aG"`, `"\x"`, `"\/\b\f\n\r\t"`, "\"\n\"", "\"\x7f\"", "\"ü\"", "\"\xff\"", `"<"`, `{"a":1}`, `{"a":1,}`, `{"a" :1}`, `{"a":[1,{"b":null}]}`,
	`{a:1}`, `{"a"}`, `{"a":}`, `{,}`, `[,]`, `[1,]`, `[1 ]`, `[1]]`, `[[1]`, `tru`, `nul`, `truefalse`, ``, ` `, `1 `, `{"a":1}}`, "\"\u2028\"", `"\`,
	strings.Repeat("[", 65) + strings.Repeat("]", 65), strings.Repeat("[", 20000) + strings.Repeat("]", 20000),
}

// checkPlain holds that what is taken for plain JSON is what encoding/json takes for
// valid and would write in the same way, and that a record with it is what that writes.
func checkPlain(t *testing.T, text string, data []byte) {
	t.Helper()
	valid := json.Valid(data)
	if validJSON(data) != valid {
		t.Fatalf("%q: valid is %v by encoding/json", data, valid)
	}
	if plainJSON(data) {
		same, err := json.Marshal(json.RawMessage(data))
		if err != nil || !bytes.Equal(same, data) {
			t.Fatalf("%q is taken for plain, and encoding/json writes %q, %v", data, same, err)
		}
	}
	r := hub.Record{ID: "1", Kind: text, Time: time.Date(2026, 11, 23, 14, 0, 0, 5000, time.UTC), Actor: "spiffe://north/vnfm/" + text, Subject: text, Data: data}
	got := plainRecord(r)
	want, err := json.Marshal(r)
	if got != nil && (err != nil || !bytes.Equal(got, want)) {
		t.Fatalf("%q, and by encoding/json %q, %v", got, want, err)
	}
}

func TestPlain(t *testing.T) {
	for _, text := range []string{"certificate.issued", "", `"`, "ü", "<", "a\nb"} {
		for _, data := range jsons {
			checkPlain(t, text, []byte(data))
		}
	}
	if plainRecord(hub.Record{ID: "1", Data: json.RawMessage(`{"a":[1,"b"],"c":{"d":null}}`)}) == nil {
		t.Error("a record like most is not written plainly")
	}
	if plainRecord(hub.Record{ID: "1", Time: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), Data: json.RawMessage(`{}`)}) != nil {
		t.Error("a time that JSON has no form for is written")
	}
}

func FuzzPlain(f *testing.F) {
	for _, data := range jsons {
		f.Add("certificate.issued", []byte(data))
	}
	f.Fuzz(func(t *testing.T, text string, data []byte) { checkPlain(t, text, data) })
}

func BenchmarkRecord(b *testing.B) {
	data, err := json.Marshal(map[string]any{"csr": make([]byte, 1200), "certificate": make([]byte, 800), "requestId": hub.NewID(), "reasons": []string{"none", "at all"}})
	if err != nil {
		b.Fatal(err)
	}
	r := hub.Record{ID: hub.NewID(), Kind: "certificate.issued", Time: time.Unix(1, 0), Actor: "vnfm", Subject: "certificate/1", Data: data}
	text, err := encodeRecord(r)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("write", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := encodeRecord(r); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := decodeRecord(text.text); err != nil {
				b.Fatal(err)
			}
		}
	})
}
