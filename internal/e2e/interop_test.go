package e2e_test

import (
	"context"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/testkit/nskit"
)

// The clients that no one here wrote (docs/interop.md). A driver is a program of
// its own in interop/, which is given its settings by environment.

// tnbSettings is what the driver of aws-sdk-go needs of a running hub.
type tnbSettings struct {
	URL        string // API root of the NFVO: "https://127.0.0.1:8443"
	CAFile     string // PEM
	Token      string // access token of an OSS
	NSD        string // nsdId of an NSD that is on-boarded and enabled
	Flavour    string // of that NSD; it has at least one VNF
	Properties string // JSON object: configurable properties to set on the first VNF
}

// runTNB takes an NS through its life with service/tnb of aws-sdk-go, and
// returns what the driver printed. The error is nil when all of it went well.
func runTNB(ctx context.Context, s tnbSettings) (string, error) {
	return drive(ctx, "interop/tnb", []string{"go", "test", "-count=1", "-timeout=5m", "./..."},
		"MANOWARD_OSMA_URL="+s.URL, "MANOWARD_CA_FILE="+s.CAFile, "MANOWARD_TOKEN="+s.Token,
		"MANOWARD_NSD_ID="+s.NSD, "MANOWARD_FLAVOUR_ID="+s.Flavour, "MANOWARD_VNF_PROPERTIES="+s.Properties)
}

// tackerSettings is what the driver of python3-tackerclient needs of a running
// hub.
type tackerSettings struct {
	NFVO, VNFM           string // API roots: of vnfpkgm, of vnflcm
	CAFile               string // PEM, of both
	NFVOToken, VNFMToken string // access tokens
	CSAR                 string // file of a VNF package that is not on-boarded
	Artifact             string // path of a file in it
	Flavour              string // of its VNFD
	Aspect               string // of that flavour, to scale out by one step
	Callback             string // address that answers 204 to GET and POST
}

// runTacker takes a package and a VNF through their lives with
// python3-tackerclient, and returns what the driver printed. The interpreter is
// Debian's, which has the package, whatever other one the PATH names.
func runTacker(ctx context.Context, s tackerSettings) (string, error) {
	return drive(ctx, "interop/tacker", []string{"/usr/bin/python3", "-B", "drive.py"},
		"MANOWARD_OSMA_URL="+s.NFVO, "MANOWARD_VNFM_URL="+s.VNFM, "MANOWARD_CA_FILE="+s.CAFile,
		"MANOWARD_TOKEN="+s.NFVOToken, "MANOWARD_VNFM_TOKEN="+s.VNFMToken,
		"MANOWARD_CSAR="+s.CSAR, "MANOWARD_ARTIFACT="+s.Artifact, "MANOWARD_FLAVOUR_ID="+s.Flavour,
		"MANOWARD_SCALE_ASPECT="+s.Aspect, "MANOWARD_CALLBACK_URI="+s.Callback)
}

// drive runs a driver in its folder. It sees no setting of ours but those given.
func drive(ctx context.Context, dir string, command []string, settings ...string) (string, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = dir
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "MANOWARD_") }), settings...)
	cmd.WaitDelay = 5 * time.Second // a child of it may hold the pipe
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("run %s in %s: %w", strings.Join(command, " "), dir, err)
	}
	return string(out), nil
}

// caFile writes the CA of the hub for a client.
func (h *hubProcess) caFile() string {
	h.t.Helper()
	path := filepath.Join(h.home, "hub-ca.pem")
	writeFile(h.t, path, h.operatorContext().CA, 0o600)
	return path
}

// interopTime is how long a driver may take, with the build of its module.
const interopTime = 5 * time.Minute

