package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing/fstest"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

// mixedPushes is the author of policies of TestSoak_Mixed: it pushes one set after the
// other and activates it. All order the same.
type mixedPushes struct {
	m      *mixed
	team   *smPolicies
	policy string            // path of the policy of SOL 012
	files  map[string]string // of the first set
	sets   []*mixedSet
}

// mixedSet is a set of policies.
type mixedSet struct {
	revision          string
	signed            []byte
	pushed, activated bool // acknowledged
	pushes, tries     int  // how often it was asked for
}

func newMixedPushes(m *mixed, team *smPolicies) *mixedPushes {
	m.t.Helper()
	p := &mixedPushes{m: m, team: team, files: map[string]string{}}
	dir := smActingPolicies(m.t)
	names, err := os.ReadDir(dir)
	if err != nil {
		m.t.Fatal(err)
	}
	for _, n := range names {
		raw, err := os.ReadFile(filepath.Join(dir, n.Name()))
		if err != nil {
			m.t.Fatal(err)
		}
		p.files[n.Name()] = string(raw)
	}
	var made struct{ ID string }
	in := map[string]string{"designer": "team", "name": "acting", "pfId": "north/alpha"}
	if _, err := p.sol012(m.operator()).Do(m.t.Context(), http.MethodPost, "/policies", in, &made); err != nil {
		m.t.Fatal(err)
	}
	p.policy = "/policies/" + made.ID
	return p
}

// sol012 is a client of the Policy Management interface beside that of operators.
func (p *mixedPushes) sol012(operator *httpapi.Client) *httpapi.Client {
	c := *operator
	c.Base = strings.Replace(c.Base, "/manoward/v1", "/nfvpolicy/v1", 1)
	return &c
}

// work pushes and activates one set after the other, at first the one that was not acknowledged
// before.
func (p *mixedPushes) work(ctx context.Context, operator *httpapi.Client) {
	for waitFor(ctx, p.m.size.push) == nil {
		if n := len(p.sets); n == 0 || p.sets[n-1].activated {
			p.sets = append(p.sets, p.another(n))
		}
		set := p.sets[len(p.sets)-1]
		if !set.pushed && !p.push(ctx, operator, set) {
			continue
		}
		set.tries++
		path := "/security_managers/alpha/revisions/" + set.revision + "/activate"
		_, err := operator.Do(ctx, http.MethodPost, path, map[string]string{"reason": "of a test"}, nil)
		set.activated = p.done("activate policies", err)
	}
}

// push transfers a set. One that is there already is one whose answer was lost.
func (p *mixedPushes) push(ctx context.Context, operator *httpapi.Client, set *mixedSet) bool {
	set.pushes++
	_, err := p.sol012(operator).Upload(ctx, p.policy+"/versions/"+set.revision, "application/gzip", bytes.NewReader(set.signed), int64(len(set.signed)))
	set.pushed = set.pushes > 1 && hub.CodeOf(err) == hub.Conflict || p.done("push policies", err)
	return set.pushed
}

func (p *mixedPushes) done(what string, err error) bool {
	if err != nil {
		killed(p.m.t, what, err)
	}
	return err == nil
}

// another makes a set that says the same in other words.
func (p *mixedPushes) another(n int) *mixedSet {
	files := fstest.MapFS{}
	for name, text := range p.files {
		files[name] = &fstest.MapFile{Data: []byte(strings.Replace(text, "Orders something", fmt.Sprintf("%d: orders something", n), 1))}
	}
	set := &mixedSet{}
	set.revision, set.signed = p.team.sign(files)
	return set
}

// mixedTimes counts requests that change something, and how long those took that
// were acknowledged.
type mixedTimes struct {
	mu      sync.Mutex
	took    map[string][]time.Duration // by what was asked
	refused int                        // with a status, or because nobody answered
}

// mixedCount is how many requests were acknowledged, and how many were not.
type mixedCount struct{ done, refused int }

func (m *mixedTimes) count() (c mixedCount) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, list := range m.took {
		c.done += len(list)
	}
	c.refused = m.refused
	return c
}

// of is a client whose requests are counted.
func (m *mixedTimes) of(c *httpapi.Client) *httpapi.Client {
	counted, inner := *c, *c.HTTP
	inner.Transport = mixedTransport{m, c.HTTP.Transport}
	counted.HTTP = &inner
	return &counted
}

type mixedTransport struct {
	times *mixedTimes
	inner http.RoundTripper
}

// RoundTrip implements [http.RoundTripper].
func (t mixedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	began := time.Now()
	resp, err := t.inner.RoundTrip(r)
	if r.Method != http.MethodGet {
		t.times.add(mixedKind(r), time.Since(began), err == nil && resp.StatusCode < 400)
	}
	return resp, err
}

func (m *mixedTimes) add(kind string, took time.Duration, done bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !done {
		m.refused++
		return
	}
	if m.took == nil {
		m.took = map[string][]time.Duration{}
	}
	m.took[kind] = append(m.took[kind], took)
}

// mixedKind says what a request asks for.
func mixedKind(r *http.Request) string {
	for _, k := range [][2]string{
		{"/vim/v1/events", "host event taken"},
		{"/certificate_signing_requests", "certificate issued"},
		{"/certmgmt/", "registration, challenge, revocation"},
		{"/versions/", "set of policies pushed"},
		{"/activate", "set of policies activated"},
		{"/ns_lcm_op_occs/", "operation steered"},
		{"/hosts/", "order about a host"},
	} {
		if strings.Contains(r.URL.Path, k[0]) {
			return k[1]
		}
	}
	return "order about an NS"
}
