package stepca

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

const (
	maxAnswer   = 1 << 20  // of step-ca in bytes; our own requests are much shorter
	maxList     = 32 << 20 // of a revocation list, which grows with what is revoked
	tries       = 3        // of a request that may be repeated
	firstPause  = 100 * time.Millisecond
	connections = 64 // that are kept open
)

// newClient makes an HTTP client that trusts these roots. Without any it trusts
// nobody, and does not look: that is for [Remote.fetchRoot], which knows the
// digest of what it asks for.
func newClient(timeout time.Duration, roots *x509.CertPool) *http.Client {
	return &http.Client{
		Timeout: timeout,
		Transport: &http.Transport{
			TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, InsecureSkipVerify: roots == nil},
			MaxIdleConnsPerHost: connections, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// answer is what step-ca answered.
type answer struct {
	status int
	body   []byte
}

// message is what step-ca says of a refusal, for a person.
func (a answer) message() string {
	var said struct{ Message string }
	if json.Unmarshal(a.body, &said) != nil || said.Message == "" {
		return http.StatusText(a.status)
	}
	return clip(said.Message)
}

// errUnsent says that a request did not reach step-ca, so that nothing came of it.
var errUnsent = errors.New("it was not reached")

// once sends a request. An error is [hub.Unavailable]; it is errUnsent as well
// when it is certain that step-ca did nothing.
func (r *Remote) once(ctx context.Context, client *http.Client, method, path string, body []byte, most int64) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, r.base.String()+path, bytes.NewReader(body))
	if err != nil {
		return answer{}, fmt.Errorf("ask step-ca: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := client.Do(req)
	if err != nil {
		return answer{}, r.away(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	if err != nil {
		return answer{}, r.away(err)
	}
	if int64(len(raw)) > most {
		return answer{}, hub.E(hub.Unavailable, "ask step-ca", fmt.Sprintf("step-ca at %s answers with more than %d bytes; is it a step-ca?", r.base.Host, most), nil)
	}
	return answer{resp.StatusCode, raw}, nil
}

// away says that step-ca did not answer.
func (r *Remote) away(err error) error {
	text := fmt.Sprintf("step-ca at %s does not answer; see that it runs and can be reached, and ask again", r.base.Host)
	var unknown *tls.CertificateVerificationError
	var dial *net.OpError
	switch {
	case errors.As(err, &unknown):
		text = fmt.Sprintf("step-ca at %s shows a certificate that its pinned root did not sign, or that is for another name; pin the new root if it was rotated, and use a name of its dnsNames", r.base.Host)
		err = errors.Join(errUnsent, err)
	case errors.As(err, &dial) && dial.Op == "dial":
		err = errors.Join(errUnsent, err)
	}
	return hub.E(hub.Unavailable, "ask step-ca", text, err)
}

// repeat sends a request again while it may be sent again and step-ca cannot
// answer now: may says after which errors and answers.
func (r *Remote) repeat(ctx context.Context, may func(answer, error) bool, send func() (answer, error)) (answer, error) {
	pause := firstPause
	for n := 1; ; n++ {
		a, err := send()
		if n == tries || !may(a, err) {
			return a, err
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return a, r.away(errors.Join(err, ctx.Err()))
		case <-timer.C:
		}
		pause *= 2
	}
}

// harmless is for requests that may be repeated whatever became of them.
func harmless(a answer, err error) bool {
	return err != nil || a.status == http.StatusTooManyRequests || a.status >= 500 && a.status != http.StatusNotImplemented
}

// unsent is for requests that must not be repeated when they may have had an effect.
func unsent(a answer, err error) bool {
	return errors.Is(err, errUnsent) || err == nil && (a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable)
}

// get asks for a resource and decodes it. What is not there is [hub.NotFound].
func (r *Remote) get(ctx context.Context, client *http.Client, path string, to any) error {
	a, err := r.repeat(ctx, harmless, func() (answer, error) { return r.once(ctx, client, http.MethodGet, path, nil, maxAnswer) })
	switch {
	case err != nil:
		return err
	case a.status == http.StatusNotFound:
		return hub.E(hub.NotFound, "ask step-ca", fmt.Sprintf("step-ca at %s has no %s; is it a step-ca, and as new as 0.30?", r.base.Host, path), nil)
	case a.status != http.StatusOK && a.status != http.StatusCreated: // it lists certificates with 201
		return hub.E(hub.Unavailable, "ask step-ca", fmt.Sprintf("step-ca at %s answers %d to %s: %s; see its log", r.base.Host, a.status, path, a.message()), nil)
	}
	if err := json.Unmarshal(a.body, to); err != nil {
		return hub.E(hub.Unavailable, "ask step-ca", fmt.Sprintf("step-ca at %s answers something else than JSON to %s; is it a step-ca?", r.base.Host, path), err)
	}
	return nil
}

// pemCertificate is a certificate in PEM in a JSON string.
type pemCertificate struct{ *x509.Certificate }

// UnmarshalJSON implements [json.Unmarshaler].
func (c *pemCertificate) UnmarshalJSON(raw []byte) error {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return err
	}
	if text == "" {
		return nil
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE" {
		return errors.New("no certificate in PEM")
	}
	var err error
	c.Certificate, err = x509.ParseCertificate(block.Bytes)
	return err
}
