package trust

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"
)

const (
	handshakeTimeout = 10 * time.Second
	// After a failure that may pass, such as no file descriptor being left, a
	// listener waits: so long first, twice that after the next one, and so long at
	// most.
	minAcceptPause = 10 * time.Millisecond
	maxAcceptPause = time.Second
	// maxHandshakes bounds how many connections may be in their handshake at a
	// time. More wait in the kernel's queue.
	maxHandshakes = 512
	// maxFromOne bounds them for one address, so that one silent peer cannot take
	// all the places. What comes beyond is closed at once.
	maxFromOne    = 64
	hangUpTimeout = 500 * time.Millisecond
	maxUnread     = 64 << 10 // bytes that a refused client may still send
)

// Listen wraps a listener: what its Accept returns has completed its handshake
// with a credential of the endpoint that it asked for. Refused connections are
// counted and recorded, never returned. A slow client holds nobody up.
func (g *Gate) Listen(inner net.Listener) net.Listener {
	return listen(inner, doorway{config: g.configFor, refuse: g.refuse, observe: g.Observe, log: g.Log})
}

// doorway is what a listener asks about the connections that come in: how each is
// to prove itself, and whom to tell of those that did not.
type doorway struct {
	config  func(ctx context.Context, serverName string) (*tls.Config, error)
	refuse  func(serverName, remote string, shown shownCert, err error)
	observe func(outcome string)
	log     *slog.Logger
}

func listen(inner net.Listener, d doorway) net.Listener {
	ctx, cancel := context.WithCancel(context.Background())
	l := &gateListener{
		Listener: inner, door: d, ctx: ctx, cancel: cancel,
		ready: make(chan net.Conn), slots: make(chan struct{}, maxHandshakes), from: map[string]int{},
	}
	l.work.Go(l.accept)
	return l
}

type gateListener struct {
	net.Listener
	door   doorway
	ctx    context.Context // ends when the listener closes; handshakes end with it
	cancel context.CancelFunc
	ready  chan net.Conn
	slots  chan struct{}
	work   sync.WaitGroup
	err    error // why accept ended; read after ready is closed

	mu   sync.Mutex     // covers from; held for map work only
	from map[string]int // handshakes under way, by address of the peer
}

// enter takes a place for a peer's handshake, unless it has too many.
func (l *gateListener) enter(conn net.Conn) (leave func(), ok bool) {
	address, _, err := net.SplitHostPort(conn.RemoteAddr().String())
	if err != nil {
		address = conn.RemoteAddr().String()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.from[address] >= maxFromOne {
		return nil, false
	}
	l.from[address]++
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.from[address]--; l.from[address] == 0 {
			delete(l.from, address)
		}
	}, true
}

func (l *gateListener) accept() {
	defer close(l.ready)
	var handshakes sync.WaitGroup
	defer handshakes.Wait()
	pause := minAcceptPause
	for {
		conn, err := l.Listener.Accept()
		if err != nil && l.mayPass(err, pause) {
			pause = min(2*pause, maxAcceptPause)
			continue
		}
		if err != nil {
			l.err = err
			return
		}
		pause = minAcceptPause
		leave, ok := l.enter(conn)
		if !ok {
			l.door.observe(reasonTooMany)
			conn.Close()
			continue
		}
		select {
		case l.slots <- struct{}{}:
		case <-l.ctx.Done():
			leave()
			conn.Close()
			continue
		}
		handshakes.Go(func() {
			defer func() { <-l.slots; leave() }()
			if ready := l.handshake(conn); ready != nil {
				select {
				case l.ready <- ready:
				case <-l.ctx.Done():
					ready.Close()
				}
			}
		})
	}
}

// mayPass waits for a failure of Accept to pass and reports whether to try
// again. Connections break off before they are accepted, and a peer that opens
// many leaves the process without file descriptors for a while; neither may end
// the listener.
func (l *gateListener) mayPass(err error, pause time.Duration) bool {
	if errors.Is(err, net.ErrClosed) || l.ctx.Err() != nil {
		return false
	}
	l.door.observe(reasonAccept)
	l.door.log.Warn("cannot accept a connection; trying again", "err", err)
	select {
	case <-l.ctx.Done():
		return false
	case <-time.After(pause):
		return true
	}
}

// Accept returns the next connection that was let in.
func (l *gateListener) Accept() (net.Conn, error) {
	conn, ok := <-l.ready
	if !ok {
		return nil, l.err
	}
	return conn, nil
}

// Close stops accepting and ends the handshakes that are under way.
func (l *gateListener) Close() error {
	l.cancel()
	err := l.Listener.Close()
	l.work.Wait()
	return err
}

func (l *gateListener) handshake(conn net.Conn) net.Conn {
	ctx, cancel := context.WithTimeout(l.ctx, handshakeTimeout)
	defer cancel()
	var asked string
	server := tls.Server(conn, &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			asked = hello.ServerName
			return l.door.config(ctx, asked)
		},
	})
	err := server.HandshakeContext(ctx)
	if err == nil {
		l.door.observe("accepted")
		return server
	}
	if l.ctx.Err() == nil {
		l.door.refuse(asked, conn.RemoteAddr().String(), presented(server, err), classify(err))
	}
	hangUp(conn)
	return nil
}

// hangUp closes a refused connection so that the TLS alert, which says why,
// reaches the client: closing with its bytes unread would reset the connection
// and take the alert back.
func hangUp(conn net.Conn) {
	defer conn.Close()
	half, ok := conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil || conn.SetReadDeadline(time.Now().Add(hangUpTimeout)) != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, conn, maxUnread) // until the client closes, or the deadline
}

// presented returns the certificate of a client that was refused, if it showed
// one.
func presented(conn *tls.Conn, err error) shownCert {
	var verify *tls.CertificateVerificationError
	if errors.As(err, &verify) && len(verify.UnverifiedCertificates) > 0 {
		return shownCert{cert: verify.UnverifiedCertificates[0]}
	}
	return peer(conn.ConnectionState())
}

// classify names the reason of a failed handshake.
func classify(err error) *refusal {
	var known *refusal
	if errors.As(err, &known) {
		return known
	}
	var invalid x509.CertificateInvalidError
	var verify *tls.CertificateVerificationError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return &refusal{reasonExpired, err}
	case errors.As(err, &verify):
		return &refusal{reasonUntrusted, err}
	case strings.Contains(err.Error(), "client didn't provide a certificate"):
		// crypto/tls has no value for this error; its text is held by a test.
		return &refusal{reasonNoCert, err}
	}
	return &refusal{reasonProtocol, err}
}
