package policies

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
	"golang.org/x/sync/errgroup"

	"github.com/manoward/manoward/internal/hub"
)

// blank returns the members that each input of a kind has, for a sample that
// states only what its policy looks at.
func blank(kind string) map[string]any {
	if kind == string(hub.EventCertificateRequest) {
		return blankRequest()
	}
	return map[string]any{
		"schema": InputSchema, "kind": kind, "time": "2026-01-01T00:00:00Z",
		"sm":      map[string]any{"name": "sample", "trustDomain": "sample", "mode": string(hub.FullyActive)},
		"subject": map[string]any{}, "vnfs": map[string]any{}, "packages": map[string]any{}, "computes": map[string]any{},
		"hosts": map[string]any{}, "images": map[string]any{}, "recent": []any{}, "asOf": map[string]any{},
	}
}

// blankRequest is the same of a request for a certificate: the key is attested,
// nothing was issued before, and the request itself is the sample's to state.
func blankRequest() map[string]any {
	return map[string]any{
		"schema": InputSchema, "kind": string(hub.EventCertificateRequest), "time": "2026-01-01T00:00:00Z", "trustDomain": "sample",
		"subject": map[string]any{"certificateRequestId": "sample"}, "attested": true, "assurance": "genuine",
		"profile": map[string]any{"minimumAssurance": "none", "nonceRequired": false}, "issued": []any{}, "earlier": []any{},
	}
}

// sample is an input with what the policy must find in it.
type sample struct {
	line       int
	name       string
	input      *Input
	parameters json.RawMessage
	findings   []expected
}

// expected is what a sample says of one finding. What it leaves open is not
// compared.
type expected struct {
	Code     string           `json:"code"`
	Severity hub.Severity     `json:"severity"`
	Actions  []hub.ActionType `json:"actions"`
	Target   *hub.Target      `json:"target"`
}

// Sample is an input that a policy's author has put beside it.
type Sample struct {
	Name       string
	Input      *Input
	Parameters json.RawMessage // of the policy; nil: the defaults
}

// Samples returns the samples of a policy, to try things with.
func (s *Set) Samples(policyID string) []Sample {
	p := s.find(policyID)
	if p == nil {
		return nil
	}
	list := make([]Sample, len(p.samples))
	for i, x := range p.samples {
		list[i] = Sample{x.name, x.input, x.parameters}
	}
	return list
}

// readSamples reads the samples of each policy, several at once. bad says that more is
// wrong with the set: then what is not there is not missed.
func (s *Set) readSamples(ps *problems, bad bool) {
	inParallel(ps, s.policies, func(ps *problems, p *policy) {
		if p.SampleFile == "" {
			return
		}
		raw, ok := s.sources[p.SampleFile]
		if !ok {
			ps.fault(p.File, p.line, 0, fmt.Sprintf("there is no file %s", p.SampleFile), "write samples: one that finds something and one that finds nothing")
			return
		}
		p.samples = parseSamples(ps, s.schemas, p, raw)
		some := slices.ContainsFunc(p.samples, func(x sample) bool { return len(x.findings) > 0 })
		none := slices.ContainsFunc(p.samples, func(x sample) bool { return len(x.findings) == 0 })
		if !bad && !ps.bad() && (!some || !none) {
			ps.fault(p.SampleFile, 0, 0, "the samples show one side only", "have one that finds something and one that finds nothing (findings: [])")
		}
	})
}

