package e2e_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

// killClient is an operator's tool that changes Security Managers of its own,
// one request after the other, and remembers what was acknowledged.
type killClient struct {
	name  string
	rnd   *rand.Rand
	made  int
	sms   []*killSM
	notes []killNote
}

// killSM is what is known of one Security Manager.
type killSM struct {
	name    string
	now     *hub.SecurityManager // as last acknowledged or verified; nil: not registered yet
	kinds   []string             // of its records
	pending *killChange
}

// killChange is a change whose answer has not come.
type killChange struct {
	kind    string
	applied func(before, now *hub.SecurityManager) bool
}

type killNote struct {
	id           string
	acknowledged bool
}

// work changes things until the hub is gone.
func (c *killClient) work(t *testing.T, api *httpapi.Client) (acknowledged int) {
	for {
		var err error
		switch n := c.rnd.IntN(10); {
		case len(c.sms) == 0 || n < 2:
			err = c.register(t, api)
		case n < 5:
			err = c.note(t, api)
		default:
			err = c.change(t, api, c.sms[c.rnd.IntN(len(c.sms))])
		}
		if err != nil {
			killed(t, c.name, err)
			return acknowledged
		}
		acknowledged++
	}
}

func (c *killClient) note(t *testing.T, api *httpapi.Client) error {
	c.made++
	c.notes = append(c.notes, killNote{id: fmt.Sprintf("%s-%d", c.name, c.made)})
	last := &c.notes[len(c.notes)-1]
	err := killPostNote(t, api, last.id)
	last.acknowledged = err == nil
	return err
}

func killPostNote(t *testing.T, api *httpapi.Client, id string) error {
	_, err := api.Do(t.Context(), "POST", "/trust_domains/"+killDomain+"/notes", map[string]string{"id": id, "text": "note " + id}, nil)
	return err
}

// ask sends a change and remembers what it makes of the SM.
func (m *killSM) ask(t *testing.T, api *httpapi.Client, change killChange, method, path string, in any) error {
	m.pending = &change
	var sm hub.SecurityManager
	if _, err := api.Do(t.Context(), method, "/trust_domains/"+killDomain+"/security_managers"+path, in, &sm); err != nil {
		return err
	}
	if !change.applied(m.now, &sm) {
		t.Errorf("%s of %s was acknowledged with %s", change.kind, m.name, killJSON(t, &sm))
	}
	m.now, m.kinds, m.pending = &sm, append(m.kinds, change.kind), nil
	return nil
}

func (c *killClient) register(t *testing.T, api *httpapi.Client) error {
	c.made++
	m := &killSM{name: fmt.Sprintf("%s-%d", c.name, c.made)}
	c.sms = append(c.sms, m)
	reg := hub.Registration{Name: m.name, Mode: hub.Passive, Requests: map[hub.Interface]string{}}
	hashes := map[hub.Interface]string{}
	for _, i := range hub.Interfaces() {
		reg.Requests[i], hashes[i] = killRequest(t, m.name, i)
	}
	return m.ask(t, api, killChange{"security-manager.registered", func(_, now *hub.SecurityManager) bool {
		for i, hash := range hashes {
			creds := now.Endpoint(i).Credentials
			if len(creds) != 1 || creds[0].KeyHash != hash || creds[0].State != hub.StateActive {
				return false
			}
		}
		return now.Mode == hub.Passive && now.State == hub.StateActive
	}}, "POST", "", reg)
}

// killRequest makes a signing request and returns it with its key's hash.
func killRequest(t *testing.T, sm string, i hub.Interface) (csr, hash string) {
	csr = signingRequest(t, hub.Identity{TrustDomain: killDomain, Kind: hub.KindSM, Name: sm, Interface: i})
	block, _ := pem.Decode([]byte(csr))
	parsed, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		t.Error(err)
		return "", ""
	}
	sum := sha256.Sum256(parsed.RawSubjectPublicKeyInfo)
	return csr, hex.EncodeToString(sum[:])
}

// change sets another mode, rotates or revokes.
func (c *killClient) change(t *testing.T, api *httpapi.Client, m *killSM) error {
	i := hub.Interfaces()[c.rnd.IntN(len(hub.Interfaces()))]
	creds := m.now.Endpoint(i).Credentials
	switch newest := creds[len(creds)-1]; {
	case c.rnd.IntN(3) == 0:
		modes := slices.DeleteFunc(hub.Modes(), func(mode hub.Mode) bool { return mode == m.now.Mode })
		return m.setMode(t, api, modes[c.rnd.IntN(len(modes))])
	case newest.State == hub.StateActive && c.rnd.IntN(2) == 0:
		return m.revoke(t, api, i, newest.Serial)
	}
	return m.rotate(t, api, i)
}

