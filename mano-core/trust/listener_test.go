package trust

import (
	"net"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

// tiredListener fails its first calls of Accept as one does that has no file
// descriptor left.
type tiredListener struct {
	net.Listener
	failures atomic.Int32
}

func (l *tiredListener) Accept() (net.Conn, error) {
	if l.failures.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: syscall.EMFILE}
	}
	return l.Listener.Accept()
}

func TestGateListener_OutlivesFailuresOfAccept(t *testing.T) {
	h := newTestHub(t)
	_, g := openGate(t, h, hub.ScOr)
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tired := &tiredListener{Listener: inner}
	tired.failures.Store(2)
	l := g.Listen(tired)
	t.Cleanup(func() { l.Close() })
	sm, keys := h.register(t, "north", "alpha", hub.Passive)
	i := hub.ScOrNsLcm
	accepted := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			c.Close()
		}
		accepted <- err
	}()
	// The request itself is not answered; what counts is that it was let in.
	call(inner.Addr().String(), sm.Endpoint(i).ServerName, "", rootPool(t, h, "north"), credential(t, sm, i, keys[i]))
	if err := <-accepted; err != nil {
		t.Errorf("after a failure that passed, Accept: %v", err)
	}
}

func TestGateListener_EndsWhenClosed(t *testing.T) {
	h := newTestHub(t)
	_, g := openGate(t, h, hub.ScOr)
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tired := &tiredListener{Listener: inner}
	tired.failures.Store(1 << 30)
	l := g.Listen(tired)
	l.Close()
	if _, err := l.Accept(); err == nil {
		t.Errorf("Accept of a closed listener: %v", err)
	}
}
