package vim

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/testkit/memstate"
)

// packetsOf subscribes a Security Manager of a domain by a filter.
func packetsOf(domain, filter string) notify.Subscription {
	return notify.Subscription{ID: domain + filter, API: ScVi, TrustDomain: domain, Filter: json.RawMessage(filter)}
}

// headers returns the numbers and protocols of what a subscription was told, in
// its order.
func (s *subscribers) headers(sub notify.Subscription) (out []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, body := range s.got[sub.ID] {
		n, is := body.(*ifa006.PacketNotification)
		if !is {
			return []string{fmt.Sprintf("%T", body)}
		}
		out = append(out, fmt.Sprintf("%d %s %s", n.Header.Number, n.Header.Protocol, n.Header.Direction))
	}
	return out
}

// withPort is a model in which alpha has a port of the address 192.0.2.10 on host
// h1.
func withPort(t *testing.T, subs *subscribers) (*Model, string) {
	t.Helper()
	m := loaded(t, &memstate.Bus{}, subs)
	c := compute("a1", "small")
	c.HostID, c.Ports = "h1", []ifa006.Port{{NetworkID: "net", IPAddresses: []string{"192.0.2.10"}}}
	made, err := m.Allocate(t.Context(), c)
	ok(t, err)
	return m, made.Ports[0].ID
}

// TestPackets holds who is told of a packet and what a port keeps of its traffic.
func TestPackets(t *testing.T) {
	all := packetsOf("alpha", `{"notificationTypes":["PacketHeaderNotification"]}`)
	here, there := packetsOf("alpha", `{"notificationTypes":["PacketHeaderNotification"],"hostIds":["h1"]}`), packetsOf("alpha", `{"notificationTypes":["PacketHeaderNotification"],"hostIds":["h2"]}`)
	none, others := packetsOf("alpha", `{"notificationTypes":["AlarmNotification"]}`), packetsOf("beta", all.ID[len("alpha"):])
	subs := newSubscribers(all, here, there, none, others)
	m, port := withPort(t, subs)
	before, err := m.TrafficOf(t.Context(), "alpha", port)
	ok(t, err)
	if before.Observed != 0 || before.Headers == nil || before.HostID != "h1" {
		t.Errorf("before there was any traffic: %+v", before)
	}
	if list := listed(t, m.Traffic(t.Context(), "alpha")); len(list) != 0 {
		t.Errorf("listed without traffic: %+v", list)
	}
	seen := func(packet string) {
		t.Helper()
		ok(t, m.Exercise(t.Context(), ifa006.Exercise{Kind: "packet", Target: port, Value: packet}))
	}
	seen("udp 192.0.2.10:4444 203.0.113.9:53")
	seen("icmp 203.0.113.9 192.0.2.10")
	want := []string{"1 UDP EGRESS", "2 ICMP INGRESS"}
	for sub, want := range map[*notify.Subscription][]string{&all: want, &here: want, &there: nil, &none: nil, &others: nil} {
		if got := subs.headers(*sub); !slices.Equal(got, want) {
			t.Errorf("%s was told %q, want %q", sub.ID, got, want)
		}
	}
	for range keptHeaders {
		seen("tcp 198.51.100.66:1 203.0.113.9:22") // of a source that is not the port's
	}
	list := listed(t, m.Traffic(t.Context(), "alpha"))
	if len(list) != 1 {
		t.Fatalf("listed: %+v", list)
	}
	is := list[0].Value.(*ifa006.PortTraffic)
	if is.Observed != keptHeaders+2 || len(is.Headers) != keptHeaders || is.Headers[0].Number != 3 || is.Headers[keptHeaders-1].Number != keptHeaders+2 || is.Headers[0].Direction != ifa006.DirectionEgress || is.AttachedTo != "a1" {
		t.Errorf("the port shows %+v", is)
	}
	if list := listed(t, m.Traffic(t.Context(), "beta")); len(list) != 0 {
		t.Errorf("beta sees %+v", list)
	}
	_, err = m.TrafficOf(t.Context(), "beta", port)
	refused(t, err, hub.NotFound)
	ok(t, m.Terminate(t.Context(), All, "a1", false))
	if list := listed(t, m.Traffic(t.Context(), "alpha")); len(list) != 0 {
		t.Errorf("after the end of the compute: %+v", list)
	}
}

