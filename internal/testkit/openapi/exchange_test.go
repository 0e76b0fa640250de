package openapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// server answers by method and path; what it lacks is 404.
type server map[string]reply

type reply struct {
	code   int
	header string // "Name: value", one a line
	body   string
}

const (
	version  = "Version: 2.3.0\n"
	asJSON   = "Content-Type: application/json\n"
	asError  = "Content-Type: application/problem+json\n"
	location = "Location: https://nfvo.test/nslcm/v2/x/1\n"

	ns      = `{"id":"1","nsInstanceName":"n","nsInstanceDescription":"d","nsdId":"2","nsdInfoId":"3","nsState":"NOT_INSTANTIATED","_links":{"self":{"href":"https://a"}}}`
	create  = `{"nsdId":"2","nsName":"n","nsDescription":"d"}`
	missing = `{"status":404,"detail":"no such NS; list them with GET /ns_instances"}`
)

func (s server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a, ok := s[r.Method+" "+r.URL.Path]
	if !ok {
		a = reply{404, version + asError, missing}
	}
	for line := range strings.Lines(a.header) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		w.Header().Add(name, value)
	}
	w.WriteHeader(a.code)
	if a.body != "" {
		if _, err := io.WriteString(w, a.body); err != nil && !errors.Is(err, http.ErrBodyNotAllowed) {
			panic(err)
		}
	}
}

