package openapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

const (
	typeJSON       = "application/json"
	typeProblem    = "application/problem+json"     // RFC 9457
	typeMergePatch = "application/merge-patch+json" // RFC 7396
)

// badKey marks the context of a request that is wrong on purpose.
type badKey struct{}

// Bad returns a context for requests that are wrong on purpose: only the answer
// is held against the files, it has to be a refusal, and it may be one of the
// common errors of SOL013 clause 6.4 that the files list for some operations
// only.
func Bad(ctx context.Context) context.Context { return context.WithValue(ctx, badKey{}, true) }

func isBad(ctx context.Context) bool { return ctx.Value(badKey{}) != nil }

// common are the errors of SOL013 clause 6.4, as SOL005_endpoints.yaml lists
// them for the API versions, with 405 and 412 of SOL005_resp.yaml; and 415,
// which RFC 9110 section 15.5.16 asks for.
var common = []int{400, 401, 403, 404, 405, 406, 412, 413, 414, 415, 416, 422, 429, 500, 503, 504}

// Transport returns a round tripper that passes requests to base
// (http.DefaultTransport when nil) and reports what of request or answer is not
// as the files say. It changes neither. Any number of goroutines may use it.
//
// A request to a path of none of the validator's APIs fails the test, unless
// [Validator.Ignore] named a prefix of it.
func (v *Validator) Transport(base http.RoundTripper) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	return transport{v, base}
}

type transport struct {
	v    *Validator
	base http.RoundTripper
}

func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.v.ignored(req.URL.Path) {
		return t.base.RoundTrip(req)
	}
	o, known := t.v.find(req.Method, req.URL.Path)
	if !known {
		t.v.t.Errorf("%s %s is a path of no API of this validator", req.Method, req.URL.Path)
		return t.base.RoundTrip(req)
	}
	if !isBad(req.Context()) {
		clone, problems, err := checkRequest(o, req)
		if err != nil {
			return nil, err
		}
		t.v.report(o.String()+" request", problems)
		req = clone
	}
	resp, err := t.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := readJSON(resp.Header, &resp.Body)
	if err != nil {
		return nil, fmt.Errorf("read the answer to %s: %w", o, err)
	}
	t.v.report(fmt.Sprintf("%s answered %s", o, statusText(resp.StatusCode)),
		checkAnswer(o, answer{resp.StatusCode, resp.Header, body, resp.ContentLength}, isBad(req.Context())))
	t.v.count(o, resp.StatusCode)
	return resp, nil
}

// checkRequest returns the request to send, whose body can be read again.
func checkRequest(o operation, req *http.Request) (*http.Request, []string, error) {
	clone := req.Clone(req.Context())
	body, err := readJSON(req.Header, &clone.Body)
	if err != nil {
		return nil, nil, fmt.Errorf("read the request of %s: %w", o, err)
	}
	switch {
	case o.item == nil:
		return clone, []string{"the file has no such path"}, nil
	case o.op == nil:
		return clone, []string{"the file has no such method for this path"}, nil
	}
	problems := checkParameters(o, req)
	hasBody := req.Body != nil && req.Body != http.NoBody // a length of 0 may mean that it is not known
	want := o.op.RequestBody
	switch {
	case want == nil && hasBody:
		problems = append(problems, "it has a body, and the file has none")
	case want != nil && want.Value.Required && !hasBody:
		problems = append(problems, "it has no body, and the file requires one")
	case want != nil && hasBody:
		problems = append(problems, checkContent("body", o.requestContent(), req.Header, body, openapi3.VisitAsRequest())...)
	}
	return clone, problems, nil
}

// requestContent is what the file lists, with the media type of a PATCH as its
// descriptions and RFC 7396 have it.
func (o operation) requestContent() openapi3.Content {
	content := o.op.RequestBody.Value.Content
	if o.method == http.MethodPatch && content[typeJSON] != nil {
		return openapi3.Content{typeMergePatch: content[typeJSON]}
	}
	return content
}

// checkParameters holds headers and the query against the file. Parts of the
// path were matched already.
func checkParameters(o operation, req *http.Request) []string {
	var problems []string
	query := req.URL.Query()
	documented := map[string]bool{}
	for _, ref := range o.parameters() {
		p := ref.Value
		switch p.In {
		case openapi3.ParameterInHeader:
			// OpenAPI 3.0.2: definitions of these three shall be ignored.
			ignored := slices.Contains([]string{"Accept", "Content-Type", "Authorization"}, p.Name)
			if p.Required && !ignored && req.Header.Get(p.Name) == "" {
				problems = append(problems, fmt.Sprintf("header %s is missing", p.Name))
			}
		case openapi3.ParameterInQuery:
			documented[p.Name] = true
			if p.Required && !query.Has(p.Name) {
				problems = append(problems, fmt.Sprintf("query parameter %s is missing", p.Name))
			}
		}
	}
	for name := range query {
		if !documented[name] {
			problems = append(problems, fmt.Sprintf("the file has no query parameter %s", name))
		}
	}
	slices.Sort(problems)
	return problems
}

