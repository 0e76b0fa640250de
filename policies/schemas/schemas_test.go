package schemas_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/policies/schemas"
)

// compile reads a schema as what meets the network would: formats are checked.
func compile(t *testing.T, raw []byte) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("mem:///schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("mem:///schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func inputSchema(t *testing.T, kind hub.EventKind) *jsonschema.Schema {
	t.Helper()
	raw, err := schemas.Input(kind)
	if err != nil {
		t.Fatal(err)
	}
	return compile(t, raw)
}

func validate(t *testing.T, s *jsonschema.Schema, document any) error {
	t.Helper()
	raw, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(v)
}

func TestEachKindHasASchema(t *testing.T) {
	for _, k := range hub.EventKinds() {
		inputSchema(t, k)
	}
	if _, err := schemas.Input("finding"); hub.CodeOf(err) != hub.NotFound || !strings.Contains(hub.SafeText(err), "ns-change") {
		t.Errorf("schema of an unknown kind: %v", err)
	}
	names, err := fs.Glob(schemas.FS(), "*.json")
	if err != nil || len(names) != len(hub.EventKinds())+1 {
		t.Errorf("files %v: %v", names, err)
	}
}

// TestReferencesAreLocal proves that nothing is ever fetched.
func TestReferencesAreLocal(t *testing.T) {
	names, err := fs.Glob(schemas.FS(), "*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		raw, err := fs.ReadFile(schemas.FS(), name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(raw)) {
			if strings.Contains(line, `"$ref"`) && !strings.Contains(line, `"#/$defs/`) {
				t.Errorf("%s: %s", name, strings.TrimSpace(line))
			}
		}
	}
}

// TestFindingIsHubFinding holds the schema of findings equal to the judge of the
// running engine, hub.Finding.Check.
func TestFindingIsHubFinding(t *testing.T) {
	raw, err := schemas.Finding()
	if err != nil {
		t.Fatal(err)
	}
	schema := compile(t, raw)
	all := `{"nsInstanceId":"n","vnfInstanceId":"v","vnfProfileId":"p","vnfPkgId":"k","hostId":"h","imageId":"i","certificateRequestId":"c"}`
	with := func(target string, actions ...string) string {
		return `{"code":"a-1","severity":"high","message":"m","target":` + target + `,"actions":[` + strings.Join(actions, ",") + `]}`
	}
	var documents []string
	words := []string{"alert", "terminate-vnf", "stop-host", "insert-security-vnf", "modify-security-vnf", "remove-security-vnf", "deny-certificate", "downgrade-attestation", "reboot", ""}
	arguments := []string{
		``, `,"snapshot":true`, `,"snapshot":false`, `,"replace":true`, `,"replace":false`, `,"disablePackage":true`, `,"coHosted":true`, `,"erase":true`, `,"belowMinimum":true`,
		`,"vnfs":"migrate"`, `,"vnfs":"terminate"`, `,"vnfs":"keep"`, `,"vnfs":""`, `,"quarantine":true`, `,"vnfs":"migrate","quarantine":true`,
		`,"properties":{"a":"b"}`, `,"properties":{}`, `,"properties":{"a":1}`, `,"force":true`, `,"snapshot":"yes"`,
	}
	targets := []string{all, `{}`, `{"vnfInstanceId":"v"}`, `{"vnfInstanceId":"v","vnfPkgId":"k"}`, `{"nsInstanceId":"n","vnfInstanceId":"v"}`, `{"nsInstanceId":"n","vnfProfileId":"p"}`,
		`{"hostId":"h"}`, `{"hostId":""}`, `{"hostId":"","imageId":"i"}`, `{"certificateRequestId":"c"}`, `{"imageId":"i"}`, `{"planet":"x"}`}
	for _, target := range targets {
		documents = append(documents, with(target))
		for _, word := range words {
			for _, argument := range arguments {
				documents = append(documents, with(target, `{"type":"`+word+`"`+argument+`}`))
			}
		}
	}
	documents = append(documents,
		with(all, `{"type":"alert"}`, `{"type":"stop-host"}`), with(all, `{"type":"alert"}`, `{"type":"stop-host","vnfs":"migrate"}`), with(all, `{}`), with(all, `{"snapshot":true}`),
		strings.Replace(with(all), `"a-1"`, `""`, 1), strings.Replace(with(all), `"a-1"`, `"-a"`, 1), strings.Replace(with(all), `"a-1"`, `"A"`, 1), strings.Replace(with(all), `"a-1"`, `"a"`, 1),
		strings.Replace(with(all), `"a-1"`, `"`+strings.Repeat("a", 63)+`"`, 1), strings.Replace(with(all), `"a-1"`, `"`+strings.Repeat("a", 64)+`"`, 1),
		strings.Replace(with(all), `"high"`, `"worst"`, 1), strings.Replace(with(all), `"m"`, `""`, 1),
		strings.Replace(with(all), `"m"`, `"`+strings.Repeat("é", 1000)+`"`, 1), strings.Replace(with(all), `"m"`, `"`+strings.Repeat("é", 1001)+`"`, 1),
		strings.Replace(with(all), `"code"`, `"kode"`, 1), strings.Replace(with(all), `,"message":"m"`, ``, 1),
	)
	good := 0
	for _, document := range documents {
		var f hub.Finding
		d := json.NewDecoder(strings.NewReader(document))
		d.DisallowUnknownFields()
		checked := d.Decode(&f)
		if checked == nil {
			checked = f.Check()
		}
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(document))
		if err != nil {
			t.Fatal(err)
		}
		if valid := schema.Validate(v); (valid == nil) != (checked == nil) {
			t.Errorf("%s\n\tschema: %v\n\tCheck: %v", document, valid, checked)
		}
		if checked == nil {
			good++
		}
	}
	if good < 100 || good > len(documents)/2 {
		t.Errorf("%d of %d findings are good: the table proves little", good, len(documents))
	}
}
