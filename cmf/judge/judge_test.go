package judge_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/cmf/judge"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/policies"
)

// A trust domain that nobody has set anything for: what is attested is issued, and
// nothing else is.
func TestJudge_Defaults(t *testing.T) {
	w := newWorld(t, 0)
	j := w.want(t, "attested", w.question(), "issued")
	if len(j.Findings) > 0 || j.Revision != w.Revision("north") || len(strings.Split(j.Revision, "/")) != 2 {
		t.Errorf("%+v", j)
	}
	const refused = "refused unattested-certificate/unattested-refused"
	j = w.want(t, "no attestation", w.bare(), refused)
	if len(j.Findings) != 1 || !has(j.Reasons[0].Mend, "security@example.net") || j.Reasons[0].Detail == "" {
		t.Errorf("%+v", j)
	}
	w.want(t, "failed attestation", w.failed(), refused)

	withdrawn := w.question()
	withdrawn.Attester.Withdrawn = &at
	w.want(t, "withdrawn attester", withdrawn, refused)
	none := w.question()
	none.Request.Verdict.Assurance = attestation.None
	w.want(t, "nothing is proven", none, refused)
	nobody := w.question()
	nobody.Attester = nil
	w.want(t, "no attester", nobody, refused)
}

// What parameters of the built-in policies let pass, and what they do not.
func TestJudge_Parameters(t *testing.T) {
	w := newWorld(t, 0)
	for name, tt := range map[string]struct {
		policy, values string
		ask            func(*world) cmf.Question
		want           string
	}{
		"allowed VNFD":        {judge.Permit, `{"allowed": {"VNFCI_CERT": ["d-amf"]}}`, (*world).bare, "unattested unattested-certificate/unattested-allowed"},
		"allowed entity":      {judge.Permit, `{"allowed": {"VNFCI_CERT": ["c1"]}}`, (*world).bare, "unattested unattested-certificate/unattested-allowed"},
		"another type":        {judge.Permit, `{"allowed": {"VNFOAM_CERT": ["*"]}}`, (*world).bare, "refused unattested-certificate/unattested-refused"},
		"allowed, and failed": {judge.Permit, `{"allowed": {"VNFCI_CERT": ["*"]}}`, (*world).failed, "refused unattested-certificate/unattested-refused"},
		"failed too":          {judge.Permit, `{"allowed": {"VNFCI_CERT": ["*"]}, "failedToo": true}`, (*world).failed, "unattested unattested-certificate/unattested-allowed"},
		"attested anyway":     {judge.Permit, `{"allowed": {"VNFCI_CERT": ["*"]}}`, (*world).question, "issued"},
		"too little proven": {"certificate-assurance", `{"classes": {"d-amf": "secret"}, "minimum": {"secret": "genuine"}}`, (*world).question,
			"refused certificate-assurance/assurance-low"},
		"too little proven, counts as unattested": {"certificate-assurance", `{"classes": {"d-amf": "secret"}, "minimum": {"secret": "genuine"}, "downgrade": true}`, (*world).question,
			"refused certificate-assurance/assurance-low unattested-certificate/unattested-refused"},
		"enough proven": {"certificate-assurance", `{"classes": {"*": "secret"}, "minimum": {"secret": "protected"}}`, (*world).question, "issued"},
	} {
		t.Run(name, func(t *testing.T) {
			before := w.Revision("north")
			w.use(t, judge.Source{Parameters: parameters(tt.policy, tt.values)})
			if j := w.want(t, name, tt.ask(w), tt.want); j.Revision == before {
				t.Error("other parameters have the same revision")
			}
			south := tt.ask(w)
			south.Request.TrustDomain = "south"
			if j := w.judge(t, south); j.Revision != before {
				t.Error("the parameters of a trust domain are those of another")
			}
			w.Forget("north")
			if w.Revision("north") != before {
				t.Error("the parameters of a trust domain that is gone are still there")
			}
		})
	}
}

