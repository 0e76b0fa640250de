package vim

import (
	"maps"
	"slices"
	"time"

	"github.com/manoward/manoward/internal/ifa006"
)

// The phases of a resource: what is under way and has to be finished. The empty
// phase is rest.
const (
	placing   = "placing"   // compute: a host is sought and claimed
	moving    = "moving"    // compute: from HostID to Target
	moved     = "moved"     // compute: HostID is new, From still holds a claim
	scaling   = "scaling"   // compute: to NextFlavour
	restoring = "restoring" // compute: from the snapshot Restore
	leaving   = "leaving"   // compute, port, storage or network: goes away
	assigning = "assigning" // port: addresses are sought and leased
)

// Terms that resources are found by.
const (
	termBusy     = "busy"    // a phase or the rest of a failure has to be worked off
	termPending  = "pending" // events wait to be told
	termDomain   = "domain="
	termHost     = "host=" // compute: where it is, was or goes
	termZone     = "zone="
	termVnf      = "vnf="
	termAttached = "attached="
	termNetwork  = "network="
	termLease    = "lease="
	termImage    = "image="
	termCompute  = "compute="
	termFlavour  = "flavour="
	termState    = "state="   // compute: operational state
	termServes   = "serves="  // host: holds or may hold what is of this domain; "*" is all
	termUses     = "uses="    // compute: trust domain and flavour
	termTraffic  = "traffic=" // port on which packets were observed: its trust domain
)

// made is what every resource that a consumer creates has.
type made struct {
	Domain  string    `json:"domain"`
	Request string    `json:"request"` // digest of the body that created it
	Phase   string    `json:"phase,omitempty"`
	Pending []pending `json:"pending,omitempty"`
}

func (r *made) events() *[]pending { return &r.Pending }

func (r *made) terms() []string {
	t := []string{termDomain + r.Domain}
	if r.Phase != "" {
		t = append(t, termBusy)
	}
	if len(r.Pending) > 0 {
		t = append(t, termPending)
	}
	return t
}

type popRecord struct{ ifa006.NfviPop }

type zoneRecord struct{ ifa006.Zone }

type flavourRecord struct {
	ifa006.Flavour
	Request string `json:"request"`
}

// claim is what a compute takes of a host.
type claim struct {
	Size   ifa006.Capacity `json:"size"`
	Domain string          `json:"domain"`
	Secure []string        `json:"secure,omitempty"` // slots of the host's security hardware
	Uses   []string        `json:"uses,omitempty"`   // acceleration capabilities of the host
	Of     string          `json:"of,omitempty"`     // incarnation of the compute
}

// stop is an end of the use of a host that one trust domain ordered for itself.
type stop struct {
	Reason     string    `json:"reason,omitempty"`
	Since      time.Time `json:"since"`
	Quarantine bool      `json:"quarantine,omitempty"`
}

// hostRecord is a host. Its Allocated is the sum of its claims.
type hostRecord struct {
	ifa006.Host
	Claims  map[string]claim `json:"claims,omitempty"` // by compute
	Stops   map[string]stop  `json:"stops,omitempty"`  // by trust domain
	Before  string           `json:"before,omitempty"` // state before it failed
	Alarm   *ifa006.Alarm    `json:"alarm,omitempty"`  // that is open
	Spread  bool             `json:"spread,omitempty"` // its failure or recovery has yet to reach its computes
	Version uint64           `json:"version"`          // grows with each change
	Pending []pending        `json:"pending,omitempty"`
}

func (r *hostRecord) events() *[]pending { return &r.Pending }

func (r *hostRecord) terms() []string {
	t := []string{termZone + r.ZoneID}
	if r.Spread {
		t = append(t, termBusy)
	}
	if len(r.Pending) > 0 {
		t = append(t, termPending)
	}
	serves := r.concerned()
	if len(r.TrustDomains) == 0 {
		serves = append(serves, "*")
	}
	for _, d := range serves {
		t = append(t, termServes+d, servesIn(d, r.ZoneID), servesIn(d, r.NfviPopID))
	}
	return append(t, alarmTerms(r.Alarm)...)
}

// servesIn is the term of the hosts of a zone or PoP that serve a trust domain.
func servesIn(domain, place string) string { return termServes + domain + " " + place }

// concerned returns the trust domains that the host names or that have computes
// on it, sorted.
func (r *hostRecord) concerned() []string {
	set := map[string]struct{}{}
	for _, d := range r.TrustDomains {
		set[d] = struct{}{}
	}
	for _, c := range r.Claims {
		set[c.Domain] = struct{}{}
	}
	return slices.Sorted(maps.Keys(set))
}

// allocated sums the claims.
func (r *hostRecord) allocated() ifa006.Capacity {
	var sum ifa006.Capacity
	for _, c := range r.Claims {
		sum = plus(sum, c.Size)
	}
	return sum
}

type imageRecord struct {
	made
	ifa006.Image
	SHA512 string `json:"sha512,omitempty"` // of the content, as the SHA-256 in Checksum
	Sample []byte `json:"sample,omitempty"` // the content's first bytes
}