// A packet that could not be told waits in the port's record.
func TestPackets_Wait(t *testing.T) {
	sub := packetsOf("alpha", `{"notificationTypes":["PacketHeaderNotification"]}`)
	subs := newSubscribers(sub)
	m, port := withPort(t, subs)
	subs.fail = hub.E(hub.Unavailable, "publish", "the bus is away", nil)
	ok(t, m.Exercise(t.Context(), ifa006.Exercise{Kind: "packet", Target: port, Value: "sctp [2001:db8::1]:1 [2001:db8::2]:2"}))
	subs.fail = nil
	ok(t, m.Resume(t.Context()))
	if got := subs.headers(sub); !slices.Equal(got, []string{"1 SCTP EGRESS"}) {
		t.Errorf("told %q", got)
	}
}

func TestPackets_Refused(t *testing.T) {
	m, port := withPort(t, newSubscribers())
	const good = "udp 192.0.2.10:1 192.0.2.1:2"
	for _, tt := range []struct {
		target, packet string
		code           hub.Code
		words          string
	}{
		{port, "", hub.Invalid, "0 words"},
		{port, good + " payload", hub.Invalid, "4 words"},
		{port, "gre 192.0.2.1:1 192.0.2.2:2", hub.Invalid, "none of icmp"},
		{port, "udp 192.0.2.1 192.0.2.2:2", hub.Invalid, "source"},
		{port, "udp 192.0.2.1:1 192.0.2.2:70000", hub.Invalid, "destination"},
		{port, "icmp 192.0.2.1:1 192.0.2.2", hub.Invalid, "source"},
		{port, "udp 192.0.2.1:1 [2001:db8::1]:2", hub.Invalid, "one IP version"},
		{port, "udp [fe80::1%eth0]:1 [2001:db8::1]:2", hub.Invalid, "plain addresses"},
		{port, "udp [::ffff:192.0.2.1]:1 [2001:db8::1]:2", hub.Invalid, "plain addresses"},
		{port, "udp " + strings.Repeat("x", 1000) + " y", hub.Invalid, "PROTOCOL SOURCE"},
		{"none", good, hub.NotFound, "none"},
	} {
		refused(t, m.Exercise(t.Context(), ifa006.Exercise{Kind: "packet", Target: tt.target, Value: tt.packet}), tt.code, tt.words)
	}
	stopUse(t, m, "h1", ifa006.StopUseRequest{ID: "job", Computes: "LEAVE", Quarantine: true})
	refused(t, m.Exercise(t.Context(), ifa006.Exercise{Kind: "packet", Target: port, Value: good}), hub.Conflict, "quarantined")
	if is, err := m.TrafficOf(t.Context(), "alpha", port); err != nil || is.Observed != 0 {
		t.Errorf("what was refused was observed: %+v, %v", is, err)
	}
}

func listed(t *testing.T, source httpapi.Source) (items []httpapi.Item) {
	t.Helper()
	for item, err := range source("") {
		ok(t, err)
		items = append(items, item)
	}
	return items
}

// FuzzPacket holds that what is taken for a packet says the same when it is said
// again.
func FuzzPacket(f *testing.F) {
	for _, s := range []string{"udp 192.0.2.1:1 192.0.2.2:2", "icmp 2001:db8::1 2001:db8::2", "TCP [2001:db8::1]:65535 [::1]:0", "udp [::1%lo]:1 [::1]:2", "sctp  x y"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		h, err := parsePacket(text)
		if err != nil {
			return
		}
		again := fmt.Sprintf("%s %s %s", h.Protocol, h.SourceAddress, h.DestinationAddress)
		if h.Protocol != "ICMP" {
			form := map[int]string{4: "%s %s:%d %s:%d", 6: "%s [%s]:%d [%s]:%d"}[h.IPVersion]
			again = fmt.Sprintf(form, h.Protocol, h.SourceAddress, h.SourcePort, h.DestinationAddress, h.DestinationPort)
		}
		if same, err := parsePacket(again); err != nil || same != h {
			t.Errorf("%q is %+v, and %q is %+v: %v", text, h, again, same, err)
		}
	})
}
