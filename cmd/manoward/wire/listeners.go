package wire

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/manoward/manoward/internal/config"
	"github.com/manoward/manoward/internal/hub"
)

const listenersFile = "listeners.json"

// listeners are the open listeners of a hub, one for each reference point that
// it serves. An address that is not configured is chosen once and then kept in
// the data directory, so that what was told to clients stays true.
type listeners struct {
	cfg   config.Listen
	dir   *dataDir
	known map[hub.ReferencePoint]string // host:port chosen at an earlier start
	open  map[hub.ReferencePoint]net.Listener
}

func openListeners(cfg config.Listen, dir *dataDir, points []hub.ReferencePoint) (*listeners, error) {
	l := &listeners{cfg: cfg, dir: dir, known: map[hub.ReferencePoint]string{}, open: map[hub.ReferencePoint]net.Listener{}}
	if err := dir.readJSON(listenersFile, &l.known); err != nil {
		return nil, err
	}
	if err := l.checkServed(points); err != nil {
		return nil, err
	}
	for _, rp := range points {
		if err := l.listen(rp); err != nil {
			l.close()
			return nil, err
		}
	}
	if err := dir.writeJSON(listenersFile, l.known); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// checkServed refuses an address for a reference point that nothing here serves:
// who configured it would wait for it in vain.
func (l *listeners) checkServed(points []hub.ReferencePoint) error {
	for _, rp := range []hub.ReferencePoint{hub.CmVnfm, hub.CmfStatus} {
		if _, configured := l.address(rp); configured && !slices.Contains(points, rp) {
			return hub.E(hub.Invalid, "listen", fmt.Sprintf("listen.%s is configured and this process does not run the role cmf; remove it, or run the role", rp.Key()), nil)
		}
	}
	return nil
}

func (l *listeners) listen(rp hub.ReferencePoint) error {
	address, configured := l.address(rp)
	listener, err := l.bind(address)
	if err != nil {
		return listenError(rp, address, configured, l.dir.file(listenersFile), err)
	}
	l.open[rp] = listener
	if !configured {
		_, port, err := net.SplitHostPort(listener.Addr().String())
		if err != nil {
			return err
		}
		l.known[rp] = net.JoinHostPort(l.host(rp), port)
	}
	return nil
}

// The ports that are chosen for what has no address. Above them Linux takes those of
// outgoing connections (ip_local_port_range): one from there may be the end of
// anybody's connection when the hub starts again and wants it back.
const (
	firstPort  = 10_000
	lastPort   = 32_767
	portsTried = 100
)

// bind listens on an address; port 0 is any that is free and can be kept.
func (l *listeners) bind(address string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	for range portsTried {
		if err != nil || port != "0" {
			break
		}
		chosen := net.JoinHostPort(host, strconv.Itoa(firstPort+rand.IntN(lastPort-firstPort+1)))
		if listener, err := net.Listen("tcp", chosen); !errors.Is(err, unix.EADDRINUSE) {
			return listener, err
		}
	}
	return net.Listen("tcp", address)
}

// address is what a reference point is bound to: as configured, or as chosen at
// an earlier start on the same host, or any free port.
func (l *listeners) address(rp hub.ReferencePoint) (address string, configured bool) {
	configuredFor := map[hub.ReferencePoint]string{
		hub.Admin: l.cfg.Admin, hub.OsMa: l.cfg.OsMa, hub.OrVnfm: l.cfg.OrVnfm, hub.VNFM: l.cfg.VNFM, hub.VIM: l.cfg.VIM, hub.ScOr: l.cfg.ScOr, hub.ScVi: l.cfg.ScVi, hub.CmVnfm: l.cfg.CmVnfm, hub.CmfStatus: l.cfg.CmfStatus,
	}
	if address := configuredFor[rp]; address != "" {
		return address, true
	}
	if known := l.known[rp]; known != "" {
		if host, _, err := net.SplitHostPort(known); err == nil && host == l.host(rp) {
			return known, false
		}
	}
	return net.JoinHostPort(l.host(rp), "0"), false
}

// host is where a reference point without an address of its own listens: on the
// configured host, and the operators' entrance on loopback unless it is told
// otherwise.
func (l *listeners) host(rp hub.ReferencePoint) string {
	ip := net.ParseIP(l.cfg.Host)
	if rp == hub.Admin && l.cfg.Host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return "127.0.0.1"
	}
	return l.cfg.Host
}

func listenError(rp hub.ReferencePoint, address string, configured bool, file string, err error) error {
	text := fmt.Sprintf("cannot listen on %s for %s", address, rp)
	switch {
	case errors.Is(err, unix.EADDRINUSE) && configured:
		text += ": the port is in use; stop what uses it, or configure another address"
	case errors.Is(err, unix.EADDRINUSE):
		text += fmt.Sprintf(": the port that was chosen at the first start is in use; stop what uses it, or configure an address, or remove %s to have others chosen", file)
	case errors.Is(err, os.ErrPermission):
		text += ": this user may not open that port; use one above 1023"
	default:
		text += "; check host and port"
	}
	return hub.E(hub.Unavailable, "listen", text, err)
}

// url returns where others reach a reference point; "" when it is not served
// here.
func (l *listeners) url(rp hub.ReferencePoint) string {
	listener := l.open[rp]
	if listener == nil {
		return ""
	}
	host, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return ""
	}
	switch ip := net.ParseIP(host); {
	case rp == hub.Admin && ip != nil && ip.IsLoopback():
		// Reached from this machine only, whatever others are told.
	case l.cfg.Advertise != "":
		host = l.cfg.Advertise
	case ip != nil && ip.IsUnspecified():
		if name, err := os.Hostname(); err == nil {
			host = name
		}
	}
	scheme := "https://"
	if rp == hub.CmfStatus {
		scheme = "http://" // all of it is signed
	}
	return scheme + net.JoinHostPort(host, port)
}

// local returns where this process itself reaches a reference point that it
// serves, and elsewhere when it does not serve it.
func (l *listeners) local(rp hub.ReferencePoint, elsewhere string) string {
	listener := l.open[rp]
	if listener == nil {
		return elsewhere
	}
	address := listener.Addr().String()
	host, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("localhost", port)
	}
	return address
}

func (l *listeners) close() {
	for _, listener := range l.open {
		listener.Close()
	}
}
