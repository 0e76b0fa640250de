package wire

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/internal/config"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/internal/testkit/memstate"
	"github.com/manoward/manoward/policies/library"
)

// The policies that judge requests come from where the configuration says, with the
// parameters that it names, and what cannot be used is refused by its key.
func TestCmfJudge(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	folder, empty := filepath.Join(dir, "policies"), t.TempDir()
	if err := os.CopyFS(folder, library.Enrolment()); err != nil {
		t.Fatal(err)
	}
	open := write("open.yaml", "unattested-certificate: {allowed: {VNFCI_CERT: [d-amf]}}\n")
	start := func(d config.CertificateDomain) (*cmfRole, error) {
		d.TrustDomain = "north"
		log := slog.New(slog.DiscardHandler)
		c := &cmfRole{hubProcess: &hubProcess{cfg: &config.Config{}, log: log}, store: cmf.NewStore(state.New(&memstate.Bus{}, "CMF", log))}
		c.cfg.CertificateManagement.Domains = []config.CertificateDomain{d}
		return c, c.newJudge()
	}
	standard, err := start(config.CertificateDomain{})
	if err != nil {
		t.Fatal(err)
	}
	south := standard.judge.Revision("south")
	for name, tt := range map[string]struct {
		domain config.CertificateDomain
		same   bool // as those built in, without parameters
		wrong  string
	}{
		"none named":             {config.CertificateDomain{}, true, ""},
		"a folder":               {config.CertificateDomain{Policies: folder}, true, ""},
		"parameters":             {config.CertificateDomain{Policies: builtIn, PolicyParameters: open}, false, ""},
		"empty folder":           {config.CertificateDomain{Policies: empty}, false, "certificateManagement.domains[0].policies"},
		"parameter of no policy": {config.CertificateDomain{PolicyParameters: write("other.yaml", "unatested-certificate: {}")}, false, `did you mean "unattested-certificate"`},
	} {
		c, err := start(tt.domain)
		switch {
		case tt.wrong != "":
			if err == nil || !strings.Contains(err.Error(), tt.wrong) {
				t.Errorf("%s: %v", name, err)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case (c.judge.Revision("north") == south) != tt.same || c.judge.Revision("south") != south:
			t.Errorf("%s: north has %s, south %s", name, c.judge.Revision("north"), c.judge.Revision("south"))
		}
	}

	const at = "certificateManagement.domains[0]"
	for name, tt := range map[string]struct {
		domain config.CertificateDomain
		wrong  string
	}{
		"no such folder":         {config.CertificateDomain{Policies: folder + "x"}, "cannot be read by this user"},
		"bundle without a key":   {config.CertificateDomain{Policies: open}, "set policyKey and policyKeyId"},
		"no such key":            {config.CertificateDomain{Policies: open, PolicyKey: dir + "/x", PolicyKeyID: "team"}, "cannot be read by this user"},
		"no such parameters":     {config.CertificateDomain{PolicyParameters: open + "x"}, "cannot be read by this user"},
		"parameters are a list":  {config.CertificateDomain{PolicyParameters: write("list.yaml", "[a]")}, "write parameters by policy"},
		"parameters are no YAML": {config.CertificateDomain{PolicyParameters: write("broken.yaml", "a: [")}, "neither JSON nor YAML"},
	} {
		_, err := judgeSource(at, tt.domain)
		if err == nil {
			_, err = judgeParameters(at, tt.domain)
		}
		if text := hub.SafeText(err); hub.CodeOf(err) != hub.Invalid || !strings.Contains(text, tt.wrong) || !strings.Contains(text, at) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
