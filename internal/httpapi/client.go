package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// Limits of the client that hold when [Client] says nothing else.
const (
	DefaultMaxAnswer = 16 << 20         // bytes of an answer's body
	DefaultRetries   = 2                // after the first attempt
	maxRetryWait     = 10 * time.Second // a longer Retry-After is handed to the caller
)

// Client speaks to one API of one server. Its fields must not change once it is
// used; it is then safe for concurrent use.
type Client struct {
	Base      string       // {apiRoot}/{apiName}/{apiMajorVersion}, without a slash at the end
	HTTP      *http.Client // carries TLS credentials and the time limit; nil means http.DefaultClient
	Version   string       // the Version header; empty sends none
	MaxAnswer int64        // bytes of an answer's body; 0 means DefaultMaxAnswer
	Retries   int          // further attempts after 503; 0 means DefaultRetries, below 0 none
	// Wait blocks for d or until ctx ends; nil means on the clock.
	Wait func(ctx context.Context, d time.Duration) error
	// Now is the clock that a Retry-After date is compared with; nil means time.Now.
	Now func() time.Time
}

// Answer is what a successful call returned besides its body.
type Answer struct {
	Status    int
	ETag      string
	Location  string // of 201, 202 and 303
	RequestID string // under which the server's log knows the call
	Header    http.Header
}

// CallOption changes one request.
type CallOption func(http.Header)

// IfMatch makes a change conditional on the resource's tag; the call fails with
// hub.Precondition if it has changed since.
func IfMatch(etag string) CallOption { return func(h http.Header) { h.Set("If-Match", etag) } }

// IfNoneMatch makes a read conditional: the answer is 304, with out untouched, if
// the resource still has this tag.
func IfNoneMatch(etag string) CallOption {
	return func(h http.Header) { h.Set("If-None-Match", etag) }
}

// WithRequestID sends a request id of the caller's.
func WithRequestID(id string) CallOption { return func(h http.Header) { h.Set("X-Request-Id", id) } }

// Do sends one request to path, relative to Base, with in as its JSON body unless
// in is nil, and decodes the JSON answer into out unless out is nil. A PATCH is
// sent as a merge patch.
//
// A ProblemDetails answer becomes a *[hub.Error] with the code of its status. A
// redirect is not followed: 303 is an answer with a Location. Only methods that
// are idempotent are tried again, after a 503 that says when (Retry-After), and
// only so often and so long as the client allows.
func (c *Client) Do(ctx context.Context, method, path string, in, out any, options ...CallOption) (*Answer, error) {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return nil, hub.E(hub.Internal, c.op(method, path), "the request cannot be encoded", err)
		}
	}
	return c.call(ctx, method, c.Base+path, body, out, options)
}

func (c *Client) op(method, path string) string { return method + " " + clip(path) }

// call is Do for an absolute target and an encoded body.
func (c *Client) call(ctx context.Context, method, target string, body []byte, out any, options []CallOption) (*Answer, error) {
	op := c.op(method, target)
	for attempt := 0; ; attempt++ {
		resp, err := c.send(ctx, method, target, body, options)
		if err != nil {
			return nil, err
		}
		if wait, again := c.again(resp, method, attempt); again {
			drain(resp.Body)
			if err := c.wait(ctx, wait); err != nil {
				return nil, hub.E(hub.Unavailable, op, "the server is busy and there was no time to try again", err)
			}
			continue
		}
		return c.read(op, resp, out)
	}
}

func (c *Client) send(ctx context.Context, method, target string, body []byte, options []CallOption) (*http.Response, error) {
	op := c.op(method, target)
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return nil, hub.E(hub.Invalid, op, "the address of the server cannot be used", err)
	}
	req.Header.Set("Accept", TypeJSON+", "+TypeProblem)
	if c.Version != "" {
		req.Header.Set("Version", c.Version)
	}
	switch {
	case body != nil && method == http.MethodPatch:
		req.Header.Set("Content-Type", TypeMergePatch)
	case body != nil:
		req.Header.Set("Content-Type", TypeJSON)
	}
	for _, o := range options {
		o(req.Header)
	}
	resp, err := c.noRedirects().Do(req)
	if err != nil {
		var known *hub.Error
		if errors.As(err, &known) { // of a token source in the transport
			return nil, known
		}
		return nil, hub.E(hub.Unavailable, op, "the server does not answer; check its address, its certificate and that it runs", err)
	}
	return resp, nil
}

