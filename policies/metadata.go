package policies

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/types"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/manoward/manoward/internal/hub"
)

// The packages of Rego that a set may hold.
const (
	policyRoot = "manoward.policies." // + id, "_" for "-"
	libRoot    = "manoward.lib."
)

// policy is a policy with what the engine needs of it.
type policy struct {
	Policy
	module   *ast.Module
	vars     map[ast.Var]ast.Var // as the compiler named them -> as their author did
	path     string              // of its findings: data.manoward.policies["id"].findings
	line     int                 // of its metadata
	params   *jsonschema.Schema
	paramTyp types.Type
	defaults map[string]any
	samples  []sample
	alone    *query // for its findings alone
}

// metadata reads the metadata of one policy's file. It returns nil when there
// is so little of it that nothing more can be said of the policy.
type metadata struct {
	*problems
	file  string
	lines []string // of the source
	at    int      // line where the block begins
}

func (m *metadata) bad(key, text, mend string) {
	m.fault(m.file, m.lineOf(key), 0, text, mend)
}

// lineOf returns the line of the block that holds the key, or its first one.
func (m *metadata) lineOf(key string) int {
	for i := m.at - 1; key != "" && i >= 0 && i < len(m.lines) && strings.HasPrefix(m.lines[i], "#"); i++ {
		name, _, found := strings.Cut(strings.TrimLeft(m.lines[i], "# -"), ":")
		if found && strings.Trim(name, `"`) == key {
			return i + 1
		}
	}
	return m.at
}

// readMetadata reads the annotations of a policy's package.
func readMetadata(ps *problems, file string, source []byte, module *ast.Module) *policy {
	var found *ast.Annotations
	for _, a := range module.Annotations {
		if a.Scope == "package" {
			found = a
		}
	}
	m := &metadata{problems: ps, file: file, lines: strings.Split(string(source), "\n"), at: 1}
	if found == nil {
		m.bad("", "the policy has no metadata", "begin the file with a block \"# METADATA\" that has \"scope: package\" and stands right above \"package\"")
		return nil
	}
	m.at = found.Location.Row
	p := &policy{module: module, line: m.at}
	p.File, p.Title, p.Description = file, found.Title, strings.TrimSpace(found.Description)
	for _, text := range []struct{ key, value string }{{"title", p.Title}, {"description", p.Description}} {
		if text.value == "" {
			m.bad("", "the metadata has no "+text.key, "add a line \"# "+text.key+": ...\"")
		}
	}
	m.custom(p, found.Custom)
	m.place(p)
	for _, a := range module.Annotations {
		if len(a.Schemas) > 0 {
			ps.fault(file, a.Location.Row, 0, "the annotation \"schemas\" is not for policies: the schemas follow from the events", "take it out")
		}
	}
	return p
}

// custom reads the members below "custom", and refuses what it does not know.
func (m *metadata) custom(p *policy, custom map[string]any) {
	known := []string{"id", "owner", "severity", "controls", "events", "parameters", "samples"}
	for _, key := range slices.Sorted(maps.Keys(custom)) {
		if !slices.Contains(known, key) {
			m.bad(key, fmt.Sprintf("unknown member %q in the metadata's \"custom\"", clip(key)), didYouMean(key, known))
		}
	}
	text := func(key, example string) string {
		s, ok := custom[key].(string)
		if !ok || s == "" {
			m.bad(key, fmt.Sprintf("the metadata's \"custom\" needs a text %q", key), "as in \""+key+": "+example+"\"")
		}
		return s
	}
	p.ID = text("id", "package-signer")
	if p.ID != "" && hub.CheckName("policy", p.ID) != nil {
		m.bad("id", fmt.Sprintf("%q cannot be the id of a policy", clip(p.ID)), "use 1 to 63 lower-case letters, digits and inner hyphens")
		p.ID = ""
	}
	p.Owner = text("owner", "security@example.net")
	p.Severity = hub.Severity(text("severity", "high"))
	if p.Severity != "" && !slices.Contains(hub.Severities(), p.Severity) {
		m.bad("severity", fmt.Sprintf("%q is no severity", clip(string(p.Severity))), didYouMean(string(p.Severity), strings.Split(join(hub.Severities()), ", ")))
	}
	p.Controls = m.texts(custom, "controls", `["IFA033 Sc-Or.NsLcm.004"]`, false)
	m.events(p, m.texts(custom, "events", "[ns-change, review]", true))
	p.SampleFile = text("samples", "package_signer.samples.yaml")
	if p.SampleFile != "" {
		if strings.Contains(p.SampleFile, "/") {
			m.bad("samples", fmt.Sprintf("the file of samples %q is in another folder", clip(p.SampleFile)), "put it beside the policy and name it without a folder")
			p.SampleFile = ""
		} else {
			p.SampleFile = path.Join(path.Dir(m.file), p.SampleFile)
		}
	}
	m.parameters(p, custom["parameters"])
}