// An NS lives its life for service/tnb of aws-sdk-go, and the infrastructure
// follows.
//
// Covers: NFVO
func TestInterop_TNB(t *testing.T) {
	t.Parallel()
	h := newNsHub(t, 1, "north")
	p := h.points()[hub.OsMa]
	token := h.token(p, h.createClient("orchestrator", "--party", "oss", "--all-domains"))
	ctx, cancel := context.WithTimeout(t.Context(), interopTime)
	defer cancel()
	out, err := runTNB(ctx, tnbSettings{
		URL: p.URL, CAFile: h.caFile(), Token: token, NSD: h.kits["north"].NSDID(), Flavour: "simple", Properties: `{"colour": "blue"}`,
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	h.checkNfvi(0)
}

// A package and a VNF live their lives for python3-tackerclient, an NFVO that is
// not ours, and the infrastructure follows.
//
// Covers: NFVO, VNFM
func TestInterop_Tacker(t *testing.T) {
	t.Parallel()
	consumer := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	defer consumer.Close()
	dir, kit := t.TempDir(), nskit.New(t, "vendor")
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		writeFile(t, path, text, 0o600)
		return path
	}
	consumerCA := write("consumer.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: consumer.Certificate().Raw})))
	h := &nsHub{hubProcess: startHub(t, "--config", write("hub.yaml", "notifications: {ca: "+consumerCA+"}\n"))}
	h.do("vim", "load", write("inventory.yaml", nskit.Inventory(1)))
	h.do("trust-domain", "create", "vendor")
	h.do("package", "policy", "--trust-domain", "vendor", "--anchor", write("anchor.pem", kit.Anchor))

	points := h.points()
	oss := h.token(points[hub.OsMa], h.createClient("shop", "--party", "oss", "--trust-domain", "vendor"))
	nfvo := h.token(points[hub.VNFM], h.createClient("tacker", "--party", "nfvo", "--trust-domain", "vendor"))
	ctx, cancel := context.WithTimeout(t.Context(), interopTime)
	defer cancel()
	out, err := runTacker(ctx, tackerSettings{
		NFVO: points[hub.OsMa].URL, VNFM: points[hub.VNFM].URL, CAFile: h.caFile(), NFVOToken: oss, VNFMToken: nfvo,
		CSAR: write("web.csar", string(kit.Web)), Artifact: "Scripts/install.sh", Flavour: "simple", Aspect: "out", Callback: consumer.URL + "/told",
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	h.checkNfvi(0)
}

// An NFVO that is not ours makes its own VNFs in its trust domain, and nothing
// else: not of a package that cannot be used, and nothing of an NS of ours, which
// is recorded as the attempt that it is.
//
// Covers: VNFM, Sec.6
func TestInterop_OutsideNFVO(t *testing.T) {
	t.Parallel()
	h := newNsHub(t, 1, "north", "south")
	ours := h.showNs(h.instantiate("north", "edge")).VnfInstance[0].ID
	p := h.points()[hub.VNFM]
	type ask func(method, path string, in, out any) (*httpapi.Answer, error)
	as := func(name, domain string) ask {
		token := h.token(p, h.createClient(name, "--party", "nfvo", "--trust-domain", domain))
		c := &httpapi.Client{Base: p.URL + "/vnflcm/v2", Version: "2.3.0", HTTP: h.at(p, false)}
		return func(method, path string, in, out any) (*httpapi.Answer, error) {
			return c.Do(t.Context(), method, path, in, out, func(h http.Header) { h.Set("Authorization", "Bearer "+token) })
		}
	}
	north, south := as("tacker", "north"), as("theirs", "south")
	operator := func(method, path string, in, out any) (*httpapi.Answer, error) {
		return h.vnflcm().Do(t.Context(), method, path, in, out)
	}
	terminate := sol003.TerminateVnfRequest{TerminationType: "FORCEFUL"}
	if _, err := north("POST", "/vnf_instances/"+ours+"/terminate", terminate, nil); hub.CodeOf(err) != hub.Denied {
		t.Errorf("terminates a VNF of our NS: %v", err)
	}
	if _, err := south("POST", "/vnf_instances/"+ours+"/terminate", terminate, nil); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("terminates a VNF of another domain: %v", err)
	}
	h.checkNfvi(1)
	eventually(t, "both attempts are recorded in the VNF's domain", 10*time.Second, func() bool {
		n := 0
		for _, r := range h.records("north") {
			if r.Kind == "access.refused" && strings.Contains(string(r.Data), ours) {
				n++
			}
		}
		return n >= 2
	})

	// instantiate makes a VNF and says how its instantiation ended.
	instantiate := func(do ask) (op sol003.VnfLcmOpOcc) {
		t.Helper()
		var made sol003.VnfInstance
		in := sol003.CreateVnfRequest{VnfdID: h.kits["north"].WebVNFD(), Metadata: sol003.KeyValuePairs{"manoward.trustDomain": "north"}}
		if _, err := do("POST", "/vnf_instances", in, &made); err != nil {
			t.Fatal(err)
		}
		a, err := do("POST", "/vnf_instances/"+made.ID+"/instantiate", sol003.InstantiateVnfRequest{FlavourID: "simple"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "the instantiation ends", 20*time.Second, func() bool {
			if _, err := do("GET", "/vnf_lcm_op_occs/"+a.Location[strings.LastIndex(a.Location, "/")+1:], nil, &op); err != nil {
				t.Fatal(err)
			}
			return op.OperationState != sol003.LcmOperationStateStarting && op.OperationState != sol003.LcmOperationStateProcessing
		})
		return op
	}
	if op := instantiate(north); op.OperationState != sol003.LcmOperationStateCompleted {
		t.Errorf("an NFVO's own VNF: %s %+v", op.OperationState, op.Error)
	}
	h.checkNfvi(2)
	// What an operator makes past its NFVO has no grant.
	if op := instantiate(operator); op.OperationState != sol003.LcmOperationStateRolledBack || !strings.Contains(op.Error.Detail, "another NFVO made") {
		t.Errorf("an operator's own VNF: %s %+v", op.OperationState, op.Error)
	}
	// A Security Manager's bar on a VNF holds for other NFVOs too.
	ns := h.instantiate("north", "core")
	gone := h.showNs(ns).VnfInstance[0].ID
	h.mustComplete(ns, "update", map[string]any{"updateType": "REMOVE_VNF", "removeVnfInstanceId": []string{gone},
		"terminateVnfData": []any{map[string]any{"vnfInstanceId": gone, "terminationType": "FORCEFUL", "additionalParams": map[string]any{"manoward.replace": false}}}})
	if op := instantiate(north); op.OperationState != sol003.LcmOperationStateRolledBack || !strings.Contains(op.Error.Detail, "barred new instances") {
		t.Errorf("a barred VNF: %s %+v", op.OperationState, op.Error)
	}
	h.checkNfvi(2)
}

// A driver that is given nothing says what it needs, and does not pass.
func TestInterop_WithoutSettings(t *testing.T) {
	for name, run := range map[string]func() (string, error){
		"tnb":    func() (string, error) { return runTNB(t.Context(), tnbSettings{}) },
		"tacker": func() (string, error) { return runTacker(t.Context(), tackerSettings{}) },
	} {
		t.Run(name, func(t *testing.T) {
			out, err := run()
			if err == nil || !strings.Contains(out, "MANOWARD_OSMA_URL") || !strings.Contains(out, "make interop") {
				t.Errorf("without settings: %v\n%s", err, out)
			}
		})
	}
}
