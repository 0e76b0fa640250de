package natsbus

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/manoward/manoward/internal/hub"
)

func FuzzDecodeBatch(f *testing.F) {
	ln, err := encodeRecord(record("a"))
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"", "\n", "{}\n", `{"id":"a"}`, "{\"id\":\"a\"}\n", string(ln.text) + string(ln.text), strings.Repeat("\n", maxBatchRecords+1)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		recs, err := decodeBatch(payload)
		if err != nil {
			return
		}
		if len(recs) != bytes.Count(payload, []byte("\n")) || len(recs) == 0 {
			t.Errorf("%d records of %q", len(recs), payload)
		}
		for _, r := range recs {
			ln, err := encodeRecord(r)
			if err != nil { // a time beyond the year 9999 in UTC, or longer when spelled our way
				continue
			}
			again, err := decodeBatch(ln.text)
			if err != nil || again[0].ID != r.ID {
				t.Errorf("record %q does not survive: %v", r.ID, err)
			}
		}
	})
}

// FuzzCutRecord holds that a line which is taken apart says what encoding/json reads of
// it.
func FuzzCutRecord(f *testing.F) {
	ln, err := encodeRecord(record("a"))
	if err != nil {
		f.Fatal(err)
	}
	whole := string(ln.text)
	for _, seed := range []string{
		whole, strings.TrimSuffix(whole, "\n"), strings.ToUpper(whole), whole + whole, strings.Replace(whole, `"kind":`, `"kind": `, 1), strings.Replace(whole, "}\n", "} \n", 1),
		strings.Replace(whole, `"data":`, `"data":{},"data":`, 1), strings.Replace(whole, `"data":`, `"data": `, 1), strings.Replace(whole, `"id":"a"`, `"id":"\u0061"`, 1),
		strings.Replace(whole, `"id":"a"`, "\"id\":\"\x00\"", 1), strings.Replace(whole, `"id":"a"`, "\"id\":\"\xff\"", 1), strings.Replace(whole, "}\n", `,"kind":"x"}`+"\n", 1),
		`{"id":"a","kind":"b","time":"2026-01-01T00:00:00Z","actor":"","subject":"","data":null}` + "\n",
		`{"id":"a","kind":"b","time":"yesterday","actor":"","subject":"","data":1}` + "\n",
		`{"id":"a","kind":"b","time":"2026-01-01T00:00:00Z","actor":"","subject":"","data":1,"id":"c"}` + "\n",
		`{"id":"a","kind":"b","time":"2026-01-01T00:00:00Z","actor":"","subject":"","data":}` + "\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, ok := cutRecord(text)
		if !ok {
			return
		}
		var want hub.Record
		if err := json.Unmarshal(text, &want); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q is %+v, and %+v by encoding/json: %v", text, got, want, err)
		}
	})
}

// A record as it is stored is taken apart, whatever its data.
func TestCutRecord(t *testing.T) {
	for _, data := range []string{`{}`, `null`, `"<&>"`, `{"csr":"MIIB","list":[1,2.5e3,{"a":"\u00e9\\n"}]}`} {
		r := record("a")
		r.Data = json.RawMessage(data)
		ln, err := encodeRecord(r)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := cutRecord(ln.text); !ok || got.ID != "a" || got.Kind != r.Kind || !got.Time.Equal(r.Time) || got.Actor != r.Actor || got.Subject != r.Subject {
			t.Errorf("%s: %v, %+v", ln.text, ok, got)
		}
	}
	r := record("ä")
	ln, err := encodeRecord(r)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := decodeRecord(ln.text); err != nil || got.ID != "ä" {
		t.Errorf("%+v: %v", got, err)
	}
}

// A batch that is missing, out of place or changed is found on reading.
func TestLink(t *testing.T) {
	var all []message
	var c chain
	for i := range uint64(4) {
		ln, err := encodeRecord(record(fmt.Sprint(i)))
		if err != nil {
			t.Fatal(err)
		}
		c = c.next(i+1, ln.text)
		all = append(all, message{seq: i + 1, data: ln.text, header: nats.Header{
			headerChain: {c.String()}, headerCount: {strconv.FormatUint(i+1, 10)},
		}})
	}
	read := func(ms ...message) error {
		var k link
		for _, m := range ms {
			if _, err := k.read(m); err != nil {
				return err
			}
		}
		return nil
	}
	if err := read(all...); err != nil {
		t.Fatal(err)
	}
	renumbered := func(m message, seq uint64) message { m.seq = seq; return m }
	changed := all[1]
	changed.data = bytes.Replace(changed.data, []byte("thing"), []byte("other"), 1)
	bad := func(key, value string) message {
		m := all[1]
		m.header = nats.Header{headerChain: m.header[headerChain], headerCount: m.header[headerCount]}
		m.header.Set(key, value)
		return m
	}
	for what, ms := range map[string][]message{
		"gap":               {all[0], all[2]},
		"gap, renumbered":   {all[0], renumbered(all[2], 2)},
		"swap":              {all[0], renumbered(all[2], 2), renumbered(all[1], 3)},
		"change":            {all[0], changed},
		"count":             {all[0], bad(headerCount, "7")},
		"count is no count": {all[0], bad(headerCount, "x")},
		"chain":             {all[0], bad(headerChain, all[2].header.Get(headerChain))},
		"chain is no hash":  {all[0], bad(headerChain, "xyz")},
		"no batch":          {all[0], {seq: 2, data: []byte("x"), header: all[1].header}},
	} {
		if read(ms...) == nil {
			t.Errorf("%s is not noticed", what)
		}
	}
}

func TestWindow(t *testing.T) {
	w := newWindow(3)
	for i := range byte(5) {
		w.add(digest{i}, digest{})
		w.add(digest{i}, digest{})
	}
	for i := range byte(5) {
		if _, ok := w.sums[digest{i}]; ok != (i >= 2) {
			t.Errorf("%d is remembered: %v", i, ok)
		}
	}
}

// A log with more records than the window is opened by its newest part.
func TestLog_LargeWindow(t *testing.T) {
	t.Parallel()
	a := testAccount(t, testServer(t, t.TempDir()))
	l := mustLog(t, a, "l")
	const total = Window + 3*maxBatchRecords
	recs := make([]hub.Record, 0, total)
	for i := range total {
		recs = append(recs, hub.Record{ID: strconv.Itoa(i), Data: json.RawMessage("1")})
	}
	if err := l.Append(within(t), recs...); err != nil {
		t.Fatal(err)
	}
	again := mustLog(t, a, "l")
	if err := again.Append(within(t), recs[total-Window:]...); err != nil {
		t.Fatal(err)
	}
	if len(again.head.window.sums) != Window || again.head.count != total {
		t.Errorf("window of %d, %d records in all", len(again.head.window.sums), again.head.count)
	}
	if err := again.Append(within(t), recs[0]); err != nil { // older than the window: counts as new
		t.Fatal(err)
	}
	if again.head.count != total+1 {
		t.Errorf("%d records", again.head.count)
	}
}