// answer is what of a response is held against the file.
type answer struct {
	code   int
	header http.Header
	body   []byte // when its type is JSON
	length int64  // of the body; -1 when not known
}

func checkAnswer(o operation, a answer, bad bool) []string {
	if o.op == nil {
		return checkUnknown(o, a)
	}
	if bad && a.code < 400 {
		return []string{"the request was meant to be refused"}
	}
	documented := o.op.Responses.Status(a.code)
	if documented == nil {
		if bad && slices.Contains(common, a.code) {
			return append(checkProblem(o, a), missingHeaders(a, "Version")...)
		}
		return []string{"the file does not list this status code"}
	}
	problems := checkHeaders(a, documented.Value)
	if a.code >= 400 {
		return append(problems, checkProblem(o, a)...)
	}
	content := documented.Value.Content
	switch {
	case len(content) > 0:
		problems = append(problems, checkContent("body", content, a.header, a.body, openapi3.VisitAsResponse())...)
	case a.code != http.StatusOK && a.code != http.StatusPartialContent && (a.length > 0 || len(a.body) > 0):
		// 200 and 206 without content in the file are files of any type.
		problems = append(problems, "it has a body, and the file has none")
	}
	return problems
}

// checkUnknown is for a path or method that the file lacks: SOL013 clause 6.4
// asks for 404 or 405.
func checkUnknown(o operation, a answer) []string {
	want := http.StatusMethodNotAllowed
	if o.item == nil {
		want = http.StatusNotFound
	}
	if a.code != want {
		return []string{fmt.Sprintf("the file has no such path or method, so the answer has to be %s", statusText(want))}
	}
	return checkProblem(o, a)
}

// checkHeaders asks for the headers that the file documents and that are no
// option: a header object of OpenAPI is optional unless it says otherwise, and
// those of ETSI say it in prose.
func checkHeaders(a answer, documented *openapi3.Response) []string {
	var want []string
	for name, h := range documented.Headers {
		if h.Value.Required && name != "Content-Type" {
			want = append(want, name)
		}
	}
	if documented.Headers["Version"] != nil {
		want = append(want, "Version")
	}
	switch {
	case a.code == http.StatusCreated, a.code == http.StatusSeeOther,
		a.code == http.StatusAccepted && documented.Headers["Location"] != nil:
		want = append(want, "Location")
	case a.code == http.StatusPartialContent:
		want = append(want, "Content-Range")
	}
	slices.Sort(want)
	return missingHeaders(a, slices.Compact(want)...)
}

func missingHeaders(a answer, names ...string) []string {
	var problems []string
	for _, name := range names {
		if a.header.Get(name) == "" {
			problems = append(problems, fmt.Sprintf("header %s is missing", name))
		}
	}
	return problems
}

// checkProblem holds an error against SOL013 clause 6.3. The files have
// ProblemDetails as application/json; their prose cites RFC 7807. A 401 may come
// without a body: what is wrong stands in WWW-Authenticate then.
func checkProblem(o operation, a answer) []string {
	if a.code == http.StatusUnauthorized && a.length == 0 {
		return nil
	}
	if media := mediaType(a.header); media != typeProblem {
		return []string{fmt.Sprintf("an error has the type %s, not %q", typeProblem, media)}
	}
	problems := visit("problem", o.from.schemas["ProblemDetails"], a.body)
	var p struct{ Status int }
	if err := json.Unmarshal(a.body, &p); err == nil && p.Status != a.code {
		problems = append(problems, fmt.Sprintf("problem at /status: %d, but the answer is %d", p.Status, a.code))
	}
	return problems
}

// checkContent holds a body against the media types that the file lists.
func checkContent(where string, content openapi3.Content, header http.Header, body []byte, opts ...openapi3.SchemaValidationOption) []string {
	media := mediaType(header)
	want := content.Get(media)
	if want == nil {
		return []string{fmt.Sprintf("%s has the type %q, and the file has %s", where, media, strings.Join(slices.Sorted(maps.Keys(content)), ", "))}
	}
	if !isJSON(media) || want.Schema == nil {
		return nil
	}
	return visit(where, want.Schema.Value, body, opts...)
}

func mediaType(header http.Header) string {
	media, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		return header.Get("Content-Type")
	}
	return media
}

func isJSON(media string) bool { return media == typeJSON || strings.HasSuffix(media, "+json") }

// readJSON reads a body that is JSON and puts a copy in its place. Packages and
// artifacts pass unread.
func readJSON(header http.Header, body *io.ReadCloser) ([]byte, error) {
	if *body == nil || *body == http.NoBody || !isJSON(mediaType(header)) {
		return nil, nil
	}
	text, err := io.ReadAll(*body)
	if closed := (*body).Close(); err == nil {
		err = closed
	}
	*body = io.NopCloser(bytes.NewReader(text))
	return text, err
}
