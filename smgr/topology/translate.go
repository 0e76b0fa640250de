package topology

import (
	"cmp"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"slices"
	"time"

	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// nsAnswer is what is read of NsInstance of SOL 005, with our extensions. What
// is not named here, a foreign NFVO may write as it likes.
type nsAnswer struct {
	ID       string                     `json:"id"`
	Name     string                     `json:"nsInstanceName"`
	NsdID    string                     `json:"nsdId"`
	Flavour  string                     `json:"flavourId"`
	State    string                     `json:"nsState"`
	Vnfs     []vnfAnswer                `json:"vnfInstance"`
	Pnfs     []sol005.PnfInfo           `json:"pnfInfo"`
	Links    []sol005.NsVirtualLinkInfo `json:"virtualLinkInfo"`
	Profiles map[string]vnfExtension    `json:"manoward.vnfs"`
	Bars     map[string]nsBar           `json:"manoward.replacementBars"`
}

type vnfAnswer struct {
	ID           string               `json:"id"`
	VnfdID       string               `json:"vnfdId"`
	Provider     string               `json:"vnfProvider"`
	Product      string               `json:"vnfProductName"`
	Version      string               `json:"vnfSoftwareVersion"`
	PkgID        string               `json:"vnfPkgId"`
	State        string               `json:"instantiationState"`
	Config       sol005.KeyValuePairs `json:"vnfConfigurableProperties"`
	Certificates json.RawMessage      `json:"certificateInfo"`
	Instantiated *struct {
		State string                      `json:"vnfState"`
		Cps   []sol005.VnfExtCpInfo       `json:"extCpInfo"`
		Links []sol005.ExtVirtualLinkInfo `json:"extVirtualLinkInfo"`
		Vnfcs []sol005.VnfcResourceInfo   `json:"vnfcResourceInfo"`
	} `json:"instantiatedVnfInfo"`
}

// vnfExtension is what our NFVO adds of each VNF of an NS.
type vnfExtension struct {
	ProfileID    string     `json:"vnfProfileId"`
	Security     *bool      `json:"securityVnf"`
	MinInstances *int       `json:"minInstances"`
	Integrity    *integrity `json:"integrity"`
}

func nsOf(a *nsAnswer) *ns {
	out := &ns{
		ID: a.ID, Name: a.Name, NsdID: a.NsdID, State: oneOf(a.State, "NOT_INSTANTIATED", "INSTANTIATED"), Flavor: a.Flavour,
		VnfIDs: []string{}, Bars: a.Bars,
	}
	profiles, pnfs := make(map[string]string, len(a.Profiles)), make(map[string]pnf, len(a.Pnfs))
	for id, v := range a.Profiles {
		profiles[id] = v.ProfileID
	}
	for i := range a.Vnfs {
		if a.Vnfs[i].ID != "" {
			out.VnfIDs = append(out.VnfIDs, a.Vnfs[i].ID)
		}
	}
	slices.Sort(out.VnfIDs)
	out.VnfIDs = slices.Compact(out.VnfIDs)
	for i := range a.Pnfs {
		pnfs[a.Pnfs[i].PnfID] = pnf{a.Pnfs[i].PnfName, a.Pnfs[i].PnfdID, a.Pnfs[i].PnfProfileID}
	}
	links, ports := make(map[string]link, len(a.Links)), make(map[string]portsOf, len(a.Links))
	for i := range a.Links {
		l := &a.Links[i]
		shown := link{ProfileID: cmp.Or(l.NsVirtualLinkProfileID, l.NsVirtualLinkDescID)}
		if len(l.ResourceHandle) > 0 {
			shown.NetworkID = l.ResourceHandle[0].ResourceID
		}
		links[l.ID], ports[l.ID] = shown, portsOn(l)
	}
	out.profiles, out.Pnfs, out.Links, out.ports = fewOf(profiles), fewOf(pnfs), fewOf(links), fewOf(ports)
	return out
}

func portsOn(l *sol005.NsVirtualLinkInfo) portsOf {
	out := portsOf{}
	for _, p := range l.LinkPort {
		if h := p.NsCpHandle; h != nil && h.PnfInfoID != "" {
			out.pnfs = append(out.pnfs, h.PnfInfoID)
		} else if h != nil && h.VnfInstanceID != "" {
			out.cps = append(out.cps, [2]string{h.VnfInstanceID, h.VnfExtCpInstanceID})
		}
	}
	slices.Sort(out.pnfs)
	out.pnfs, out.cps = slices.Compact(out.pnfs), slices.Clip(out.cps)
	return out
}

// vnfIn makes the VNF of an answer. What the answer does not say and an event
// said before stays: a foreign NFVO has no place for it.
func vnfIn(a *nsAnswer, v *vnfAnswer, before *vnf) *vnf {
	out := &vnf{
		ID: v.ID, VnfdID: v.VnfdID, PkgID: v.PkgID, Provider: v.Provider, Product: v.Product, Version: v.Version,
		Instantiation: oneOf(v.State, "NOT_INSTANTIATED", "INSTANTIATED"), Config: texts(v.Config), cps: []cp{}, vnfcs: few[string]{},
	}
	ext := a.Profiles[v.ID]
	if before != nil {
		ext.ProfileID = cmp.Or(ext.ProfileID, before.ProfileID)
		ext.Security, ext.MinInstances = cmp.Or(ext.Security, before.Security), cmp.Or(ext.MinInstances, before.MinInstances)
		ext.Integrity = cmp.Or(ext.Integrity, before.Integrity)
		out.PkgID = cmp.Or(out.PkgID, before.PkgID)
	}
	out.ProfileID, out.Security, out.MinInstances, out.Integrity = ext.ProfileID, ext.Security, ext.MinInstances, ext.Integrity
	if v.Instantiated == nil {
		return out
	}
	out.Certificates = certificatesIn(v.Certificates, v.Instantiated.Vnfcs)
	out.Operational = oneOf(v.Instantiated.State, "STARTED", "STOPPED")
	byPort, byCpd := map[string]string{}, map[string]string{}
	for _, l := range v.Instantiated.Links {
		for _, p := range l.ExtLinkPorts {
			byPort[p.ID] = l.ResourceHandle.ResourceID
		}
		if l.CurrentVnfExtCpData != nil {
			byCpd[l.CurrentVnfExtCpData.CpdID] = l.ResourceHandle.ResourceID
		}
	}
	out.cps = make([]cp, len(v.Instantiated.Cps))
	for i := range v.Instantiated.Cps {
		c := &v.Instantiated.Cps[i]
		out.cps[i] = cp{c.ID, c.CpdID, cmp.Or(byPort[c.ExtLinkPortID], byCpd[c.CpdID])}
	}
	slices.SortFunc(out.cps, func(a, b cp) int { return cmp.Compare(a.id, b.id) })
	vnfcs := make(map[string]string, len(v.Instantiated.Vnfcs))
	for _, c := range v.Instantiated.Vnfcs {
		if c.ComputeResource.ResourceID != "" {
			vnfcs[c.ID] = c.ComputeResource.ResourceID
		}
	}
	out.vnfcs = fewOf(vnfcs)
	return out
}

// texts are configurable properties as policies see them: what is no text, as
// its JSON.
func texts(kv sol005.KeyValuePairs) few[string] {
	out := make(map[string]string, len(kv))
	for k, v := range kv {
		if s, ok := v.(string); ok {
			out[k] = s
			continue
		}
		raw, err := json.Marshal(v)
		if err != nil {
			continue // came from JSON
		}
		out[k] = string(raw)
	}
	return fewOf(out)
}

func pkgOf(a *sol005.VnfPkgInfo) *pkg {
	out := &pkg{
		ID: a.ID, VnfdID: a.VnfdID, Provider: a.VnfProvider, Product: a.VnfProductName, Version: a.VnfSoftwareVersion,
		Operational: oneOf(string(a.OperationalState), "ENABLED", "DISABLED"), Usage: oneOf(string(a.UsageState), "IN_USE", "NOT_IN_USE"),
		Option: a.PackageSecurityOption, Signer: subjectOf(a.SigningCertificate),
	}
	if text, ok := a.UserDefinedData["manoward.integrity"].(string); ok {
		out.Integrity = oneOf(text, "OK", "FAILED")
	}
	if a.Checksum != nil {
		out.Checksum = &checksum{a.Checksum.Algorithm, a.Checksum.Hash}
	}
	return out
}

// subjectOf is the subject of the first certificate of a PEM text, empty when
// there is none.
func subjectOf(text string) string {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return ""
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return ""
	}
	return cert.Subject.String()
}

