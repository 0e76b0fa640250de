package library_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/policies"
	"github.com/manoward/manoward/policies/library"
)

// sample is one entry of a file of samples.
type sample struct {
	Name       string         `yaml:"name"`
	Kind       hub.EventKind  `yaml:"kind"`
	Input      map[string]any `yaml:"input"`
	Parameters map[string]any `yaml:"parameters"`
	Findings   []any          `yaml:"findings"`
}

func samplesOf(t testing.TB, p policies.Policy) []sample {
	t.Helper()
	raw, err := fs.ReadFile(library.FS(), p.SampleFile)
	if err != nil {
		t.Fatal(err)
	}
	var found []sample
	if err := yaml.Unmarshal(raw, &found); err != nil {
		t.Fatal(err)
	}
	return found
}

// snapshot gives policies their parameters, and the others their defaults.
func snapshot(t testing.TB, set *policies.Set, parameters map[string]map[string]any) *policies.Snapshot {
	t.Helper()
	given := map[string]json.RawMessage{}
	for policy, values := range parameters {
		if values == nil {
			continue
		}
		raw, err := json.Marshal(values)
		if err != nil {
			t.Fatal(err)
		}
		given[policy] = raw
	}
	s, err := set.Snapshot(given)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func parse(t testing.TB, schemas *policies.Schemas, document any) (*policies.Input, error) {
	t.Helper()
	raw, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	return schemas.ParseInput(raw)
}

// TestNothingIsFoundWhereAllIsWell holds the defaults of the whole library
// silent on a healthy NS: a policy that cries wolf is switched off.
func TestNothingIsFoundWhereAllIsWell(t *testing.T) {
	set := load(t)
	schemas, calm := schemasOf(t), snapshot(t, set, nil)
	tried := map[hub.EventKind]bool{}
	for _, p := range set.Policies() {
		for _, s := range samplesOf(t, p) {
			if len(s.Findings) > 0 || s.Parameters != nil {
				continue
			}
			tried[s.Kind] = true
			in, err := parse(t, schemas, s.Input)
			if err != nil {
				t.Fatalf("%s: %s: %v", p.ID, s.Name, err)
			}
			r, err := calm.Evaluate(t.Context(), in, policies.EvalOptions{Deadline: 10 * time.Second})
			if err != nil || len(r.Undecided) > 0 || len(r.Findings) > 0 {
				t.Errorf("%s: %s: %v %+v %+v", p.ID, s.Name, err, r.Undecided, r.Findings)
			}
		}
	}
	for _, kind := range hub.EventKinds() {
		if kind != hub.EventNsOperation && kind != hub.EventNsIdentifier && !tried[kind] {
			t.Errorf("no sample of kind %s in which all is well", kind)
		}
	}
}

// leaves calls do for each member of a document, with how to set it (nil takes
// it out) and what it is.
func leaves(v any, path string, do func(path string, value any, set func(any))) {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			was := v[name]
			do(path+"."+name, was, func(to any) {
				if v[name] = to; to == nil {
					delete(v, name)
				}
			})
			v[name] = was
			leaves(was, path+"."+name, do)
		}
	case []any:
		for i := range v {
			leaves(v[i], fmt.Sprintf("%s[%d]", path, i), do)
		}
	}
}

// TestSoakMissingAndLongMembers takes each member out of the inputs in which a
// policy finds something, and puts long and empty texts in: the policy still
// judges. Without MANOWARD_SOAK it tries one of twenty-five.
func TestSoakMissingAndLongMembers(t *testing.T) {
	set, schemas := load(t), schemasOf(t)
	each := 25
	if os.Getenv("MANOWARD_SOAK") != "" {
		each = 1
	}
	long, n, judged := strings.Repeat("long ", 1000), 0, 0
	for _, p := range set.Policies() {
		for _, s := range samplesOf(t, p) {
			if len(s.Findings) == 0 {
				continue
			}
			snap := snapshot(t, set, map[string]map[string]any{p.ID: s.Parameters})
			leaves(s.Input, "input", func(path string, value any, put func(any)) {
				others := []any{nil}
				if _, is := value.(string); is {
					others = append(others, long, "")
				}
				for _, other := range others {
					if n++; n%each != 0 {
						continue
					}
					put(other)
					in, err := parse(t, schemas, s.Input)
					if err != nil {
						continue // the schema refuses it before a policy sees it
					}
					judged++
					r, err := snap.Evaluate(t.Context(), in, policies.EvalOptions{Policy: p.ID, Deadline: 10 * time.Second})
					if err != nil || len(r.Undecided) > 0 {
						t.Errorf("%s: %s is %.20q: %v %+v", p.ID, path, fmt.Sprint(other), err, r)
					}
				}
			})
		}
	}
	if judged < 1000/each {
		t.Errorf("only %d inputs were judged", judged)
	}
}