type networkRecord struct {
	made
	ifa006.Network
	Created string `json:"created"` // tells this one from a later one of the same ID
}

type portRecord struct {
	made
	ifa006.Port
	Compute string   `json:"compute,omitempty"` // that it is attached to; AttachedTo may be a PNF
	Owned   bool     `json:"owned,omitempty"`   // goes with its compute
	Asked   []string `json:"asked,omitempty"`   // addresses that the consumer asked for, its MAC among them
	Leases  []string `json:"leases,omitempty"`
	Traffic *traffic `json:"traffic,omitempty"` // nil: no packet was observed
}

// observe notes a packet on the port.
func (r *portRecord) observe(h ifa006.PacketHeader, at time.Time) {
	if r.Traffic == nil {
		r.Traffic = &traffic{}
	}
	t := r.Traffic
	t.Observed++
	h.Number, h.ObservedAt, h.Direction = t.Observed, at, ifa006.DirectionEgress
	if slices.Contains(r.IPAddresses, h.DestinationAddress) {
		h.Direction = ifa006.DirectionIngress
	}
	t.Headers = append(t.Headers[max(0, len(t.Headers)-keptHeaders+1):], h)
}

func (r *portRecord) terms() []string {
	t := append(r.made.terms(), termNetwork+r.NetworkID)
	if r.Compute != "" {
		t = append(t, termAttached+r.Compute)
	}
	for _, l := range r.Leases {
		t = append(t, termLease+l)
	}
	if r.Traffic != nil {
		t = append(t, termTraffic+r.Domain)
	}
	return append(t, vnfTerm(r.Metadata)...)
}

// leaseRecord is an address in use; its ID stands for network and address.
type leaseRecord struct {
	Network string `json:"network"`
	Address string `json:"address"`
	Port    string `json:"port"`
}

type storageRecord struct {
	made
	ifa006.Storage
	Owned   bool   `json:"owned,omitempty"` // goes with its compute
	Erase   bool   `json:"erase,omitempty"` // is to be overwritten before it goes
	Content []byte `json:"content"`         // stands for all of its content
}

func (r *storageRecord) terms() []string {
	t := r.made.terms()
	if r.AttachedTo != "" {
		t = append(t, termAttached+r.AttachedTo)
	}
	return append(t, vnfTerm(r.Metadata)...)
}

type computeRecord struct {
	made
	ifa006.Compute
	// Incarnation tells it from an earlier compute of its ID, which another process
	// may still be taking away.
	Incarnation string          `json:"incarnation,omitempty"`
	Want        ifa006.Compute  `json:"want"` // as it was asked for
	Size        ifa006.Capacity `json:"size"`
	Target      string          `json:"target,omitempty"`
	From        string          `json:"from,omitempty"`
	NextFlavour string          `json:"nextFlavour,omitempty"`
	Restore     string          `json:"restore,omitempty"`
	Erase       bool            `json:"erase,omitempty"`
	Silent      bool            `json:"silent,omitempty"` // goes away before anybody was told of it
	Content     []byte          `json:"content,omitempty"`
	Before      string          `json:"before,omitempty"` // running state before it failed
	Alarm       *ifa006.Alarm   `json:"alarm,omitempty"`  // that is open
}

func (r *computeRecord) terms() []string {
	t := append(r.made.terms(), termZone+r.ZoneID, termFlavour+r.FlavourID, termState+r.OperationalState, termUses+r.Domain+" "+r.FlavourID)
	for _, h := range r.places() {
		t = append(t, termHost+h)
	}
	if r.ImageID != "" {
		t = append(t, termImage+r.ImageID)
	}
	return append(append(t, alarmTerms(r.Alarm)...), vnfTerm(r.Metadata)...)
}

// places returns the hosts that may hold a claim of the compute.
func (r *computeRecord) places() []string {
	var hosts []string
	for _, h := range []string{r.HostID, r.Target, r.From} {
		if h != "" && !slices.Contains(hosts, h) {
			hosts = append(hosts, h)
		}
	}
	return hosts
}

type snapshotRecord struct {
	made
	ifa006.Snapshot
	Contents map[string][]byte `json:"contents"` // of the compute and its storages, by ID
}

func (r *snapshotRecord) terms() []string {
	return append(append(r.made.terms(), termCompute+r.ComputeID), vnfTerm(r.Metadata)...)
}

type jobRecord struct {
	ifa006.Job
	Request ifa006.StopUseRequest `json:"request"`
	Actor   string                `json:"actor"`
	Begun   bool                  `json:"begun"` // Todo is noted
	Todo    []string              `json:"todo"`  // computes that are to be migrated
}

func (r *jobRecord) terms() []string {
	if r.State == jobProcessing {
		return []string{termBusy}
	}
	return nil
}

func vnfTerm(metadata map[string]string) []string {
	if id := metadata["vnfInstanceId"]; id != "" {
		return []string{termVnf + id}
	}
	return nil
}

func (r *imageRecord) terms() []string   { return r.made.terms() }
func (r *networkRecord) terms() []string { return append(r.made.terms(), vnfTerm(r.Metadata)...) }