// texts reads a list of texts.
func (m *metadata) texts(custom map[string]any, key, example string, needed bool) []string {
	list, ok := custom[key].([]any)
	if !ok || len(list) == 0 {
		if needed || custom[key] != nil && !ok {
			m.bad(key, fmt.Sprintf("the metadata's \"custom\" needs a list %q", key), "as in \""+key+": "+example+"\"")
		}
		return nil
	}
	var texts []string
	for _, one := range list {
		s, ok := one.(string)
		if !ok || s == "" {
			m.bad(key, fmt.Sprintf("%q holds something that is no text", key), "put it in quotes")
			continue
		}
		texts = append(texts, s)
	}
	return texts
}

func (m *metadata) events(p *policy, names []string) {
	kinds := hub.EventKinds()
	for i, name := range names {
		switch {
		case !slices.Contains(kinds, hub.EventKind(name)):
			m.bad("events", fmt.Sprintf("%q is no kind of event", clip(name)), didYouMean(name, strings.Split(join(kinds), ", ")))
		case slices.Contains(names[:i], name):
			m.bad("events", fmt.Sprintf("%q stands twice in \"events\"", name), "take one out")
		}
	}
	for _, k := range kinds {
		if slices.Contains(names, string(k)) {
			p.Events = append(p.Events, k)
		}
	}
	if p.On(hub.EventCertificateRequest) && len(p.Events) > 1 {
		m.bad("events", fmt.Sprintf("a policy for %s is for nothing else: the CMF judges these, a Security Manager all others, and their inputs have little in common", hub.EventCertificateRequest),
			"write two policies")
	}
}

// parameters reads the JSON Schema of the parameters, each with a default.
func (m *metadata) parameters(p *policy, raw any) {
	p.defaults, p.paramTyp = map[string]any{}, types.NewObject(nil, nil)
	if raw == nil {
		return
	}
	schema, err := plain(raw)
	obj, ok := schema.(map[string]any)
	if err != nil || !ok || obj["type"] != "object" || obj["additionalProperties"] != false {
		m.bad("parameters", "\"parameters\" is not a JSON Schema of an object with \"additionalProperties: false\"",
			"write \"type: object\", \"additionalProperties: false\" and \"properties\", each with a \"default\"")
		return
	}
	check, err := compileSchema("parameters", schema)
	if err != nil {
		m.bad("parameters", "\"parameters\" is no valid JSON Schema: "+clip(err.Error()), "see https://json-schema.org/draft/2020-12")
		return
	}
	members, _ := obj["properties"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(members)) {
		one, _ := members[name].(map[string]any)
		value, ok := one["default"]
		if !ok {
			m.bad(name, fmt.Sprintf("the parameter %q has no default", name), "add \"default: ...\": a policy works before anybody has set its parameters")
			continue
		}
		p.defaults[name] = value
		text, _ := one["description"].(string)
		p.Parameters = append(p.Parameters, Parameter{Name: name, Description: text, Default: encode(value), Schema: encode(one)})
	}
	if err := check.Validate(map[string]any(p.defaults)); err != nil {
		m.bad("parameters", "the defaults do not fit the schema of \"parameters\": "+violation(err), "change the default or the schema")
	}
	p.params, p.paramTyp = check, typeOf(schema, schema, 0)
}

// place holds the policy's package against its id.
func (m *metadata) place(p *policy) {
	if p.ID == "" {
		return
	}
	name := strings.ReplaceAll(p.ID, "-", "_")
	p.path = fmt.Sprintf("data.manoward.policies[%q].findings", name)
	if got := packageOf(p.module); got != policyRoot+name {
		m.fault(m.file, p.module.Package.Location.Row, p.module.Package.Location.Col,
			fmt.Sprintf("the package is %s, but the policy's id is %s", got, p.ID), "write \"package "+policyRoot+name+"\"")
	}
}

// packageOf returns the name of a module's package without "data".
func packageOf(module *ast.Module) string {
	var parts []string
	for _, t := range module.Package.Path[1:] {
		if s, ok := t.Value.(ast.String); ok {
			parts = append(parts, string(s))
		}
	}
	return strings.Join(parts, ".")
}

// plain turns a value of the YAML reader into what a JSON reader would give.
func plain(value any) (any, error) {
	raw, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	return decodeJSON(raw)
}

// encode writes a value that came out of a JSON document.
func encode(value any) json.RawMessage {
	raw, err := json.Marshal(value)
	if err != nil {
		return json.RawMessage("null")
	}
	return raw
}