// large makes a review of an NS with n VNFs, each on a host of its own, out of
// one in which all is well.
func large(t testing.TB, set *policies.Set, n int) map[string]any {
	t.Helper()
	p, ok := set.Policy("certificate-expiry")
	if !ok {
		t.Fatal("there is no policy certificate-expiry")
	}
	all := samplesOf(t, p)
	doc := all[len(all)-1].Input
	raw, err := json.Marshal(map[string]any{"vnfs": doc["vnfs"].(map[string]any)["v1"], "computes": doc["computes"].(map[string]any)["c1"], "hosts": doc["hosts"].(map[string]any)["h1"]})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		var one map[string]map[string]any
		text := strings.NewReplacer(`"v1"`, fmt.Sprintf(`"v%d"`, i+10), `"v1-c"`, fmt.Sprintf(`"v%d-c"`, i+10), `"c1"`, fmt.Sprintf(`"c%d"`, i+10), `"h1"`, fmt.Sprintf(`"h%d"`, i+10), `"f1"`, fmt.Sprintf(`"f%d"`, i+10)).Replace(string(raw))
		if err := json.Unmarshal([]byte(text), &one); err != nil {
			t.Fatal(err)
		}
		for part, entity := range one {
			doc[part].(map[string]any)[entity["id"].(string)] = entity
		}
	}
	return doc
}

// busy are parameters that leave no policy idle, and that a healthy NS meets.
func busy() map[string]map[string]any {
	all := func(values ...string) map[string]any { return map[string]any{"*": values} }
	return map[string]map[string]any{
		"package-signer":          {"allowedSigners": []string{"CN=Acme Release"}},
		"software-version":        {"allowed": map[string]any{"AMF": []string{"1.2.0"}}},
		"placement-zone":          {"allowedZones": all("z1")},
		"placement-geography":     {"allowedCountries": all("DE"), "allowedSites": all("Berlin")},
		"co-tenancy":              {"classes": map[string]string{"amf": "secret", "firewall": "public"}, "aloneProfiles": []string{"amf"}},
		"host-firmware":           {"known": []string{"2.4"}},
		"host-equipment":          {"needs": all("tpm")},
		"certificate-attested":    {"requiredProfiles": []string{"amf"}},
		"certificate-key":         {"pins": map[string]any{"v1-c": []string{"f1"}}},
		"connectivity-unexpected": {"allowedLinks": all("vl-mgmt")},
		"pnf-attachment":          {"allowedPnfs": all("router")},
	}
}

// TestCostGrowsWithTheNS holds the review of an NS linear in its VNFs, by what
// is allocated, which no other load on the machine changes.
func TestCostGrowsWithTheNS(t *testing.T) {
	set, schemas := load(t), schemasOf(t)
	snap := snapshot(t, set, busy())
	cost := func(n int) float64 {
		in, err := parse(t, schemas, large(t, set, n))
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r, err := snap.Evaluate(t.Context(), in, policies.EvalOptions{Deadline: time.Minute})
		runtime.ReadMemStats(&after)
		if err != nil || len(r.Undecided) > 0 || len(r.Findings) > 0 {
			t.Fatalf("%d VNFs: %v %+v", n, err, r)
		}
		return float64(after.Mallocs - before.Mallocs)
	}
	cost(10)
	if few, many := cost(50), cost(400); many > 10*few {
		t.Errorf("a review allocates %.0f times for 50 VNFs and %.0f times for 400", few, many)
	}
}

// BenchmarkReview measures the review of a whole NS by the whole library.
func BenchmarkReview(b *testing.B) {
	set, schemas := load(b), schemasOf(b)
	snap := snapshot(b, set, busy())
	for _, n := range []int{1, 10, 100, 1000} {
		in, err := parse(b, schemas, large(b, set, n))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("vnfs=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := snap.Evaluate(b.Context(), in, policies.EvalOptions{Deadline: time.Minute}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(n), "us/vnf")
		})
	}
}