// parseSamples reads a file of samples: a YAML list.
func parseSamples(ps *problems, schemas *Schemas, p *policy, raw []byte) []sample {
	var doc yaml.Node
	if err := yaml.Unmarshal(raw, &doc); err != nil {
		ps.fault(p.SampleFile, 0, 0, "the samples are no YAML: "+clip(err.Error()), "mend the line")
		return nil
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.SequenceNode {
		ps.fault(p.SampleFile, 1, 0, "the file of samples is not a list", "write \"- name: ...\" for each sample")
		return nil
	}
	var list []sample
	names := map[string]bool{}
	for _, node := range doc.Content[0].Content {
		left := maxYAMLNodes
		value, err := fromYAML(node, &left)
		if err != nil {
			ps.fault(p.SampleFile, node.Line, 0, "the sample cannot be read: "+clip(err.Error()), "write plain YAML")
			continue
		}
		if one, ok := readSample(ps, schemas, p, value, node.Line); ok {
			if names[one.name] {
				ps.fault(p.SampleFile, node.Line, 0, fmt.Sprintf("the name %q stands twice", clip(one.name)), "give each sample a name of its own")
			}
			names[one.name] = true
			list = append(list, one)
		}
	}
	return list
}

func readSample(ps *problems, schemas *Schemas, p *policy, value any, line int) (sample, bool) {
	bad := func(text, mend string) (sample, bool) {
		ps.fault(p.SampleFile, line, 0, text, mend)
		return sample{}, false
	}
	obj, _ := value.(map[string]any)
	known := []string{"name", "kind", "input", "parameters", "findings"}
	for _, key := range slices.Sorted(maps.Keys(obj)) {
		if !slices.Contains(known, key) {
			return bad(fmt.Sprintf("a sample has no member %q", clip(key)), didYouMean(key, known))
		}
	}
	s := sample{line: line}
	s.name, _ = obj["name"].(string)
	kind, _ := obj["kind"].(string)
	input, isObject := obj["input"].(map[string]any)
	found, isList := obj["findings"].([]any)
	switch {
	case s.name == "":
		return bad("the sample has no name", "add \"name: ...\"")
	case !p.On(hub.EventKind(kind)):
		return bad(fmt.Sprintf("the policy is not for events of the kind %q", clip(kind)), "use one of "+join(p.Events))
	case !isObject:
		return bad("the sample has no input", "add \"input: {...}\"")
	case !isList:
		return bad("the sample does not say what is found", "add \"findings: [...]\", which may be empty")
	}
	for name, value := range blank(kind) {
		if _, there := input[name]; !there {
			input[name] = value
		}
	}
	var err error
	if s.input, err = schemas.ParseInput(encode(input)); err != nil {
		return bad(hub.SafeText(err), "mend the sample's input")
	}
	if s.input.Kind != hub.EventKind(kind) {
		return bad(fmt.Sprintf("the sample's kind is %s, its input's %s", kind, s.input.Kind), "leave it out of the input")
	}
	if obj["parameters"] != nil {
		s.parameters = encode(obj["parameters"])
	}
	d := json.NewDecoder(strings.NewReader(string(encode(found))))
	d.DisallowUnknownFields()
	if err := d.Decode(&s.findings); err != nil {
		return bad("the findings cannot be read: "+clip(err.Error()), "each has a code, and may have severity, actions (a list of types) and target")
	}
	return s, true
}

// maxYAMLNodes bounds one sample with all its anchors followed.
const maxYAMLNodes = 200_000

// fromYAML turns a node into what a JSON reader would give. A time is a text,
// as it is written.
func fromYAML(n *yaml.Node, left *int) (any, error) {
	if *left--; *left < 0 {
		return nil, fmt.Errorf("line %d: more than %d values", n.Line, maxYAMLNodes)
	}
	switch n.Kind {
	case yaml.AliasNode:
		return fromYAML(n.Alias, left)
	case yaml.SequenceNode:
		list := make([]any, 0, len(n.Content))
		for _, c := range n.Content {
			v, err := fromYAML(c, left)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	case yaml.MappingNode:
		obj := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			if _, twice := obj[key.Value]; twice || key.Kind != yaml.ScalarNode || key.Tag == "!!merge" {
				return nil, fmt.Errorf("line %d: %q is twice there, or no plain name", key.Line, key.Value)
			}
			v, err := fromYAML(n.Content[i+1], left)
			if err != nil {
				return nil, err
			}
			obj[key.Value] = v
		}
		return obj, nil
	case yaml.ScalarNode:
		return scalar(n)
	}
	return nil, fmt.Errorf("line %d: unexpected kind of node", n.Line)
}

func scalar(n *yaml.Node) (any, error) {
	switch n.ShortTag() {
	case "!!str", "!!timestamp":
		return n.Value, nil
	case "!!null":
		return nil, nil
	case "!!bool", "!!int", "!!float":
		var v any
		if err := n.Decode(&v); err != nil {
			return nil, err
		}
		return plain(v)
	}
	return nil, fmt.Errorf("line %d: the tag %s is not for samples", n.Line, n.Tag)
}

// runSamples evaluates each sample with its own policy, several at once, and holds
// what it finds against what it must.
func (s *Set) runSamples(ctx context.Context, ps *problems, deadline time.Duration) {
	defaults, err := s.Snapshot(nil)
	if err != nil {
		ps.fault("", 0, 0, hub.SafeText(err), "")
		return
	}
	found := make([]problems, len(s.policies))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, p := range s.policies {
		g.Go(func() error {
			defer found[i].refuse()
			s.runSamplesOf(ctx, &found[i], p, defaults, deadline)
			return nil
		})
	}
	_ = g.Wait() // the functions keep their problems
	again := triedAgain
	for i, p := range s.policies {
		if found[i].bad() && again > 0 {
			again--
			found[i] = problems{}
			s.runSamplesOf(ctx, &found[i], p, defaults, deadline)
		}
		ps.list = append(ps.list, found[i].list...)
	}
}

// triedAgain is how many policies have their samples tried once more, with no
// others beside them: on a busy machine one can run out of time.
const triedAgain = 10

func (s *Set) runSamplesOf(ctx context.Context, ps *problems, p *policy, defaults *Snapshot, deadline time.Duration) {
	for _, x := range p.samples {
		snapshot := defaults
		if x.parameters != nil {
			var err error
			if snapshot, err = s.Snapshot(map[string]json.RawMessage{p.ID: x.parameters}); err != nil {
				ps.fault(p.SampleFile, x.line, 0, hub.SafeText(err), "mend the sample's parameters")
				continue
			}
		}
		r, err := snapshot.Evaluate(ctx, x.input, EvalOptions{Deadline: deadline, Policy: p.ID})
		if err != nil {
			ps.fault(p.SampleFile, x.line, 0, fmt.Sprintf("the sample %q was not evaluated: %s", x.name, hub.SafeText(err)), "load the set again")
			return
		}
		if text := compare(x.findings, r); text != "" {
			ps.fault(p.SampleFile, x.line, 0, fmt.Sprintf("the sample %q fails: %s", x.name, text), "mend the policy or the sample")
		}
	}
}

// compare says how a result differs from what a sample expects, or "".
func compare(want []expected, r *Result) string {
	for _, u := range r.Undecided {
		return "undecided, because " + u.Reason
	}
	left := slices.Clone(r.Findings)
	for _, w := range want {
		i := slices.IndexFunc(left, w.fits)
		if i < 0 {
			return fmt.Sprintf("it does not find %s; it finds %s", w, shortList(r.Findings))
		}
		left = slices.Delete(left, i, i+1)
	}
	if len(left) > 0 {
		return "it also finds " + shortList(left)
	}
	return ""
}

func (w expected) fits(f hub.Finding) bool {
	types := make([]hub.ActionType, len(f.Actions))
	for i, a := range f.Actions {
		types[i] = a.Type
	}
	return w.Code == f.Code && (w.Severity == "" || w.Severity == f.Severity) &&
		(w.Actions == nil || slices.Equal(w.Actions, types)) && (w.Target == nil || *w.Target == f.Target)
}

func (w expected) String() string { return string(encode(w)) }

func shortList(findings []hub.Finding) string {
	if len(findings) == 0 {
		return "nothing"
	}
	var texts []string
	for _, f := range findings {
		types := []hub.ActionType{}
		for _, a := range f.Actions {
			types = append(types, a.Type)
		}
		texts = append(texts, expected{f.Code, f.Severity, types, &f.Target}.String())
	}
	return clip(strings.Join(texts, ", "))
}
