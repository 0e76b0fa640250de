package httpapi

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// TestServer_Slowloris holds a connection open with half a header. The server
// must close it by itself.
func TestServer_Slowloris(t *testing.T) {
	server := NewServer(http.NotFoundHandler())
	if server.ReadHeaderTimeout != ReadHeaderTimeout || server.IdleTimeout != IdleTimeout || server.MaxHeaderBytes != MaxHeaderBytes {
		t.Errorf("limits %v %v %d", server.ReadHeaderTimeout, server.IdleTimeout, server.MaxHeaderBytes)
	}
	server.ReadHeaderTimeout = 50 * time.Millisecond // so that the test is short
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: h\r\nX-Slow: "); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	// The end of the stream or a reset: either way the server let go.
	if _, err := io.ReadAll(conn); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the server kept a connection whose header never ends")
	}
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
}

func TestServer_SpeaksHTTP2AndRefusesHugeHeaders(t *testing.T) {
	server := startTLS(t, thingsMux(Options{}))
	req, _ := http.NewRequest("GET", server.URL+"/nslcm/api_versions", nil)
	resp, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.ProtoMajor != 2 || resp.TLS == nil || resp.TLS.Version < tls.VersionTLS12 {
		t.Errorf("protocol %s", resp.Proto)
	}
	req.Header.Set("X-Huge", strings.Repeat("x", MaxHeaderBytes+16<<10))
	// Over HTTP/1.1: over HTTP/2 the client refuses to send it by itself.
	transport := server.Client().Transport.(*http.Transport).Clone()
	transport.ForceAttemptHTTP2 = false
	transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	transport.TLSClientConfig.NextProtos = nil
	defer transport.CloseIdleConnections()
	resp, err = (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("huge header: %d", resp.StatusCode)
	}
}