// A trust domain's own policies, with and without the built-in ones beside them.
func TestJudge_OwnPolicies(t *testing.T) {
	const deny, downgrade = `[{"type": "deny-certificate"}]`, `[{"type": "alert"}, {"type": "downgrade-attestation"}]`
	w := newWorld(t, 0)
	// The samples are of the request "sample", and have to be good.
	const (
		open   = `{"allowed": {"VNFCI_CERT": ["*"]}}`
		fails  = `failed := [1 | input.event.id == "q1"; to_number(input.event.manager) > 0]; count(failed) == 0`
		vnf    = `object.union(input.subject, {"vnfInstanceId": "v1"})`
		other  = `{"certificateRequestId": object.get({"q1": "q2"}, input.event.id, input.event.id)}`
		absurd = `[{"type": object.get({"q1": "explode"}, input.event.id, "alert")}]`
	)
	for name, tt := range map[string]struct {
		actions, target, also string
		builtIn               bool
		allowed               string
		bare                  bool
		want                  string
	}{
		"deny":                           {actions: deny, want: "refused house-rules/bad"},
		"alert":                          {actions: `[{"type": "alert"}]`, want: "issued"},
		"downgrade":                      {actions: downgrade, want: "refused house-rules/bad unattested"},
		"downgrade, built-in":            {actions: downgrade, builtIn: true, want: "refused house-rules/bad unattested-certificate/unattested-refused"},
		"downgrade, allowed":             {actions: downgrade, builtIn: true, allowed: open, want: "unattested house-rules/bad unattested-certificate/unattested-allowed"},
		"deny, allowed":                  {actions: deny, builtIn: true, allowed: open, bare: true, want: "refused house-rules/bad"},
		"downgrade is no permit":         {actions: downgrade, bare: true, want: "refused unattested"},
		"nobody speaks of unattested":    {actions: `[]`, bare: true, want: "refused unattested"},
		"action of a Security Manager":   {actions: `[{"type": "terminate-vnf"}]`, target: vnf, want: "refused undecided:house-rules"},
		"another request":                {actions: deny, target: other, want: "refused undecided:house-rules"},
		"downgrade of another request":   {actions: downgrade, target: other, bare: true, want: "refused undecided:house-rules"},
		"it fails":                       {actions: deny, also: fails, want: "refused undecided:house-rules"},
		"it fails, and others judge":     {actions: deny, also: fails, builtIn: true, want: "refused undecided:house-rules"},
		"it fails, unattested is fine":   {actions: deny, also: fails, builtIn: true, allowed: open, bare: true, want: "refused undecided:house-rules"},
		"it finds what is not a finding": {actions: absurd, want: "refused undecided:house-rules"},
	} {
		t.Run(name, func(t *testing.T) {
			s := judge.Source{Files: house(t, tt.actions, tt.target, tt.also, tt.builtIn)}
			if tt.allowed != "" {
				s.Parameters = parameters(judge.Permit, tt.allowed)
			}
			w.use(t, s)
			q := w.question()
			if tt.bare {
				q = w.bare()
			}
			j := w.want(t, name, bad(q), tt.want)
			said := map[string]bool{}
			for _, f := range j.Findings {
				if name := f.Policy + "/" + f.Code; said[name] {
					t.Errorf("%s is found twice: %+v", name, j.Findings)
				} else {
					said[name] = true
				}
			}
			if !tt.bare {
				w.want(t, "another VNFD", w.question(), "issued")
			}
		})
	}
}

// A policy that does not end in time is no reason to sign.
func TestJudge_Deadline(t *testing.T) {
	w := newWorld(t, 50*time.Millisecond)
	also := `x := [a | input.event.id == "q1"; some a in numbers.range(1, 100000); some b in numbers.range(1, 100000); a == b + 1000000]; count(x) == 0`
	w.use(t, judge.Source{Files: house(t, `[{"type": "alert"}]`, "", also, false)})
	j := w.want(t, "it loops", bad(w.question()), "refused undecided:house-rules")
	if len(j.Undecided) != 1 || !has(j.Undecided[0].Reason, "not done after") {
		t.Errorf("%+v", j.Undecided)
	}
}

// What was issued before is seen: of the subject, of the key, and of nobody else's
// trust domain.
func TestJudge_History(t *testing.T) {
	w := newWorld(t, 0)
	w.issue(t, "north", "k1", "c1", w.hash, time.Minute)
	w.issue(t, "south", "k2", "c9", w.hash, time.Minute)
	renewal := w.question()
	renewal.Request.Renews = "k1"
	w.want(t, "its own key again", renewal, "issued")
	lost := w.question()
	lost.Request.Renews = "k404"
	w.want(t, "renewal of what is gone", lost, "issued")

	for i := range 10 {
		w.issue(t, "north", fmt.Sprint("o", i), fmt.Sprint("c", 2+i), w.hash, 400*24*time.Hour)
	}
	j := w.want(t, "the key of others", w.question(), "refused certificate-key-reuse/key-of-another")
	if !has(j.Reasons[0].Detail, "others have or had 10: c2, c3, c4, c5, c6, c7, c8, c9") {
		t.Errorf("%+v", j.Reasons)
	}
	again := w.question()
	again.Request.ID, again.Request.SubjectID = "o0", "c2"
	w.use(t, judge.Source{Parameters: parameters("certificate-key-reuse", `{"sharing": ["c2"]}`)})
	w.want(t, "a key that may be shared", again, "issued")
}

