package policies

import (
	"crypto/elliptic"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/policies/schemas"
)

func TestLoad(t *testing.T) {
	set := mustLoad(t, base())
	p, ok := set.Policy("package-signer")
	if !ok || p.Title != "Package signed by somebody unknown" || p.Owner != "security@example.net" ||
		p.Severity != hub.SeverityHigh || p.Samples != 2 || p.Rules != 2 || p.SampleFile != "package_signer.samples.yaml" {
		t.Errorf("policy = %+v", p)
	}
	if len(p.Events) != 2 || p.Events[0] != hub.EventNsChange {
		t.Errorf("events = %v", p.Events)
	}
	if len(p.Parameters) != 1 || p.Parameters[0].Name != "signers" || string(p.Parameters[0].Default) != `["CN=good"]` {
		t.Errorf("parameters = %+v", p.Parameters)
	}
	if list := set.Policies(); len(list) != 1 || list[0].ID != "package-signer" {
		t.Errorf("policies = %v", list)
	}
	if src, ok := set.Source(p.File); !ok || string(src) != signer {
		t.Error("the policy's source is not in the set")
	}
	if _, ok := set.Policy("nobody"); ok {
		t.Error("a policy that is not there")
	}
}

func TestOwnSchemas(t *testing.T) {
	if set, problems := Load(t.Context(), base(), Options{}); set == nil {
		t.Errorf("problems = %v", problems)
	}
	if kinds := ownSchemas(t).Kinds(); len(kinds) != len(hub.EventKinds()) {
		t.Errorf("kinds = %v", kinds)
	}
	review, err := fs.ReadFile(schemas.FS(), "review.json")
	if err != nil {
		t.Fatal(err)
	}
	one, err := ReadSchemas(fstest.MapFS{"review.json": {Data: review}})
	if err != nil {
		t.Fatal(err)
	}
	files := base()
	files["package_signer.rego"].Data = []byte(signer + "x if input.sm.mode == \"a\"\n")
	set, problems := Load(t.Context(), files, Options{Schemas: one})
	if set != nil || len(problems) != 1 || !strings.Contains(problems[0].Text, "events of the kind ns-change have no schema here") {
		t.Errorf("problems = %v", problems)
	}
	for want, files := range map[string]fstest.MapFS{
		"there is none":           {},
		"read schema of review":   {"review.json": {Data: []byte("{")}},
		"a schema refers to itse": {"review.json": {Data: []byte(`{"$ref": "https://example.net/x"}`)}},
	} {
		if _, err := ReadSchemas(files); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestRevision(t *testing.T) {
	first := mustLoad(t, base()).Revision()
	same := base()
	same["README.md"] = &fstest.MapFile{Data: []byte("no part of the policies")}
	same["x_test.rego"] = &fstest.MapFile{Data: []byte("package x_test")}
	if again := mustLoad(t, same).Revision(); again != first {
		t.Errorf("revision %s, then %s", first, again)
	}
	for name, change := range map[string]func(fstest.MapFS){
		"policy":  func(f fstest.MapFS) { f["package_signer.rego"].Data = []byte(signer + "# x\n") },
		"samples": func(f fstest.MapFS) { f["package_signer.samples.yaml"].Data = []byte(signerSamples + "# x\n") },
		"name":    func(f fstest.MapFS) { f["lib/text2.rego"] = f["lib/text.rego"]; delete(f, "lib/text.rego") },
	} {
		changed := base()
		change(changed)
		if mustLoad(t, changed).Revision() == first {
			t.Errorf("another %s has the same revision", name)
		}
	}
}

// TestKnown holds that a set which was loaded before stands for the very same
// files, and for nothing else, and never for a signature.
func TestKnown(t *testing.T) {
	known := mustLoad(t, base())
	again, _ := Load(t.Context(), base(), Options{Schemas: ownSchemas(t), Known: known})
	if again != known {
		t.Error("the same files were compiled again")
	}
	other := base()
	other["package_signer.rego"].Data = []byte(signer + "# x\n")
	if set, problems := Load(t.Context(), other, Options{Schemas: ownSchemas(t), Known: known}); set == nil || set.Revision() == known.Revision() {
		t.Errorf("other files are %v, %v", set, problems)
	}
	schemas, err := OwnSchemas()
	if err != nil {
		t.Fatal(err)
	}
	if set, _ := Load(t.Context(), base(), Options{Schemas: schemas, Known: known}); set == known {
		t.Error("it was not compiled with other schemas")
	}
	private, public := keyPair(t, "team", ecKey(t, elliptic.P256()))
	_, foreign := keyPair(t, "team", ecKey(t, elliptic.P256()))
	signed, o := mustSign(t, mustBundle(t, known), private), Options{Schemas: ownSchemas(t), Known: known}
	if set, _, err := LoadBundle(t.Context(), signed, []VerificationKey{public}, "team", o); err != nil || set != known {
		t.Errorf("the bundle is %v, %v", set, err)
	}
	if set, _, err := LoadBundle(t.Context(), signed, []VerificationKey{foreign}, "team", o); err == nil || set != nil {
		t.Error("a set that is known was taken without its signature")
	}
}

// What fails beside the compiler is a problem of the set, and not the end of the
// process.
func TestBesides(t *testing.T) {
	got := besides(func(*problems) { panic("no") })()
	if !got.bad() || got.list[0].Text != "the engine failed: no" {
		t.Errorf("%v", got.list)
	}
}

// TestMetadata holds what is wrong with metadata, and that all of it is told at
// once with file, line and mend.
func TestMetadata(t *testing.T) {
	for _, tt := range []struct{ old, new, want string }{
		{"# title: Package signed by somebody unknown\n", "", "package_signer.rego:1: error: the metadata has no title; add"},
		{"# description: A package of the NS is signed by nobody that the trust domain knows.\n", "", "the metadata has no description"},
		{"#   id: package-signer", "#   id: Package_Signer", `package_signer.rego:6: error: "Package_Signer" cannot be the id of a policy; use 1 to 63`},
		{"#   id: package-signer", "#   id: other", "package_signer.rego:21:1: error: the package is manoward.policies.package_signer, but the policy's id is other; write \"package manoward.policies.other\""},
		{"#   owner: security@example.net\n", "", `needs a text "owner"`},
		{"severity: high", "severity: hihg", `package_signer.rego:8: error: "hihg" is no severity; did you mean "high"?`},
		{"[review, ns-change]", "[review, ns-chnage]", `package_signer.rego:10: error: "ns-chnage" is no kind of event; did you mean "ns-change"?`},
		{"[review, ns-change]", "[review, review]", `"review" stands twice`},
		{"[review, ns-change]", "[]", `needs a list "events"`},
		{"[review, ns-change]", "[review, certificate-request]", "package_signer.rego:10: error: a policy for certificate-request is for nothing else: the CMF judges these, a Security Manager all others, and their inputs have little in common; write two policies"},
		{"#   owner:", "#   ownr: x\n#   owner:", `package_signer.rego:7: error: unknown member "ownr" in the metadata's "custom"; did you mean "owner"?`},
		{"additionalProperties: false", "additionalProperties: true", `"parameters" is not a JSON Schema of an object with "additionalProperties: false"`},
		{"         default: [CN=good]", "         title: x", `the parameter "signers" has no default`},
		{"default: [CN=good]", "default: [7]", "the defaults do not fit the schema"},
		{"type: array", "type: arry", `"parameters" is no valid JSON Schema`},
		{"samples: package_signer.samples.yaml", "samples: ../x.yaml", "is in another folder"},
		{"samples: package_signer.samples.yaml", "samples: x.yaml", "there is no file x.yaml"},
		{"# METADATA\n# title: Package", "# title: Package", "the policy has no metadata"},
		{`controls: ["NIST-SP-800-53 SI-7"]`, "controls: [7]", `"controls" holds something that is no text`},
		{"# METADATA\n# title: The signer", "# METADATA\n# schemas:\n#   - input: schema.x\n# title: The signer", `the annotation "schemas" is not for policies`},
		{"package manoward.policies.package_signer", "package foo.bar", "the package foo.bar is neither a policy nor shared by policies"},
		{"findings contains {", "findings contains {{", "package_signer.rego:"},
	} {
		files := base()
		source := strings.Replace(signer, tt.old, tt.new, 1)
		if source == signer {
			t.Fatalf("%q is not in the policy", tt.old)
		}
		files["package_signer.rego"].Data = []byte(source)
		wantText(t, refused(t, files), tt.want)
	}

	files := base()
	files["package_signer.rego"].Data = []byte(strings.NewReplacer("severity: high", "severity: hihg", "owner: s", "ownr: s", "input.packages", "input.pakages").Replace(signer))
	wantText(t, refused(t, files), "hihg", "ownr", `no field "pakages"`)
}

func TestSetProblems(t *testing.T) {
	twice := base()
	twice["b.rego"] = twice["package_signer.rego"]
	empty := base()
	empty["c.rego"] = &fstest.MapFile{Data: []byte("\n")}
	large := base()
	large["d.rego"] = &fstest.MapFile{Data: make([]byte, MaxFile+1)}
	libTwice := base()
	libTwice["lib/again.rego"] = libTwice["lib/text.rego"]
	for _, tt := range []struct {
		files fstest.MapFS
		want  string
	}{
		{fstest.MapFS{}, "there is no policy"},
		{fstest.MapFS{"lib/text.rego": {Data: []byte(textLib)}}, "there is no policy"},
		{twice, "the id package-signer is that of b.rego too"},
		{empty, "c.rego: error:"},
		{large, "d.rego is 1048577 bytes long; a file of policies has at most 1048576"},
		{libTwice, "the package manoward.lib.text is in lib/again.rego too"},
	} {
		wantText(t, refused(t, tt.files), tt.want)
	}
}

// TestSamples holds that a set whose samples fail does not exist.
func TestSamples(t *testing.T) {
	for _, tt := range []struct{ old, new, want string }{
		{"code: signer-unknown", "code: other", `package_signer.samples.yaml:2: error: the sample "foreign signer" fails: it does not find {"code":"other"`},
		{"severity: high", "severity: low", "it does not find"},
		{"[terminate-vnf]", "[alert]", "it does not find"},
		{"target: {vnfPkgId: p1", "target: {vnfPkgId: p2", "it does not find"},
		{"findings: []", "findings: [{code: x}]", "the samples show one side only"},
		{"parameters: {signers: [CN=evil]}", "parameters: {signers: [CN=other]}", "it also finds {\"code\":\"signer-unknown\""},
		{"parameters: {signers: [CN=evil]}", "parameters: {signrs: [CN=other]}", "package_signer.samples.yaml:10: error: the parameters of package-signer have no \"signrs\"; did you mean \"signers\"?"},
		{"parameters: {signers: [CN=evil]}", "parameters: {signers: 7}", "the parameters of package-signer do not fit"},
		{"kind: review", "kind: alarm", `the policy is not for events of the kind "alarm"`},
		{"  kind: review\n  input: &input", "  knid: review\n  input: &input", `a sample has no member "knid"; did you mean "kind"?`},
		{"{id: p1, signer: CN=evil}", "{id: p1, sinner: CN=evil}", "the input does not fit the schema of review"},
		{"signer known by parameter", "foreign signer", "stands twice"},
		{"  findings: []\n", "", "does not say what is found"},
		{"- name: foreign signer", "- nam", "error: the samples are no YAML"},
	} {
		files := base()
		text := strings.Replace(signerSamples, tt.old, tt.new, 1)
		if text == signerSamples {
			t.Fatalf("%q is not in the samples", tt.old)
		}
		files["package_signer.samples.yaml"].Data = []byte(text)
		wantText(t, refused(t, files), tt.want)
	}
	files := base()
	files["package_signer.samples.yaml"].Data = []byte(signerSamples[:strings.Index(signerSamples, "- name: signer known")])
	wantText(t, refused(t, files), "the samples show one side only")
	files["package_signer.samples.yaml"].Data = []byte("a: &a {b: *a}")
	wantText(t, refused(t, files), "not a list")
	files["package_signer.samples.yaml"].Data = []byte("- &a [*a]")
	wantText(t, refused(t, files), "cannot be read")
}

func TestProblemsAreSorted(t *testing.T) {
	files := add(add(base(), "b", "x := input.a"), "a", "y := input.b\n"+ns)
	_, problems := Load(t.Context(), files, Options{Schemas: ownSchemas(t)})
	last := ""
	for _, p := range problems {
		if p.File < last {
			t.Errorf("%s after %s", p.File, last)
		}
		last = p.File
	}
	if len(problems) != 3 {
		t.Errorf("problems = %v", problems)
	}
	err := Refusal(problems)
	if hub.CodeOf(err) != hub.Unprocessable || !strings.Contains(hub.SafeText(err), "a.rego") {
		t.Errorf("refusal = %v", err)
	}
	if Refusal(nil) != nil {
		t.Error("a refusal without a problem")
	}
}

func TestDidYouMean(t *testing.T) {
	names := []string{"integrity", "signer", "vnfdId"}
	for written, want := range map[string]string{
		"integritty": `did you mean "integrity"?`, "SIGNER": `did you mean "signer"?`, "vnfid": `did you mean "vnfdId"?`,
		"zzzzzzzzzzzz": "use one of integrity, signer, vnfdId",
	} {
		if got := didYouMean(written, names); got != want {
			t.Errorf("%s: %s, not %s", written, got, want)
		}
	}
}

// TestHostileSource holds that a policy cannot take the machine's time or its
// stack before it is ever evaluated.
func TestHostileSource(t *testing.T) {
	many := strings.Repeat
	for name, tt := range map[string]struct{ rule, want string }{
		"brackets":       {"x := " + many("[", 900_000), "max parsing recursion depth exceeded"},
		"objects":        {"x := " + many(`{"a":`, 150_000), "max parsing recursion depth exceeded"},
		"sum":            {"x := 1" + many("+1", 200), "nested too deeply"},
		"calls":          {"x := " + many("abs(", 5000) + "1" + many(")", 5000), "nested too deeply"},
		"arrays":         {"x := " + many("[", 5000) + many("]", 5000), "nested too deeply"},
		"comprehensions": {"x := " + many("[1|", 9) + "true" + many("]", 9), "nested too deeply"},
		"every":          {"x if " + many("every a in [1] {", 9) + "true" + many("}", 9), "nested too deeply"},
		"templates":      {"x := " + many(`$"{`, 3000) + "1" + many(`}"`, 3000), "template strings are not supported"},
		"branches":       {"x := 1 if input.a " + many("else := 2 if input.b\n", 200), "too many branches"},
		"number":         {"x := 1e400000000", "number too big"},
		"reference":      {"x := input" + many("[1]", 100_000), "error: input[1][1]"},
	} {
		t.Run(name, func(t *testing.T) {
			wantText(t, refused(t, add(fstest.MapFS{}, "p", ns+"\n"+tt.rule)), tt.want)
		})
	}
}

// FuzzLoad holds that no policy and no samples stop the one who loads them.
func FuzzLoad(f *testing.F) {
	own := ownSchemas(f)
	f.Add(signer, signerSamples, textLib)
	f.Add(simple("p", ns), nsSamples, "package manoward.lib.x\nf(a) := a")
	f.Add("# METADATA\n# custom: &a [*a]\npackage manoward.policies.x", "- &a [*a]", "package x")
	for _, bad := range bads {
		f.Add(simple("p", bad.rules), nsSamples, textLib)
	}
	f.Fuzz(func(t *testing.T, policy, samples, lib string) {
		files := fstest.MapFS{
			"package_signer.rego": {Data: []byte(policy)}, "package_signer.samples.yaml": {Data: []byte(samples)},
			"p.samples.yaml": {Data: []byte(samples)}, "lib.rego": {Data: []byte(lib)},
		}
		set, problems := Load(t.Context(), files, Options{Schemas: own, SampleDeadline: 50 * time.Millisecond})
		if (set == nil) != (Refusal(problems) != nil) {
			t.Errorf("set %v with problems %v", set, problems)
		}
	})
}
