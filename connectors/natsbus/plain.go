package natsbus

import (
	"encoding/json"

	"github.com/manoward/manoward/internal/hub"
)

// Nearly all records are written by this program and hold text in ASCII. What they are
// in JSON is told by going over them once, which encoding/json takes some ten times as
// long for. What is written otherwise is left to that.

// mostNested is how deep the values of a record may nest to be gone over here.
const mostNested = 64

// plainRecord appends what encoding/json makes of a record, or returns nil for one that
// it is not sure about.
func plainRecord(r hub.Record) []byte {
	at, err := r.Time.MarshalJSON()
	if err != nil || !plainJSON(r.Data) {
		return nil
	}
	for _, s := range [...]string{r.ID, r.Kind, r.Actor, r.Subject} {
		for i := range len(s) {
			if !asItIs[s[i]] {
				return nil
			}
		}
	}
	text := make([]byte, 0, len(r.ID)+len(r.Kind)+len(at)+len(r.Actor)+len(r.Subject)+len(r.Data)+64)
	text = append(append(text, `{"id":"`...), r.ID...)
	text = append(append(text, `","kind":"`...), r.Kind...)
	text = append(append(text, `","time":`...), at...)
	text = append(append(text, `,"actor":"`...), r.Actor...)
	text = append(append(text, `","subject":"`...), r.Subject...)
	text = append(append(text, `","data":`...), r.Data...)
	return append(text, '}')
}

// validJSON is json.Valid.
func validJSON(b []byte) bool { return plainJSON(b) || json.Valid(b) }

// plainJSON says whether something is sure to be one JSON value that encoding/json would
// write in the same way: without spaces, and with all texts in the ASCII that it leaves
// as it is. False says nothing.
func plainJSON(b []byte) bool {
	end, ok := plainValue(b, 0, 0)
	return ok && end == len(b)
}

// plainValue goes over the value at a place, and returns where it ends.
func plainValue(b []byte, at, depth int) (end int, ok bool) {
	if at >= len(b) || depth > mostNested {
		return at, false
	}
	switch c := b[at]; {
	case c == '"':
		return plainString(b, at)
	case c == '{':
		return plainMembers(b, at, depth, '}')
	case c == '[':
		return plainMembers(b, at, depth, ']')
	case c == '-' || '0' <= c && c <= '9':
		return plainNumber(b, at)
	}
	for _, word := range [...]string{"true", "false", "null"} {
		if len(b)-at >= len(word) && string(b[at:at+len(word)]) == word {
			return at + len(word), true
		}
	}
	return at, false
}

// plainMembers goes over an object or a list.
func plainMembers(b []byte, at, depth int, closing byte) (end int, ok bool) {
	if at++; at < len(b) && b[at] == closing {
		return at + 1, true
	}
	for {
		if closing == '}' {
			if at, ok = plainString(b, at); !ok || at >= len(b) || b[at] != ':' {
				return at, false
			}
			at++
		}
		if at, ok = plainValue(b, at, depth+1); !ok || at >= len(b) {
			return at, false
		}
		switch b[at] {
		case ',':
			at++
		case closing:
			return at + 1, true
		default:
			return at, false
		}
	}
}

// asItIs are the characters that stand for themselves in texts that encoding/json writes.
var asItIs = func() (is [256]bool) {
	for c := byte(' '); c <= '~'; c++ {
		is[c] = c != '"' && c != '\\' && c != '<' && c != '>' && c != '&'
	}
	return is
}()

func plainString(b []byte, at int) (end int, ok bool) {
	if at >= len(b) || b[at] != '"' {
		return at, false
	}
	for at++; at < len(b); at++ {
		switch c := b[at]; {
		case asItIs[c]:
		case c == '"':
			return at + 1, true
		case c != '\\' || at+1 == len(b):
			return at, false
		default:
			if at++; b[at] == 'u' {
				if at += 4; at >= len(b) || !hexadecimal(b[at-3:at+1]) {
					return at, false
				}
			} else if !escape(b[at]) {
				return at, false
			}
		}
	}
	return at, false
}

func escape(c byte) bool {
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	}
	return false
}

func hexadecimal(b []byte) bool {
	for _, c := range b {
		if !('0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F') {
			return false
		}
	}
	return true
}

// plainNumber goes over a number (RFC 8259 clause 6).
func plainNumber(b []byte, at int) (end int, ok bool) {
	digits := func() bool {
		from := at
		for at < len(b) && '0' <= b[at] && b[at] <= '9' {
			at++
		}
		return at > from
	}
	if b[at] == '-' {
		at++
	}
	if from := at; !digits() || b[from] == '0' && at > from+1 {
		return at, false
	}
	if at < len(b) && b[at] == '.' {
		if at++; !digits() {
			return at, false
		}
	}
	if at < len(b) && (b[at] == 'e' || b[at] == 'E') {
		if at++; at < len(b) && (b[at] == '+' || b[at] == '-') {
			at++
		}
		if !digits() {
			return at, false
		}
	}
	return at, true
}
