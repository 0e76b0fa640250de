package smgr_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/manoward/manoward/smgr"
)

// bodies are bodies of events, those that are written in another way than they are
// among them.
var bodies = []string{
	`{}`, `{"a":"b c"}`, `{ "a" : [1, {"b":2}]}`, `{"a":"<&>"}`, `{"a":"größe"}`, `{"a":"\"},{","b":"\\"}`, `{"body":{"body":1}}`,
	`null`, `[]`, `"text"`, `1`, `{"a":"x","body":"y"}`,
}

// Plain says of each byte what encoding/json does.
func TestPlain(t *testing.T) {
	for c := range 256 {
		text := "a" + string([]byte{byte(c)})
		raw, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		if want := c < 0x80 && string(raw) == `"`+text+`"`; smgr.Plain(text) != want {
			t.Errorf("%q: %v, want %v", text, !want, want)
		}
	}
}

// FuzzEvent holds that an event is written and read as encoding/json does it, and that
// what encoding/json reads is read.
func FuzzEvent(f *testing.F) {
	for _, body := range bodies {
		f.Add([]byte(body), "ns/1", []byte(`{"id":"1","kind":"alarm","key":"k","time":"2026-11-22T12:00:00Z","body":`+body+`}`))
	}
	f.Add([]byte(`{}`), `,"body":{}`, []byte(`{"o":{"id":"1","body":{}}}`))
	f.Add([]byte(`{}`), `\`, []byte(`{"id":"1","body":{},"body":{"a":1}}`))
	f.Add([]byte(`{}`), `"`, []byte(`{"id":"1","body":{},"key":"k"}`))
	f.Fuzz(func(t *testing.T, body []byte, key string, stored []byte) {
		if json.Valid(body) {
			e := smgr.Event{ID: "1", Kind: "alarm", Key: key, Time: time.Unix(1, 0).UTC(), Received: time.Unix(2, 0).UTC(), Digest: "d", Body: body}
			want, err := json.Marshal(&e)
			if err != nil {
				t.Fatal(err)
			}
			got, err := e.JSON()
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("it is written %s, %v; encoding/json writes %s", got, err, want)
			}
			stored = got
		}
		var want smgr.Event
		if json.Unmarshal(stored, &want) != nil {
			return
		}
		got, err := smgr.ReadEvent(stored)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s is read as %+v, %v; encoding/json reads %+v", stored, got, err, want)
		}
	})
}
