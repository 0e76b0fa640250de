package policies

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/open-policy-agent/opa/v1/ast"
)

// TestCompile holds what an author is told of rules that cannot be right.
func TestCompile(t *testing.T) {
	for _, tt := range []struct{ rules, want string }{
		// Fields of the input, directly, below maps of identifiers, by variables, in comprehensions.
		{`x if input.vnfz`, `p.rego:13:6: error: input has no field "vnfz"; did you mean "vnfs"?`},
		{`x if input.vnfs["a"].integritty`, `p.rego:13:6: error: input.vnfs.a has no field "integritty"; did you mean "integrity"?`},
		{`x if input.vnfs[_].integrity.verdct == "OK"`, `input.vnfs[_].integrity has no field "verdct"; did you mean "verdict"?`},
		{"x if {\n\tsome id, vnf in input.vnfs\n\tvnf.integrity.signr == id\n}", `p.rego:15:2: error: vnf.integrity has no field "signr"; did you mean "signer"?`},
		{"x if {\n\tv := input.hosts.h1\n\tv.equipment.tmp\n}", `v.equipment has no field "tmp"; did you mean "tpm"?`},
		{`x := {v.hostid | some v in input.computes}`, `has no field "hostid"; did you mean "hostId"?`},
		{`x if every v in input.vnfs { v.securityVnff }`, `has no field "securityVnff"; did you mean "securityVnf"?`},
		{`x if every k, v in input.vnfs { v.integrity.sgner == k }`, `did you mean "signer"?`},
		{`x if input.event.operationState`, `input.event has no field "operationState"`},
		{`x if input.vnfs.a.minInstances > "2"; y := input.ns.id + 1`, `error: `},
		{`x if input.recent[0].operatoin == "a"`, `did you mean "operation"?`},
		// Values that a field never has.
		{`x if input.sm.mode == "PASIVE"`, `p.rego:13:23: error: input.sm.mode is never "PASIVE"; did you mean "PASSIVE"?`},
		{`x if "aa" != input.kind`, `input.kind is never "aa"; use one of review`},
		{"x if {\n\tsome id, vnf in input.vnfs\n\tvnf.instantiationState == \"INSTANTATED\"\n\tid\n}", `input.vnfs[id].instantiationState is never "INSTANTATED"; did you mean "INSTANTIATED"?`},
		{`x if input.hosts[_].integrity in {"TRUSTED", "UNTRUSTD"}`, `p.rego:13:46: error: input.hosts[_].integrity is never "UNTRUSTD"; did you mean "UNTRUSTED"?`},
		{"x if {\n\ts := input.event.reason\n\ts == \"gap\"\n}", `input.event.reason is never "gap"; use one of gap-filled`},
		// Parameters.
		{`x if data.manoward.parameters.p.limt`, `the policy has no parameter "limt"; declare it`},
		{`x if data.manoward.parameters.q.limit`, `data.manoward.parameters.q.limit is not a parameter of this policy, named in full; write data.manoward.parameters["p"].name`},
		{`x if data.manoward.parameters[input.kind]`, `is not a parameter of this policy, named in full`},
		// Other data.
		{`x if data.manoward.policies.other.findings`, `data.manoward.policies.other.findings is nothing that a policy may read; use input`},
		{`x if data.foo`, `data.foo is nothing that a policy may read`},
		{`x := data`, `is recursive`},
		{`x if data[input.kind]`, `may be recursive`},
		{`x if y with input as {}` + "\ny if input.kind", `"with" puts something else in the place of the input; a policy judges`},
		// Functions.
		{`x if http.send({})`, `the function http.send is not for policies; a decision depends on`},
		{`x if time.now_ns() > 1`, `the function time.now_ns is not for policies`},
		{`x if opa.runtime()`, `the function opa.runtime is not for policies`},
		{`x if rand.intn("a", 2)`, `the function rand.intn is not for policies`},
		{`x if net.lookup_ip_addr("a")`, `the function net.lookup_ip_addr is not for policies`},
		{`x := strings.revese("a")`, `there is no function strings.revese; did you mean "strings.reverse"?`},
		// The language.
		{`x if { y := 1 }`, `assigned var y unused`},
		{`import data.manoward.lib.text`, `import data.manoward.lib.text unused`},
		{`x := y` + "\n" + `y := x`, `is recursive`},
		{`f(n) := f(n - 1)`, `is recursive`},
		{`x if z == 1`, `var z is unsafe`},
	} {
		t.Run(tt.want, func(t *testing.T) {
			wantText(t, refused(t, add(base(), "p", tt.rules+"\n"+ns)), tt.want)
		})
	}
}