func TestJudge_Rate(t *testing.T) {
	w := newWorld(t, 0)
	w.use(t, judge.Source{Parameters: parameters("certificate-rate", `{"hours": 2, "maxCertificates": 20}`)})
	for i := range 19 {
		w.issue(t, "north", fmt.Sprint("k", i), "c1", fmt.Sprint("h", i), time.Duration(i%2)*time.Hour)
	}
	w.issue(t, "north", "q1", "c1", "h", 0) // its own, of a judgement that was broken off
	w.issue(t, "north", "old", "c1", "h", 4*time.Hour)
	w.want(t, "nineteen", w.question(), "issued")
	w.issue(t, "north", "k19", "c1", "h19", time.Hour)
	j := w.want(t, "twenty", w.question(), "refused certificate-rate/many-certificates")
	if !has(j.Reasons[0].Detail, "VNFCI_CERT c1 had 20 certificates in 2 hours") {
		t.Errorf("%+v", j.Reasons)
	}
	other := w.question()
	other.Request.SubjectID = "c2"
	w.want(t, "another entity", other, "issued")
}

// The same question has the same judgement, and every shape of it is one that
// policies can judge.
func TestJudge_Pure(t *testing.T) {
	w := newWorld(t, 0)
	w.issue(t, "north", "k1", "c1", w.hash, time.Hour)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	edKey, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	full := w.question()
	full.Request.Renews, full.Registration.CertificateDescID = "k1", "cert-1"
	full.Attester.Activated, full.Attester.CertificateChain, full.Attester.Roots = &at, "pem", "pem"
	withRSA, withEd := w.question(), w.question()
	withRSA.Key, withEd.Key = rsaKey.Public(), edKey
	empty := w.bare()
	empty.Registration = &cmf.Registration{}
	empty.Profile = cmf.Demands{}
	for name, q := range map[string]cmf.Question{"full": full, "RSA": withRSA, "Ed25519": withEd, "failed": w.failed(), "empty": empty} {
		first, second := w.judge(t, q), w.judge(t, q)
		if !reflect.DeepEqual(first, second) {
			t.Errorf("%s: %+v, then %+v", name, first, second)
		}
		if len(first.Undecided) > 0 {
			t.Errorf("%s: %+v", name, first.Undecided)
		}
	}
	strange := w.question()
	strange.Key = "no key"
	if j := w.want(t, "a key of no type", strange, "refused undecided:*"); !has(j.Undecided[0].Reason, "key/algorithm") {
		t.Errorf("%+v", j.Undecided)
	}
}

func TestJudge_Broken(t *testing.T) {
	w := newWorld(t, 0)
	w.issue(t, "north", "k1", "c2", w.hash, time.Minute)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if j, err := w.Judge.Judge(gone, bad(w.bare())); hub.CodeOf(err) != hub.Unavailable || !j.Refused {
		t.Errorf("the caller is gone: %+v, %v", j, err)
	}
	w.bus.failing.Store(true)
	if j, err := w.Judge.Judge(t.Context(), w.question()); hub.CodeOf(err) != hub.Unavailable || !j.Refused || !has(hub.SafeText(err), "send the request again") {
		t.Errorf("the key's history cannot be read: %v", err)
	}
	renewal := w.question()
	renewal.Request.Renews = "k1"
	if _, err := w.Judge.Judge(t.Context(), renewal); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("the subject's history cannot be read: %v", err)
	}
}