// call sends a request through v to s and returns the body of the answer.
func call(t *testing.T, v *Validator, s server, ctx context.Context, method, path, header, body string) string {
	t.Helper()
	ts := httptest.NewServer(s)
	defer ts.Close()
	req, err := http.NewRequestWithContext(ctx, method, ts.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(header) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		req.Header.Add(name, value)
	}
	client := http.Client{Transport: v.Transport(nil), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// good is a server that obeys.
func good() server {
	return server{
		"GET /nslcm/v2/ns_instances":                       {200, version + asJSON, "[" + ns + "]"},
		"POST /nslcm/v2/ns_instances":                      {201, version + asJSON + location, ns},
		"DELETE /nslcm/v2/ns_instances/1":                  {204, version, ""},
		"POST /nslcm/v2/ns_instances/1/terminate":          {202, version + location, ""},
		"POST /nslcm/v2/ns_lcm_op_occs/1/retry":            {202, version + location, ""},
		"POST /nslcm/v2/subscriptions":                     {303, version + location, ""},
		"GET /root/nslcm/v2/api_versions":                  {200, version + asJSON, `{"uriPrefix":"/nslcm","apiVersions":[{"version":"2.3.0"}]}`},
		"GET /nslcm/api_versions":                          {200, version + asJSON, `{"uriPrefix":"/nslcm","apiVersions":[{"version":"2.3.0"}]}`},
		"PUT /nslcm/v2/api_versions":                       {405, version + asError, `{"status":405,"detail":"GET only"}`},
		"PUT /nslcm/v2/ns_instances":                       {405, version + asError, `{"status":405,"detail":"GET and POST only"}`},
		"GET /vnfpkgm/v2/vnf_packages/1/vnfd":              {200, version + "Content-Type: text/plain\n", "tosca"},
		"PATCH /vnfpkgm/v2/vnf_packages/1":                 {200, version + asJSON, `{"operationalState":"DISABLED"}`},
		"PUT /vnfpkgm/v2/vnf_packages/1/package_content":   {202, version, ""},
		"GET /vnfpkgm/v2/vnf_packages/1/artifacts/a/b.txt": {206, version + "Content-Type: text/plain\nContent-Range: bytes 0-1/2\n", "ab"},
		"GET /nslcm/v2/ns_lcm_op_occs":                     {401, version, ""},
	}
}

func TestObedientServer(t *testing.T) {
	v, r := recording(t, NsLcm, VnfPkgm)
	tests := []struct{ method, path, header, body string }{
		{"GET", "/nslcm/v2/ns_instances?filter=(eq,id,1)&all_fields", version, ""},
		{"POST", "/nslcm/v2/ns_instances", version + asJSON, create},
		{"POST", "/nslcm/v2/ns_instances", version + "Content-Type: application/json; charset=utf-8\n", create},
		{"DELETE", "/nslcm/v2/ns_instances/1", version, ""},
		{"GET", "/nslcm/v2/ns_instances/none", version, ""},
		{"POST", "/nslcm/v2/ns_instances/1/terminate", version + asJSON, `{}`},
		{"POST", "/nslcm/v2/ns_lcm_op_occs/1/retry", version, ""},
		{"POST", "/nslcm/v2/subscriptions", version + asJSON, `{"callbackUri":"https://sm.test/n"}`},
		{"GET", "/root/nslcm/v2/api_versions", version, ""},
		{"GET", "/nslcm/api_versions", version, ""},
		{"GET", "/vnfpkgm/v2/vnf_packages/1/vnfd", version, ""},
		{"PATCH", "/vnfpkgm/v2/vnf_packages/1", version + "Content-Type: application/merge-patch+json\n", `{"operationalState":"DISABLED"}`},
		{"PUT", "/vnfpkgm/v2/vnf_packages/1/package_content", version + "Content-Type: application/zip\n", "PK"},
		{"GET", "/vnfpkgm/v2/vnf_packages/1/artifacts/a/b.txt", version + "Range: bytes=0-1\n", ""},
		{"GET", "/nslcm/v2/ns_lcm_op_occs", version, ""},
	}
	for _, tt := range tests {
		call(t, v, good(), t.Context(), tt.method, tt.path, tt.header, tt.body)
		expect(t, tt.method+" "+tt.path, r.take())
	}
	if got := call(t, v, good(), t.Context(), "POST", "/nslcm/v2/ns_instances", version+asJSON, create); got != ns {
		t.Errorf("the client reads %q, want what the server sent", got)
	}
}

func TestDisobedientServer(t *testing.T) {
	tests := map[string]struct {
		method, path, body string
		answer             reply
		want               []string
	}{
		"status that the file lacks": {"GET", "/nslcm/v2/ns_instances", "", reply{202, version, ""},
			[]string{"NsLcm GET /ns_instances answered 202 Accepted: the file does not list this status code"}},
		"error that the file lacks": {"POST", "/nslcm/v2/ns_instances", create, reply{422, version + asError, `{"status":422,"detail":"d"}`},
			[]string{"422 Unprocessable Entity: the file does not list"}},
		"every violation is told": {"GET", "/nslcm/v2/ns_instances/1", "", reply{200, asJSON, `{"id":1,"nsState":"GONE","_links":{"self":{}}}`},
			[]string{
				"header Version is missing", `at /id: value must be a string; value 1`, `at /nsState: value is not one of the allowed values`,
				`property "nsInstanceName" is missing`, `property "nsInstanceDescription" is missing`, `property "nsdId" is missing`, `property "nsdInfoId" is missing`,
				`at /_links/self/href: property "href" is missing`,
			}},
		"place in a list":         {"GET", "/nslcm/v2/ns_instances", "", reply{200, version + asJSON, "[" + ns + "," + strings.Replace(ns, `"1"`, `7`, 1) + "]"}, []string{"at /1/id: value must be a string; value 7"}},
		"no Location on 201":      {"POST", "/nslcm/v2/ns_instances", create, reply{201, version + asJSON, ns}, []string{"header Location is missing"}},
		"no Location on 202":      {"POST", "/nslcm/v2/ns_instances/1/heal", `{"healVnfData":[{"vnfInstanceId":"1"}]}`, reply{202, version, ""}, []string{"header Location is missing"}},
		"no Location on 303":      {"POST", "/nslcm/v2/subscriptions", `{"callbackUri":"https://sm.test/n"}`, reply{303, version, ""}, []string{"header Location is missing"}},
		"no Content-Range":        {"GET", "/vnfpkgm/v2/vnf_packages/1/package_content", "", reply{206, version, "a"}, []string{"header Content-Range is missing"}},
		"body where none is":      {"POST", "/nslcm/v2/ns_instances/1/terminate", `{}`, reply{202, version + location + asJSON, "{}"}, []string{"it has a body, and the file has none"}},
		"other media type":        {"GET", "/nslcm/v2/ns_instances/1", "", reply{200, version + "Content-Type: text/html\n", "<p>"}, []string{`body has the type "text/html", and the file has application/json`}},
		"not JSON":                {"GET", "/nslcm/v2/ns_instances/1", "", reply{200, version + asJSON, "<p>"}, []string{"not JSON"}},
		"no body":                 {"GET", "/nslcm/v2/ns_instances/1", "", reply{200, version + asJSON, ""}, []string{"not JSON"}},
		"error as plain JSON":     {"GET", "/nslcm/v2/ns_instances/1", "", reply{404, version + asJSON, missing}, []string{`an error has the type application/problem+json, not "application/json"`}},
		"error without body":      {"GET", "/nslcm/v2/ns_instances/1", "", reply{404, version, ""}, []string{`not ""`}},
		"error without version":   {"GET", "/nslcm/v2/ns_instances/1", "", reply{404, asError, missing}, []string{"header Version is missing"}},
		"problem without detail":  {"GET", "/nslcm/v2/ns_instances/1", "", reply{404, version + asError, `{"status":404}`}, []string{`problem at /detail: property "detail" is missing`}},
		"problem of other status": {"GET", "/nslcm/v2/ns_instances/1", "", reply{403, version + asError, missing}, []string{"problem at /status: 404, but the answer is 403"}},
		"unknown path answered":   {"GET", "/nslcm/v2/ns_things", "", reply{200, version + asJSON, "{}"}, []string{"request: the file has no such path", "the answer has to be 404 Not Found"}},
		"unknown method answered": {"DELETE", "/nslcm/v2/ns_instances", "", reply{200, version + asJSON, "{}"}, []string{"request: the file has no such method", "the answer has to be 405 Method Not Allowed"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			v, r := recording(t, NsLcm, VnfPkgm)
			header := version
			if tt.body != "" {
				header += asJSON
			}
			path, _, _ := strings.Cut(tt.path, "?")
			call(t, v, server{tt.method + " " + path: tt.answer}, t.Context(), tt.method, tt.path, header, tt.body)
			expect(t, name, r.take(), tt.want...)
		})
	}
}

func TestDisobedientClient(t *testing.T) {
	v, r := recording(t, NsLcm, VnfPkgm)
	tests := map[string]struct {
		method, path, header, body string
		want                       []string
	}{
		"no version":           {"GET", "/nslcm/v2/ns_instances", "", "", []string{"NsLcm GET /ns_instances request: header Version is missing"}},
		"unknown parameter":    {"GET", "/nslcm/v2/ns_instances?filtre=x", version, "", []string{"no query parameter filtre"}},
		"no body":              {"POST", "/nslcm/v2/ns_instances", version + asJSON, "", []string{"it has no body"}},
		"body where none is":   {"DELETE", "/nslcm/v2/ns_instances/1", version, "{}", []string{"it has a body, and the file has none"}},
		"body against schema":  {"POST", "/nslcm/v2/ns_instances", version + asJSON, `{"nsName":"n","nsDescription":2}`, []string{`"nsdId" is missing`, "at /nsDescription: value must be a string; value 2"}},
		"other media type":     {"POST", "/nslcm/v2/ns_instances", version + "Content-Type: text/plain\n", create, []string{`body has the type "text/plain"`}},
		"patch as plain JSON":  {"PATCH", "/vnfpkgm/v2/vnf_packages/1", version + asJSON, `{"operationalState":"DISABLED"}`, []string{`the file has application/merge-patch+json`}},
		"path of no API":       {"GET", "/other/v1/x", version, "", []string{"GET /other/v1/x is a path of no API"}},
		"path with empty part": {"GET", "/nslcm/v2/ns_instances//scale", version, "", []string{"the file has no such path"}},
	}
	for name, tt := range tests {
		call(t, v, good(), t.Context(), tt.method, tt.path, tt.header, tt.body)
		expect(t, name, r.take(), tt.want...)
	}
}

// What is wrong on purpose has to be refused, as the specification has it.
func TestBad(t *testing.T) {
	v, r := recording(t, NsLcm)
	bad := Bad(t.Context())
	const path = "/nslcm/v2/ns_instances"
	answers := map[string]struct {
		answer reply
		want   []string
	}{
		"listed":          {reply{400, version + asError, `{"status":400,"detail":"d"}`}, nil},
		"common":          {reply{422, version + asError, `{"status":422,"detail":"d"}`}, nil},
		"common, bare":    {reply{422, "", ""}, []string{"an error has the type", "header Version is missing"}},
		"not refused":     {reply{201, version + asJSON + location, ns}, []string{"the request was meant to be refused"}},
		"not in SOL013":   {reply{418, version + asError, `{"status":418,"detail":"d"}`}, []string{"does not list this status code"}},
		"listed, no JSON": {reply{400, version + asError, `{`}, []string{"not JSON"}},
	}
	for name, tt := range answers {
		call(t, v, server{"POST " + path: tt.answer}, bad, "POST", path, "", "{")
		expect(t, name, r.take(), tt.want...)
	}
	call(t, v, good(), bad, "PUT", path, "", "")
	call(t, v, good(), bad, "GET", "/nslcm/v2/ns_things", "", "")
	expect(t, "unknown method and path", r.take())
}

func TestIgnore(t *testing.T) {
	v, r := recording(t, NsLcm)
	v.Ignore("/manoward/", "/oauth/")
	call(t, v, server{"GET /manoward/v1/x": {200, "", "x"}}, t.Context(), "GET", "/manoward/v1/x", "", "")
	expect(t, "ignored prefix", r.take())
	call(t, v, server{}, t.Context(), "GET", "/manowards", "", "")
	expect(t, "other path", r.take(), "/manowards is a path of no API")
}

// broken is a transport or a body that fails.
type broken struct{}

var errBroken = errors.New("cable cut")

func (broken) RoundTrip(*http.Request) (*http.Response, error) { return nil, errBroken }
func (broken) Read([]byte) (int, error)                        { return 0, errBroken }

// cut answers with a body that breaks off.
type cut struct{}

func (cut) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {typeJSON}}, Body: io.NopCloser(broken{})}, nil
}

