package httpapi

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/manoward/manoward/internal/hub"
)

// Upload sends body, of size bytes (-1 if that is not known), as the content of
// a resource, with PUT. It is sent once and without the HTTP client's time limit:
// some gigabytes may take their time, and ctx ends it. Errors are those of
// [Client.Do].
func (c *Client) Upload(ctx context.Context, path, mediaType string, body io.Reader, size int64) (*Answer, error) {
	op := c.op(http.MethodPut, path)
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, c.Base+path, body)
	if err != nil {
		return nil, hub.E(hub.Invalid, op, "the address of the server cannot be used", err)
	}
	req.ContentLength = size
	req.Header.Set("Content-Type", mediaType)
	resp, err := c.stream(op, req)
	if err != nil {
		return nil, err
	}
	return c.read(op, resp, nil)
}

// Download reads the content of a resource. The caller closes it. Errors are
// those of [Client.Do]; there is no time limit but ctx.
func (c *Client) Download(ctx context.Context, path, mediaType string) (io.ReadCloser, *Answer, error) {
	op := c.op(http.MethodGet, path)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.Base+path, nil)
	if err != nil {
		return nil, nil, hub.E(hub.Invalid, op, "the address of the server cannot be used", err)
	}
	req.Header.Set("Accept", mediaType+", "+TypeProblem)
	resp, err := c.stream(op, req)
	if err != nil {
		return nil, nil, err
	}
	if resp.StatusCode != http.StatusOK {
		a, err := c.read(op, resp, nil)
		if err == nil {
			err = hub.E(hub.Unavailable, op, "the server did not send the content", nil)
		}
		return nil, a, err
	}
	return resp.Body, &Answer{Status: resp.StatusCode, Header: resp.Header, ETag: resp.Header.Get("ETag"), RequestID: resp.Header.Get("X-Request-Id")}, nil
}

// stream sends a request whose body or answer may be large.
func (c *Client) stream(op string, req *http.Request) (*http.Response, error) {
	if c.Version != "" {
		req.Header.Set("Version", c.Version)
	}
	client := c.noRedirects()
	client.Timeout = 0
	resp, err := client.Do(req)
	if err != nil {
		var known *hub.Error
		if errors.As(err, &known) { // of a token source in the transport
			return nil, known
		}
		return nil, hub.E(hub.Unavailable, op, "the server does not answer; check its address, its certificate and that it runs", err)
	}
	return resp, nil
}