func sumOf(c *ifa006.Checksum) *checksum {
	if c == nil {
		return nil
	}
	return &checksum{c.Algorithm, c.Hash}
}

func computeOf(a *ifa006.Compute) *compute {
	return &compute{
		ID: a.ID, VnfID: a.Metadata["vnfInstanceId"], HostID: a.HostID, ZoneID: a.ZoneID, ImageID: a.ImageID, FlavourID: a.FlavourID,
		Operational: a.OperationalState, Running: a.RunningState, Isolated: known(a.Isolated), Location: a.Location,
	}
}

// hostOf makes a host as it is for one trust domain.
func hostOf(a *ifa006.Host, domain string) *host {
	location := a.Location
	out := &host{
		ID: a.ID, ZoneID: a.ZoneID, NfviPopID: a.NfviPopID, State: a.State, Firmware: a.Firmware, Location: &location,
		Integrity: oneOf(a.Integrity, ifa006.IntegrityTrusted, ifa006.IntegrityUntrusted, ifa006.IntegrityUnknown),
		Equipment: &equipment{a.Equipment.TPM, a.Equipment.HSM, a.Equipment.HMEE}, TrustDomains: slices.Sorted(slices.Values(a.TrustDomains)),
		ComputeIDs: slices.Sorted(slices.Values(a.ComputeIDs)), allocated: a.Allocated,
	}
	if out.TrustDomains == nil {
		out.TrustDomains = []string{}
	}
	if out.State == ifa006.Enabled || out.State == ifa006.Stopped {
		switch {
		case slices.Contains(a.QuarantinedFor, domain):
			out.State = ifa006.Quarantined
		case slices.Contains(a.StoppedFor, domain):
			out.State = ifa006.Stopped
		}
	}
	return out
}

func imageOf(a *ifa006.Image) *image {
	return &image{ID: a.ID, Name: a.Name, PkgID: a.Metadata["vnfPkgId"], Checksum: sumOf(a.Checksum), Stated: sumOf(a.StatedChecksum), Status: a.Status}
}

// stamp is a time as the input writes it.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
