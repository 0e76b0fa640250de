package ifa006

import "time"

// The ways of a packet, seen from the compute that a port belongs to.
const (
	DirectionIngress = "INGRESS" // to an address of the port
	DirectionEgress  = "EGRESS"  // whatever else the port carries, also from a source that is none of its addresses
)

// PacketType is the notification of a packet's header. Unlike the other types it
// comes to nobody who does not ask for it by name: see [Filter].
const PacketType = "PacketHeaderNotification"

// PacketHeader is what the network and transport headers of one packet say (RFC
// 791, RFC 8200, RFC 9293, RFC 768). Payload is never shown.
type PacketHeader struct {
	Number             int64     `json:"number"` // counts the packets seen on the port, from 1: what is missing shows
	ObservedAt         time.Time `json:"observedAt"`
	Direction          string    `json:"direction"` // DirectionIngress, DirectionEgress
	IPVersion          int       `json:"ipVersion"` // 4, 6
	Protocol           string    `json:"protocol"`  // ICMP, SCTP, TCP, UDP
	SourceAddress      string    `json:"sourceAddress"`
	SourcePort         int       `json:"sourcePort,omitempty"` // not of ICMP
	DestinationAddress string    `json:"destinationAddress"`
	DestinationPort    int       `json:"destinationPort,omitempty"` // not of ICMP
}

// PortTraffic is the traffic of a port as far as headers were observed: how many,
// and the newest of them, the newest last.
type PortTraffic struct {
	PortID      string         `json:"portId"`
	NetworkID   string         `json:"networkId"`
	AttachedTo  string         `json:"attachedResourceId,omitempty"` // a compute, or a PNF's name
	TrustDomain string         `json:"trustDomain"`
	HostID      string         `json:"hostId,omitempty"` // of the compute
	ZoneID      string         `json:"zoneId,omitempty"`
	Observed    int64          `json:"observed"`
	Headers     []PacketHeader `json:"packetHeaders"`
	NfviSource  string         `json:"nfviSource"`
}

// PacketNotification tells of one packet's header.
type PacketNotification struct {
	ID               string       `json:"id"`
	NotificationType string       `json:"notificationType"` // PacketType
	SubscriptionID   string       `json:"subscriptionId"`
	TimeStamp        time.Time    `json:"timeStamp"`
	VimID            string       `json:"vimId"`
	PortID           string       `json:"portId"`
	NetworkID        string       `json:"networkId"`
	AttachedTo       string       `json:"attachedResourceId,omitempty"`
	TrustDomain      string       `json:"trustDomain"`
	HostID           string       `json:"hostId,omitempty"`
	ZoneID           string       `json:"zoneId,omitempty"`
	Header           PacketHeader `json:"packetHeader"`
	NfviSource       string       `json:"nfviSource"`
}
