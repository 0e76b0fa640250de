package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/durable"
	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
)

// Context is how an operator reaches a hub: where it is, what its certificate is
// checked against, and the operator's own credential.
type Context struct {
	Server      string `json:"server"`      // https://host:port of the admin listener
	ServerName  string `json:"serverName"`  // name in the hub's certificate
	CA          string `json:"ca"`          // PEM
	Certificate string `json:"certificate"` // PEM, with chain
	Key         string `json:"key"`         // PEM, PKCS#8
}

const opContext = "read context"

// ReadContext reads a context file. One that others can read is refused: it
// holds the operator's key.
func ReadContext(path string) (*Context, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, hub.E(hub.NotFound, opContext, fmt.Sprintf("there is no context file %s; start a hub with: manoward up", path), err)
	}
	if err != nil {
		return nil, hub.E(hub.Invalid, opContext, fmt.Sprintf("context file %s cannot be read by this user", path), err)
	}
	if !info.Mode().IsRegular() {
		return nil, hub.E(hub.Invalid, opContext, path+" is no file; a context file is made by: manoward up", nil)
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 {
		return nil, hub.E(hub.Invalid, opContext, fmt.Sprintf("context file %s has mode %04o: others can read the operator's key in it; run: chmod 600 %s", path, perm, path), nil)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, hub.E(hub.Invalid, opContext, fmt.Sprintf("context file %s cannot be read by this user", path), err)
	}
	var c Context
	if err := json.Unmarshal(raw, &c); err != nil || !strings.HasPrefix(c.Server, "https://") {
		return nil, hub.E(hub.Invalid, opContext, fmt.Sprintf("%s is not a context file of manoward", path), err)
	}
	return &c, nil
}

// Save writes the context file, readable by its owner only.
func (c *Context) Save(path string) error {
	raw, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteFile(path, append(raw, '\n'), 0o600)
}

// RememberContext makes the context file at path the one that verbs use when
// they are told no other.
func RememberContext(environ []string, path string) error {
	pointer, err := pointerFile(environ)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(pointer), 0o700); err != nil {
		return err
	}
	return durable.WriteFile(pointer, []byte(path+"\n"), 0o600)
}

// pointerFile is the file that names the context of the hub started last.
func pointerFile(environ []string) (string, error) {
	if dir := getenv(environ, "XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "manoward", "context"), nil
	}
	if home := getenv(environ, "HOME"); home != "" {
		return filepath.Join(home, ".config", "manoward", "context"), nil
	}
	return "", errors.New("neither XDG_CONFIG_HOME nor HOME is set")
}

func getenv(environ []string, name string) string {
	value := ""
	for _, e := range environ {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			value = v
		}
	}
	return value
}

// contextPath finds the context file: --context, MANOWARD_CONTEXT, or that of
// the hub started last.
func (p *program) contextPath() (string, error) {
	if p.context != "" {
		return p.context, nil
	}
	if path := getenv(p.Environ, "MANOWARD_CONTEXT"); path != "" {
		return path, nil
	}
	pointer, err := pointerFile(p.Environ)
	if err == nil {
		var raw []byte
		if raw, err = os.ReadFile(pointer); err == nil {
			return strings.TrimSpace(string(raw)), nil
		}
	}
	return "", hub.E(hub.NotFound, opContext, "no hub is known here; start one with: manoward up, or name one with --context", err)
}

// client connects to the operators' API of the hub.
func (p *program) client() (*httpapi.Client, error) {
	c, cert, err := p.operator()
	if err != nil {
		return nil, err
	}
	return newClient(c.Server, c.ServerName, c.CA, cert)
}

// clientFor connects to an API on another reference point of the hub, as the
// operator: clientFor(ctx, hub.OsMa, "/nslcm/v2", "2.3.0"). Where that is it asks
// at the operators' entrance.
func (p *program) clientFor(ctx context.Context, rp hub.ReferencePoint, apiPath, version string) (*httpapi.Client, error) {
	c, cert, err := p.operator()
	if err != nil {
		return nil, err
	}
	entrance, err := newClient(c.Server, c.ServerName, c.CA, cert)
	if err != nil {
		return nil, err
	}
	var points []hub.PointAddress
	if _, err := entrance.Do(ctx, "GET", "/reference_points", nil, &points); err != nil {
		return nil, err
	}
	i := slices.IndexFunc(points, func(a hub.PointAddress) bool { return a.ReferencePoint == rp })
	if i < 0 {
		return nil, hub.E(hub.Unavailable, "find "+string(rp), fmt.Sprintf("nobody serves %s in this hub; start the role that does, see: manoward serve --help", rp), nil)
	}
	client, err := newClient(points[i].URL, points[i].ServerName, c.CA, cert)
	if err != nil {
		return nil, err
	}
	client.Base, client.Version = points[i].URL+apiPath, version
	return client, nil
}

// operator reads the context and the operator's credential in it.
func (p *program) operator() (*Context, tls.Certificate, error) {
	path, err := p.contextPath()
	if err != nil {
		return nil, tls.Certificate{}, err
	}
	c, err := ReadContext(path)
	if err != nil {
		return nil, tls.Certificate{}, err
	}
	cert, err := tls.X509KeyPair([]byte(c.Certificate), []byte(c.Key))
	if err != nil {
		return nil, cert, hub.E(hub.Invalid, opContext, fmt.Sprintf("the credential in context file %s is damaged; remove the file and start the hub again to have a new one made", path), err)
	}
	if !time.Now().Before(cert.Leaf.NotAfter) {
		return nil, cert, hub.E(hub.Unauthenticated, opContext, fmt.Sprintf("the operator's credential in %s ended on %s; start the hub again to have a new one made", path, when(cert.Leaf.NotAfter)), nil)
	}
	return c, cert, nil
}

// newClient makes a client of a hub's own API with one credential.
func newClient(server, serverName, caPEM string, cert tls.Certificate) (*httpapi.Client, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(caPEM)) {
		return nil, hub.E(hub.Invalid, "read CA certificate", "the CA certificate is damaged", nil)
	}
	return &httpapi.Client{
		Base:    server + "/manoward/v1",
		Version: apiVersion,
		HTTP: &http.Client{Timeout: requestTimeout, Transport: &http.Transport{
			TLSClientConfig:   &tls.Config{RootCAs: roots, ServerName: serverName, Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2: true,
		}},
	}, nil
}

const (
	apiVersion     = "1.0.0"
	requestTimeout = 30 * time.Second
)

// patiently repeats a request that is safe to repeat while the hub does not
// answer, as when it is being restarted, for a few seconds. A hub that answers
// that it cannot is taken at its word.
func (p *program) patiently(ctx context.Context, do func() error) error {
	const patience = 10 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	pause := 100 * time.Millisecond
	for {
		err := do()
		if hub.CodeOf(err) != hub.Unavailable || !unanswered(err) {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return err
		case <-timer.C:
		}
		if pause *= 2; pause >= time.Second {
			pause = time.Second
			p.say("the hub does not answer; trying again")
		}
	}
}

// unanswered reports whether a request failed on its way: there was no answer,
// or not the whole of it.
func unanswered(err error) bool {
	var noAnswer *url.Error
	var broken *net.OpError
	return errors.As(err, &noAnswer) || errors.As(err, &broken) || errors.Is(err, io.ErrUnexpectedEOF)
}
