package policies

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"

	"github.com/manoward/manoward/internal/hub"
)

// FromYAML returns one document of JSON or YAML as JSON. As in files of samples,
// a time without quotes is a text, and a name stands once. The error has code
// Invalid and names the line where there is one.
func FromYAML(raw []byte) (json.RawMessage, error) {
	if json.Valid(raw) {
		return raw, nil
	}
	bad := func(text string) error { return hub.E(hub.Invalid, "read YAML", text, nil) }
	d := yaml.NewDecoder(bytes.NewReader(raw))
	var doc yaml.Node
	switch err := d.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, bad("there is nothing in it")
	case err != nil:
		return nil, bad("it is neither JSON nor YAML: " + clip(err.Error()))
	}
	if len(doc.Content) != 1 {
		return nil, bad("there is nothing in it")
	}
	if err := d.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		return nil, bad("there is more after the first document")
	}
	left := maxYAMLNodes
	value, err := fromYAML(doc.Content[0], &left)
	if err != nil {
		return nil, bad(fmt.Sprintf("it cannot be read: %s", clip(err.Error())))
	}
	return encode(value), nil
}
