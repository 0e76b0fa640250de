package config

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"log/slog"
	"maps"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/manoward/manoward/internal/hub"
)

// Origin returns where the value of a key comes from: "file:line", the name of a
// variable, "command line" or "default".
func (c *Config) Origin(path string) string {
	if origin, ok := c.origins[path]; ok {
		return origin
	}
	return "default"
}

// Show writes the configuration with the origin of each value: as "yaml", which
// can be read again as a configuration file, or as "json", an object with one
// list "keys" of {key, value, from}.
func (c *Config) Show(w io.Writer, format string) error {
	switch format {
	case "yaml":
		enc := yaml.NewEncoder(w)
		enc.SetIndent(2)
		if err := enc.Encode(c.node("", reflect.ValueOf(c).Elem())); err != nil {
			return fmt.Errorf("show configuration: %w", err)
		}
		return enc.Close()
	case "json":
		return c.showJSON(w)
	}
	return hub.E(hub.Invalid, "show configuration", fmt.Sprintf("unknown format %q; use yaml or json", clip(format)), nil)
}

func (c *Config) showJSON(w io.Writer) error {
	type row struct {
		Key   string `json:"key"`
		Value any    `json:"value"`
		From  string `json:"from"`
	}
	var all struct {
		Keys []row `json:"keys"`
	}
	for _, k := range c.keys() {
		all.Keys = append(all.Keys, row{k.path, plain(k.value), c.Origin(k.path)})
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(all); err != nil {
		return fmt.Errorf("show configuration: %w", err)
	}
	return nil
}

// node builds a section for YAML, with the origins as comments.
func (c *Config) node(prefix string, s reflect.Value) *yaml.Node {
	section := &yaml.Node{Kind: yaml.MappingNode}
	for i, name := range names(s) {
		value := s.Field(i)
		if isSection(value) {
			section.Content = append(section.Content, text(name), c.node(prefix+name+".", value))
			continue
		}
		k, v := text(name), leaf(value)
		// A list stands below its key, so that the comment belongs to the key.
		if comment := "from " + c.Origin(prefix+name); v.Kind == yaml.SequenceNode && len(v.Content) > 0 {
			k.LineComment = comment
		} else {
			v.LineComment = comment
		}
		section.Content = append(section.Content, k, v)
	}
	return section
}

func text(s string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(s)
	return n
}

// leaf builds the value of one key for YAML.
func leaf(v reflect.Value) *yaml.Node {
	switch x := v.Interface().(type) {
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(x)}
	case int:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.Itoa(x)}
	case Renewal:
		if x.Share > 0 {
			return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!float", Value: x.String()}
		}
	case []string:
		list := &yaml.Node{Kind: yaml.SequenceNode}
		for _, s := range x {
			list.Content = append(list.Content, text(s))
		}
		return flowIfEmpty(list)
	}
	if isEntries(v) {
		list := &yaml.Node{Kind: yaml.SequenceNode}
		for i := range v.Len() {
			entry, s := &yaml.Node{Kind: yaml.MappingNode}, v.Index(i)
			for j, name := range names(s) {
				entry.Content = append(entry.Content, text(name), leaf(s.Field(j)))
			}
			list.Content = append(list.Content, entry)
		}
		return flowIfEmpty(list)
	}
	return text(fmt.Sprint(plain(v)))
}

func flowIfEmpty(list *yaml.Node) *yaml.Node {
	if len(list.Content) == 0 {
		list.Style = yaml.FlowStyle
	}
	return list
}

// plain returns the value of one key as JSON shows it.
func plain(v reflect.Value) any {
	switch x := v.Interface().(type) {
	case time.Duration:
		return short(x)
	case Renewal:
		return x.String()
	case slog.Level:
		return strings.ToLower(x.String())
	case []string:
		return append([]string{}, x...)
	}
	if isEntries(v) {
		list := make([]map[string]any, v.Len())
		for i := range list {
			s := v.Index(i)
			list[i] = make(map[string]any)
			for j, name := range names(s) {
				list[i][name] = plain(s.Field(j))
			}
		}
		return list
	}
	return v.Interface()
}

// Key describes one setting, for the manual.
type Key struct {
	Path    string // "listen.scOr"; "trust.tokens[].module" in an entry of a list
	Env     string // variable of the environment; empty: only a file can hold it
	Type    string // what a value looks like: "a duration like 30s, 15m or 720h"
	Default string // as it is written; empty: none
	Doc     string // one paragraph
}

//go:embed schema.go
var schema string

// Keys lists all settings in the order of [Config], with the comments of its
// fields.
func Keys() ([]Key, error) {
	docs, err := fieldDocs(schema)
	if err != nil {
		return nil, err
	}
	more, err := fieldDocs(schemaCMF)
	if err != nil {
		return nil, err
	}
	maps.Copy(docs, more)
	var list []Key
	add := func(k key, path string) {
		doc := docs[k.owner.Name()+"."+k.field]
		entry := Key{Path: path, Env: k.env, Type: expected(k.value), Doc: doc}
		switch x := plain(k.value).(type) {
		case []string, []map[string]any: // no list has entries by default
		default:
			entry.Default = fmt.Sprint(x)
		}
		list = append(list, entry)
	}
	for _, k := range Default().keys() {
		add(k, k.path)
		if isEntries(k.value) {
			for _, in := range keysOf("", reflect.New(k.value.Type().Elem()).Elem()) {
				in.env = ""
				add(in, k.path+"[]."+in.path)
			}
		}
	}
	return list, nil
}

// fieldDocs returns the comments of all fields of Go source, by Type.Field.
func fieldDocs(source string) (map[string]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), "schema.go", source, parser.ParseComments)
	if err != nil {
		return nil, fmt.Errorf("read the manual of the configuration: %w", err)
	}
	docs := make(map[string]string)
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if s, ok := spec.Type.(*ast.StructType); ok {
			for _, field := range s.Fields.List {
				for _, name := range field.Names {
					docs[spec.Name.Name+"."+name.Name] = strings.Join(strings.Fields(field.Doc.Text()), " ")
				}
			}
		}
		return false
	})
	return docs, nil
}
