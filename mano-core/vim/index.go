package vim

import (
	"math/bits"
	"slices"
	"sync"

	"github.com/manoward/manoward/internal/ifa006"
)

// Bounds of the quick search for a host.
const (
	maxProbes  = 64  // hosts looked at
	maxBuckets = 512 // groups of hosts looked into
)

// index is the hint by which a host is found: what memory knows of each. It may
// be a moment behind the table. It is safe for concurrent use.
type index struct {
	mu      sync.Mutex // covers what is below
	byID    map[string]*hint
	buckets map[bucketKey]*bucket
	zones   []string // with enabled hosts, sorted
	down    map[string]bool
	next    int // zone to begin with
}

// hint is what the index knows of a host. It is replaced and never changed, but
// for its position.
type hint struct {
	id, zone     string
	version      uint64
	state        string
	equipment    ifa006.Equipment
	acceleration []string
	free         ifa006.Capacity
	domains      []string
	stoppedFor   []string
	claims       []string
	key          bucketKey
	pos          int // in its bucket; -1 in none
}

// bucketKey groups hosts that are alike: level is the number of bits of the
// free vCPUs, so that a level holds hosts within a factor of two.
type bucketKey struct {
	zone      string
	equipment uint8
	level     int
}

type bucket struct {
	hosts []*hint
	next  int
}

func newIndex() *index {
	return &index{byID: map[string]*hint{}, buckets: map[bucketKey]*bucket{}, down: map[string]bool{}}
}

const equipmentMasks = 8

func mask(e ifa006.Equipment) (m uint8) {
	if e.TPM {
		m |= 1
	}
	if e.HSM {
		m |= 2
	}
	if e.HMEE {
		m |= 4
	}
	return m
}

func (x *index) learnZone(r *zoneRecord) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.down[r.ID] = r.State == zoneUnavailable
}

// learnHost takes a host as of its version; an older one is ignored.
func (x *index) learnHost(r *hostRecord) {
	h := &hint{
		id: r.ID, zone: r.ZoneID, version: r.Version, state: r.State, equipment: r.Equipment, free: minus(r.Total, r.Allocated),
		acceleration: r.Acceleration, domains: r.TrustDomains, pos: -1,
	}
	h.key = bucketKey{r.ZoneID, mask(r.Equipment), bits.Len(uint(max(h.free.VCPUs, 0)))}
	for d := range r.Stops {
		h.stoppedFor = append(h.stoppedFor, d)
	}
	for c := range r.Claims {
		h.claims = append(h.claims, c)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if old := x.byID[h.id]; old != nil {
		if old.version > h.version {
			return
		}
		x.drop(old)
	}
	x.byID[h.id] = h
	if h.state == ifa006.Enabled {
		x.put(h)
	}
}

func (x *index) put(h *hint) {
	b := x.buckets[h.key]
	if b == nil {
		b = &bucket{}
		x.buckets[h.key] = b
	}
	h.pos = len(b.hosts)
	b.hosts = append(b.hosts, h)
	if i, found := slices.BinarySearch(x.zones, h.zone); !found {
		x.zones = slices.Insert(x.zones, i, h.zone)
	}
}

// drop takes a host out of its bucket; the last one takes its place.
func (x *index) drop(h *hint) {
	if h.pos < 0 {
		return
	}
	b := x.buckets[h.key]
	last := b.hosts[len(b.hosts)-1]
	b.hosts[h.pos], last.pos = last, h.pos
	b.hosts[len(b.hosts)-1] = nil
	b.hosts = b.hosts[:len(b.hosts)-1]
	if len(b.hosts) == 0 {
		delete(x.buckets, h.key)
	}
}

// claims returns which computes the index knows on each host.
func (x *index) claims() map[string][]string {
	x.mu.Lock()
	defer x.mu.Unlock()
	all := make(map[string][]string, len(x.byID))
	for id, h := range x.byID {
		all[id] = h.claims
	}
	return all
}

// pick returns a host that seems fit, or false with the number of hosts that
// each reason rules out.
func (x *index) pick(n *need) (host, zone string, reasons map[string]int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if n.host != "" {
		return x.only(n)
	}
	if h := x.quick(n); h != nil {
		return h.id, h.zone, nil
	}
	reasons = map[string]int{}
	for _, h := range x.byID {
		why := n.unfit(h, x.down[h.zone])
		if why == "" {
			return h.id, h.zone, nil
		}
		reasons[why]++
	}
	return "", "", reasons
}

// only looks at the one host that may be.
func (x *index) only(n *need) (host, zone string, reasons map[string]int) {
	h := x.byID[n.host]
	if h == nil {
		return "", "", map[string]int{"not in the inventory": 1}
	}
	if why := n.unfit(h, x.down[h.zone]); why != "" {
		return "", "", map[string]int{why: 1}
	}
	return h.id, h.zone, nil
}

// quick looks at a bounded number of likely hosts.
func (x *index) quick(n *need) *hint {
	zones := x.zones
	if n.zone != "" {
		zones = []string{n.zone}
	}
	probes, looks := 0, 0
	x.next++
	for level := maxLevel; level >= bits.Len(uint(n.size.VCPUs)); level-- {
		for i := range zones {
			zone := zones[(x.next+i)%len(zones)]
			for equipment := range uint8(equipmentMasks) {
				if equipment&mask(n.equipment) != mask(n.equipment) {
					continue
				}
				if looks++; looks > maxBuckets {
					return nil
				}
				b := x.buckets[bucketKey{zone, equipment, level}]
				if h := b.probe(&probes, func(h *hint) bool { return n.unfit(h, x.down[h.zone]) == "" }); h != nil {
					return h
				}
				if probes >= maxProbes {
					return nil
				}
			}
		}
	}
	return nil
}

// probe looks at hosts of the bucket in turn until one is fit or maxProbes is
// reached.
func (b *bucket) probe(probes *int, fit func(*hint) bool) *hint {
	if b == nil {
		return nil
	}
	for range b.hosts {
		if *probes++; *probes > maxProbes {
			return nil
		}
		b.next = (b.next + 1) % len(b.hosts)
		if h := b.hosts[b.next]; fit(h) {
			return h
		}
	}
	return nil
}

// maxLevel is the number of bits of the largest host's vCPUs.
const maxLevel = 16

// maxVCPUs bounds what an inventory may say of a host.
const maxVCPUs = 1<<maxLevel - 1

func plus(a, b ifa006.Capacity) ifa006.Capacity {
	return ifa006.Capacity{VCPUs: a.VCPUs + b.VCPUs, MemoryMiB: a.MemoryMiB + b.MemoryMiB, DiskGiB: a.DiskGiB + b.DiskGiB}
}

func minus(a, b ifa006.Capacity) ifa006.Capacity {
	return ifa006.Capacity{VCPUs: a.VCPUs - b.VCPUs, MemoryMiB: a.MemoryMiB - b.MemoryMiB, DiskGiB: a.DiskGiB - b.DiskGiB}
}

// within says whether a fits in b.
func within(a, b ifa006.Capacity) bool {
	return a.VCPUs <= b.VCPUs && a.MemoryMiB <= b.MemoryMiB && a.DiskGiB <= b.DiskGiB
}
