package wire

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/mano-core/trust"
	"github.com/manoward/manoward/mano-core/trust/trustapi"
)

// observer counts an answered request.
type observer func(seconds float64, labels ...string)

// openDoors makes what tells the callers of each reference point that is served
// here: a gate for those of Security Managers, an entrance for those of the other
// parties. Roles that add routes find them in h.gates and h.entrances.
func (h *hubProcess) openDoors(_, work context.Context) error {
	current := h.busIsCurrent(work)
	refused := h.metrics.Counter("manoward_trust_handshakes_total", handshakesHelp, "reference_point", "outcome")
	h.gates, h.entrances = map[hub.ReferencePoint]*trust.Gate{}, map[hub.ReferencePoint]*trust.Entrance{}
	h.domainEntrances = map[hub.ReferencePoint]*trust.DomainEntrance{}
	for rp := range h.listeners.open {
		c := trust.EntranceConfig{
			Interface: hub.Interface(rp), ServerName: h.serverName(rp), // the operators' is trust.AdminInterface
			Registry: h.parties, Decider: h.decider, Refusals: h.refusals, Current: current,
			Observe: func(outcome string) { refused(1, string(rp), outcome) },
			Log:     h.log.With("part", string(rp)),
		}
		switch rp {
		case hub.ScOr, hub.ScVi:
			h.gates[rp] = h.newGate(rp, current)
		case hub.CmfStatus: // for everybody
		case hub.CmVnfm:
			h.domainEntrances[rp] = trust.NewDomainEntrance(trust.DomainEntranceConfig{
				EntranceConfig: c, ReferencePoint: rp, Signer: h.signer(),
				Certificate: h.function(kindAt(rp)).serve, RenewBefore: h.cfg.Trust.RenewBefore.Lead,
			})
		default:
			e, err := trust.NewEntrance(c)
			if err != nil {
				return err
			}
			h.entrances[rp] = e
		}
	}
	return nil
}

// addRoutes has a role's resources served on a reference point. It is for the
// steps of the start that come before the servers are opened; where the reference
// point is not served here it does nothing.
func (h *hubProcess) addRoutes(rp hub.ReferencePoint, add func(*httpapi.Mux)) {
	if h.routes == nil {
		h.routes = map[hub.ReferencePoint][]func(*httpapi.Mux){}
	}
	h.routes[rp] = append(h.routes[rp], add)
}

// openServers begins to answer. The mux of each listener is made here and nowhere
// else: with what its own door serves, and with what the roles have added.
func (h *hubProcess) openServers(ctx, work context.Context) error {
	if err := h.openMarkers(); err != nil {
		return err
	}
	observe := observer(h.metrics.Histogram("manoward_http_request_duration_seconds", "Time from the first byte of a request to the end of its answer.", nil, "listener", "route", "method", "status"))
	for _, rp := range hub.ReferencePoints() {
		l := h.listeners.open[rp]
		var err error
		switch {
		case l == nil:
		case h.gates[rp] != nil:
			h.serveGate(rp, work, l, observe)
		case h.domainEntrances[rp] != nil:
			h.serveDomains(rp, work, l, observe)
		case rp != hub.Admin:
			h.serveEntrance(rp, work, l, observe)
		case h.has("trust"):
			err = h.openAdmin(ctx, work, l, observe)
		default:
			h.openSMEntrance(ctx, work, l, observe)
		}
		if err != nil {
			return err
		}
	}
	h.serveStatus(work, observe)
	return nil
}

// serveGate serves the endpoints of Security Managers on one reference point.
func (h *hubProcess) serveGate(rp hub.ReferencePoint, work context.Context, l net.Listener, observe observer) {
	gate := h.gates[rp]
	self := &trustapi.Self{Gate: gate, Renewer: h.renewer()}
	mux := h.newMux(rp, observe, self.Authenticate)
	self.Routes(mux)
	h.serve(string(rp), work, gate.Listen(l), h.traced(string(rp), mux))
}

// serveEntrance serves a reference point between MANO functions, OSS/BSS, VNFMs
// and EMs.
func (h *hubProcess) serveEntrance(rp hub.ReferencePoint, work context.Context, l net.Listener, observe observer) {
	entrance := h.entrances[rp]
	mux := h.newMux(rp, observe, entrance.Authenticate)
	mux.Public("POST /oauth2/token", entrance.Token)
	conf := entrance.TLSConfig(h.function(kindAt(rp)).serve)
	h.serve(string(rp), work, tls.NewListener(l, conf), h.traced(string(rp), mux))
}

// serveDomains serves a reference point that each trust domain reaches under a name
// of its own, by certificate alone.
func (h *hubProcess) serveDomains(rp hub.ReferencePoint, work context.Context, l net.Listener, observe observer) {
	entrance := h.domainEntrances[rp]
	mux := h.newMux(rp, observe, entrance.Authenticate)
	h.serve(string(rp), work, entrance.Listen(l), h.traced(string(rp), mux))
}

// openMarkers makes the key of page markers, which is that of all processes of the
// hub.
func (h *hubProcess) openMarkers() (err error) {
	h.markerKey, err = h.keys.vault.Key("httpapi/markers")
	return err
}

// newMux makes the mux of a listener with what the roles serve there.
func (h *hubProcess) newMux(rp hub.ReferencePoint, observe observer, authenticate authenticator) *httpapi.Mux {
	mux := httpapi.NewMux(httpapi.Options{
		Log: h.log.With("part", string(rp)), Now: time.Now, Authenticate: authenticate, Observe: observe.of(string(rp)),
		MarkerKey: h.markerKey,
	})
	for _, add := range h.routes[rp] {
		add(mux)
	}
	return mux
}

// kindAt returns which function of the hub listens on a reference point.
func kindAt(rp hub.ReferencePoint) hub.Kind {
	for _, kind := range functionKinds {
		for _, at := range trust.FunctionPoints(kind) {
			if at == rp {
				return kind
			}
		}
	}
	return ""
}

// pointAddresses lists where the reference points are reached that somebody serves.
func (h *hubProcess) pointAddresses() []hub.PointAddress {
	list := []hub.PointAddress{}
	for _, rp := range hub.ReferencePoints() {
		url := h.url(rp)
		if url == "" {
			continue
		}
		at := hub.PointAddress{ReferencePoint: rp, URL: url}
		if rp != hub.ScOr && rp != hub.ScVi { // on Cm-Vnfm that of the hub's own parties
			at.ServerName = h.serverName(rp)
		}
		list = append(list, at)
	}
	return append(list, h.managerAddresses()...)
}
