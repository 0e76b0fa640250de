package httpapi

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
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
// at all is for HTTP's dialer to say: see [DialControl].
type CallbackTest struct {
	HTTP              *http.Client  // with the credentials for notifications; nil means a plain one
	Timeout           time.Duration // 0 means DefaultCallbackTimeout
	AllowLoopbackHTTP bool          // take http:// URIs of this host, for demonstrations
	Version           string        // of the API, for the header Version; empty sends none
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
	if err := CheckCallbackURI("callbackUri", uri, t.AllowLoopbackHTTP); err != nil {
		return err
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
	if t.Version != "" {
		req.Header.Set("Version", t.Version)
	}
	req.Header.Set("Accept", TypeJSON)
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

// CheckCallbackURI refuses a URI that comes from outside, as the attribute of that
// name, and is not to be called: one that is not https, or holds credentials or a
// fragment. Its error is a hub.Unprocessable, 422. With allowLoopbackHTTP, http is
// taken for this host.
func CheckCallbackURI(attribute, uri string, allowLoopbackHTTP bool) error {
	if why := unfit(uri, allowLoopbackHTTP); why != "" {
		return hub.E(hub.Unprocessable, "check "+attribute, fmt.Sprintf("%s %q %s", attribute, clip(uri), why), nil)
	}
	return nil
}

// unfit says why a URI is not even called, or nothing.
func unfit(uri string, allowLoopbackHTTP bool) string {
	u, err := url.Parse(uri)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "":
		return "is no absolute URI"
	case u.User != nil:
		return "holds credentials; send them in authentication"
	case u.Fragment != "":
		return "holds a fragment"
	case u.Scheme == "https":
		return ""
	case u.Scheme == "http" && allowLoopbackHTTP && isLoopback(u.Hostname()):
		return ""
	}
	return "is not https"
}

// DialControl is for the Control of a [net.Dialer] that connects to where a
// caller wants to be called back. It sees the address after the name was looked
// up, and refuses those that are of this host or its link and never of a peer's
// endpoint: link-local ones, among them the metadata services of clouds,
// multicast, unspecified and, unless allowLoopback, loopback ones. A transport
// that uses it must have no proxy.
func DialControl(allowLoopback bool) func(network, address string, _ syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return hub.E(hub.Unprocessable, "call back", "the address cannot be read", err)
		}
		ip := to.Addr().Unmap().WithZone("")
		switch {
		case ip.IsLoopback() && allowLoopback:
			return nil
		case ip.IsLoopback(), ip.IsUnspecified(), ip.IsMulticast(), ip.IsLinkLocalUnicast(), ip == metadataIPv6:
			return hub.E(hub.Unprocessable, "call back", fmt.Sprintf("%s is no address at which a peer can be called; use one that is routed", ip), nil)
		}
		return nil
	}
}

// metadataIPv6 is the metadata service of Amazon EC2 over IPv6, which is not
// link-local.
var metadataIPv6 = netip.MustParseAddr("fd00:ec2::254")

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
