package hub

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestParseIdentity(t *testing.T) {
	for _, id := range []Identity{
		{TrustDomain: "north", Kind: KindSM, Name: "alpha", Interface: ScOrSecEnforce},
		{TrustDomain: "north", Kind: KindVNFM, Name: "vnfm-1"},
		{TrustDomain: "hub", Kind: KindOperator, Name: "admin"},
		OAuthClient{Name: "em-1", Party: KindEM, TrustDomain: "north"}.Identity(),
	} {
		got, err := ParseIdentity(id.String())
		if err != nil || got != id {
			t.Errorf("%s: %+v, %v", id, got, err)
		}
	}
	for _, bad := range []string{
		"", "north", "https://north/sm/alpha/sc-or.ns-lcm", "spiffe://north", "spiffe://north/sm", "spiffe://north/sm/alpha",
		"spiffe://north/sm/alpha/sc-or.other", "spiffe://north/sm/alpha/sc-or.ns-lcm/", "spiffe://north/sm/alpha/sc-or.ns-lcm/x",
		"spiffe://north/king/alpha", "spiffe://north/vnfm/a/b", "spiffe://North/vnfm/a", "spiffe://north:80/vnfm/a",
		"spiffe://u@north/vnfm/a", "spiffe://north/vnfm/a?x", "spiffe://north/vnfm/a#x", "spiffe://north/vnfm/%61",
		"spiffe://north//vnfm/a", "spiffe:///vnfm/a", "SPIFFE://north/vnfm/a", "spiffe://north/vnfm/" + strings.Repeat("a", 300),
	} {
		if id, err := ParseIdentity(bad); err == nil || CodeOf(err) != Invalid {
			t.Errorf("%q is read as %+v, %v", bad, id, err)
		}
	}
}

// FuzzParseIdentity holds that an identity has one spelling: what is read prints
// as it was written.
func FuzzParseIdentity(f *testing.F) {
	f.Add("spiffe://north/sm/alpha/sc-or.ns-lcm")
	f.Add("spiffe://hub/operator/admin")
	f.Add("spiffe://north/sm/alpha")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseIdentity(s)
		if err == nil && id.String() != s {
			t.Errorf("%q prints as %q", s, id)
		}
	})
}

func TestCheckName(t *testing.T) {
	for name, ok := range map[string]bool{
		"a": true, "0": true, "a-b": true, strings.Repeat("a", 63): true,
		"": false, "-a": false, "a-": false, "A": false, "a.b": false, "a_b": false, "a b": false, "ä": false,
		"a\x00": false, strings.Repeat("a", 64): false,
	} {
		if err := CheckName("trust domain", name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestParseMode(t *testing.T) {
	for _, m := range Modes() {
		for _, s := range []string{string(m), m.Flag()} {
			if got, err := ParseMode(s); err != nil || got != m {
				t.Errorf("%q: %v, %v", s, got, err)
			}
		}
	}
	for _, bad := range []string{"", "active", "Passive", "semi_active"} {
		if _, err := ParseMode(bad); CodeOf(err) != Invalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestInterfaces(t *testing.T) {
	for _, i := range Interfaces() {
		if got, err := ParseInterface(string(i)); err != nil || got != i {
			t.Errorf("%s: %v %v", i, got, err)
		}
		if want := ReferencePoint(strings.SplitN(string(i), ".", 2)[0]); i.ReferencePoint() != want {
			t.Errorf("%s is on %s", i, i.ReferencePoint())
		}
	}
	keys := map[string]bool{}
	for _, rp := range ReferencePoints() {
		keys[rp.Key()] = true
		if got := Interface(rp).ReferencePoint(); got != rp {
			t.Errorf("the interface of %s is on %s", rp, got)
		}
	}
	for _, want := range []string{"osMa", "orVnfm", "vnfm", "vim", "scOr", "scVi", "cmVnfm", "admin"} {
		if !keys[want] {
			t.Errorf("no reference point has the key %s: %v", want, keys)
		}
	}
	if _, err := ParseInterface("sc-or"); CodeOf(err) != Invalid {
		t.Errorf("sc-or: %v", err)
	}
}

func TestErrors(t *testing.T) {
	cause := errors.New("secret detail")
	err := fmt.Errorf("outer: %w", E(Conflict, "register", "the name is taken", cause))
	if CodeOf(err) != Conflict || SafeText(err) != "the name is taken" || !errors.Is(err, cause) {
		t.Errorf("%q %q", CodeOf(err), SafeText(err))
	}
	for _, hidden := range []error{cause, E(Internal, "op", "secret detail", nil)} {
		if CodeOf(hidden) != Internal || strings.Contains(SafeText(hidden), "secret") {
			t.Errorf("%v shows %q", hidden, SafeText(hidden))
		}
	}
	if CodeOf(nil) != "" {
		t.Error("nil has a code")
	}
}

func TestSecret(t *testing.T) {
	s := Secret("1234")
	raw, err := json.Marshal(struct{ PIN Secret }{s})
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %s", s, s, s, s), string(raw), s.LogValue().String()} {
		if strings.Contains(shown, "1234") {
			t.Errorf("the secret is shown: %s", shown)
		}
	}
	if s.Reveal() != "1234" || Secret("").String() != "" {
		t.Error("Reveal or the empty secret")
	}
}

func TestCredential_Usable(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	later, before := now.Add(time.Hour), now.Add(-time.Hour)
	good := Credential{NotBefore: before, NotAfter: later, State: StateActive}
	with := func(f func(*Credential)) Credential { c := good; f(&c); return c }
	for want, c := range map[string]Credential{
		"":            good,
		StateRevoked:  with(func(c *Credential) { c.State = StateRevoked }),
		StateExpired:  with(func(c *Credential) { c.NotAfter = now }),
		StateRetiring: with(func(c *Credential) { c.RetiresAt = &now }),
	} {
		if got := c.Usable(now); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if c := with(func(c *Credential) { c.NotBefore = later }); c.Usable(now) != StateExpired {
		t.Error("a credential of the future works")
	}
	if c := with(func(c *Credential) { c.State, c.RetiresAt = StateRetiring, &later }); c.Usable(now) != "" {
		t.Error("a credential does not work during its overlap")
	}
}

func TestNewID(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id := NewID()
		if len(id) != 36 || id[14] != '4' || seen[id] {
			t.Fatalf("%q", id)
		}
		seen[id] = true
	}
}

// TestDeriveID holds IDs that are stored: parts never get others.
func TestDeriveID(t *testing.T) {
	for want, parts := range map[string][]string{
		"e3b0c442-98fc-8c14-9afb-f4c8996fb924": nil,
		"3c9d5910-45bc-8876-b9d0-399bbfb05c6a": {"a", "b"},
		"5275cd81-a7ab-85c7-a19c-be049231f08a": {"ab", ""},
		"43f44aa4-0f35-8feb-a5bc-b363678f3b4a": {"sm-event", strings.Repeat("x", 300)},
	} {
		if got := DeriveID(parts...); got != want {
			t.Errorf("%.40q is %s, was %s", parts, got, want)
		}
	}
}
