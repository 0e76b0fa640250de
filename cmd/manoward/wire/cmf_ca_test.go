package wire

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/cmf/authority"
	"github.com/manoward/manoward/connectors/stepca"
	"github.com/manoward/manoward/internal/config"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/internal/testkit"
	"github.com/manoward/manoward/internal/testkit/catest"
	"github.com/manoward/manoward/internal/testkit/memstate"
	"github.com/manoward/manoward/internal/testkit/stepcakit"
	"github.com/manoward/manoward/internal/vault"
)

// One domain has its keys in files, one in a token, and one a step-ca elsewhere:
// each certificate leads to its own root, and trust's keys are not touched.
func TestCmfAuthorities(t *testing.T) {
	hsm := testkit.SoftHSM(t)
	hsm.NewToken("south", "1234")
	dir := t.TempDir()
	pin := filepath.Join(dir, "pin")
	writePrivate(t, pin, []byte("1234"))
	v, err := vault.Create(filepath.Join(dir, "unlock.key"))
	if err != nil {
		t.Fatal(err)
	}
	keys := newKeyStores(&dataDir{path: dir}, v, []config.Token{{TrustDomain: "south", Module: hsm.Module, TokenLabel: "south", PINFile: pin}})
	defer keys.close()
	server := stepcakit.Start(t, stepcakit.Options{Template: stepca.Template})
	remote, err := newRemoteCA(t.Context(), stepca.RemoteConfig{URL: server.URL, Roots: []string{server.Pin}, Provisioner: stepcakit.Provisioner}, provisionerKey(t, dir, server), "")
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	defer end()
	space := state.New(&memstate.Bus{}, "CMF", slog.New(slog.DiscardHandler))
	a := authority.New(authority.Config{
		Space: space, Keys: cmfKeys{keys}, Open: openCA, Now: time.Now, Wait: wait, Log: slog.New(slog.DiscardHandler),
		Records: func(context.Context, string, hub.Record) error { return nil },
		Remote: func(domain string) authority.CA {
			if domain == "west" {
				return remote
			}
			return nil
		},
	})
	if err := space.Open(ctx, ctx, "north", "south", "west"); err != nil {
		t.Fatal(err)
	}
	for domain, place := range map[string]string{"north": hub.KeysInFile, "south": hub.KeysInPKCS11, "west": authority.PlaceRemote} {
		o := catest.NewOrder(t, catest.NewCSR(t, catest.NewKey(t), &x509.CertificateRequest{}))
		o.OCSPURLs = nil
		issued, err := a.Issue(t.Context(), domain, o)
		if err != nil {
			t.Fatal(err)
		}
		_, root, err := a.Chain(t.Context(), domain, issued.Issuer)
		if err != nil {
			t.Fatal(err)
		}
		if out := catest.Verify(t, issued, root); !strings.HasSuffix(out, ": OK") {
			t.Error(out)
		}
		list, err := a.Issuers(t.Context(), domain)
		if err != nil || len(list) != 2 || list[1].KeyPlace != place {
			t.Errorf("%s: %+v, %v", domain, list, err)
		}
	}
	if err := remote.Check(t.Context()); err != nil {
		t.Error(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "keys", "*", "*"))
	if err != nil || len(files) != 2 {
		t.Errorf("%q, %v", files, err)
	}
}

func writePrivate(t *testing.T, path string, raw []byte) {
	t.Helper()
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

func provisionerKey(t *testing.T, dir string, s *stepcakit.Server) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(s.Key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "provisioner.key")
	writePrivate(t, path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	return path
}

// A step-ca that is away does not hold up the start; one that does not fit, and
// files that do not, do.
func TestNewRemoteCA(t *testing.T) {
	dir := t.TempDir()
	server := stepcakit.Start(t, stepcakit.Options{Template: stepca.Template})
	key := provisionerKey(t, dir, server)
	good := stepca.RemoteConfig{URL: server.URL, Roots: []string{server.Pin}, Provisioner: stepcakit.Provisioner}
	other := good
	other.Provisioner = "admin"
	open, empty := filepath.Join(dir, "open.key"), filepath.Join(dir, "empty")
	writePrivate(t, empty, nil)
	writePrivate(t, open, nil)
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		cfg        stepca.RemoteConfig
		key, chain string
		want       string
	}{
		"another provisioner": {other, key, "", `no provisioner "admin"`},
		"no key":              {good, filepath.Join(dir, "none"), "", "no private key"},
		"empty key":           {good, empty, "", "no private key"},
		"others read the key": {good, open, "", "chmod 600"},
		"no chain":            {good, key, filepath.Join(dir, "none"), "no certificate chain"},
		"empty chain":         {good, key, empty, "no certificate chain"},
	} {
		if _, err := newRemoteCA(t.Context(), test.cfg, test.key, test.chain); hub.CodeOf(err) != hub.Invalid || !strings.Contains(hub.SafeText(err), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	server.Stop()
	r, err := newRemoteCA(t.Context(), good, key, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Chain(t.Context()); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("a step-ca that is away: %v", err)
	}
	server.Template("{}")
	server.Restart()
	r.until = time.Time{} // as time passes
	if _, _, err := r.Chain(t.Context()); hub.CodeOf(err) != hub.Unavailable || !strings.Contains(hub.SafeText(err), "another template") {
		t.Errorf("a step-ca that does not fit, seen late: %v", err)
	}
	server.Template(stepca.Template)
	server.Restart()
	r.until = time.Time{}
	if _, _, err := r.Chain(t.Context()); err != nil {
		t.Errorf("when it is back: %v", err)
	}
}
