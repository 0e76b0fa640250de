package e2e_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/cmd/manoward/cli"
	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

// cli runs a verb as the hub's operator and returns its standard output,
// standard error and exit code.
func (h *hubProcess) cli(args ...string) (out, errs string, code int) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := h.command(ctx, append([]string{h.binary}, args...)...)
	var o, e bytes.Buffer
	c.Stdout, c.Stderr = &o, &e
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		h.t.Fatal(err)
	}
	return o.String(), e.String(), c.ProcessState.ExitCode()
}

// do runs a verb that must succeed and returns its standard output.
func (h *hubProcess) do(args ...string) string {
	h.t.Helper()
	out, errs, code := h.cli(args...)
	if code != 0 {
		h.t.Fatalf("manoward %s: exit code %d\n%s", strings.Join(args, " "), code, errs)
	}
	return out
}

// fails runs a verb that must be refused with an exit code and a text.
func (h *hubProcess) fails(code int, says string, args ...string) {
	h.t.Helper()
	_, errs, got := h.cli(args...)
	if got != code || !strings.Contains(errs, says) {
		h.t.Errorf("manoward %s: exit code %d, want %d and %q\n%s", strings.Join(args, " "), got, code, says, errs)
	}
}

// operatorContext reads the context file of the last start.
func (h *hubProcess) operatorContext() *cli.Context {
	h.t.Helper()
	c, err := cli.ReadContext(h.ready.Context)
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

// adminTLS is a client configuration for the admin listener, with the operator's
// credential or without one.
func adminTLS(t testing.TB, c *cli.Context, withCredential bool) *tls.Config {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(c.CA)) {
		t.Fatal("the context has no CA certificate")
	}
	conf := &tls.Config{RootCAs: roots, ServerName: c.ServerName, MinVersion: tls.VersionTLS12}
	if withCredential {
		conf.Certificates = []tls.Certificate{operatorCredential(t, c)}
	}
	return conf
}

func operatorCredential(t testing.TB, c *cli.Context) tls.Certificate {
	t.Helper()
	cert, err := tls.X509KeyPair([]byte(c.Certificate), []byte(c.Key))
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// httpClient returns a client that follows no proxy.
func httpClient(t testing.TB, conf *tls.Config, http2 bool) *http.Client {
	transport := &http.Transport{TLSClientConfig: conf, ForceAttemptHTTP2: http2}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Timeout: patience, Transport: transport}
}

// operator returns a client of the operators' API with the operator's credential.
func (h *hubProcess) operator() *httpapi.Client {
	h.t.Helper()
	c := h.operatorContext()
	return &httpapi.Client{Base: c.Server + "/manoward/v1", Version: "1.0.0", Retries: -1, HTTP: httpClient(h.t, adminTLS(h.t, c, true), true)}
}

// call makes one request and returns the answer with its body.
func call(t testing.TB, c *http.Client, method, target string, header http.Header, body string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(got)
}

// records reads the records of a trust domain over the REST API, oldest first.
func (h *hubProcess) records(domain string) []hub.Record {
	h.t.Helper()
	var list []hub.Record
	for r, err := range httpapi.All[hub.Record](h.t.Context(), h.operator(), "/trust_domains/"+domain+"/records", nil) {
		if err != nil {
			h.t.Fatal(err)
		}
		list = append(list, r)
	}
	return list
}

// missingCheck is what /readyz says of a check that does not pass.
type missingCheck struct{ Name, Reason string }

// readyz asks the admin listener for readiness as the operator, who is told the
// reasons.
func (h *hubProcess) readyz() (status int, missing []missingCheck) {
	h.t.Helper()
	c := h.operatorContext()
	resp, body := call(h.t, httpClient(h.t, adminTLS(h.t, c, true), false), "GET", c.Server+"/readyz", nil, "")
	status = resp.StatusCode
	var answer struct {
		Ready   bool
		Missing []missingCheck
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		h.t.Fatalf("/readyz: %v\n%s", err, body)
	}
	if answer.Ready != (status == 200) || answer.Ready != (len(answer.Missing) == 0) {
		h.t.Errorf("/readyz: status %d with %s", status, body)
	}
	return status, answer.Missing
}

// awaitMissing waits until /readyz names exactly these checks.
func (h *hubProcess) awaitMissing(names ...string) {
	h.t.Helper()
	var status int
	var missing []missingCheck
	eventually(h.t, fmt.Sprintf("/readyz names %q", names), 15*time.Second, func() bool {
		status, missing = h.readyz()
		var got []string
		for _, m := range missing {
			got = append(got, m.Name)
		}
		return fmt.Sprint(got) == fmt.Sprint(names)
	})
	if want := map[bool]int{true: 200, false: 503}[len(names) == 0]; status != want {
		h.t.Errorf("/readyz answers %d, want %d", status, want)
	}
	for _, m := range missing {
		if m.Reason == "" || strings.Contains(m.Reason, "internal error") || strings.Contains(m.Reason, "1234") {
			h.t.Errorf("%s is missing for %q, which is no reason to act on", m.Name, m.Reason)
		}
		h.t.Logf("%s: %s", m.Name, m.Reason)
	}
}
