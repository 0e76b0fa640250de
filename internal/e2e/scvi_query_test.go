package e2e_test

import (
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
)

// scviReserved is a PoP with a host that holds what is of south alone.
const scviReserved = `nfviPops: [{nfviPopId: pop-south, vimId: vim, geographicalLocationInfo: {country: FR, site: Nice}}]
zones: [{zoneId: zone-south, zoneName: South, zoneState: AVAILABLE, nfviPopId: pop-south}]
hosts: [{hostId: host-south, zoneId: zone-south, nfviPopId: pop-south, state: ENABLED, integrityState: TRUSTED, totalCapacity: {numVCpus: 1, memoryMiB: 64, diskGiB: 1}, physicalLocation: {country: FR}, trustDomains: [south]}]
flavours: [{id: unused, name: of nobody yet, size: {numVCpus: 1, memoryMiB: 1, diskGiB: 1}, isPublic: false}]
`

// Each Security Manager, though passive, gets over TLS with its own key what
// clause 8.2 offers as far as it is built: Query Compute Resource Zone, NFVI-PoP
// Compute Information, Images, Image, Virtualised Compute Resource and Compute
// Flavour, and hosts. Of telemetry it gets capacity, images, flavours, integrity
// and firmware; for packet headers see TestScVi_Notifications.
//
// Covers: Sc-Vi.001, Sc-Vi.Telem.001, Sc-Vi.Telem.002, Sc-Vi.Q02, Sc-Vi.Q03, Sc-Vi.Q11, Sc-Vi.Q12, Sc-Vi.Q13, Sc-Vi.Q15, Security.007
func TestScVi_Queries(t *testing.T) {
	t.Parallel()
	h := newNsHub(t, 1, "north", "south")
	reserved := filepath.Join(h.home, "reserved.yaml")
	writeFile(t, reserved, scviReserved, 0o600)
	h.do("vim", "load", reserved)
	h.instantiate("north", "edge")
	h.instantiate("south", "edge")
	north, south := h.scviSM("north", "watcher"), h.scviSM("south", "watcher")
	for _, s := range []*scviSM{north, south} {
		s.checkOwn(h)
	}
	s := north
	ids := func(list []ifa006.Zone) (out []string) {
		for _, z := range list {
			out = append(out, z.ID)
		}
		return out
	}
	if n, so := ids(scviGet[[]ifa006.Zone](north, "/resource_zones")), ids(scviGet[[]ifa006.Zone](south, "/resource_zones")); !slices.Equal(n, []string{"zone-1"}) || !slices.Equal(so, []string{"zone-1", "zone-south"}) {
		t.Errorf("zones: north %v, south %v", n, so)
	}
	if pops := scviGet[[]ifa006.NfviPop](north, "/nfvi_pops"); len(pops) != 1 || pops[0].ID != "pop-1" || pops[0].Location.Country != "DE" {
		t.Errorf("PoPs: %+v", pops)
	}
	if pops := scviGet[[]ifa006.NfviPop](south, "/nfvi_pops"); len(pops) != 2 {
		t.Errorf("PoPs of south: %+v", pops)
	}
	for _, f := range scviGet[[]ifa006.Flavour](s, "/compute_flavours") {
		if f.ID == "unused" {
			t.Error("a private flavour that nothing of the domain has is shown")
		}
	}
	north.missesOthers(south)
	south.missesOthers(north)
}

// checkOwn compares what the SM is told with what the VIM tells the operator.
func (s *scviSM) checkOwn(h *nsHub) {
	s.t.Helper()
	computes := scviGet[[]ifa006.Compute](s, "/computes")
	if len(computes) != 1 {
		s.t.Fatalf("%s sees %d computes", s.at.identity(), len(computes))
	}
	c := computes[0]
	hosts := resources[ifa006.Host](h, "hosts", "(eq,hostId,"+c.HostID+")")
	if c.TrustDomain != s.at.Domain || c.ZoneID != hosts[0].ZoneID || c.Location == nil || *c.Location != hosts[0].Location || c.Location.Rack == "" {
		s.t.Errorf("compute is at %q %q %+v, its host at %+v", c.HostID, c.ZoneID, c.Location, hosts[0])
	}
	if one := scviGet[ifa006.Compute](s, "/computes/"+c.ID); one.HostID != c.HostID || one.ContentChecksum == nil {
		s.t.Errorf("the compute alone is %+v", one)
	}
	if none := scviGet[[]ifa006.Compute](s, "/computes?filter=(neq,hostId,"+c.HostID+")"); len(none) != 0 {
		s.t.Errorf("a filter lets %+v through", none)
	}
	images := scviGet[[]ifa006.Image](s, "/images")
	if len(images) != 1 || images[0].ID != c.ImageID || images[0].Checksum == nil || *images[0].Checksum != *images[0].StatedChecksum {
		s.t.Fatalf("images: %+v", images)
	}
	if one := scviGet[ifa006.Image](s, "/images/"+c.ImageID); one.TrustDomain != s.at.Domain || *one.Checksum != *images[0].Checksum {
		s.t.Errorf("image: %+v", one)
	}
	flavours := scviGet[[]ifa006.Flavour](s, "/compute_flavours")
	if !slices.ContainsFunc(flavours, func(f ifa006.Flavour) bool { return f.ID == c.FlavourID && f.Size.VCPUs == 1 }) {
		s.t.Errorf("the compute's flavour %s is none of %+v", c.FlavourID, flavours)
	}
	host := scviGet[ifa006.Host](s, "/hosts/"+c.HostID)
	if host.Integrity != ifa006.IntegrityTrusted || host.Firmware != "1.0" || host.Total.VCPUs != 16 || host.Allocated.VCPUs == 0 || !slices.Equal(host.ComputeIDs, []string{c.ID}) {
		s.t.Errorf("host: %+v", host)
	}
	want := map[string]int{"north": 4, "south": 5}[s.at.Domain]
	if all := scviGet[[]ifa006.Host](s, "/hosts"); len(all) != want {
		s.t.Errorf("%s sees %d hosts, want %d", s.at.Domain, len(all), want)
	}
}

