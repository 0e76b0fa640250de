package vim

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
)

// maxAddressTries bounds the search for a free address: so many addresses in a
// row that are all in use mean that the subnet is full, or as good as.
const maxAddressTries = 1 << 17

// cursors remember where the last free address of each subnet was found, so that
// the next search begins behind it. It is safe for concurrent use.
type cursors struct {
	mu   sync.Mutex // covers next
	next map[string]netip.Addr
}

func newCursors() *cursors { return &cursors{next: map[string]netip.Addr{}} }

func (c *cursors) get(subnet string) netip.Addr {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.next[subnet]
}

func (c *cursors) set(subnet string, a netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next[subnet] = a
}

// leaseID names the entry that only one port of a network can make.
func leaseID(network, address string) string { return hub.DeriveID("vim lease", network, address) }

// free looks for an address of a subnet that no port has, in memory.
func (m *Model) free(network string, s ifa006.Subnet) (string, error) {
	prefix, err := subnetPrefix(s)
	if err != nil {
		return "", err
	}
	first := prefix.Addr().Next() // the first address names the network
	at := m.addresses.get(network + "/" + s.CIDR)
	if at.IsValid() {
		at = at.Next()
	}
	if !at.IsValid() || !prefix.Contains(at) {
		at = first
	}
	gateway, _ := netip.ParseAddr(s.GatewayIP) // checked when the network was made; without one the zero address
	start := at
	for range maxAddressTries {
		last := !prefix.Contains(at.Next()) // of IPv4 the last is the broadcast address
		if usable := at != gateway && !(last && at.Is4()) && prefix.Contains(at); usable {
			if _, taken := m.leases.Domain(leaseID(network, at.String())); !taken {
				m.addresses.set(network+"/"+s.CIDR, at)
				return at.String(), nil
			}
		}
		if at = at.Next(); last {
			at = first
		}
		if at == start {
			break
		}
	}
	return "", hub.E(hub.Conflict, "assign address", fmt.Sprintf("subnet %s of network %s has no free address; delete ports that are not used or add a subnet", s.CIDR, network), nil)
}

// wanted chooses the addresses that a port shall try to lease: those that were
// asked for, or one of each subnet, and a MAC address.
func (m *Model) wanted(r *portRecord, n *ifa006.Network) (ips []string, mac string, err error) {
	for _, a := range r.Asked {
		if _, err := net.ParseMAC(a); err == nil && strings.Count(a, ":") == 5 {
			mac = a
		} else {
			ips = append(ips, a)
		}
	}
	for attempt := 0; mac == ""; attempt++ {
		sum := sha256.Sum256(fmt.Append(nil, "vim mac ", r.ID, attempt))
		mac = net.HardwareAddr(append([]byte{0x02}, sum[:5]...)).String() // locally administered
		if _, taken := m.leases.Domain(leaseID(n.ID, mac)); taken && attempt < 16 {
			mac = ""
		}
	}
	if len(ips) > 0 {
		return ips, mac, nil
	}
	for _, s := range n.Subnets {
		ip, err := m.free(n.ID, s)
		if err != nil {
			return nil, "", err
		}
		ips = append(ips, ip)
	}
	return ips, mac, nil
}

// checkAsked says whether addresses that a consumer asks for can be had at all.
func checkAsked(n *ifa006.Network, asked []string) error {
	const op = "create port"
	for _, text := range asked {
		ip, err := netip.ParseAddr(text)
		if err != nil || ip.String() != text {
			return hub.E(hub.Invalid, op, fmt.Sprintf("ipAddress %.60q is no address in its usual form", text), err)
		}
		in := slices.ContainsFunc(n.Subnets, func(s ifa006.Subnet) bool {
			prefix, err := netip.ParsePrefix(s.CIDR)
			gateway, _ := netip.ParseAddr(s.GatewayIP)
			return err == nil && prefix.Contains(ip) && gateway != ip
		})
		if !in {
			return hub.E(hub.Unprocessable, op, fmt.Sprintf("ipAddress %s is in no subnet of network %s, or is its gateway; ask for another or for none", text, n.ID), nil)
		}
	}
	return nil
}

// lease makes the entry of an address for a port. taken says that another port
// has it.
func (m *Model) lease(ctx context.Context, network, address, port string) (taken bool, err error) {
	id := leaseID(network, address)
	for {
		e, err := m.leases.Get(ctx, id)
		if err == nil {
			return e.Value.Port != port, nil
		}
		if hub.CodeOf(err) != hub.NotFound {
			return false, err
		}
		_, err = m.leases.Create(ctx, All, id, &leaseRecord{Network: network, Address: address, Port: port})
		if hub.CodeOf(err) != hub.Conflict {
			return false, err
		}
		if ctx.Err() != nil {
			return false, hub.E(hub.Unavailable, "assign address", "it could not be stored in time; try again", ctx.Err())
		}
	}
}

// unlease gives back an address, if it is this port's.
func (m *Model) unlease(ctx context.Context, id, port string) error {
	err := m.leases.Delete(ctx, id, func(l *leaseRecord) error {
		if l.Port != port {
			return errRefused
		}
		return nil
	})
	if hub.CodeOf(err) == hub.Conflict {
		return nil
	}
	return ignoreGone(err)
}

// dropLease gives back an address that no port names.
func (m *Model) dropLease(ctx context.Context, id string) error {
	return ignoreGone(m.leases.Delete(ctx, id, nil))
}
