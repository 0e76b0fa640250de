package e2e_test

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/manoward/manoward/internal/hub"
)

// extHub is a hub in three processes, each with a data directory of its own.
type extHub struct {
	trust, scOr, scVi *hubProcess
}

func extServe(t *testing.T, c *extCluster) *extHub {
	t.Helper()
	h := &extHub{
		trust: startHub(t, append([]string{"serve", "trust"}, c.flags()...)...),
		scOr:  startHub(t, append([]string{"serve", "nfvo"}, c.flags()...)...),
		scVi:  startHub(t, append([]string{"serve", "vim"}, c.flags()...)...),
	}
	h.trust.do("trust-domain", "create", "north")
	h.trust.do("trust-domain", "create", "south")
	return h
}

// settles waits until the endpoint answers the credential with a status; 0 is a
// handshake that fails.
func extSettles(t *testing.T, ep *endpoint, want int, within time.Duration) time.Duration {
	t.Helper()
	return eventually(t, ep.identity()+" answers "+http.StatusText(want), within, func() bool {
		_, status, err := ep.try(t, ep.tls(&ep.Cert))
		return status == want && (err == nil) == (want != 0)
	})
}

// Covers: Security.003, Security.004
func TestExternal_RolesInProcesses(t *testing.T) {
	t.Parallel()
	c := extStart(t, 1, nil)
	h := extServe(t, c)
	all := h.trust.register("north", "alpha")
	for _, ep := range all {
		if took := extSettles(t, ep, http.StatusOK, 2*time.Second); took > time.Second {
			t.Logf("%s is known after %s", ep.identity(), took)
		}
	}
	dir := filepath.Dir(all[0].Files)
	h.trust.do("sm", "renew", "--dir", dir, "--force")
	all = readEndpoints(t, dir, "north", "alpha")
	for _, ep := range all {
		ep.mustOpen(t, &ep.Cert)
	}

	kept := sepKeep(t, all[1], true)
	kept.session(t)
	h.trust.do("sm", "revoke", "alpha", "--trust-domain", "north", "--interface", string(all[1].Interface), "--reason", "test")
	took := eventually(t, "the open connection is refused", 2*time.Second, func() bool {
		_, status := kept.session(t)
		return status == http.StatusUnauthorized
	})
	t.Logf("revoked in another process after %s", took)
	extSettles(t, all[1], 0, 2*time.Second)
	all[0].mustOpen(t, &all[0].Cert)
	eventually(t, "the refusal is recorded", patience, func() bool {
		return slices.ContainsFunc(h.trust.records("north"), func(r hub.Record) bool {
			return r.Kind == "access.refused" && strings.Contains(string(r.Data), "revoked-credential")
		})
	})

	// Without the trust role what is there goes on, and what needs it says so.
	h.trust.kill()
	all[0].mustOpen(t, &all[0].Cert)
	if status, text := extRenew(t, all[0]); status != http.StatusServiceUnavailable || !strings.Contains(text, "is its role running?") {
		t.Errorf("a renewal without the trust role: %d, %s", status, text)
	}
	h.trust.start()
	if status, text := extRenew(t, all[0]); status != http.StatusCreated {
		t.Errorf("a renewal after the trust role came back: %d, %s", status, text)
	}
}

// extRenew asks for a new credential over the endpoint itself.
func extRenew(t *testing.T, ep *endpoint) (int, string) {
	t.Helper()
	csr := signingRequest(t, hub.Identity{TrustDomain: ep.Domain, Kind: hub.KindSM, Name: ep.SM, Interface: ep.Interface})
	body, err := json.Marshal(map[string]string{"certificateSigningRequest": csr})
	if err != nil {
		t.Fatal(err)
	}
	resp, text := call(t, httpClient(t, ep.tls(&ep.Cert), true), "POST", ep.URL+"/manoward/v1/credentials", http.Header{"Content-Type": {"application/json"}}, string(body))
	return resp.StatusCode, text
}

