package oauth

import (
	"context"
	"crypto/ecdsa"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

func TestVerifier_OverHTTP(t *testing.T) {
	s := newScene(t)
	plain, bound := s.token("", grant), s.token("north", grant)
	narrow := s.token("", grant+"&scope=vnfpkgm")
	for name, c := range map[string]struct {
		cert, authorization string
		status              int
		challenge           string
	}{
		"good":               {"", "Bearer " + plain, 200, ""},
		"scheme in any case": {"", "bearer " + plain, 200, ""},
		"bound, same cert":   {"north", "Bearer " + bound, 200, ""},
		"bound, no cert":     {"", "Bearer " + bound, 401, `Bearer error="invalid_token"`},
		"bound, other cert":  {"south", "Bearer " + bound, 401, `Bearer error="invalid_token"`},
		"bound, new cert":    {"north renewed", "Bearer " + bound, 401, `Bearer error="invalid_token"`},
		"nothing":            {"", "", 401, "Bearer"},
		"basic":              {"", "Basic eDp5", 400, `Bearer error="invalid_request"`},
		"empty":              {"", "Bearer ", 400, `Bearer error="invalid_request"`},
		"huge":               {"", "Bearer " + strings.Repeat("x", maxTokenLen+1), 400, `Bearer error="invalid_request"`},
		"garbage":            {"", "Bearer abc", 401, `Bearer error="invalid_token"`},
		"wrong scope":        {"", "Bearer " + narrow, 403, `Bearer error="insufficient_scope", scope="nslcm"`},
	} {
		status, challenge, body := s.me(s.client(c.cert), c.authorization)
		if status != c.status || challenge != c.challenge {
			t.Errorf("%s: %d %q, want %d %q", name, status, challenge, c.status, c.challenge)
		}
		if status == 200 && body != `"spiffe://td/vnfm/north"` {
			t.Errorf("%s: caller is %s", name, body)
		}
	}
	s.clock.advance(MaxLife - time.Second)
	if status, _, _ := s.me(s.client(""), "Bearer "+plain); status != 200 {
		t.Errorf("a second before its end: %d", status)
	}
	s.clock.advance(time.Second)
	if status, _, _ := s.me(s.client(""), "Bearer "+plain); status != 401 {
		t.Errorf("at its end: %d", status)
	}
}

func TestVerifier_FollowsRegister(t *testing.T) {
	s := newScene(t)
	token := "Bearer " + s.token("", grant)
	client := s.client("")
	s.register.set("north id", Client{ID: "north id", Scopes: []string{"vnfpkgm"}, Identity: north})
	if status, _, _ := s.me(client, token); status != 403 {
		t.Errorf("a scope that was taken away: %d", status)
	}
	s.register.remove("north id")
	if status, _, _ := s.me(client, token); status != 401 {
		t.Errorf("a client that was removed: %d", status)
	}
	s.register.fail(errors.New("store is gone"))
	if status, _, body := s.me(client, token); status != 503 || strings.Contains(body, "store is gone") {
		t.Errorf("a register that is gone: %d %s", status, body)
	}
}

func TestVerifier_RefusesForgedTokens(t *testing.T) {
	key, other := newKey(t), newKey(t)
	now := time.Now().Truncate(time.Second)
	registered := &register{clients: map[string]Client{"c": {ID: "c", Identity: north}}}
	v := &Verifier{Issuer: "i", Audience: "a", Keys: []*ecdsa.PublicKey{&key.PublicKey}, Clients: registered, Now: func() time.Time { return now }}
	good := func() claims {
		return claims{ClientID: "c", Claims: jwt.Claims{Issuer: "i", Subject: "c", Audience: jwt.Audience{"a"}, ID: "j",
			IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(time.Minute))}}
	}
	signed := func(key *ecdsa.PrivateKey, change func(*claims)) string {
		c := good()
		change(&c)
		token, err := sign(key, c)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	same := func(*claims) {}
	if id, err := v.Verify(context.Background(), signed(key, same), "", nil); err != nil || id != north {
		t.Fatalf("a good token: %v, %v", id, err)
	}
	parts := strings.Split(signed(key, same), ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"at+jwt"}`))
	wrongType := func() string {
		kid, _ := keyID(&key.PublicKey)
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, (&jose.SignerOptions{}).WithType("JWT"))
		if err != nil {
			t.Fatal(err)
		}
		token, err := jwt.Signed(signer).Claims(good()).Serialize()
		if err != nil {
			t.Fatal(err)
		}
		return token
	}()
	for name, token := range map[string]string{
		"other key":       signed(other, same),
		"alg none":        none + "." + parts[1] + ".",
		"no signature":    parts[0] + "." + parts[1] + ".",
		"changed payload": parts[0] + "." + strings.Split(signed(other, func(c *claims) { c.Scope = "all" }), ".")[1] + "." + parts[2],
		"other type":      wrongType,
		"other issuer":    signed(key, func(c *claims) { c.Issuer = "x" }),
		"other audience":  signed(key, func(c *claims) { c.Audience = jwt.Audience{"x"} }),
		"no audience":     signed(key, func(c *claims) { c.Audience = nil }),
		"expired":         signed(key, func(c *claims) { c.Expiry = jwt.NewNumericDate(now) }),
		"no expiry":       signed(key, func(c *claims) { c.Expiry = nil }),
		"no issue time":   signed(key, func(c *claims) { c.IssuedAt = nil }),
		"no id":           signed(key, func(c *claims) { c.ID = "" }),
		"no client":       signed(key, func(c *claims) { c.ClientID = "" }),
		"lives too long":  signed(key, func(c *claims) { c.Expiry = jwt.NewNumericDate(now.Add(MaxLife + time.Second)) }),
		"from the future": signed(key, func(c *claims) {
			c.IssuedAt, c.Expiry = jwt.NewNumericDate(now.Add(skew+time.Second)), jwt.NewNumericDate(now.Add(2*skew))
		}),
		"unknown client": signed(key, func(c *claims) { c.ClientID = "d" }),
		"bound":          signed(key, func(c *claims) { c.Confirmation = &confirmation{"x"} }),
	} {
		_, err := v.Verify(context.Background(), token, "", nil)
		if hub.CodeOf(err) != hub.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
		if text := hub.SafeText(err); text != "the access token is not valid; get a new one" {
			t.Errorf("%s: the answer tells why: %s", name, text)
		}
	}
	v.RequireBound = true
	if _, err := v.Verify(context.Background(), signed(key, same), "", nil); hub.CodeOf(err) != hub.Unauthenticated {
		t.Errorf("a token that is not bound: %v", err)
	}
}

func TestBearer_Twice(t *testing.T) {
	if _, err := bearer([]string{"Bearer a", "Bearer b"}); hub.CodeOf(err) != hub.Invalid {
		t.Errorf("%v", err)
	}
}

func TestSource_CachesRenewsAndDrops(t *testing.T) {
	s := newScene(t)
	issued := 0
	counting := roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.URL.Path == "/oauth2/token" {
			issued++
		}
		return s.client("").Transport.RoundTrip(r)
	})
	source := NewSource(SourceConfig{URL: s.server.URL + "/oauth2/token", ID: "north id", Secret: s.secret, Scope: "nslcm", HTTP: &http.Client{Transport: counting}, Now: s.clock.Now})
	api := &httpapi.Client{Base: s.server.URL + "/nslcm/v2", Version: "2.3.0", HTTP: &http.Client{Transport: &Transport{Base: counting, Source: source}}}
	get := func(want int) {
		t.Helper()
		var me string
		if _, err := api.Do(context.Background(), "GET", "/me", nil, &me); err != nil || me != north.String() {
			t.Errorf("%q, %v", me, err)
		}
		if issued != want {
			t.Errorf("%d tokens were issued, want %d", issued, want)
		}
	}
	get(1)
	get(1)
	s.clock.advance(MaxLife*4/5 - time.Second)
	get(1)
	s.clock.advance(time.Second)
	get(2)
	s.register.remove("north id")
	_, err := api.Do(context.Background(), "GET", "/me", nil, nil)
	if hub.CodeOf(err) != hub.Unauthenticated {
		t.Errorf("a removed client: %v", err)
	}
	_, err = api.Do(context.Background(), "POST", "/me", "body", nil) // the token was dropped: the endpoint is asked
	if hub.CodeOf(err) != hub.Unauthenticated || issued != 3 || strings.Contains(err.Error(), s.secret.Reveal()) {
		t.Errorf("%v after %d requests", err, issued)
	}
}

func TestSource_ByCertificate(t *testing.T) {
	s := newScene(t)
	client := s.client("south")
	source := NewSource(SourceConfig{URL: s.server.URL + "/oauth2/token", ID: "south", HTTP: client})
	token, err := source.Token(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if status, _, body := s.me(client, "Bearer "+token); status != 200 || body != `"spiffe://td/vnfm/south"` {
		t.Errorf("%d %s", status, body)
	}
	if status, _, _ := s.me(s.client(""), "Bearer "+token); status != 401 {
		t.Errorf("the token without its certificate: %d", status)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestSource_BadAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		code   hub.Code
	}{
		"refused":      {401, `{"error":"invalid_client"}`, hub.Unauthenticated},
		"bad request":  {400, `{"error":"invalid_scope"}`, hub.Unauthenticated},
		"down":         {503, `<html>`, hub.Unavailable},
		"redirect":     {302, ``, hub.Unavailable},
		"no JSON":      {200, `<html>`, hub.Unavailable},
		"no token":     {200, `{"token_type":"Bearer","expires_in":5}`, hub.Unavailable},
		"no life":      {200, `{"access_token":"x","token_type":"Bearer"}`, hub.Unavailable},
		"other scheme": {200, `{"access_token":"x","token_type":"DPoP","expires_in":5}`, hub.Unavailable},
	} {
		_, err := readAnswer("op", c.status, []byte(c.body))
		if hub.CodeOf(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	source := NewSource(SourceConfig{URL: "https://127.0.0.1:1/token"})
	if _, err := source.Token(context.Background()); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("nobody there: %v", err)
	}
	source = NewSource(SourceConfig{URL: "://"})
	if _, err := source.Token(context.Background()); hub.CodeOf(err) != hub.Invalid {
		t.Errorf("bad address: %v", err)
	}
	<-source.turn // somebody else is asking
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := source.Token(ctx); hub.CodeOf(err) != hub.Unavailable || !errors.Is(err, context.Canceled) {
		t.Errorf("no time: %v", err)
	}
}

func FuzzVerify(f *testing.F) {
	key := newKey(f)
	now := time.Now()
	token, err := sign(key, claims{ClientID: "c", Claims: jwt.Claims{Issuer: "i", Audience: jwt.Audience{"a"}, ID: "j", IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(time.Minute))}})
	if err != nil {
		f.Fatal(err)
	}
	v := &Verifier{Issuer: "i", Audience: "a", Keys: []*ecdsa.PublicKey{&key.PublicKey}, Now: func() time.Time { return now },
		Clients: &register{clients: map[string]Client{"c": {ID: "c", Identity: north}}}}
	for _, seed := range []string{token, token[:len(token)-4], "a.b.c", "..", "", "eyJhbGciOiJub25lIn0.e30."} {
		f.Add(seed)
	}
	signedPart := token[:strings.LastIndexByte(token, '.')]
	f.Fuzz(func(t *testing.T, s string) {
		_, err := v.Verify(context.Background(), s, "", nil)
		if err == nil && !strings.HasPrefix(s, signedPart) {
			t.Fatalf("the forged token %q is taken", s)
		}
		if err != nil && hub.CodeOf(err) != hub.Unauthenticated {
			t.Fatalf("%q: %v", s, err)
		}
	})
}