// What is no set of policies for certificates is not taken, and what was there goes
// on.
func TestUse(t *testing.T) {
	w := newWorld(t, 0)
	keys := func(id string) (policies.SigningKey, string) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		private, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		public, err := x509.MarshalPKIXPublicKey(key.Public())
		if err != nil {
			t.Fatal(err)
		}
		return policies.SigningKey{ID: id, PEM: hub.Secret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))},
			string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))
	}
	private, public := keys("team")
	_, foreign := keys("team")
	bundle := signed(t, private)
	w.use(t, judge.Source{Bundle: bundle, Key: public, KeyID: "team", Parameters: parameters(judge.Permit, `{"allowed": {"VNFCI_CERT": ["*"]}}`)})
	there := w.Revision("north")
	const allowed = "unattested unattested-certificate/unattested-allowed"
	w.want(t, "the bundle's", w.bare(), allowed)

	review := strings.NewReplacer("certificate-request", "review", `input.event.vnfdId == "bad"`, `input.ns.name == "bad"`, "input.subject", `{"nsInstanceId": "n"}`)
	others := fstest.MapFS{
		"house_rules.rego":         {Data: []byte(review.Replace(fmt.Sprintf(houseRules, "review", `input.event.vnfdId == "bad"`, "input.subject", `[{"type": "alert"}]`)))},
		"house_rules.samples.yaml": {Data: []byte(`[{name: a, kind: review, findings: [], input: {event: {reason: periodic}}}, {name: b, kind: review, findings: [{code: bad}], input: {event: {reason: periodic}, ns: {id: n, name: bad}}}]`)},
	}
	for name, tt := range map[string]struct {
		source judge.Source
		code   hub.Code
		want   string
	}{
		"another key":      {judge.Source{Bundle: bundle, Key: foreign, KeyID: "team"}, hub.Denied, "sign"},
		"no bundle":        {judge.Source{Bundle: []byte("x"), Key: public, KeyID: "team"}, hub.Invalid, ""},
		"broken policy":    {judge.Source{Files: house(t, `[{"type": "deny-certificat"}]`, "", "", false)}, hub.Unprocessable, "deny-certificate"},
		"for other events": {judge.Source{Files: others}, hub.Invalid, "none of the policies of trust domain north is for certificate-request"},
		"parameters":       {judge.Source{Parameters: map[string]json.RawMessage{judge.Permit: json.RawMessage(`{"allow": {}}`)}}, hub.Invalid, `did you mean "allowed"`},
	} {
		err := w.Use(t.Context(), "north", tt.source)
		if hub.CodeOf(err) != tt.code || !has(hub.SafeText(err), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if w.Revision("north") != there {
		t.Error("a set that was refused is active")
	}
	w.want(t, "the bundle's, still", w.bare(), allowed)
}

// Policies change while requests are judged: each is judged by the old ones or by
// the new ones.
func TestUse_WhileJudging(t *testing.T) {
	w := newWorld(t, 10*time.Second)
	sources := []judge.Source{{}, {Parameters: parameters(judge.Permit, `{"allowed": {"VNFCI_CERT": ["*"]}}`)}}
	want := map[string]string{}
	for i, s := range sources {
		w.use(t, s)
		want[w.Revision("north")] = []string{"refused unattested-certificate/unattested-refused", "unattested unattested-certificate/unattested-allowed"}[i]
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 50 {
				j, err := w.Judge.Judge(t.Context(), w.bare())
				if err != nil || words(j) != want[j.Revision] {
					t.Errorf("%s by %s: %v", words(j), j.Revision, err)
				}
			}
		})
	}
	for i := range 50 {
		w.use(t, sources[i%2])
	}
	group.Wait()
}

// FuzzJudge holds that nothing that comes out of a statement or a registration makes
// a key count that is not attested, or ends the process.
func FuzzJudge(f *testing.F) {
	w := newWorld(f, 10*time.Second)
	f.Add("c1", "d-amf", "fixedTPM", "true", "none", false)
	f.Add("*", "\x00", "\"]}", "{\"accepted\": true}", "\xff", true)
	f.Fuzz(func(t *testing.T, subject, vnfd, name, value, detail string, failed bool) {
		q := w.bare()
		if failed {
			q = w.failed()
			q.Request.Verdict.Claims = []attestation.Claim{{Name: name, Value: value}}
			q.Request.Verdict.Reasons[0].Detail = detail
			q.Attester.Name = value
		}
		q.Request.SubjectID, q.Registration.VnfdID = subject, vnfd
		if j := w.judge(t, q); !j.Refused || j.Unattested {
			t.Errorf("%q %q: %+v", subject, vnfd, j)
		}
	})
}

func BenchmarkJudge(b *testing.B) {
	w := newWorld(b, 0)
	w.issue(b, "north", "k1", "c1", w.hash, time.Hour)
	for name, q := range map[string]cmf.Question{"attested": w.question(), "unattested": w.bare()} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := w.Judge.Judge(b.Context(), q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
