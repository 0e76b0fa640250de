package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"unicode/utf8"

	"github.com/manoward/manoward/internal/hub"
)

// maxDepth bounds how deep JSON objects and arrays of a request may nest. The
// deepest ETSI input, an UpdateNsRequest, needs about fifteen levels.
const maxDepth = 32

// usualBody is how much memory, in bytes, is asked for at once because a request says
// that its body is so long.
const usualBody = 64 << 10

// Decode reads the JSON body of r into v, a pointer. It is strict: a member that
// v does not have, or has in another spelling, a member that stands twice, a
// second value or an object nested deeper than 32 levels is refused with 400, a
// body too large with 413, another media type with 415.
func Decode(r *http.Request, v any) error {
	return decodeBody(r, TypeJSON, v, true)
}

// DecodeLenient is [Decode] for ETSI inputs, whose receiver ignores attributes
// that it does not know. A member that differs
// from a known one only in case is still refused: encoding/json would take it
// for the known one.
func DecodeLenient(r *http.Request, v any) error {
	return decodeBody(r, TypeJSON, v, false)
}

func decodeBody(r *http.Request, mediaType string, v any, strict bool) error {
	if err := checkContentType(r, mediaType); err != nil {
		return err
	}
	body := bytes.NewBuffer(make([]byte, 0, min(max(r.ContentLength, 0), usualBody)+bytes.MinRead))
	if _, err := body.ReadFrom(r.Body); err != nil { // bounded by the mux
		return readError(err)
	}
	return decode(body.Bytes(), v, strict)
}

func readError(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return tooLarge(large.Limit)
	}
	return hub.E(hub.Invalid, "read request body", "the body broke off; send it again", err)
}

func tooLarge(limit int64) error {
	text := fmt.Sprintf("the body is larger than the %d bytes that are taken here", limit)
	return WithStatus(hub.E(hub.Invalid, "read request body", text, nil), http.StatusRequestEntityTooLarge)
}

func badBody(text string, err error) error {
	return hub.E(hub.Invalid, "decode request body", text, err)
}

// decode is the part of [Decode] behind the network.
func decode(body []byte, v any, strict bool) error {
	if plainly(body, v, strict) && json.Unmarshal(body, v) == nil {
		return nil
	}
	return decodeWhole(body, v, strict)
}

// decodeWhole is decode for a body that may be wrong: it says what is.
func decodeWhole(body []byte, v any, strict bool) error {
	tree, err := parseTree(body)
	if err != nil {
		return err
	}
	if err := checkMembers(tree, v, strict); err != nil {
		return err
	}
	if err := json.Unmarshal(body, v); err != nil {
		return typeError(err)
	}
	return nil
}

// parseTree reads one JSON value into maps, slices and [json.Number]s, with the
// checks that encoding/json does not make.
func parseTree(body []byte) (any, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, badBody("the body is empty; send a JSON value", nil)
	}
	if !utf8.Valid(body) {
		return nil, badBody("the body is not UTF-8", nil)
	}
	// Unmarshal checks the syntax of the whole body, and that nothing follows.
	var raw json.RawMessage
	if err := json.Unmarshal(body, &raw); err != nil {
		return nil, typeError(err)
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	return treeValue(d, "", 0)
}

func treeValue(d *json.Decoder, path string, depth int) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, typeError(err)
	}
	delim, ok := t.(json.Delim)
	if !ok {
		return t, nil
	}
	if depth == maxDepth {
		return nil, badBody(fmt.Sprintf("the body nests deeper than %d levels at %q", maxDepth, clip(path)), nil)
	}
	if delim == '[' {
		return treeArray(d, path, depth+1)
	}
	return treeObject(d, path, depth+1)
}

func treeArray(d *json.Decoder, path string, depth int) (any, error) {
	list := []any{}
	for d.More() {
		v, err := treeValue(d, path, depth)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := d.Token() // the closing bracket
	return list, err
}

func treeObject(d *json.Decoder, path string, depth int) (any, error) {
	object := map[string]any{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, typeError(err)
		}
		name, _ := t.(string) // the syntax is checked: names are strings
		if _, ok := object[name]; ok {
			return nil, badBody(fmt.Sprintf("attribute %q stands twice; send it once", clip(join(path, name))), nil)
		}
		if object[name], err = treeValue(d, join(path, name), depth); err != nil {
			return nil, err
		}
	}
	_, err := d.Token() // the closing brace
	return object, err
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "/" + name
}

// typeError words what encoding/json found, without Go's type names.
func typeError(err error) error {
	var syntax *json.SyntaxError
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return badBody(fmt.Sprintf("the body is not one JSON value: error at byte %d", syntax.Offset), err)
	case errors.As(err, &wrong) && wrong.Field == "":
		return badBody(fmt.Sprintf("the body cannot be a JSON %s", clip(wrong.Value)), err)
	case errors.As(err, &wrong):
		return badBody(fmt.Sprintf("attribute %q cannot be a JSON %s", clip(wrong.Field), clip(wrong.Value)), err)
	case hub.CodeOf(err) != hub.Internal:
		return err // an UnmarshalJSON of ours that says it itself
	}
	return badBody("a value in the body has the wrong form", err)
}
