package httpapi

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// DefaultCallbackTimeout bounds the whole test of a callback URI.
const DefaultCallbackTimeout = 10 * time.Second

// CallbackTest tests the notification endpoint of a new subscription, as
// SOL 005 lets the producer do: a GET must answer 204. A failed test is a
// hub.Unprocessable, 422.
//
// The URI comes from outside. The test follows no redirect, reads no more than a
// little of the answer and repeats none of it in its error, so that it cannot be
// used to read a server that only the hub can reach. Where the hub may connect to
// at all is for HTTP's dialer to say.
type CallbackTest struct {
	HTTP              *http.Client  // with the credentials for notifications; nil means a plain one
	Timeout           time.Duration // 0 means DefaultCallbackTimeout
	AllowLoopbackHTTP bool          // take http:// URIs of this host, for demonstrations
}

// TestCallback runs a [CallbackTest] of https with client and the default limits.
func TestCallback(ctx context.Context, client *http.Client, uri string) error {
	return CallbackTest{HTTP: client}.Run(ctx, uri)
}

// Run tests the endpoint at uri.
func (t CallbackTest) Run(ctx context.Context, uri string) error {
	refuse := func(why string, err error) error {
		return hub.E(hub.Unprocessable, "test callbackUri", fmt.Sprintf("callbackUri %q %s", clip(uri), why), err)
	}
	if why := t.unfit(uri); why != "" {
		return refuse(why, nil)
	}
	timeout := t.Timeout
	if timeout == 0 {
		timeout = DefaultCallbackTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, uri, nil)
	if err != nil {
		return refuse("is no URI that can be called", err)
	}
	c := Client{HTTP: t.HTTP}
	resp, err := c.noRedirects().Do(req)
	if err != nil {
		return refuse(fmt.Sprintf("does not answer a GET with 204 within %s; check that it is reachable and its certificate is trusted", timeout), err)
	}
	defer drain(resp.Body)
	if resp.StatusCode != http.StatusNoContent {
		return refuse(fmt.Sprintf("answers a GET with %d and not with 204", resp.StatusCode), nil)
	}
	return nil
}

// unfit says why a URI is not even called, or nothing.
func (t CallbackTest) unfit(uri string) string {
	u, err := url.Parse(uri)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return "is no absolute URI"
	case u.User != nil:
		return "holds credentials; send them in authentication"
	case u.Fragment != "":
		return "holds a fragment"
	case u.Scheme == "https":
		return ""
	case u.Scheme == "http" && t.AllowLoopbackHTTP && isLoopback(u.Hostname()):
		return ""
	}
	return "is not https"
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
