package e2e_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/nskit"
	"github.com/manoward/manoward/policies"
	"github.com/manoward/manoward/smgr"
)

// hostileSet is a set of policies that must not be taken, and the words by which
// its author learns why.
type hostileSet struct {
	name   string
	bundle []byte
	says   []string
}

// hostileSource is a policy that is good but for what is added to its rules.
func hostileSource(more string) fstest.MapFS {
	p := actionOn("hostile", "INSTANTIATE", "-web", `[{"type": "alert"}]`)
	files := actionFiles(p)
	files["hostile.rego"].Data = append(files["hostile.rego"].Data, []byte("\n"+more+"\n")...)
	return files
}

// hostileEdit is a good policy in which one text is another.
func hostileEdit(file, old, with string) fstest.MapFS {
	files := hostileSource("")
	files[file].Data = []byte(strings.ReplaceAll(string(files[file].Data), old, with))
	return files
}

// hostileRaw packs files as a bundle without looking at them, as who has a key
// and no good will does. Its revision is the one that the content has.
func hostileRaw(t *testing.T, files fstest.MapFS) []byte {
	t.Helper()
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(h, "%d:%s%d:", len(name), name, len(files[name].Data))
		h.Write(files[name].Data)
	}
	manifest := jsonOf(t, map[string]any{"revision": hex.EncodeToString(h.Sum(nil)), "roots": []string{"manoward/lib", "manoward/policies"}, "rego_version": 1})
	all := maps.Clone(files)
	all[".manifest"] = &fstest.MapFile{Data: []byte(manifest)}
	return hostileTar(t, all)
}

