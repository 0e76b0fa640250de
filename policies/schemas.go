package policies

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/types"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/policies/schemas"
)

// InputSchema is the value of the member "schema" of every input.
const InputSchema = schemas.Version

// MaxInput is the largest input that is judged, in bytes of JSON.
const MaxInput = 16 << 20

// Schemas are the JSON Schemas (draft 2020-12) of the kinds of events. Policies
// are compiled against them and inputs are checked with them, so that a field
// that a policy may read is a field that an input may have. Safe for concurrent
// use.
type Schemas struct {
	byKind map[hub.EventKind]*kindSchema
	plans  map[*jsonschema.Schema]*plan // of what inputs are made of

	lasting *parts // elements: VNFs, hosts
	earlier *parts // items of lists: the events before
	passing *parts // what else inputs have
}

type kindSchema struct {
	check  *jsonschema.Schema
	whole  *plan            // of check
	shapes map[string]shape // of the members of an input; nil: it is read as a whole
	typ    types.Type       // what the compiler knows of input
	doc    any
}

// OwnSchemas returns the schemas of policies/schemas.
func OwnSchemas() (*Schemas, error) { return ReadSchemas(schemas.FS()) }

// ReadSchemas reads the file <kind>.json of each kind of event. A kind without a
// file has no inputs, and no policy can be for it.
func ReadSchemas(files fs.FS) (*Schemas, error) {
	s := &Schemas{byKind: map[hub.EventKind]*kindSchema{}, lasting: &parts{most: lastingBytes}, earlier: &parts{most: earlierBytes}, passing: &parts{most: passingBytes}}
	alike := map[string]*jsonschema.Schema{}
	for _, kind := range hub.EventKinds() {
		raw, err := fs.ReadFile(files, string(kind)+".json")
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read schema of %s: %w", kind, err)
		}
		doc, err := decodeJSON(raw)
		if err != nil {
			return nil, fmt.Errorf("read schema of %s: %w", kind, err)
		}
		check, err := compileSchema(string(kind), doc)
		if err != nil {
			return nil, fmt.Errorf("read schema of %s: %w", kind, err)
		}
		shapes := shapesOf(check)
		unite(alike, doc, shapes)
		s.byKind[kind] = &kindSchema{check: check, shapes: shapes, typ: typeOf(doc, doc, 0), doc: doc}
	}
	if len(s.byKind) == 0 {
		return nil, errors.New("read schemas: there is none")
	}
	s.makePlans()
	return s, nil
}

// Kinds lists the kinds that have a schema.
func (s *Schemas) Kinds() []hub.EventKind {
	return slices.DeleteFunc(hub.EventKinds(), func(k hub.EventKind) bool { return s.byKind[k] == nil })
}

// Input is an event with all that is known about it, checked and ready to be
// judged by any number of snapshots at once. It is never changed.
type Input struct {
	Kind hub.EventKind
	Time time.Time // of the event, UTC: the only time that policies know

	value ast.Value
}

// ParseInput reads an input and checks it against the schema of its kind. The
// error has code Invalid and names the place.
func (s *Schemas) ParseInput(raw []byte) (*Input, error) {
	bad := func(format string, args ...any) error {
		return hub.E(hub.Invalid, "read policy input", fmt.Sprintf(format, args...), nil)
	}
	if len(raw) > MaxInput {
		return nil, bad("the input is %d bytes long; at most %d are judged", len(raw), MaxInput)
	}
	if in := s.fromParts(raw); in != nil {
		return in, nil
	}
	return s.parseWhole(raw)
}

// ParseNew is [Schemas.ParseInput] for an input that has little in common with others:
// it is read in one go, and nothing of it is remembered.
func (s *Schemas) ParseNew(kind hub.EventKind, raw []byte) (*Input, error) {
	if schema := s.byKind[kind]; schema != nil && len(raw) <= MaxInput {
		if in := schema.readNew(kind, raw); in != nil {
			return in, nil
		}
	}
	return s.ParseInput(raw)
}

// readNew reads an input of a kind by its plan; nil for one that is not sure to fit.
func (s *kindSchema) readNew(kind hub.EventKind, raw []byte) *Input {
	value, ok := s.whole.read(raw, string(raw)).(ast.Object)
	if !ok || textOf(value, "schema") != InputSchema || textOf(value, "kind") != string(kind) {
		return nil
	}
	at, err := time.Parse(time.RFC3339Nano, textOf(value, "time"))
	if err != nil {
		return nil
	}
	settle(value)
	return &Input{Kind: kind, Time: at.UTC(), value: value}
}