func (m *killSM) setMode(t *testing.T, api *httpapi.Client, mode hub.Mode) error {
	return m.ask(t, api, killChange{"security-manager.mode-set", func(before, now *hub.SecurityManager) bool {
		want := *before
		want.Mode = mode
		return bytes.Equal(killJSON(t, &want), killJSON(t, now))
	}}, "PATCH", "/"+m.name, map[string]hub.Mode{"mode": mode})
}

func (m *killSM) revoke(t *testing.T, api *httpapi.Client, i hub.Interface, serial string) error {
	return m.ask(t, api, killChange{"security-manager.revoked", func(before, now *hub.SecurityManager) bool {
		creds := now.Endpoint(i).Credentials
		last := creds[len(creds)-1]
		return last.Serial == serial && last.State == hub.StateRevoked && last.Reason == "test" && killOthersSame(t, before, now, i)
	}}, "POST", "/"+m.name+"/revoke", hub.Revocation{Interface: i, Serial: serial, Reason: "test"})
}

func (m *killSM) rotate(t *testing.T, api *httpapi.Client, i hub.Interface) error {
	csr, hash := killRequest(t, m.name, i)
	return m.ask(t, api, killChange{"security-manager.rotated", func(before, now *hub.SecurityManager) bool {
		creds := now.Endpoint(i).Credentials
		last := len(creds) - 1
		for _, old := range creds[:last] {
			if old.State != hub.StateRevoked {
				return false
			}
		}
		return last == len(before.Endpoint(i).Credentials) && creds[last].KeyHash == hash && creds[last].State == hub.StateActive && killOthersSame(t, before, now, i)
	}}, "POST", "/"+m.name+"/rotate", hub.Rotation{Requests: map[hub.Interface]string{i: csr}})
}

// killOthersSame reports whether nothing but the endpoint differs.
func killOthersSame(t *testing.T, before, now *hub.SecurityManager, but hub.Interface) bool {
	a, b := *before, *now
	strip := func(list []hub.Endpoint) []hub.Endpoint {
		return slices.DeleteFunc(slices.Clone(list), func(e hub.Endpoint) bool { return e.Interface == but })
	}
	a.Endpoints, b.Endpoints = strip(a.Endpoints), strip(b.Endpoints)
	return bytes.Equal(killJSON(t, &a), killJSON(t, &b))
}

func killJSON(t *testing.T, sm *hub.SecurityManager) []byte {
	raw, err := json.Marshal(sm)
	if err != nil {
		t.Error(err)
	}
	return raw
}

// verify compares an SM and its records with what was acknowledged. A change
// whose answer was lost is there wholly or not at all.
func (m *killSM) verify(t *testing.T, stored *hub.SecurityManager, records []hub.Record) {
	t.Helper()
	if p := m.pending; p != nil {
		if applied := stored != nil && (m.now == nil || !bytes.Equal(killJSON(t, m.now), killJSON(t, stored))); applied {
			if !p.applied(m.now, stored) {
				t.Errorf("%s of %s is there in part: %s", p.kind, m.name, killJSON(t, stored))
			}
			m.now, m.kinds = stored, append(m.kinds, p.kind)
		}
		m.pending = nil
	}
	if (m.now == nil) != (stored == nil) || m.now != nil && !bytes.Equal(killJSON(t, m.now), killJSON(t, stored)) {
		t.Errorf("%s was acknowledged as %s and is %s", m.name, killJSON(t, m.now), killJSON(t, stored))
	}
	var kinds []string
	for _, r := range records {
		kinds = append(kinds, r.Kind)
	}
	if !slices.Equal(kinds, m.kinds) {
		t.Errorf("the records of %s are %q; want %q", m.name, kinds, m.kinds)
	}
}

// forgetUnmade drops the SMs whose registration did not come to be.
func (c *killClient) forgetUnmade() {
	c.sms = slices.DeleteFunc(c.sms, func(m *killSM) bool { return m.now == nil })
}

// verifyNotes wants each acknowledged note once and the others at most once, and
// sends those again: then they are there once as well.
func (c *killClient) verifyNotes(t *testing.T, api *httpapi.Client, records []hub.Record) {
	t.Helper()
	times := map[string]int{}
	for _, r := range records {
		var note struct{ Text string }
		if r.Kind != "operator.note" {
			continue
		}
		if err := json.Unmarshal(r.Data, &note); err != nil {
			t.Fatal(err)
		}
		times[note.Text]++
	}
	for n := range c.notes {
		note := &c.notes[n]
		switch got := times["note "+note.id]; {
		case note.acknowledged && got != 1, got > 1:
			t.Errorf("note %s (acknowledged: %v) is there %d times", note.id, note.acknowledged, got)
		case !note.acknowledged:
			if err := killPostNote(t, api, note.id); err != nil {
				t.Errorf("note %s sent again: %v", note.id, err)
			}
			note.acknowledged = true
		}
	}
}
