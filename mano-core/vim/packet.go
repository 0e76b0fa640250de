package vim

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/notify"
)

// keptHeaders is how many headers a port's record holds, of the newest packets.
// The record is read with each look at its compute, so they are few; who wants all
// subscribes.
const keptHeaders = 16

// traffic is what was observed on a port.
type traffic struct {
	Observed int64                 `json:"observed"`
	Headers  []ifa006.PacketHeader `json:"headers"`
}

// seePacket is a packet on a port, which a driver would take from a mirror of it.
func (m *Model) seePacket(ctx context.Context, x ifa006.Exercise) error {
	const op = "inject event"
	header, err := parsePacket(x.Value)
	if err != nil {
		return hub.E(hub.Invalid, op, fmt.Sprintf("value %.80q is no packet; say PROTOCOL SOURCE DESTINATION, such as \"udp 10.0.0.2:4444 203.0.113.9:53\" or \"icmp 10.0.0.2 203.0.113.9\": %v", x.Value, err), nil)
	}
	shown, err := m.Port(ctx, All, x.Target)
	if err != nil {
		return err
	}
	if shown.Isolated {
		return hub.E(hub.Conflict, op, fmt.Sprintf("port %s carries nothing: the host of its compute is quarantined; release the host first", x.Target), nil)
	}
	e, err := m.ports.Update(ctx, x.Target, func(r *portRecord) error {
		if r.Phase != "" {
			return busyError("port", r.ID)
		}
		host, zone, err := m.placeOf(ctx, r.Compute)
		if err != nil {
			return err
		}
		r.observe(header, m.Now().UTC())
		r.Pending = append(r.Pending, m.packetSeen(r, host, zone))
		return nil
	})
	if hub.CodeOf(err) == hub.NotFound {
		return notFound("port", x.Target)
	}
	if err != nil {
		return err
	}
	announce(ctx, m, m.ports, e)
	return nil
}

// parsePacket reads PROTOCOL SOURCE DESTINATION.
func parsePacket(text string) (h ifa006.PacketHeader, err error) {
	words := strings.Fields(text)
	if len(words) != 3 {
		return h, fmt.Errorf("it has %d words and not 3", len(words))
	}
	h.Protocol = strings.ToUpper(words[0])
	read := netip.ParseAddrPort
	switch h.Protocol {
	case "TCP", "UDP", "SCTP":
	case "ICMP":
		read = func(s string) (netip.AddrPort, error) {
			a, err := netip.ParseAddr(s)
			return netip.AddrPortFrom(a, 0), err
		}
	default:
		return h, fmt.Errorf("the protocol is none of icmp, sctp, tcp and udp")
	}
	from, err := read(words[1])
	if err != nil {
		return h, fmt.Errorf("source: %w", err)
	}
	to, err := read(words[2])
	if err != nil {
		return h, fmt.Errorf("destination: %w", err)
	}
	// A zone is of the one host that names it, and an IPv4 address in IPv6 is on the
	// wire as what it says it is not.
	for _, a := range []netip.Addr{from.Addr(), to.Addr()} {
		if a.Zone() != "" || a.Is4In6() || a.Is4() != to.Addr().Is4() {
			return h, fmt.Errorf("source and destination are not both plain addresses of one IP version")
		}
	}
	h.IPVersion = 6
	if to.Addr().Is4() {
		h.IPVersion = 4
	}
	h.SourceAddress, h.SourcePort = from.Addr().String(), int(from.Port())
	h.DestinationAddress, h.DestinationPort = to.Addr().String(), int(to.Port())
	return h, nil
}

// placeOf is where a compute is; of one that is not there, or has no place yet, it
// is nowhere.
func (m *Model) placeOf(ctx context.Context, compute string) (host, zone string, err error) {
	if compute == "" {
		return "", "", nil
	}
	c, err := m.computes.Get(ctx, compute)
	if err != nil || c.Value.hidden() {
		return "", "", ignoreGone(err)
	}
	return c.Value.HostID, c.Value.ZoneID, nil
}

// packetSeen makes the event of the newest packet of a port.
func (m *Model) packetSeen(r *portRecord, host, zone string) pending {
	h := r.Traffic.Headers[len(r.Traffic.Headers)-1]
	return pending{ID: hub.NewID(), Type: typeP, Domains: []string{r.Domain}, Packet: &ifa006.PacketNotification{
		NotificationType: ifa006.PacketType, TimeStamp: h.ObservedAt, VimID: m.VimID, PortID: r.ID, NetworkID: r.NetworkID,
		AttachedTo: r.AttachedTo, TrustDomain: r.Domain, HostID: host, ZoneID: zone, Header: h, NfviSource: source,
	}}
}

// renderPacket makes the notification for a subscription that names the type. What
// else a filter says of resources and changes is not about packets.
func (p *pending) renderPacket(s *notify.Subscription, id string, f *ifa006.Filter) (any, bool) {
	n := *p.Packet
	if !slices.Contains(f.NotificationTypes, ifa006.PacketType) || !matches(&ifa006.Filter{ResourceIDs: f.ResourceIDs, HostIDs: f.HostIDs, ZoneIDs: f.ZoneIDs}, "", "", "", n.PortID, n.HostID, n.ZoneID) {
		return nil, false
	}
	n.ID, n.SubscriptionID = id, s.ID
	return &n, true
}

// Traffic lists the ports of the viewer on which packets were observed, with their
// headers.
func (m *Model) Traffic(ctx context.Context, viewer string) httpapi.Source {
	return listOf(ctx, m.ports, [][]string{{termTraffic + viewer}}, func(r *portRecord) (any, error) {
		if r.Traffic == nil || r.Domain != viewer {
			return nil, nil
		}
		return m.showTraffic(ctx, r)
	})
}

// TrafficOf returns what was observed on a port that the viewer may know of; of a
// port on which nothing was, that.
func (m *Model) TrafficOf(ctx context.Context, viewer, id string) (*ifa006.PortTraffic, error) {
	e, err := get(ctx, m.ports, viewer, "port", id, func(r *portRecord) string { return r.Domain })
	if err != nil {
		return nil, err
	}
	return m.showTraffic(ctx, &e.Value)
}

func (m *Model) showTraffic(ctx context.Context, r *portRecord) (*ifa006.PortTraffic, error) {
	host, zone, err := m.placeOf(ctx, r.Compute)
	if err != nil {
		return nil, err
	}
	t := &ifa006.PortTraffic{
		PortID: r.ID, NetworkID: r.NetworkID, AttachedTo: r.AttachedTo, TrustDomain: r.Domain, HostID: host, ZoneID: zone,
		Headers: []ifa006.PacketHeader{}, NfviSource: source,
	}
	if r.Traffic != nil {
		t.Observed, t.Headers = r.Traffic.Observed, r.Traffic.Headers
	}
	return t, nil
}
