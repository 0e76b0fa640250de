package trust

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

func TestCreateDomain_Refusals(t *testing.T) {
	h := newTestHub(t)
	if _, err := h.CreateDomain(t.Context(), operator, "north"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]hub.Code{
		"north": hub.Conflict, "hub": hub.Invalid, "": hub.Invalid, "North": hub.Invalid,
		"a.b": hub.Invalid, "-a": hub.Invalid, "a-": hub.Invalid, "ü": hub.Invalid,
		strings.Repeat("a", 64): hub.Invalid, "../etc": hub.Invalid,
	} {
		_, err := h.CreateDomain(t.Context(), operator, name)
		if hub.CodeOf(err) != want {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestRegister_Repeated(t *testing.T) {
	h := newTestHub(t)
	sm, keys := h.register(t, "north", "alpha", hub.SemiActive)
	again, err := h.Register(t.Context(), operator, "north", hub.Registration{Name: "alpha", Mode: hub.SemiActive, Requests: keys.requests(t)})
	if err != nil || toJSON(t, again) != toJSON(t, sm) {
		t.Errorf("the same registration again: %v", err)
	}
	_, err = h.Register(t.Context(), operator, "north", hub.Registration{Name: "alpha", Mode: hub.FullyActive, Requests: keys.requests(t)})
	wantCode(t, err, hub.Conflict)
	_, err = h.Register(t.Context(), operator, "north", hub.Registration{Name: "alpha", Mode: hub.SemiActive, Requests: newSMKeys(t).requests(t)})
	wantCode(t, err, hub.Conflict)
	if got := len(h.records(t, "north").kinds()); got != 2 {
		t.Errorf("%d records, want the domain's and one registration", got)
	}
}

func TestRegister_NoSharedKeys(t *testing.T) {
	h := newTestHub(t)
	_, taken := h.register(t, "north", "alpha", hub.Passive)
	h.register(t, "south", "gamma", hub.Passive)

	within := newSMKeys(t)
	within[hub.ScViTelem] = within[hub.ScOrNsLcm]
	fromOther := newSMKeys(t)
	fromOther[hub.ScViTelem] = taken[hub.ScOrNsLcm]
	for what, keys := range map[string]smKeys{"two interfaces": within, "an SM of another domain": fromOther} {
		_, err := h.Register(t.Context(), operator, "south", hub.Registration{Name: "delta", Mode: hub.Passive, Requests: keys.requests(t)})
		if hub.CodeOf(err) != hub.Conflict {
			t.Errorf("a key shared by %s: %v", what, err)
		}
	}
	_, err := h.Rotate(t.Context(), operator, "north", "alpha", hub.Rotation{Requests: map[hub.Interface]string{hub.ScViTelem: makeCSR(t, taken[hub.ScOrNsLcm])}})
	wantCode(t, err, hub.Conflict)
}

func TestRegister_BadInput(t *testing.T) {
	h := newTestHub(t)
	h.register(t, "north", "alpha", hub.Passive)
	weakRSA, _ := rsa.GenerateKey(rand.Reader, 2048)
	p224, _ := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	good := newSMKeys(t).requests(t)
	with := func(i hub.Interface, csr string) map[hub.Interface]string {
		m := maps.Clone(good)
		m[i] = csr
		return m
	}
	missing := maps.Clone(good)
	delete(missing, hub.ScViTelem)
	for what, c := range map[string]struct {
		domain string
		reg    hub.Registration
		want   hub.Code
		says   string
	}{
		"no such domain":    {"nowhere", hub.Registration{Name: "b", Mode: hub.Passive, Requests: good}, hub.NotFound, "nowhere"},
		"bad name":          {"north", hub.Registration{Name: "B_", Mode: hub.Passive, Requests: good}, hub.Invalid, "lower-case"},
		"unknown mode":      {"north", hub.Registration{Name: "b", Mode: "AGGRESSIVE", Requests: good}, hub.Invalid, "semi-active"},
		"missing interface": {"north", hub.Registration{Name: "b", Mode: hub.Passive, Requests: missing}, hub.Invalid, "five"},
		"unknown interface": {"north", hub.Registration{Name: "b", Mode: hub.Passive, Requests: with("sc-or.other", good[hub.ScViTelem])}, hub.Invalid, "sc-or.other"},
		"no PEM":            {"north", hub.Registration{Name: "b", Mode: hub.Passive, Requests: with(hub.ScViTelem, "hello")}, hub.Invalid, "PEM"},
		"huge":              {"north", hub.Registration{Name: "b", Mode: hub.Passive, Requests: with(hub.ScViTelem, strings.Repeat("x", maxCSR+1))}, hub.Invalid, "longer"},
		"not PKCS#10":       {"north", hub.Registration{Name: "b", Mode: hub.Passive, Requests: with(hub.ScViTelem, "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n")}, hub.Invalid, "PKCS#10"},
		"weak RSA":          {"north", hub.Registration{Name: "b", Mode: hub.Passive, Requests: with(hub.ScViTelem, makeCSR(t, weakRSA))}, hub.Invalid, "3072"},
		"weak curve":        {"north", hub.Registration{Name: "b", Mode: hub.Passive, Requests: with(hub.ScViTelem, makeCSR(t, p224))}, hub.Invalid, "P-224"},
		"foreign identity":  {"north", hub.Registration{Name: "b", Mode: hub.Passive, Requests: with(hub.ScViTelem, makeCSR(t, newKey(t), "spiffe://north/sm/alpha/sc-vi.telem"))}, hub.Invalid, "another identity"},
		"broken signature":  {"north", hub.Registration{Name: "b", Mode: hub.Passive, Requests: with(hub.ScViTelem, breakSignature(t, good[hub.ScViTelem]))}, hub.Invalid, "signature"},
	} {
		t.Run(what, func(t *testing.T) {
			_, err := h.Register(t.Context(), operator, c.domain, c.reg)
			wantCode(t, err, c.want)
			if !strings.Contains(hub.SafeText(err), c.says) {
				t.Errorf("the message does not say %q: %s", c.says, hub.SafeText(err))
			}
		})
	}
	if got := len(h.Directory.SecurityManagers("north")); got != 1 {
		t.Errorf("bad input changed something: %d SMs", got)
	}
}

func breakSignature(t *testing.T, csr string) string {
	t.Helper()
	block := decodePEM(t, csr)
	block[len(block)-1] ^= 1
	return encodePEM("CERTIFICATE REQUEST", block)
}

func TestSetMode(t *testing.T) {
	h := newTestHub(t)
	h.register(t, "north", "alpha", hub.Passive)
	sm, err := h.SetMode(t.Context(), operator, "north", "alpha", hub.FullyActive, nil)
	if err != nil || sm.Mode != hub.FullyActive {
		t.Errorf("SetMode: %+v %v", sm, err)
	}
	_, err = h.SetMode(t.Context(), operator, "north", "alpha", "WILD", nil)
	wantCode(t, err, hub.Invalid)
	_, err = h.SetMode(t.Context(), operator, "north", "nobody", hub.Passive, nil)
	wantCode(t, err, hub.NotFound)
}

func TestRotate_Overlap(t *testing.T) {
	h := newTestHub(t)
	sm, _ := h.register(t, "north", "alpha", hub.Passive)
	old := sm.Endpoint(hub.ScViTelem).Credentials[0].Serial
	keys := newSMKeys(t)
	requests := map[hub.Interface]string{hub.ScViTelem: makeCSR(t, keys[hub.ScViTelem])}
	sm, err := h.Rotate(t.Context(), operator, "north", "alpha", hub.Rotation{Requests: requests, OverlapSeconds: 3600})
	if err != nil {
		t.Fatal(err)
	}
	usable := func() (serials []string) {
		sm, _ := h.Directory.SecurityManager("north", "alpha")
		for _, c := range sm.Endpoint(hub.ScViTelem).Credentials {
			if c.Usable(h.clock.Now()) == "" {
				serials = append(serials, c.Serial)
			}
		}
		return serials
	}
	if got := usable(); len(got) != 2 || got[0] != old {
		t.Errorf("during the overlap %v work, want the old and the new", got)
	}
	if got := len(sm.Endpoint(hub.ScOrNsLcm).Credentials); got != 1 {
		t.Errorf("another interface was rotated as well: %d credentials", got)
	}
	again, err := h.Rotate(t.Context(), operator, "north", "alpha", hub.Rotation{Requests: requests, OverlapSeconds: 3600})
	if err != nil || toJSON(t, again) != toJSON(t, sm) {
		t.Errorf("the same rotation again: %v", err)
	}
	h.clock.Advance(time.Hour)
	if got := usable(); len(got) != 1 || got[0] == old {
		t.Errorf("after the overlap %v work", got)
	}
	for _, overlap := range []int64{-1, int64(h.CredentialLifetime/time.Second) + 1} {
		_, err := h.Rotate(t.Context(), operator, "north", "alpha", hub.Rotation{Requests: newSMKeys(t).requests(t), OverlapSeconds: overlap})
		wantCode(t, err, hub.Invalid)
	}
	_, err = h.Rotate(t.Context(), operator, "north", "alpha", hub.Rotation{})
	wantCode(t, err, hub.Invalid)
}

func TestRenew(t *testing.T) {
	h := newTestHub(t)
	sm, _ := h.register(t, "north", "alpha", hub.Passive)
	caller := sm.Identity(hub.ScOrNsLcm)
	for n := range maxUsable - 1 {
		if _, err := h.Renew(t.Context(), caller, makeCSR(t, newKey(t))); err != nil {
			t.Fatalf("renewal %d: %v", n, err)
		}
	}
	_, err := h.Renew(t.Context(), caller, makeCSR(t, newKey(t)))
	wantCode(t, err, hub.RateLimited)
	h.clock.Advance(renewOverlap)
	if _, err := h.Renew(t.Context(), caller, makeCSR(t, newKey(t))); err != nil {
		t.Errorf("after the overlap: %v", err)
	}
	h.clock.Advance(3 * h.CredentialLifetime)
	request := makeCSR(t, newKey(t))
	cred, err := h.Renew(t.Context(), caller, request)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := h.Renew(t.Context(), caller, request); err != nil || again.Serial != cred.Serial {
		t.Errorf("the same renewal again: %v", err)
	}
	sm, _ = h.Directory.SecurityManager("north", "alpha")
	if got := len(sm.Endpoint(hub.ScOrNsLcm).Credentials); got != 1 {
		t.Errorf("%d credentials are kept, long ended ones included", got)
	}
}

func TestRevoke_AndReinstate(t *testing.T) {
	h := newTestHub(t)
	sm, _ := h.register(t, "north", "alpha", hub.Passive)
	serial := sm.Endpoint(hub.ScViTelem).Credentials[0].Serial
	_, err := h.Revoke(t.Context(), operator, "north", "alpha", hub.Revocation{Serial: "00"})
	wantCode(t, err, hub.NotFound)
	_, err = h.Revoke(t.Context(), operator, "north", "alpha", hub.Revocation{Interface: "sc-or.none"})
	wantCode(t, err, hub.Invalid)
	sm, err = h.Revoke(t.Context(), operator, "north", "alpha", hub.Revocation{Serial: serial, Reason: "lost"})
	if err != nil || sm.State != hub.StateActive || sm.Endpoint(hub.ScViTelem).Credentials[0].State != hub.StateRevoked || sm.Endpoint(hub.ScOrNsLcm).Credentials[0].State != hub.StateActive {
		t.Errorf("one serial: %v %s", err, toJSON(t, sm))
	}
	sm, err = h.Revoke(t.Context(), operator, "north", "alpha", hub.Revocation{Reason: "left"})
	if err != nil || sm.State != hub.StateRevoked {
		t.Errorf("the whole SM: %v", err)
	}
	_, err = h.Rotate(t.Context(), operator, "north", "alpha", hub.Rotation{Requests: map[hub.Interface]string{hub.ScViTelem: makeCSR(t, newKey(t))}})
	wantCode(t, err, hub.Conflict)
	sm, err = h.Rotate(t.Context(), operator, "north", "alpha", hub.Rotation{Requests: newSMKeys(t).requests(t)})
	if err != nil || sm.State != hub.StateActive {
		t.Errorf("reinstated: %v %s", err, sm.State)
	}
}

func TestDeleteDomain_HoldsResources(t *testing.T) {
	h := newTestHub(t)
	if _, err := h.CreateDomain(t.Context(), operator, "north"); err != nil {
		t.Fatal(err)
	}
	held, down := []string{"2 network services"}, error(nil)
	h.InUse = func(_ context.Context, domain string) ([]string, error) {
		if domain != "north" {
			t.Errorf("asked about %s", domain)
		}
		return held, down
	}
	err := h.DeleteDomain(t.Context(), operator, "north")
	wantCode(t, err, hub.Conflict)
	if !strings.Contains(hub.SafeText(err), "2 network services") {
		t.Errorf("the message does not say what is held: %v", err)
	}
	held, down = nil, hub.E(hub.Unavailable, "list", "the bus does not answer", nil)
	wantCode(t, h.DeleteDomain(t.Context(), operator, "north"), hub.Unavailable)
	if domain, _ := h.Directory.Domain("north"); domain.State != hub.StateActive {
		t.Errorf("after a refused deletion the domain is %s", domain.State)
	}
	down = nil
	if err := h.DeleteDomain(t.Context(), operator, "north"); err != nil {
		t.Fatal(err)
	}
}

func TestDeleteDomain(t *testing.T) {
	h := newTestHub(t)
	h.register(t, "north", "alpha", hub.Passive)
	err := h.DeleteDomain(t.Context(), operator, "north")
	wantCode(t, err, hub.Conflict)
	if !strings.Contains(hub.SafeText(err), "alpha") {
		t.Errorf("the message does not name who uses it: %v", err)
	}
	if _, err := h.SetMode(t.Context(), operator, "north", "alpha", hub.SemiActive, nil); err != nil {
		t.Errorf("the domain does not go on after a refused deletion: %v", err)
	}
	if _, err := h.Revoke(t.Context(), operator, "north", "alpha", hub.Revocation{Reason: "end"}); err != nil {
		t.Fatal(err)
	}
	if err := h.DeleteDomain(t.Context(), operator, "north"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.keys.open["north"].Signer(t.Context(), rootLabel); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("the root key is still there: %v", err)
	}
	if _, err := h.keys.open["north"].Signer(t.Context(), clientCALabel("alpha", hub.ScViTelem)); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("a client CA key is still there: %v", err)
	}
	_, err = h.CreateDomain(t.Context(), operator, "north")
	wantCode(t, err, hub.Conflict)
	wantCode(t, h.DeleteDomain(t.Context(), operator, "north"), hub.NotFound)
	n := 0
	if err := h.Records(t.Context(), "north", "", func(string, hub.Record) bool { n++; return true }); err != nil || n < 6 {
		t.Errorf("its records are gone: %d, %v", n, err)
	}
}

// Every write of every change fails once, before and after it took place; the
// hub is started again, and the change is made again as a client would. It must
// be there once, with one record.
func TestChanges_EveryWriteFails(t *testing.T) {
	broken := errors.New("disk gone")
	for _, persists := range []bool{false, true} {
		for at := 1; ; at++ {
			h := newTestHub(t)
			keys := newSMKeys(t)
			n, tripped := 0, false
			h.bus.fail = func(string) (before, after error) {
				if n++; n != at {
					return nil, nil
				}
				tripped = true
				if persists {
					return nil, broken
				}
				return broken, nil
			}
			scenario := func(h *testHub) error {
				if _, err := h.CreateDomain(t.Context(), operator, "north"); err != nil && hub.CodeOf(err) != hub.Conflict {
					return err
				}
				_, err := h.Register(t.Context(), operator, "north", hub.Registration{Name: "alpha", Mode: hub.SemiActive, Requests: keys.requests(t)})
				return err
			}
			err := scenario(h)
			if !tripped {
				if err != nil || at < 6 {
					t.Fatalf("only %d writes, %v", at-1, err)
				}
				break
			}
			if err == nil {
				t.Errorf("write %d failed (persists: %v) and the client was told that all is well", at, persists)
			}
			h.bus.fail = nil
			h = startTestHub(t, h.bus, h.keys, h.clock)
			if err := scenario(h); err != nil {
				t.Errorf("write %d (persists: %v), again after restart: %v", at, persists, err)
			}
			if got := strings.Join(h.records(t, "north").kinds(), " "); got != RecordDomainCreated+" "+RecordSMRegistered {
				t.Errorf("write %d (persists: %v): records are %s", at, persists, got)
			}
			if err := h.Check(t.Context(), "north"); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestTokenGone(t *testing.T) {
	h := newTestHub(t)
	h.register(t, "north", "alpha", hub.Passive)
	h.register(t, "south", "gamma", hub.Passive)
	h.keys.gone["north"] = true
	h = startTestHub(t, h.bus, h.keys, h.clock)
	wantCode(t, h.Check(t.Context(), "north"), hub.Unavailable)
	if err := h.Check(t.Context(), "south"); err != nil {
		t.Errorf("the other domain: %v", err)
	}
	_, err := h.Rotate(t.Context(), operator, "north", "alpha", hub.Rotation{Requests: newSMKeys(t).requests(t)})
	wantCode(t, err, hub.Unavailable)
	if _, err := h.SetMode(t.Context(), operator, "north", "alpha", hub.SemiActive, nil); err != nil {
		t.Errorf("a change that signs nothing: %v", err)
	}
	delete(h.keys.gone, "north")
	if err := h.Check(t.Context(), "north"); err != nil {
		t.Errorf("the token is back: %v", err)
	}
}

func TestOperator_NewCredentialEndsTheOld(t *testing.T) {
	h := newTestHub(t)
	issue := func() *x509.Certificate {
		cred, err := h.IssueOperator(t.Context(), "ada", makeCSR(t, newKey(t)))
		if err != nil {
			t.Fatal(err)
		}
		cert, err := decodeCert(cred.Certificate)
		if err != nil {
			t.Fatal(err)
		}
		return cert
	}
	first, second := issue(), issue()
	_, err := h.Operator(first)
	wantCode(t, err, hub.Unauthenticated)
	if id, err := h.Operator(second); err != nil || id.Name != "ada" {
		t.Errorf("the newest: %v %v", id, err)
	}
	h.clock.Advance(operatorLifetime)
	_, err = h.Operator(second)
	wantCode(t, err, hub.Unauthenticated)
}

func TestNote_Once(t *testing.T) {
	h := newTestHub(t)
	h.register(t, "north", "alpha", hub.Passive)
	for range 3 {
		h.clock.Advance(time.Second)
		if id, err := h.Note(t.Context(), operator, "north", "x1", "looked at it"); err != nil || !strings.HasPrefix(id, "note/x1/") {

			t.Fatalf("%q %v", id, err)
		}
	}
	if got := strings.Count(strings.Join(h.records(t, "north").kinds(), " "), RecordNote); got != 1 {
		t.Errorf("%d notes", got)
	}
	_, err := h.Note(t.Context(), operator, "north", "", "")
	wantCode(t, err, hub.Invalid)
	_, err = h.Note(t.Context(), operator, "nowhere", "", "text")
	wantCode(t, err, hub.NotFound)
}

func TestRegister_OperatorsKey(t *testing.T) {
	h := newTestHub(t)
	h.register(t, "north", "alpha", hub.Passive)
	keys := newSMKeys(t)
	if _, err := h.IssueOperator(t.Context(), "admin", makeCSR(t, keys[hub.ScOrNsLcm])); err != nil {
		t.Fatal(err)
	}
	_, err := h.Register(t.Context(), operator, "north", hub.Registration{Name: "beta", Mode: hub.Passive, Requests: keys.requests(t)})
	wantCode(t, err, hub.Conflict)
}

func TestEnsureHub_AnotherSuffix(t *testing.T) {
	h := newTestHub(t)
	c := h.Config
	c.ServerNameSuffix = "other.example"
	again, err := NewRegistry(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	err = again.EnsureHub(t.Context())
	wantCode(t, err, hub.Invalid)
	if text := hub.SafeText(err); !strings.Contains(text, `"manoward.internal"`) {
		t.Errorf("the answer does not say which suffix it was made with: %s", text)
	}
}