func TestExternal_ServerDown(t *testing.T) {
	t.Parallel()
	c := extStart(t, 1, nil)
	h := extServe(t, c)
	ep := h.trust.register("north", "alpha")[0]
	extSettles(t, ep, http.StatusOK, 2*time.Second)
	kept := sepKeep(t, ep, false)
	kept.session(t)
	c.stop(0)
	took := extSettles(t, ep, 0, 10*time.Second)
	if _, status := kept.session(t); status != http.StatusUnauthorized && status != http.StatusServiceUnavailable {
		t.Errorf("status %d on an open connection while a revocation may be missed", status)
	}
	t.Logf("closed %s after the bus went away", took)
	// The line is written when the answer is, and comes through a pipe.
	eventually(t, "the log says why", 2*time.Second, func() bool { return strings.Contains(h.scOr.log.String(), "registry-out-of-date") })
	c.start(0)
	c.awaitReady()
	took = extSettles(t, ep, http.StatusOK, 15*time.Second)
	t.Logf("open %s after the bus came back", took)
	h.trust.do("sm", "set-mode", "alpha", "passive", "--trust-domain", "north")
}

func TestExternal_ClusterOfThree(t *testing.T) {
	t.Parallel()
	c := extStart(t, 3, nil)
	h := extServe(t, c)
	if !strings.Contains(h.trust.ready.Bus, "replicas 3") {
		t.Errorf("the bus is %q; want three replicas", h.trust.ready.Bus)
	}
	ep := h.trust.register("north", "alpha")[0]
	// The account of a new trust domain takes a cluster some seconds; what comes
	// later in it is quick, as far as three servers on a machine that does other work are.
	t.Logf("the first Security Manager of a domain is known after %s", extSettles(t, ep, http.StatusOK, 20*time.Second))
	extSettles(t, h.trust.register("north", "beta")[0], http.StatusOK, 10*time.Second)
	c.stop(0)
	extSettles(t, ep, http.StatusOK, 15*time.Second)
	var out string
	eventually(t, "the registry takes changes with two of three servers", 20*time.Second, func() bool {
		var code int
		out, _, code = h.trust.cli("sm", "set-mode", "alpha", "fully-active", "--trust-domain", "north")
		return code == 0
	})
	if !strings.Contains(out, "FULLY_ACTIVE") {
		t.Errorf("set-mode printed %q", out)
	}
	eventually(t, "the mode is known at the endpoint", 10*time.Second, func() bool {
		s, status, err := ep.try(t, ep.tls(&ep.Cert))
		return err == nil && status == http.StatusOK && s.Mode == hub.FullyActive
	})
	// The other domain has streams of its own, which may have lost their leader too.
	eventually(t, "the other domain's registry is there with two of three servers", 20*time.Second, func() bool {
		_, _, code := h.trust.cli("sm", "list", "--trust-domain", "south")
		return code == 0
	})
	h.trust.register("south", "gamma")
}

func TestExternal_Refusals(t *testing.T) {
	t.Parallel()
	c, other := extStart(t, 1, nil), extStart(t, 1, nil)
	late := extStart(t, 1, func(o *server.Options) { o.SyncAlways = false })
	swap := func(flags []string, name, value string) []string {
		flags[slices.Index(flags, name)+1] = value
		return flags
	}
	for name, tc := range map[string]struct {
		flags []string
		says  string
	}{
		"credentials of another cluster": {swap(c.flags(), "--nats-creds", other.hubCreds), "NATS refuses the credentials"},
		"CA of another cluster":          {swap(c.flags(), "--nats-ca", other.ca), "cannot connect to NATS"},
		"no CA":                          {swap(c.flags(), "--nats-ca", ""), "cannot connect to NATS"},
		"sync not always":                {late.flags(), "set sync_interval: always"},
		"unlock key of another hub":      {swap(c.flags(), "--unlock-key", other.unlock), "unlock key"},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "unlock key of another hub" {
				startHub(t, append([]string{"serve", "trust"}, c.flags()...)...).do("trust-domain", "create", "north")
			}
			h := newHub(t, append([]string{"serve", "nfvo"}, tc.flags...)...)
			err := h.tryStart()
			if err == nil || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "panic") {
				t.Errorf("got %v; want %q", err, tc.says)
			} else if _, line, ok := strings.Cut(err.Error(), "manoward: "); !ok || strings.Contains(strings.TrimSpace(line), "\n") {
				t.Errorf("want one line of the program as the last: %v", err)
			}
		})
	}
}
