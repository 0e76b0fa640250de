package state

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// A JSON text is written short and long again without loss, and identifiers and digests
// take half of their digits.
func TestShorten(t *testing.T) {
	const uuid, sum = `6766a6b3-08b4-4f8e-bfb2-0404e7acdd40`, `e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855`
	for _, c := range []struct {
		text  string
		short int
	}{
		{``, 0}, {`{}`, 2}, {`"` + uuid + `"`, 2 + 17}, {uuid, 17}, {uuid + uuid, 2 * 17}, {`"` + sum + `"`, 2 + 34},
		{strings.ToUpper(uuid), 36}, {uuid[:35], 35}, {uuid[:35] + "x", 36}, {"a" + uuid, 37}, {strings.Replace(uuid, "-", "_", 1), 36},
		{sum[:15], 15}, {sum[:16], 10}, {sum[:17], 11}, {strings.Repeat(sum, 8), 2 + 255 + 2}, {`"2026-11-23T20:31:03.266241807Z"`, 32},
	} {
		short := shorten([]byte(c.text))
		if len(short) != c.short {
			t.Errorf("%q takes %d bytes, want %d", c.text, len(short), c.short)
		}
		if long, ok := lengthen(short); !ok || string(long) != c.text {
			t.Errorf("%q came back as %q, %v", c.text, long, ok)
		}
	}
	for _, torn := range []string{"\x01", "\x01fifteen bytes, ", "\x02", "\x02\x02a"} {
		if long, ok := lengthen([]byte(torn)); ok {
			t.Errorf("%q is read as %q", torn, long)
		}
	}
}

func FuzzShorten(f *testing.F) {
	f.Add([]byte(`{"id":"6766a6b3-08b4-4f8e-bfb2-0404e7acdd40","a":["0123456789abcdef0123456789abcdef"]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, _ = lengthen(raw) // whatever it is
		if !json.Valid(raw) {
			return
		}
		if long, ok := lengthen(shorten(raw)); !ok || !bytes.Equal(long, raw) {
			t.Errorf("%q came back as %q, %v", raw, long, ok)
		}
	})
}