// missesOthers wants what is another domain's to be nowhere: in no list, and by its
// identifier exactly as what does not exist.
func (s *scviSM) missesOthers(other *scviSM) {
	s.t.Helper()
	theirs := scviGet[[]ifa006.Compute](other, "/computes")[0]
	for _, path := range []string{"/computes", "/images", "/hosts", "/resource_zones", "/nfvi_pops", "/compute_flavours"} {
		_, body, _ := s.ask(http.MethodGet, path, nil)
		for _, secret := range []string{theirs.ID, theirs.ImageID, `"` + other.at.Domain + `"`, theirs.Metadata["vnfInstanceId"], theirs.Ports[0].ID} {
			if strings.Contains(body, secret) {
				s.t.Errorf("%s shows %s what is of %s: %s", path, s.at.Domain, other.at.Domain, secret)
			}
		}
	}
	hidden := map[string]string{"/computes/": theirs.ID, "/images/": theirs.ImageID}
	if s.at.Domain == "north" {
		hidden["/hosts/"] = "host-south"
	}
	for collection, id := range hidden {
		const none = "00000000-0000-4000-8000-000000000000"
		status, body, header := s.ask(http.MethodGet, collection+id, nil)
		status2, body2, header2 := s.ask(http.MethodGet, collection+none, nil)
		if status != http.StatusNotFound || status2 != status || scviPlain(body, id) != scviPlain(body2, none) || header.Get("Content-Type") != header2.Get("Content-Type") {
			s.t.Errorf("%s of another domain: %d %s\nof nobody: %d %s", collection, status, body, status2, body2)
		}
	}
}

// scviPlain is the text of a problem without what differs between any two requests.
func scviPlain(body, id string) string {
	return scviRequestID.ReplaceAllString(strings.ReplaceAll(body, id, "ID"), "")
}

var scviRequestID = regexp.MustCompile(`"requestId":"[^"]*"`)

// The telemetry endpoint opens to its own credential and to no other of the same
// Security Manager or of another; both ends prove who they are, and what passes is
// enciphered. Trusted time and synchronisation over several NFVIs, which
// Security.005 asks for as well, are not built.
//
// Covers: Security.005, Security.006
func TestScVi_Association(t *testing.T) {
	t.Parallel()
	h := startHub(t)
	h.do("trust-domain", "create", "north")
	h.do("trust-domain", "create", "south")
	n := &nsHub{hubProcess: h}
	own, peer, stranger := n.scviSM("north", "alpha"), n.scviSM("north", "beta"), n.scviSM("south", "alpha")
	own.at.mustOpen(t, &own.at.Cert)
	for _, e := range slices.Concat(own.all, peer.all, stranger.all) {
		if e != own.at {
			own.at.mustRefuse(t, "the credential of "+e.identity(), own.at.tls(&e.Cert))
		}
	}
	own.at.mustRefuse(t, "no credential", own.at.tls(nil))
	foreign := own.at.tls(&own.at.Cert)
	foreign.RootCAs = stranger.at.Roots
	if _, status, err := own.at.try(t, foreign); err == nil {
		t.Errorf("a client that trusts another domain's root takes the endpoint for its own: %d", status)
	}
	plain := *own.at
	plain.URL = strings.Replace(plain.URL, "https://", "http://", 1)
	if _, status, err := plain.try(t, nil); err == nil && status < 400 {
		t.Errorf("the endpoint answers %d in the clear", status)
	}
	receiver := own.inbox(own.all[slices.IndexFunc(own.all, func(e *endpoint) bool { return e.Interface == hub.ScOrNsLcm })])
	if status, body, _ := own.ask(http.MethodPost, "/subscriptions", ifa006.SubscriptionRequest{CallbackURI: receiver.url}); status/100 != 4 {
		t.Errorf("a receiver with the key of another interface is subscribed: %d %s", status, body)
	}
	receiver = own.inbox(peer.at)
	if status, body, _ := own.ask(http.MethodPost, "/subscriptions", ifa006.SubscriptionRequest{CallbackURI: receiver.url}); status/100 != 4 {
		t.Errorf("a receiver of another Security Manager is subscribed: %d %s", status, body)
	}
}