// A package is streamed from a file, so that its length is not known.
func TestStreamedUpload(t *testing.T) {
	v, r := recording(t, VnfPkgm)
	ts := httptest.NewServer(good())
	defer ts.Close()
	read, write := io.Pipe()
	go func() {
		_, err := io.WriteString(write, "PK")
		write.CloseWithError(err) // nil is the end of the file
	}()
	req, err := http.NewRequestWithContext(t.Context(), "PUT", ts.URL+"/vnfpkgm/v2/vnf_packages/1/package_content", read)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/zip")
	req.Header.Set("Version", "2.4.0")
	resp, err := v.Transport(nil).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	expect(t, "streamed upload", r.take())
}

func TestTransportFails(t *testing.T) {
	v, r := recording(t, NsLcm)
	request := func(body io.Reader) *http.Request {
		req, err := http.NewRequestWithContext(t.Context(), "POST", "https://nfvo.test/nslcm/v2/ns_instances", body)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", typeJSON)
		req.Header.Set("Version", "2.3.0")
		return req
	}
	for name, tt := range map[string]struct {
		base http.RoundTripper
		body io.Reader
	}{
		"no connection":          {broken{}, strings.NewReader(create)},
		"request cannot be read": {http.DefaultTransport, broken{}},
		"answer breaks off":      {cut{}, strings.NewReader(create)},
	} {
		resp, err := v.Transport(tt.base).RoundTrip(request(tt.body))
		if !errors.Is(err, errBroken) {
			t.Errorf("%s: %v", name, err)
		}
		if resp != nil {
			_ = resp.Body.Close()
		}
	}
	expect(t, "a broken connection is no violation", r.take())
}