// TestKinds holds that a policy for several kinds may read what one of them has,
// and no policy what none of its kinds has.
func TestKinds(t *testing.T) {
	both := strings.Replace(simple("p", "x if input.event.reason == \"periodic\"\ny if input.phase == \"START\"\n"+ns), "[review]", "[review, ns-change]", 1)
	files := add(base(), "p", "")
	files["p.rego"].Data = []byte(both)
	mustLoad(t, files)
	files["p.rego"].Data = []byte(strings.Replace(both, "[review, ns-change]", "[ns-change]", 1))
	files["p.samples.yaml"].Data = []byte("[{name: a, kind: ns-change, input: 7, findings: []}]")
	wantText(t, refused(t, files), `input.event has no field "reason"`)
}

func TestSharedRules(t *testing.T) {
	for _, tt := range []struct{ rules, want string }{
		{`x := data.manoward.parameters.p.y`, "is nothing that shared rules may read; hand it over as an argument"},
		{`x := data.manoward.policies.package_signer.findings`, "is nothing that shared rules may read"},
		{`x if input.vnfz`, `lib/own.rego:2:6: error: input has no field "vnfz"`},
	} {
		files := base()
		files["lib/own.rego"] = &fstest.MapFile{Data: []byte("package manoward.lib.own\n" + tt.rules)}
		wantText(t, refused(t, files), tt.want)
	}
	files := base()
	files["lib/own.rego"] = &fstest.MapFile{Data: []byte("package manoward.lib.own\nx := data.manoward.lib.text.sentence(1, 2)\ny := data.manoward.lib.own.x")}
	mustLoad(t, files)
}

// TestLint holds that a word which is not in the vocabulary is seen when the set
// is loaded, wherever it is written.
func TestLint(t *testing.T) {
	finding := func(members string) string {
		return "findings contains {\n\t\"code\": \"x\",\n\t\"message\": \"m\",\n\t\"target\": {\"nsInstanceId\": input.ns.id},\n\t" + members + "\n} if input.ns.name == \"bad\""
	}
	for _, tt := range []struct{ rules, want string }{
		{finding(`"actions": [{"type": "terminate-vnff"}]`), `p.rego:17:23: error: unknown action "terminate-vnff"; did you mean "terminate-vnf"?`},
		{finding(`"actions": [{"type": "reboot"}]`), `p.rego:17:23: error: unknown action "reboot"; use one of alert,`},
		{finding(`"actions": [{"type": "terminate-vnf", "snapshoot": true}]`), `p.rego:17:40: error: an action has no member "snapshoot"; did you mean "snapshot"?`},
		{finding(`"actions": [{"type": "stop-host", "vnfs": "kill"}]`), `p.rego:17:14: error: stop-host needs "vnfs": "migrate" or "terminate", not "kill"`},
		{finding(`"actions": [{"type": "alert", "erase": true}]`), `"erase" is no argument of the action alert`},
		{finding(`"actions": [{"type": "terminate-vnf", "erase": "yes"}]`), `an argument of terminate-vnf has the wrong type`},
		{finding(`"actions": [{"snapshot": true}]`), `the action has no "type"`},
		{finding(`"actions": {{"type": "alert"}}`), `p.rego:17:13: error: "actions" is not a list`},
		{finding(`"severity": "terrible"`), `p.rego:17:14: error: "terrible" is no severity; use one of`},
		{finding(`"seveirty": "low"`), `p.rego:17:2: error: a finding has no member "seveirty"; did you mean "severity"?`},
		{strings.Replace(finding(`"actions": []`), `"code": "x"`, `"code": "X Y"`, 1), `"X Y" is no code`},
		{strings.Replace(finding(`"actions": []`), `nsInstanceId"`, `nsId"`, 1), `a target has no member "nsId"`},
		{strings.Replace(finding(`"actions": []`), `"message": "m",`, ``, 1), `the finding has no "message"`},
		{"act := {\"type\": \"stop-hosts\", \"vnfs\": \"migrate\"}\n" + ns, `p.rego:13:17: error: unknown action "stop-hosts"; did you mean "stop-host"?`},
		{"acts contains a if {\n\ta := {\"type\": \"terminate-vnf\", \"quarantine\": input.sm.mode == \"PASSIVE\"}\n}\n" + ns, `"quarantine" is no argument of the action terminate-vnf`},
		{`findings := []`, `the policy has no rule "findings contains ..."`},
		{`x := 1`, `the policy has no rule "findings contains ..."`},
		{"import data.manoward.lib\n" + ns, `an import of more than one package`},
	} {
		wantText(t, refused(t, add(base(), "p", tt.rules)), tt.want)
	}
	// What is known only when it is evaluated is left to the evaluation, and other objects with a type are no actions.
	good := finding(`"actions": [{"type": "insert-security-vnf"}, {"type": "alert"}]`) +
		"\nact(x) := {\"type\": \"terminate-vnf\", \"snapshot\": x, \"replace\": false}" +
		"\nother := {\"type\": \"RSA\", \"size\": 2048}\n"
	mustLoad(t, add(base(), "p", strings.Replace(good, `"target": {`, `"target": {"vnfProfileId": "fw", `, 1)))
}

