package nfvo_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol001"
	"github.com/manoward/manoward/mano-core/nfvo"
)

// catalogue is the packages and descriptors in memory.
type catalogue struct {
	mu       sync.Mutex
	nsds     map[string]nfvo.NSD
	disabled map[string]bool
	altered  map[string]bool
	deaf     bool   // VNFDs cannot be read for now
	asked    func() // during each Use, if it is set
	looked   func() // before each look at an NSD, if it is set
}

const imageText = "the bytes of an image"

func (c *catalogue) Use(_ context.Context, domain, vnfdID string) (nfvo.Package, error) {
	if c.asked != nil {
		c.asked()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Contains([]string{"web", "web-2", "db", "fw"}, vnfdID) || (domain != "north" && domain != "south") {
		return nfvo.Package{}, hub.E(hub.NotFound, "use", "no package "+vnfdID, nil)
	}
	pkg := "pkg-" + domain + "-" + vnfdID
	if c.disabled[pkg] {
		return nfvo.Package{}, hub.E(hub.Conflict, "use", "the package is DISABLED", nil)
	}
	if c.altered[pkg] {
		return nfvo.Package{}, hub.E(hub.Unprocessable, "use", "the artifact image.img was altered", nil)
	}
	return nfvo.Package{VnfPkgID: pkg, VNFD: vnfdOf(vnfdID), Integrity: nfvo.Integrity{Verdict: "PASSED", Checksum: "abc", PackageSecurityOption: "OPTION_2", Signer: "CN=acme"}}, nil
}

func (c *catalogue) VNFD(_ context.Context, domain, vnfdID string) (*sol001.VNFD, error) {
	if !slices.Contains([]string{"web", "web-2", "db", "fw"}, vnfdID) || (domain != "north" && domain != "south") {
		return nil, hub.E(hub.NotFound, "find VNFD", "no package "+vnfdID, nil)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.deaf {
		return nil, hub.E(hub.Unavailable, "find VNFD", "the bus does not answer", nil)
	}
	return vnfdOf(vnfdID), nil
}

func vnfdOf(id string) *sol001.VNFD {
	return &sol001.VNFD{
		ID: id, Provider: "acme", ProductName: strings.TrimSuffix(id, "-2"), DefaultFlavour: "simple", Security: id == "fw",
		Flavours: map[string]*sol001.Flavour{"simple": {
			ID: "simple", ExtCps: map[string]*sol001.ExtCp{"ext1": {ID: "ext1", Requirement: "virtual_link"}},
			VDUs: map[string]*sol001.VDU{"vdu": {ID: "vdu", VCPUs: 2, MemoryMiB: 1024, DiskGiB: 10, SwImage: &sol001.SwImage{Name: "img", File: "img.qcow2"}}},
		}},
	}
}

func (c *catalogue) Image(context.Context, string, string) (io.ReadCloser, int64, string, error) {
	sum := sha256.Sum256([]byte(imageText))
	return io.NopCloser(strings.NewReader(imageText)), int64(len(imageText)), hex.EncodeToString(sum[:]), nil
}

func (c *catalogue) Disable(_ context.Context, pkg string, _ hub.Identity) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.disabled[pkg] = true
	return nil
}

func (c *catalogue) NSD(_ context.Context, domain, id string) (nfvo.NSD, error) {
	if c.looked != nil {
		c.looked()
	}
	c.mu.Lock()
	nsd, ok := c.nsds[id]
	c.mu.Unlock()
	if !ok || (domain != "hub" && nsd.Domain != domain) {
		return nfvo.NSD{}, hub.E(hub.NotFound, "find NSD", "none", nil)
	}
	return nsd, nil
}

func (c *catalogue) PNFD(_ context.Context, _, id string) (nfvo.PNFD, error) {
	if id != "gateway" {
		return nfvo.PNFD{}, hub.E(hub.NotFound, "find PNFD", "there is no PNFD "+id, nil)
	}
	return nfvo.PNFD{PNFD: &sol001.PNFD{ID: id}, InfoID: "pnfd-info"}, nil
}

// descriptor is the NSD of the tests.
func descriptor(id, domain string) nfvo.NSD {
	link := map[string]string{"virtual_link": "data"}
	profile := func(id string, most int, initial bool) *sol001.VNFProfile {
		return &sol001.VNFProfile{ID: id, VnfdID: id, Flavour: "simple", Min: 1, Max: most, Links: link, Security: id == "fw", Initial: initial}
	}
	return nfvo.NSD{InfoID: "info-" + id, Domain: domain, NSD: &sol001.NSD{
		ID: id, Default: "df", AutoHeal: true, VNFDs: []string{"web", "db", "fw"},
		Flavours: map[string]*sol001.NSFlavour{"df": {
			ID: "df", DefaultLevel: "small",
			Levels:  map[string]*sol001.NSLevel{"small": {Instances: map[string]int{"web": 1, "db": 1}}, "large": {Instances: map[string]int{"web": 3, "db": 1}, Scale: map[string]int{"webs": 2}}},
			Aspects: map[string]*sol001.NSAspect{"webs": {MaxLevel: 3, Deltas: []map[string]int{{"web": 1}}}},
			VNFs:    map[string]*sol001.VNFProfile{"web": profile("web", 4, true), "db": profile("db", 2, true), "fw": profile("fw", 1, false)},
			PNFs:    map[string]*sol001.PNFProfile{"gw": {ID: "gw", PnfdID: "gateway", Links: map[string]string{"port1": "data"}}},
			Links:   map[string]*sol001.NSLink{"data": {ID: "data", CIDRs: []string{"10.0.0.0/24"}}},
			SAPs:    map[string]*sol001.SAP{"access": {ID: "access", Link: "data"}},
			VNFFGs: map[string]*sol001.VNFFG{"graph": {ID: "graph", Members: []string{"web", "db", "gw"}, Links: []string{"data"}, NFPs: map[string]*sol001.NFP{
				"path": {ID: "path", Positions: []sol001.Position{{Element: "access"}, {Element: "web", Cp: "ext1"}, {Element: "gw", Cp: "port1"}}},
			}}},
		}},
	}}
}