// noRedirects returns the HTTP client with redirects handed to the caller: a
// redirect could carry credentials elsewhere, and 303 has a meaning of its own.
func (c *Client) noRedirects() *http.Client {
	client := http.Client{}
	if c.HTTP != nil {
		client = *c.HTTP
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client
}

// again says whether to try once more, and after how long.
func (c *Client) again(resp *http.Response, method string, attempt int) (time.Duration, bool) {
	retries := c.Retries
	if retries == 0 {
		retries = DefaultRetries
	}
	if resp.StatusCode != http.StatusServiceUnavailable || !idempotent(method) || attempt >= retries {
		return 0, false
	}
	wait, ok := c.retryAfter(resp.Header.Get("Retry-After"))
	return wait, ok && wait <= maxRetryWait
}

// idempotent lists the methods of RFC 9110 clause 9.2.2; PATCH is none of them.
func idempotent(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodOptions:
		return true
	}
	return false
}

// retryAfter reads both forms of RFC 9110 clause 10.2.3.
func (c *Client) retryAfter(field string) (time.Duration, bool) {
	if seconds, err := strconv.ParseUint(field, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second, true
	}
	at, err := http.ParseTime(field)
	if err != nil {
		return 0, false
	}
	now := time.Now
	if c.Now != nil {
		now = c.Now
	}
	return max(0, at.Sub(now())), true
}

func (c *Client) wait(ctx context.Context, d time.Duration) error {
	if c.Wait != nil {
		return c.Wait(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// read turns a response into an answer or an error.
func (c *Client) read(op string, resp *http.Response, out any) (*Answer, error) {
	defer drain(resp.Body)
	limit := c.MaxAnswer
	if limit == 0 {
		limit = DefaultMaxAnswer
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, hub.E(hub.Unavailable, op, "the answer broke off", err)
	}
	if int64(len(body)) > limit {
		return nil, hub.E(hub.Unavailable, op, fmt.Sprintf("the answer is larger than the %d bytes that are taken", limit), nil)
	}
	a := &Answer{
		Status: resp.StatusCode, Header: resp.Header, ETag: resp.Header.Get("ETag"),
		Location: resp.Header.Get("Location"), RequestID: resp.Header.Get("X-Request-Id"),
	}
	if a.Status >= 400 {
		return a, problemError(op, a, body)
	}
	if a.Status >= 300 && a.Status != http.StatusSeeOther && a.Status != http.StatusNotModified {
		return a, hub.E(hub.Unavailable, op, fmt.Sprintf("the server answered %d, a redirect, which is not followed; check the address of the API", a.Status), nil)
	}
	if out == nil || a.Status >= 300 || len(body) == 0 && a.Status != http.StatusOK {
		return a, nil
	}
	if mediaType, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || mediaType != TypeJSON {
		return a, hub.E(hub.Unavailable, op, fmt.Sprintf("the answer is %q and not JSON; check that the address is that of the API", clip(mediaType)), err)
	}
	if err := json.Unmarshal(body, out); err != nil {
		return a, hub.E(hub.Unavailable, op, "the answer is not of the expected form", err)
	}
	return a, nil
}

// problemError makes a [hub.Error] of an answer of 400 and above. The peer's
// detail is shown as it is, but for length and control characters.
func problemError(op string, a *Answer, body []byte) error {
	var p ProblemDetails
	text := ""
	if mediaType, _, err := mime.ParseMediaType(a.Header.Get("Content-Type")); err == nil && mediaType == TypeProblem && json.Unmarshal(body, &p) == nil {
		text = plain(p.Detail)
	}
	if text == "" {
		text = fmt.Sprintf("the server answered %d %s", a.Status, http.StatusText(a.Status))
	}
	code := codeOf(a.Status)
	if p.Code != "" && p.Code != hub.Internal && StatusOf(p.Code) == a.Status {
		code = p.Code // the finer word, as far as it fits the status
	}
	if id := a.RequestID; code == hub.Internal && saneRequestID(id) {
		text += fmt.Sprintf(" (request id %s)", id)
	}
	err := error(hub.E(code, op, text, nil))
	if wait, parseErr := strconv.ParseUint(a.Header.Get("Retry-After"), 10, 31); parseErr == nil && wait > 0 {
		err = RetryAfter(err, time.Duration(wait)*time.Second)
	}
	return err
}

// plain keeps a peer's text to one line of bounded length for our terminals.
func plain(s string) string {
	const most = 1000
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return strings.TrimSpace(s)
}

// drain lets the connection be used again if little is left to read.
func drain(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, 4<<10) // best effort: Close does the rest
	_ = body.Close()
}