// textOf returns a member that is a text, "" for any other.
func textOf(object ast.Object, name string) string {
	if member := object.Get(ast.InternedTerm(name)); member != nil {
		if text, ok := member.Value.(ast.String); ok {
			return string(text)
		}
	}
	return ""
}

// parseWhole is ParseInput for an input of which nothing is known, and for one that
// does not fit: it says what is wrong.
func (s *Schemas) parseWhole(raw []byte) (*Input, error) {
	bad := func(format string, args ...any) error {
		return hub.E(hub.Invalid, "read policy input", fmt.Sprintf(format, args...), nil)
	}
	doc, err := decodeJSON(raw)
	if err != nil {
		return nil, bad("the input is no JSON document: %s; send one JSON object", clip(err.Error()))
	}
	obj, ok := doc.(map[string]any)
	if !ok {
		return nil, bad("the input is no JSON object")
	}
	if obj["schema"] != InputSchema {
		return nil, bad(`the input's "schema" must be %q; it is %s`, InputSchema, clip(string(encode(obj["schema"]))))
	}
	name, _ := obj["kind"].(string)
	kind := hub.EventKind(name)
	schema := s.byKind[kind]
	if schema == nil {
		return nil, bad(`the input's "kind" is %q; use one of %s`, clip(name), join(s.Kinds()))
	}
	if err := schema.check.Validate(doc); err != nil {
		return nil, bad("the input does not fit the schema of %s: %s", kind, violation(err))
	}
	text, _ := obj["time"].(string)
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return nil, bad(`the input's "time" is %q; use RFC 3339, as 2026-01-31T12:00:00Z`, clip(text))
	}
	value, err := ast.InterfaceToValue(doc)
	if err != nil {
		return nil, bad("the input cannot be judged: %s", clip(err.Error()))
	}
	return &Input{Kind: kind, Time: at.UTC(), value: value}, nil
}

// CheckEvent checks an event, as it is in inputs of its kind, against the schema.
// The error has code Invalid and names the place.
func (s *Schemas) CheckEvent(kind hub.EventKind, raw []byte) error {
	const op = "check event"
	schema := s.byKind[kind]
	if schema == nil || schema.check.Properties["event"] == nil {
		return hub.E(hub.Invalid, op, fmt.Sprintf("there is no schema of events of the kind %.40q; use one of %s", kind, join(s.Kinds())), nil)
	}
	if s.part(s.passing, schema.check.Properties["event"], raw) != nil {
		return nil // and its input, which comes next, is read the faster
	}
	doc, err := decodeJSON(raw)
	if err != nil {
		return hub.E(hub.Invalid, op, fmt.Sprintf("the event is no JSON document: %s; send one JSON object", clip(err.Error())), nil)
	}
	if err := schema.check.Properties["event"].Validate(doc); err != nil {
		return hub.E(hub.Invalid, op, fmt.Sprintf("the event does not fit the schema of %s: %s", kind, violation(err)), nil)
	}
	return nil
}

// JSON returns the input as a JSON document.
func (in *Input) JSON() json.RawMessage {
	doc, err := ast.JSON(in.value)
	if err != nil {
		return nil
	}
	return encode(doc)
}

// decodeJSON reads one JSON document and keeps numbers as they are written.
func decodeJSON(raw []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var doc any
	if err := d.Decode(&doc); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("there is more after the document")
	}
	return doc, nil
}

// noLoader refuses to follow references out of a schema.
type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s: a schema refers to itself only", url)
}

// compileSchema compiles a schema that refers to nothing outside itself.
func compileSchema(name string, doc any) (*jsonschema.Schema, error) {
	c := jsonschema.NewCompiler()
	c.UseLoader(noLoader{})
	c.AssertFormat()
	url := "manoward:" + name
	if err := c.AddResource(url, doc); err != nil {
		return nil, err
	}
	return c.Compile(url)
}

// violation returns the first places where a document does not fit its schema.
func violation(err error) string {
	var v *jsonschema.ValidationError
	if !errors.As(err, &v) {
		return clip(err.Error())
	}
	const most = 3
	var places []string
	var walk func(*jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		if len(places) == most {
			return
		}
		if len(e.Causes) == 0 {
			lines := strings.Split(strings.TrimSpace(e.Error()), "\n")
			text := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(lines[len(lines)-1]), "- "))
			places = append(places, clip(text))
		}
		for _, c := range e.Causes {
			walk(c)
		}
	}
	walk(v)
	return strings.Join(places, "; ")
}

func join[T ~string](names []T) string {
	texts := make([]string, len(names))
	for i, n := range names {
		texts[i] = string(n)
	}
	return strings.Join(texts, ", ")
}
