package der

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func read(t *testing.T, data string) Value {
	t.Helper()
	v, err := Read([]byte(data))
	if err != nil {
		t.Fatalf("read %x: %v", data, err)
	}
	return v
}

func TestReadRefuses(t *testing.T) {
	for name, data := range map[string]string{
		"nothing":           "",
		"tag alone":         "\x30",
		"length too large":  "\x30\x03\x05\x00",
		"length of 2^32":    "\x04\x84\xff\xff\xff\xff",
		"long length":       "\x04\x81\x01x",
		"indefinite length": "\x30\x80\x00\x00",
		"bytes behind":      "\x05\x00\x00",
	} {
		if v, err := Read([]byte(data)); err == nil {
			t.Errorf("%s: %x was read", name, v.Full())
		}
	}
}

func TestItems(t *testing.T) {
	seq := read(t, "\x30\x06\x01\x01\xff\x04\x01a")
	items, err := seq.Sequence(2)
	if err != nil || len(items) != 2 || string(items[1].Content()) != "a" || !bytes.Equal(items[0].Full(), []byte("\x01\x01\xff")) {
		t.Fatalf("items = %v, %v", items, err)
	}
	for name, problem := range map[string]func() error{
		"too many":       func() error { _, err := seq.Sequence(1); return err },
		"not a sequence": func() error { _, err := read(t, "\x31\x00").Sequence(1); return err },
		"primitive":      func() error { _, err := read(t, "\x04\x02\x05\x00").Items(9); return err },
		"broken inside":  func() error { _, err := read(t, "\x30\x01\x04").Items(9); return err },
		"empty explicit": func() error { _, err := read(t, "\xa0\x00").Explicit(); return err },
		"two explicit":   func() error { _, err := read(t, "\xa0\x04\x05\x00\x05\x00").Explicit(); return err },
	} {
		if problem() == nil {
			t.Errorf("%s: read", name)
		}
	}
	inner, err := read(t, "\xa1\x02\x05\x00").Explicit()
	if err != nil || inner.Full()[0] != 5 || !read(t, "\xa1\x02\x05\x00").Tagged(1) {
		t.Errorf("explicit = %x, %v", inner.Full(), err)
	}
}

func TestScalars(t *testing.T) {
	type out struct {
		value any
		err   error
	}
	of := func(value any, err error) out { return out{value, err} }
	for name, tt := range map[string]struct {
		got  out
		want any // nil: refused
	}{
		"oid":                    {of(read(t, "\x06\x03\x88\x37\x03").OID()), "2.999.3"},
		"oid with a large arc":   {of(read(t, "\x06\x06\x69\x84\x80\x80\x80\x00").OID()), "2.25.1073741824"},
		"oid, not minimal":       {of(read(t, "\x06\x03\x2a\x80\x01").OID()), nil},
		"oid that is text":       {of(read(t, "\x0c\x01a").OID()), nil},
		"oid without end":        {of(read(t, "\x06\x02\x2a\x86").OID()), nil},
		"oid beyond bounds":      {of(read(t, "\x06\x81\x80"+strings.Repeat("\x01", 128)).OID()), nil},
		"octets":                 {of(read(t, "\x04\x01a").Octets()), nil},
		"octets, constructed":    {of(read(t, "\x24\x03\x04\x01a").Octets()), nil},
		"text":                   {of(read(t, "\x0c\x01a").Text()), "a"},
		"text that is not UTF-8": {of(read(t, "\x0c\x01\xff").Text()), nil},
		"true":                   {of(read(t, "\x01\x01\xff").Bool()), true},
		"false":                  {of(read(t, "\x01\x01\x00").Bool()), false},
		"true of BER":            {of(read(t, "\x01\x01\x01").Bool()), nil},
		"empty boolean":          {of(read(t, "\x01\x00").Bool()), nil},
		"number for a boolean":   {of(read(t, "\x02\x01\x01").Bool()), nil},
		"integer":                {of(read(t, "\x02\x02\x00\x80").Int()), int64(128)},
		"negative":               {of(read(t, "\x02\x01\x80").Int()), nil},
		"integer, not minimal":   {of(read(t, "\x02\x02\x00\x01").Int()), nil},
		"integer of 2^63":        {of(read(t, "\x02\x09\x00\x80\x00\x00\x00\x00\x00\x00\x00").Int()), nil},
		"integer of ten bytes":   {of(read(t, "\x02\x0a\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00").Int()), nil},
		"text for an integer":    {of(read(t, "\x0c\x01a").Int()), nil},
		"time":                   {of(read(t, "\x18\x0f20260721111338Z").Time()), time.Date(2026, 7, 21, 11, 13, 38, 0, time.UTC)},
		"time with a zone":       {of(read(t, "\x18\x1320260721111338+0100").Time()), nil},
		"time in UTCTime":        {of(read(t, "\x17\x0d260721111338Z").Time()), nil},
	} {
		if name == "octets" {
			if b, _ := tt.got.value.([]byte); tt.got.err != nil || string(b) != "a" {
				t.Errorf("octets = %v, %v", tt.got.value, tt.got.err)
			}
			continue
		}
		if tt.want == nil && tt.got.err == nil {
			t.Errorf("%s: read as %v", name, tt.got.value)
		}
		if tt.want != nil && (tt.got.err != nil || tt.got.value != tt.want) {
			t.Errorf("%s: %v, %v, want %v", name, tt.got.value, tt.got.err, tt.want)
		}
	}
}
