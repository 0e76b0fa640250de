package tnb

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// nfvo answers with one reply and keeps what it was asked.
type nfvo struct {
	code           int
	location, body string
	err            error

	asked *http.Request
	text  string
}

func (n *nfvo) RoundTrip(req *http.Request) (*http.Response, error) {
	n.asked = req
	if req.Body != nil {
		text, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		n.text = string(text)
	}
	if n.err != nil {
		return nil, n.err
	}
	resp := &http.Response{StatusCode: n.code, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(n.body))}
	if n.location != "" {
		resp.Header.Set("Location", n.location)
	}
	return resp, nil
}

func through(t *testing.T, n *nfvo, method, path string, body io.Reader) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "https://nfvo.test"+path, body)
	if err != nil {
		t.Fatal(err)
	}
	return Translator{Base: n, Version: "2.3.0", Token: "secret", Flavour: "df1"}.RoundTrip(req)
}

func TestTranslator(t *testing.T) {
	const op = "https://nfvo.test/nslcm/v2/ns_lcm_op_occs/7"
	tests := map[string]struct {
		method, path, body string // of the SDK
		answer             nfvo   // of SOL005
		wantPath, wantBody string // of SOL005
		want               string // of the SDK
	}{
		"list": {"GET", "/sol/nslcm/v1/ns_instances?nextpage_opaque_marker=x", "",
			nfvo{code: 200, body: `[{"id":"1"}]`}, "/nslcm/v2/ns_instances?nextpage_opaque_marker=x", "", `{"networkInstances":[{"id":"1"}]}`},
		"create": {"POST", "/sol/nslcm/v1/ns_instances", `{"nsdInfoId":"5","nsName":"n","tags":{"a":"b"}}`,
			nfvo{code: 201, location: op, body: `{"id":"1"}`}, "/nslcm/v2/ns_instances", `{"nsDescription":"","nsName":"n","nsdId":"5"}`, `{"id":"1"}`},
		"create with description": {"POST", "/sol/nslcm/v1/ns_instances", `{"nsDescription":"d","nsName":"n"}`,
			nfvo{code: 201, body: `{}`}, "/nslcm/v2/ns_instances", `{"nsDescription":"d","nsName":"n"}`, `{}`},
		"instantiate": {"POST", "/sol/nslcm/v1/ns_instances/1/instantiate", `{}`,
			nfvo{code: 202, location: op}, "/nslcm/v2/ns_instances/1/instantiate", `{"nsFlavourId":"df1"}`, `{"nsLcmOpOccId":"7"}`},
		"update": {"POST", "/sol/nslcm/v1/ns_instances/1/update", `{"updateType":"U","modifyVnfInfoData":{"vnfInstanceId":"2"}}`,
			nfvo{code: 202, location: op}, "/nslcm/v2/ns_instances/1/update", `{"modifyVnfInfoData":[{"vnfInstanceId":"2"}],"updateType":"U"}`, `{"nsLcmOpOccId":"7"}`},
		"terminate, no body": {"POST", "/sol/nslcm/v1/ns_instances/1/terminate", "",
			nfvo{code: 202, location: op}, "/nslcm/v2/ns_instances/1/terminate", `{}`, `{"nsLcmOpOccId":"7"}`},
		"read": {"GET", "/sol/nslcm/v1/ns_lcm_op_occs/7", "", nfvo{code: 200, body: `{"id":"7"}`}, "/nslcm/v2/ns_lcm_op_occs/7", "", `{"id":"7"}`},
		"cancel": {"POST", "/sol/nslcm/v1/ns_lcm_op_occs/7/cancel", `{"cancelMode":"GRACEFUL"}`,
			nfvo{code: 202}, "/nslcm/v2/ns_lcm_op_occs/7/cancel", `{"cancelMode":"GRACEFUL"}`, ""},
		"delete": {"DELETE", "/sol/nslcm/v1/ns_instances/1", "", nfvo{code: 204}, "/nslcm/v2/ns_instances/1", "", ""},
		"conflict": {"DELETE", "/sol/nslcm/v1/ns_instances/1", "", nfvo{code: 409, body: `{"status":409,"detail":"is instantiated"}`},
			"/nslcm/v2/ns_instances/1", "", `{"code":"ValidationException","message":"is instantiated"}`},
	}
	for name, tt := range tests {
		n := tt.answer
		var body io.Reader
		if tt.body != "" {
			body = strings.NewReader(tt.body)
		}
		resp, err := through(t, &n, tt.method, tt.path, body)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if n.asked.URL.RequestURI() != tt.wantPath || n.text != tt.wantBody {
			t.Errorf("%s: asked %s with %s, want %s with %s", name, n.asked.URL.RequestURI(), n.text, tt.wantPath, tt.wantBody)
		}
		if h := n.asked.Header; h.Get("Version") != "2.3.0" || h.Get("Authorization") != "Bearer secret" {
			t.Errorf("%s: headers %v", name, h)
		}
		if string(got) != tt.want {
			t.Errorf("%s: answer %s, want %s", name, got, tt.want)
		}
	}
}

// broken cannot be read.
type broken struct{}

var errBroken = errors.New("cable cut")

func (broken) Read([]byte) (int, error) { return 0, errBroken }

func TestTranslatorFails(t *testing.T) {
	const ns = "/sol/nslcm/v1/ns_instances"
	tests := map[string]struct {
		method, path string
		body         io.Reader
		answer       nfvo
		want         string
	}{
		"other API":        {"GET", "/sol/nsd/v1/ns_descriptors", nil, nfvo{}, "only /sol/nslcm/v1 has a translation"},
		"body breaks off":  {"POST", ns, broken{}, nfvo{}, "cable cut"},
		"body is no JSON":  {"POST", ns, strings.NewReader("<"), nfvo{}, "read body"},
		"no connection":    {"GET", ns, nil, nfvo{err: errBroken}, "cable cut"},
		"error is no JSON": {"GET", ns, nil, nfvo{code: 502, body: "<html>"}, "read body of status 502"},
		"list is no list":  {"GET", ns, nil, nfvo{code: 200, body: "{}"}, "read body of status 200"},
	}
	for name, tt := range tests {
		if _, err := through(t, &tt.answer, tt.method, tt.path, tt.body); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

func TestException(t *testing.T) {
	for status, want := range map[int]string{
		400: "ValidationException", 401: "AccessDeniedException", 403: "AccessDeniedException", 404: "ResourceNotFoundException",
		409: "ValidationException", 422: "ValidationException", 429: "ThrottlingException", 500: "InternalServerException", 503: "InternalServerException",
	} {
		if got := exception(status); got != want {
			t.Errorf("%d is %s, want %s", status, got, want)
		}
	}
}
