package policies

import (
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/version"
)

// EngineVersion returns the version of the engine that evaluates the policies.
// It belongs to each decision: another version may decide differently.
func EngineVersion() string { return "OPA " + version.Version }

// pureBuiltins are the functions that policies may call. Each gives the same
// result for the same arguments, today and in a replay next year, and needs
// nothing outside. What is not named here does not exist for policies, so a
// builtin that a later engine brings is out until somebody has judged it
// (TestBuiltins lists those that are out, with the reason).
func pureBuiltins() []string {
	return []string{
		// Comparison, assignment, arithmetic. bits.lsh is out: it makes numbers of any size at once.
		"assign", "eq", "equal", "neq", "gt", "gte", "lt", "lte",
		"plus", "minus", "mul", "div", "rem", "abs", "round", "ceil", "floor",
		"bits.and", "bits.negate", "bits.or", "bits.rsh", "bits.xor",
		"numbers.range", "numbers.range_step", "to_number", "format_int", "units.parse", "units.parse_bytes",
		// Collections.
		"count", "sum", "product", "max", "min", "sort",
		"array.concat", "array.flatten", "array.reverse", "array.slice",
		"and", "or", "set_diff", "intersection", "union",
		"object.filter", "object.get", "object.keys", "object.remove", "object.subset", "object.union", "object.union_n",
		"json.filter", "json.patch", "json.remove", "walk", "graph.reachable",
		// Types.
		"is_array", "is_boolean", "is_null", "is_number", "is_object", "is_set", "is_string", "type_name",
		// Text.
		"concat", "contains", "endswith", "startswith", "indexof", "indexof_n", "lower", "upper", "replace", "split",
		"sprintf", "substring", "trim", "trim_left", "trim_prefix", "trim_right", "trim_space", "trim_suffix",
		"strings.any_prefix_match", "strings.any_suffix_match", "strings.count", "strings.replace_n", "strings.reverse", "strings.split_n",
		"glob.match", "glob.quote_meta", "semver.compare", "semver.is_valid", "uri.is_valid", "uri.parse",
		"regex.find_all_string_submatch_n", "regex.find_n", "regex.is_valid", "regex.match",
		"regex.replace", "regex.split", "regex.template_match",
		// Encodings and digests.
		"base64.decode", "base64.encode", "base64.is_valid", "base64url.decode", "base64url.encode", "base64url.encode_no_pad",
		"hex.decode", "hex.encode", "json.is_valid", "json.marshal", "json.marshal_with_options", "json.unmarshal",
		"urlquery.decode", "urlquery.decode_object", "urlquery.encode", "urlquery.encode_object",
		"crypto.md5", "crypto.sha1", "crypto.sha256", "crypto.x509.parse_certificates",
		// Time, as arithmetic on times that the input holds. Zones are those of the hub's own tables.
		"time.add_date", "time.clock", "time.date", "time.diff", "time.format", "time.parse_duration_ns",
		"time.parse_ns", "time.parse_rfc3339_ns", "time.weekday",
		// Network addresses, as arithmetic. net.cidr_expand is out: it lists up to 2^128 addresses.
		"net.cidr_contains", "net.cidr_contains_matches", "net.cidr_intersects", "net.cidr_is_valid", "net.cidr_merge",
		// What the compiler itself puts in.
		"internal.member_2", "internal.member_3", "internal.print", "print",
	}
}

// capabilities returns the language that policies are written in. With tests,
// print shows its arguments and test cases have names. Template strings are out:
// the engine's parser takes time that doubles with each one inside another.
func capabilities(tests bool) *ast.Capabilities {
	pure := pureBuiltins()
	if tests {
		pure = append(pure, "internal.test_case")
	}
	engine := ast.CapabilitiesForThisVersion()
	caps := &ast.Capabilities{
		Features: []string{ast.FeatureRegoV1, ast.FeatureKeywordsInRefs},
		AllowNet: []string{},
	}
	for _, b := range engine.Builtins {
		if slices.Contains(pure, b.Name) {
			caps.Builtins = append(caps.Builtins, b)
		}
	}
	return caps
}