// TestBuiltins names each builtin of the engine that is not for policies, with
// the reason. When an update of the engine brings a builtin that is in neither
// list, this fails: judge it, then put it into one.
func TestBuiltins(t *testing.T) {
	out := map[string]string{
		"all": "removed from Rego", "any": "removed from Rego", "re_match": "removed from Rego",
		"cast_array": "deprecated", "cast_boolean": "deprecated", "cast_null": "deprecated", "cast_object": "deprecated", "cast_set": "deprecated", "cast_string": "deprecated",
		"net.cidr_overlap": "deprecated",

		"bits.lsh":        "makes numbers of any size at once",
		"net.cidr_expand": "lists up to 2^128 addresses",
		"yaml.is_valid":   "aliases make much of little", "yaml.marshal": "use JSON", "yaml.unmarshal": "aliases make much of little",
		"strings.render_template": "a language of its own, with loops",
		"graphql.is_valid":        "no use here", "graphql.parse": "no use here", "graphql.parse_and_verify": "no use here", "graphql.parse_query": "no use here", "graphql.parse_schema": "no use here", "graphql.schema_is_valid": "no use here",
		"graph.reachable_paths": "lists all paths, of which there are exponentially many", "regex.globs_match": "exponential in its patterns",

		"http.send": "network", "net.lookup_ip_addr": "network", "opa.runtime": "shows the process's environment",
		"json.match_schema": "a schema may be fetched from the network", "json.verify_schema": "a schema may be fetched from the network",
		"time.now_ns": "clock: the time of the event is input.time",
		"rand.intn":   "chance", "uuid.rfc4122": "chance", "uuid.parse": "tells a host by its address",
		"internal.template_string": "template strings are out of the language",
		"trace":                    "for debugging", "internal.test_case": "for tests",
		"rego.metadata.chain": "a policy does not judge itself", "rego.metadata.rule": "a policy does not judge itself", "rego.parse_module": "a policy does not judge policies",

		"crypto.x509.parse_and_verify_certificates": "clock", "crypto.x509.parse_and_verify_certificates_with_options": "clock",
		"crypto.x509.parse_certificate_request": "the CMF judges requests", "crypto.x509.parse_keypair": "private keys", "crypto.x509.parse_rsa_private_key": "private keys", "crypto.parse_private_keys": "private keys",
		"crypto.hmac.equal": "secrets", "crypto.hmac.md5": "secrets", "crypto.hmac.sha1": "secrets", "crypto.hmac.sha256": "secrets", "crypto.hmac.sha512": "secrets",
		"providers.aws.sign_req": "secrets",
		"io.jwt.decode":          "tokens are judged where they arrive", "io.jwt.decode_verify": "tokens are judged where they arrive", "io.jwt.encode_sign": "chance and secrets", "io.jwt.encode_sign_raw": "chance and secrets",
		"io.jwt.verify_eddsa": "tokens are judged where they arrive", "io.jwt.verify_es256": "tokens are judged where they arrive", "io.jwt.verify_es384": "tokens are judged where they arrive", "io.jwt.verify_es512": "tokens are judged where they arrive",
		"io.jwt.verify_hs256": "secrets", "io.jwt.verify_hs384": "secrets", "io.jwt.verify_hs512": "secrets",
		"io.jwt.verify_ps256": "tokens are judged where they arrive", "io.jwt.verify_ps384": "tokens are judged where they arrive", "io.jwt.verify_ps512": "tokens are judged where they arrive",
		"io.jwt.verify_rs256": "tokens are judged where they arrive", "io.jwt.verify_rs384": "tokens are judged where they arrive", "io.jwt.verify_rs512": "tokens are judged where they arrive",
	}
	pure := pureBuiltins()
	var all []string
	for _, b := range ast.CapabilitiesForThisVersion().Builtins {
		all = append(all, b.Name)
		in, isOut := slices.Contains(pure, b.Name), out[b.Name] != ""
		if in == isOut {
			t.Errorf("%s: in the list %t, out with a reason %t; it must be one of them", b.Name, in, isOut)
		}
		if in && b.Nondeterministic {
			t.Errorf("%s is not deterministic", b.Name)
		}
	}
	for _, name := range slices.Concat(pure, slices.Collect(maps.Keys(out))) {
		if !slices.Contains(all, name) {
			t.Errorf("the engine has no %s: take it out of the list", name)
		}
	}
	if !strings.HasPrefix(EngineVersion(), "OPA 1.") {
		t.Errorf("engine version = %s", EngineVersion())
	}
	if fmt.Sprint(capabilities(false).AllowNet) != "[]" {
		t.Error("hosts are allowed")
	}
}