func hostileTar(t *testing.T, files fstest.MapFS) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(files[name].Data)), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(files[name].Data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// hostileSets are those that are refused as a whole.
func hostileSets(t *testing.T, signer *actionSigner) []hostileSet {
	t.Helper()
	signed := func(files fstest.MapFS) []byte {
		b, err := policies.Sign(hostileRaw(t, files), signer.private)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	stranger := newActionSigner(t, "team") // another key of that name
	blowUp := `slow if count({x | x := numbers.range(1, 3000)[_]; y := numbers.range(1, 3000)[_]; z := numbers.range(1, 3000)[_]; x * y == z + 1}) == -1
findings contains {"code": "slow", "message": "m", "target": {"nsInstanceId": "n"}, "actions": []} if slow`
	return []hostileSet{
		{"a loop", signed(hostileSource("a if b\nb if a")), []string{"hostile.rego:", "recursive"}},
		{"the network", signed(hostileSource(`x if http.send({"url": "https://evil.example", "method": "GET"}).status_code == 200`)), []string{"http.send"}},
		{"a clock", signed(hostileSource(`x if time.now_ns() > 0`)), []string{"time.now_ns"}},
		{"chance", signed(hostileSource(`x if rand.intn("x", 2) == 1`)), []string{"rand.intn"}},
		{"an unknown action", signed(hostileEdit("hostile.rego", `"type": "alert"`, `"type": "format-disks"`)), []string{`unknown action "format-disks"`}},
		{"an unknown kind", signed(hostileEdit("hostile.rego", "events: [ns-operation]", "events: [ns-operations]")), []string{"ns-operations"}},
		{"a misspelt field", signed(hostileEdit("hostile.rego", "input.outcome", "input.outcoem")), []string{`no field "outcoem"`, `did you mean "outcome"?`}},
		{"a sample that fails", signed(hostileEdit("hostile.samples.yaml", "{code: asked}", "{code: other}")), []string{"hostile.samples.yaml"}},
		{"a sample that takes for ever", signed(hostileSource(blowUp)), []string{"not done after"}},
		{"another key", stranger.bundle(t, hostileSource("")), []string{"team"}},
		{"no signature", actionUnsigned(t, hostileSource("")), []string{"sign"}},
		{"a delta", hostileTar(t, fstest.MapFS{"patch.json": {Data: []byte(`{"data": []}`)}}), []string{"delta bundle"}},
	}
}

// Sets of policies that loop, reach out, are misspelt, fail their samples or are
// signed by nobody who may: by the configuration or over SOL 012 they are refused
// with the reason, nothing that is active changes, and it judges on.
func TestAction_HostileSets(t *testing.T) {
	t.Parallel()
	signer := newActionSigner(t, "team")
	good := actionOn("calm", "INSTANTIATE", "-web", `[{"type": "alert"}]`)
	sets := hostileSets(t, signer)
	byConfig := []hostileSet{sets[0], sets[1], sets[9], sets[10], sets[11]}
	h := newHostileHub(t, signer, good, byConfig)
	_, missing := h.readyz()
	for i, s := range byConfig {
		at := slices.IndexFunc(missing, func(m missingCheck) bool { return m.Name == fmt.Sprintf("security-manager/north/hostile-%d", i) })
		if at < 0 {
			t.Errorf("a Security Manager runs with %s", s.name)
			continue
		}
		for _, word := range s.says {
			if !strings.Contains(missing[at].Reason, word) {
				t.Errorf("%s: readiness says %q, want %q in it", s.name, missing[at].Reason, word)
			}
		}
	}
	before := h.active()
	for _, s := range sets {
		h.push(s)
	}
	if after := h.active(); after != before {
		t.Errorf("the active policies are %s, were %s", after, before)
	}
	ns := h.instantiate("north", "calm.after")
	if d := h.judged(ns); len(d.Findings) != 1 || d.Findings[0].Policy != "calm" || len(d.Undecided) != 0 || d.PolicyRevision != before {
		t.Errorf("the decision after all is %+v", d)
	}
}

// hostileHub is a hub with a Security Manager alpha, which has good policies, and
// one for each set that the configuration names.
type hostileHub struct {
	*nsHub
	api *httpapi.Client // of alpha, for operators
}

func newHostileHub(t *testing.T, signer *actionSigner, good actionPolicy, byConfig []hostileSet) *hostileHub {
	t.Helper()
	dir := t.TempDir()
	config := filepath.Join(dir, "manoward.yaml")
	started := newHub(t, "--config", config)
	var text strings.Builder
	text.WriteString("securityManagers:\n")
	names := []string{"alpha"}
	for i := range byConfig {
		names = append(names, fmt.Sprintf("hostile-%d", i))
	}
	for i, name := range names {
		bundle := signer.bundle(t, actionFiles(good))
		if i > 0 {
			bundle = byConfig[i-1].bundle
		}
		file := filepath.Join(dir, name+".tar.gz")
		writeFile(t, file, string(bundle), 0o600)
		fmt.Fprintf(&text, "  - {name: %s, trustDomain: north, credentials: %q, scOr: %q, scVi: %q, policies: %q, policyKey: %q, policyKeyId: team}\n",
			name, filepath.Join(started.home, "north-"+name), smPort(t), smPort(t), file, signer.public)
	}
	writeFile(t, config, text.String(), 0o600)
	h := &hostileHub{nsHub: &nsHub{hubProcess: started.start(), kits: map[string]*nskit.Kit{}}}
	stock := filepath.Join(h.home, "inventory.yaml")
	writeFile(t, stock, nskit.Inventory(1), 0o600)
	h.do("vim", "load", stock)
	h.do("trust-domain", "create", "north")
	h.onboard("north", nskit.New(t, "north"))
	for _, name := range names {
		h.scorSM("north", name, "fully-active")
	}
	c := h.operatorContext()
	h.api = &httpapi.Client{Base: c.Server + "/manoward/v1/security_managers/alpha", Version: "1.0.0", HTTP: httpClient(t, adminTLS(t, c, true), true)}
	eventually(t, "all Security Managers that can be run are run", patience, func() bool {
		_, missing := h.readyz()
		return len(missing) == len(byConfig) && !slices.ContainsFunc(missing, func(m missingCheck) bool {
			return strings.Contains(m.Reason, "not registered") || strings.Contains(m.Reason, "being started") || strings.Contains(m.Reason, "cannot be read")
		})
	})
	return h
}

// active is the revision that judges.
func (h *hostileHub) active() string {
	h.t.Helper()
	var status struct {
		Active struct{ PolicyRevision string }
	}
	if _, err := h.api.Do(h.t.Context(), http.MethodGet, "/status", nil, &status); err != nil {
		h.t.Fatal(err)
	}
	return status.Active.PolicyRevision
}

// push transfers a set over SOL 012, which must refuse it with the reason.
func (h *hostileHub) push(s hostileSet) {
	h.t.Helper()
	c := h.operatorContext()
	api := &httpapi.Client{Base: c.Server + "/nfvpolicy/v1", Version: "1.0.0", HTTP: h.api.HTTP}
	var made struct{ ID string }
	in := map[string]string{"designer": "team", "name": s.name, "pfId": "north/alpha"}
	if _, err := api.Do(h.t.Context(), http.MethodPost, "/policies", in, &made); err != nil {
		h.t.Fatal(err)
	}
	sum := sha256.Sum256(s.bundle)
	header := http.Header{"Version": {"1.0.0"}, "Content-Type": {"application/gzip"}}
	resp, body := call(h.t, h.api.HTTP, http.MethodPut, api.Base+"/policies/"+made.ID+"/versions/"+hex.EncodeToString(sum[:]), header, string(s.bundle))
	var p httpapi.ProblemDetails
	if err := json.Unmarshal([]byte(body), &p); err != nil || resp.StatusCode < 400 || resp.StatusCode >= 500 {
		h.t.Fatalf("%s is answered %s: %s", s.name, resp.Status, body)
	}
	for _, word := range s.says {
		if !strings.Contains(p.Detail, word) {
			h.t.Errorf("%s is refused with %q, want %q in it", s.name, p.Detail, word)
		}
	}
	helpful(h.t, s.name, []byte(body))
	if _, err := api.Do(h.t.Context(), http.MethodDelete, "/policies/"+made.ID, nil, nil); err != nil {
		h.t.Fatal(err)
	}
}

// judged waits for the decision on the instantiation of an NS.
func (h *hostileHub) judged(ns string) (found smgr.Decision) {
	h.t.Helper()
	eventually(h.t, "the instantiation is judged", patience, func() bool {
		var list []smgr.Decision
		if _, err := h.api.Do(h.t.Context(), http.MethodGet, "/decisions?key=ns/"+ns, nil, &list); err != nil {
			h.t.Fatal(err)
		}
		list = slices.DeleteFunc(list, func(d smgr.Decision) bool {
			return d.Kind != hub.EventNsOperation || len(d.Findings) == 0 && len(d.Undecided) == 0
		})
		if len(list) > 1 {
			h.t.Fatalf("there are the decisions %+v", list)
		}
		if len(list) == 1 {
			found = list[0]
		}
		return len(list) == 1
	})
	return found
}

// hostilePolicies are fine by their samples. In an NS whose name begins with
// "evil", each but the last three is undecided, for one of the reasons given; the
// last two contradict each other. In any other NS each is done at once, so that a
// slow machine leaves none undecided.
func hostilePolicies() (list []actionPolicy, undecided map[string][]string) {
	const evil = `startswith(input.ns.name, "evil")`
	add := func(id, actions string, change func(*actionPolicy)) {
		p := actionOn(id, "INSTANTIATE", "-web", "["+actions+"]")
		p.when = strings.Replace(p.when, fmt.Sprintf("startswith(input.ns.name, %q)", id+"."), fmt.Sprintf("regex.match(`^(evil|%s)[.]`, input.ns.name)", id), 1)
		change(&p)
		list = append(list, p)
	}
	const alert = `{"type": "alert"}`
	add("blow-up", alert, func(p *actionPolicy) {
		p.when += "\n\tcount({x | " + evil + "; some x in numbers.range(1, 3000); some y in numbers.range(1, 3000); some z in numbers.range(1, 3000); x * y == z + 1}) >= 0"
	})
	add("flood", alert, func(p *actionPolicy) {
		p.when += "\n\tsome n in numbers.range(1, many)"
		p.target = `{"nsInstanceId": input.ns.id, "vnfInstanceId": sprintf("%s-%d", [v.id, n])}`
		p.more = "many := 1 if not " + evil + "\n\nmany := 20000 if " + evil
	})
	add("loud", alert, func(p *actionPolicy) {
		p.message = `concat("", ["a" | some i in numbers.range(1, many)])`
		p.more = "many := 1 if not " + evil + "\n\nmany := 5000 if " + evil
	})
	add("strange", `{"type": word}`, func(p *actionPolicy) {
		p.more = "word := `alert` if not " + evil + "\n\nword := input.ns.name if " + evil
	})
	for id, actions := range map[string]string{
		"calm": alert, "yes": `{"type": "terminate-vnf", "replace": true, "belowMinimum": true}`, "no": `{"type": "terminate-vnf", "replace": false, "belowMinimum": true}`,
	} {
		add(id, actions, func(*actionPolicy) {})
	}
	return list, map[string][]string{
		"blow-up": {"not done after"}, "flood": {"findings", "not done after"}, "loud": {"1,000 characters"}, "strange": {"unknown action"},
	}
}

// Policies that pass their samples and then blow up, say too much, ask for what
// does not exist or contradict each other: each is undecided with the reason, or
// waits for a person, and an alarm is recorded; the others judge on, and nothing
// is done.
func TestAction_HostilePolicies(t *testing.T) {
	t.Parallel()
	list, undecided := hostilePolicies()
	signer := newActionSigner(t, "team")
	h := newHostileHub(t, signer, actionOn("first", "INSTANTIATE", "-web", `[{"type": "alert"}]`), nil)
	h.activate(signer, list)
	if _, err := h.api.Do(t.Context(), http.MethodPut, "/levels/*/*", map[string]any{"level": smgr.LevelEnforce, "reason": "of a test"}, nil); err != nil {
		t.Fatal(err)
	}
	ns := h.instantiate("north", "evil.one")
	d := h.judged(ns)
	if len(d.Undecided) != len(undecided) {
		t.Errorf("undecided are %+v", d.Undecided)
	}
	for _, u := range d.Undecided {
		says := func(word string) bool { return strings.Contains(u.Reason, word) }
		if !slices.ContainsFunc(undecided[u.Policy], says) || len(u.Reason) > 1000 {
			t.Errorf("policy %s is undecided: %q, want one of %q", u.Policy, u.Reason, undecided[u.Policy])
		}
	}
	found := map[string]int{}
	for _, f := range d.Findings {
		found[f.Policy]++
	}
	if !maps.Equal(found, map[string]int{"calm": 1, "yes": 1, "no": 1}) || len(d.Conflicts) != 1 || len(d.Orders) != 2 {
		t.Errorf("found %v, conflicts %+v, orders %v", found, d.Conflicts, d.Orders)
	}
	told := map[string]bool{}
	for _, r := range h.records("north") {
		if r.Subject == "decision/"+d.ID {
			told[r.Kind] = true
		}
	}
	for _, kind := range []string{"sm.decision", "sm.alert", "sm.undecided", "sm.conflict"} {
		if !told[kind] {
			t.Errorf("there is no record %s: %v", kind, told)
		}
	}
	for _, id := range d.Orders {
		var o smgr.Order
		if _, err := h.api.Do(t.Context(), http.MethodGet, "/orders/"+id, nil, &o); err != nil {
			t.Fatal(err)
		}
		if o.State != smgr.OrderWaiting || !strings.Contains(o.Reason, "contradicts") {
			t.Errorf("the order of %s is %s (%s)", o.Policy, o.State, o.Reason)
		}
	}
	if vnfs := h.vnfsOf(ns, h.kits["north"].WebVNFD()); len(vnfs) != 1 {
		t.Errorf("the NS has %v", vnfs)
	}
	// Where they behave, all of them judge.
	if d := h.judged(h.instantiate("north", "calm.two")); len(d.Undecided) != 0 || len(d.Findings) != 1 {
		t.Errorf("the decision on another NS is %+v", d)
	}
	if _, missing := h.readyz(); len(missing) != 0 {
		t.Errorf("the hub is not well: %+v", missing)
	}
}

// activate pushes a set over SOL 012 and makes it the one that judges.
func (h *hostileHub) activate(signer *actionSigner, list []actionPolicy) {
	h.t.Helper()
	set, problems := policies.Load(h.t.Context(), actionFiles(list...), policies.Options{})
	if set == nil {
		h.t.Fatalf("the policies of the test: %+v", problems)
	}
	c := h.operatorContext()
	api := &httpapi.Client{Base: c.Server + "/nfvpolicy/v1", Version: "1.0.0", HTTP: h.api.HTTP}
	var made struct{ ID string }
	if _, err := api.Do(h.t.Context(), http.MethodPost, "/policies", map[string]string{"designer": "team", "name": "hostile", "pfId": "north/alpha"}, &made); err != nil {
		h.t.Fatal(err)
	}
	header := http.Header{"Version": {"1.0.0"}, "Content-Type": {"application/gzip"}}
	resp, body := call(h.t, h.api.HTTP, http.MethodPut, api.Base+"/policies/"+made.ID+"/versions/"+set.Revision(), header, string(signer.bundle(h.t, actionFiles(list...))))
	if resp.StatusCode != http.StatusCreated {
		h.t.Fatalf("the transfer is answered %s: %s", resp.Status, body)
	}
	if _, err := api.Do(h.t.Context(), http.MethodPatch, "/policies/"+made.ID, map[string]string{"activationStatus": "ACTIVATED"}, nil); err != nil {
		h.t.Fatal(err)
	}
	if h.active() != set.Revision() {
		h.t.Fatal("the set that was activated does not judge")
	}
}
