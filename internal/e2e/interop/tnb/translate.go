// Package tnb drives the hub with a client that no one here wrote: that of AWS
// Telco Network Builder in aws-sdk-go. Its API is shaped like SOL005 and differs
// in known places. [Translator] bridges these and nothing else; docs/interop.md
// lists them. It is a module of its own, so that the SDK stays out of the
// project's go.mod.
package tnb

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
)

// Translator is a round tripper between the SDK and a SOL005 NFVO. It may be
// used by any number of goroutines.
type Translator struct {
	Base    http.RoundTripper
	Version string // of nslcm, for the Version header that the SDK does not know
	Token   string // OAuth 2.0 access token, in place of a signature of AWS
	Flavour string // nsFlavourId of instantiations, which SOL005 requires
}

// RoundTrip sends the SDK's request as SOL005 has it, and returns the answer as
// the SDK has it. A request outside of nslcm is refused: it has no translation.
func (t Translator) RoundTrip(req *http.Request) (*http.Response, error) {
	rest, ok := strings.CutPrefix(req.URL.Path, "/sol/nslcm/v1/")
	if !ok {
		return nil, fmt.Errorf("translate %s %s: only /sol/nslcm/v1 has a translation", req.Method, req.URL.Path)
	}
	out := req.Clone(req.Context())
	out.URL.Path, out.URL.RawPath = "/nslcm/v2/"+rest, ""
	out.Header.Set("Version", t.Version)
	out.Header.Set("Authorization", "Bearer "+t.Token)
	if err := t.body(req, out, rest); err != nil {
		return nil, fmt.Errorf("translate %s %s: %w", req.Method, req.URL.Path, err)
	}
	resp, err := t.Base.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	if err := answer(resp, req.Method == http.MethodGet && rest == "ns_instances"); err != nil {
		return nil, fmt.Errorf("translate the answer to %s %s: %w", req.Method, req.URL.Path, err)
	}
	return resp, nil
}

// object is a JSON object whose members may be renamed.
type object map[string]any

// body translates the request's body. A task that the SDK asks for without one
// has an empty object in SOL005.
func (t Translator) body(req, out *http.Request, rest string) error {
	text, err := readAll(req.Body)
	if err != nil {
		return err
	}
	task := path.Base(rest)
	if req.Method != http.MethodPost || task == "cancel" {
		setBody(out, text)
		return nil
	}
	o := object{}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &o); err != nil {
			return fmt.Errorf("read body: %w", err)
		}
	}
	delete(o, "tags") // of AWS; SOL005 has no place for them
	switch task {
	case "ns_instances":
		o.rename("nsdInfoId", "nsdId")
		if o["nsDescription"] == nil {
			o["nsDescription"] = ""
		}
	case "instantiate":
		o["nsFlavourId"] = t.Flavour
	case "update":
		// One object there, an array here.
		if one, ok := o["modifyVnfInfoData"]; ok {
			o["modifyVnfInfoData"] = []any{one}
		}
	}
	if text, err = json.Marshal(o); err != nil {
		return fmt.Errorf("write body: %w", err)
	}
	out.Header.Set("Content-Type", "application/json")
	setBody(out, text)
	return nil
}

func readAll(body io.ReadCloser) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	text, err := io.ReadAll(body)
	if closed := body.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return nil, fmt.Errorf("read body: %w", err)
	}
	return text, nil
}

func (o object) rename(from, to string) {
	if v, ok := o[from]; ok {
		o[to] = v
		delete(o, from)
	}
}

func setBody(req *http.Request, text []byte) {
	req.ContentLength = int64(len(text))
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }
	req.Body = io.NopCloser(bytes.NewReader(text))
	if len(text) == 0 {
		req.Body, req.GetBody = http.NoBody, nil
		req.Header.Del("Content-Type")
	}
}

// answer translates a response of SOL005 into one of TNB: the operation in the
// body instead of in Location, a list in an object, an error in AWS's members.
func answer(resp *http.Response, list bool) error {
	var o object
	switch {
	case resp.StatusCode >= 400:
		var problem struct{ Detail, Title string }
		if err := readBody(resp, &problem); err != nil {
			return err
		}
		o = object{"message": problem.Detail, "code": exception(resp.StatusCode)}
	case resp.StatusCode == http.StatusAccepted && resp.Header.Get("Location") != "":
		o = object{"nsLcmOpOccId": path.Base(resp.Header.Get("Location"))}
	case resp.StatusCode == http.StatusOK && list:
		var all []any
		if err := readBody(resp, &all); err != nil {
			return err
		}
		o = object{"networkInstances": all}
	default:
		return nil
	}
	text, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("write body: %w", err)
	}
	resp.Body = io.NopCloser(bytes.NewReader(text))
	resp.ContentLength = int64(len(text))
	resp.Header.Set("Content-Type", "application/json")
	resp.Header.Del("Content-Length")
	return nil
}

func readBody(resp *http.Response, into any) error {
	defer func() { _ = resp.Body.Close() }() // what was to be read was read
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		return fmt.Errorf("read body of status %d: %w", resp.StatusCode, err)
	}
	return nil
}

// exception is the error of service/tnb for a status of SOL013 clause 6.4. TNB
// has none for a conflict; it says ValidationException there too.
func exception(status int) string {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return "AccessDeniedException"
	case http.StatusNotFound:
		return "ResourceNotFoundException"
	case http.StatusTooManyRequests:
		return "ThrottlingException"
	}
	if status >= 500 {
		return "InternalServerException"
	}
	return "ValidationException"
}
