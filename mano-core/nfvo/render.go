package nfvo

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/sol001"
	"github.com/manoward/manoward/internal/state"
)

// NsInstance is an NS as it is shown, with our extensions. Its links are for the
// REST binding to set.
type NsInstance struct {
	sol005.NsInstance
	NFPs []NFP `json:"manoward.nfpInfo,omitempty"` // SOL 005 V3.7.1 has no place for NFPs in VnffgInfo
	// Vnfs says of each VNF, by its ID, what SOL 005 V3.7.1 has no place for in
	// VnfInstance, Bars which VNF profiles may not come back.
	Vnfs map[string]NsVnf `json:"manoward.vnfs"`
	Bars map[string]Bar   `json:"manoward.replacementBars"`
	// Domain is the trust domain that it belongs to.
	Domain string `json:"manoward.trustDomain"`
	// Running is the operation that holds it, empty if none does.
	Running string `json:"-"`
}

// NsVnf is what an NS says of one of its VNFs besides SOL 005: what a Security
// Manager is told by notifications, for one that was not there to hear them.
type NsVnf struct {
	ProfileID    string    `json:"vnfProfileId"`
	Security     bool      `json:"securityVnf"`            // the NSD foresees it as one, or its VNFD says so
	MinInstances *int      `json:"minInstances,omitempty"` // of its profile; absent when the NSD is gone
	Integrity    Integrity `json:"integrity"`
}

// showVnf is [NsVnf] of a member of an NS; f is nil when the NSD is gone.
func showVnf(m *member, v *vnf, f *sol001.NSFlavour) NsVnf {
	out := NsVnf{ProfileID: m.ProfileID, Security: v.Security, Integrity: v.Integrity}
	if f != nil && f.VNFs[m.ProfileID] != nil {
		p := f.VNFs[m.ProfileID]
		out.Security, out.MinInstances = out.Security || p.Security, &p.Min
	}
	return out
}

// flavourNow is the flavour that an NS is of, nil when its NSD is gone.
func (s *Service) flavourNow(ctx context.Context, e *state.Entry[ns]) (*sol001.NSFlavour, error) {
	if len(e.Value.Members) == 0 {
		return nil, nil
	}
	nsd, err := s.FindNSD(ctx, e.Domain, e.Value.NsdID)
	if hub.CodeOf(err) == hub.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return nsd.Flavours[or(e.Value.FlavourID, nsd.Default)], nil
}

// show assembles an NS from what is stored of it and of its VNFs.
func (s *Service) show(ctx context.Context, e *state.Entry[ns]) (*NsInstance, error) {
	out := outline(e)
	flavour, err := s.flavourNow(ctx, e)
	if err != nil {
		return nil, err
	}
	for _, m := range e.Value.Members {
		v, err := s.vnfs.Get(ctx, m.VnfID)
		if hub.CodeOf(err) == hub.NotFound {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read VNF %s: %w", m.VnfID, err)
		}
		shown := shownVnf(&v.Value.Info)
		shown.VnfPkgID, shown.VimID = v.Value.PkgID, s.c.VimID
		out.VnfInstance = append(out.VnfInstance, shown)
		out.Vnfs[m.VnfID] = showVnf(&m, &v.Value, flavour)
		addPorts(out, &shown)
	}
	return out, nil
}

// outline is what of an NS is stored with it.
func outline(e *state.Entry[ns]) *NsInstance {
	n := &e.Value
	out := &NsInstance{Domain: e.Domain, Running: n.Running, Vnfs: map[string]NsVnf{}, Bars: map[string]Bar{}}
	maps.Copy(out.Bars, n.Bars)
	out.NsInstance = sol005.NsInstance{
		ID: e.ID, NsInstanceName: n.Name, NsInstanceDescription: n.Description, NsdID: n.NsdID, NsdInfoID: n.NsdInfoID, FlavourID: n.FlavourID,
		PnfInfo: n.Pnfs, SapInfo: n.Saps, VnfSnapshotInfoIDs: n.Snapshots, NsState: n.State, AdditionalAffinityOrAntiAffinityRule: n.Rules,
	}
	for _, l := range n.Links {
		l.LinkPort = slices.Clone(l.LinkPort)
		out.VirtualLinkInfo = append(out.VirtualLinkInfo, l)
	}
	for _, aspect := range sortedKeys(n.Scale) {
		out.NsScaleStatus = append(out.NsScaleStatus, sol005.NsScaleInfo{NsScalingAspectID: aspect, NsScaleLevelID: strconv.Itoa(n.Scale[aspect])})
	}
	for i := range n.Vnffgs {
		g := &n.Vnffgs[i]
		out.VnffgInfo = append(out.VnffgInfo, n.vnffgInfo(g))
		out.NFPs = append(out.NFPs, n.paths(g)...)
	}
	return out
}

// vnffgInfo shows a forwarding graph with the instances that are in it now.
func (n *ns) vnffgInfo(g *vnffg) sol005.VnffgInfo {
	info := g.Info
	info.VnfInstanceID = []string{}
	for _, m := range n.Members {
		if slices.Contains(g.Profiles, m.ProfileID) {
			info.VnfInstanceID = append(info.VnfInstanceID, m.VnfID)
		}
	}
	info.PnfdInfoID = []string{} // of the instances, whatever its name says
	for i := range n.Pnfs {
		if slices.Contains(g.Profiles, n.Pnfs[i].PnfProfileID) {
			info.PnfdInfoID = append(info.PnfdInfoID, n.Pnfs[i].PnfID)
		}
	}
	return info
}

// addPorts shows where a VNF is attached to the virtual links of the NS.
func addPorts(out *NsInstance, v *sol005.VnfInstance) {
	if v.InstantiatedVnfInfo == nil {
		return
	}
	for _, ext := range v.InstantiatedVnfInfo.ExtVirtualLinkInfo {
		i := slices.IndexFunc(out.VirtualLinkInfo, func(l sol005.NsVirtualLinkInfo) bool { return l.ID == ext.ResourceHandle.ResourceID })
		if i < 0 {
			continue
		}
		for _, p := range ext.ExtLinkPorts {
			out.VirtualLinkInfo[i].LinkPort = append(out.VirtualLinkInfo[i].LinkPort, sol005.NsLinkPortInfo{
				ID: p.ID, ResourceHandle: p.ResourceHandle, NsCpHandle: &sol005.NsCpHandle{VnfInstanceID: v.ID, VnfExtCpInstanceID: p.CpInstanceID},
			})
		}
	}
}

// paths shows which instances stand at the positions of a forwarding graph's
// paths now.
func (n *ns) paths(g *vnffg) []NFP {
	out := slices.Clone(g.NFPs)
	for i := range out {
		out[i].Positions = slices.Clone(out[i].Positions)
		for j := range out[i].Positions {
			out[i].Positions[j].Instances = n.instancesAt(out[i].Positions[j].Element)
		}
	}
	return out
}

func (n *ns) instancesAt(element string) []string {
	ids := []string{}
	for _, m := range n.Members {
		if m.ProfileID == element {
			ids = append(ids, m.VnfID)
		}
	}
	for _, p := range n.Pnfs {
		if p.PnfProfileID == element {
			ids = append(ids, p.PnfID)
		}
	}
	for _, p := range n.Saps {
		if p.SapdID == element {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

// convert makes a SOL 005 type of the SOL 003 type of the same name, where they are
// not one type of package sol. They are the same but for four things: the VIM's
// name in resource handles, the scale level, the connection points of an
// external link, of which SOL 005 V3.7.1 holds one, and a connection point that has
// no address yet, which SOL 005 cannot say.
func convert[T any](v any) T {
	var out T
	raw, err := json.Marshal(v)
	if err != nil {
		return out // plain data that came from JSON
	}
	var tree any
	if json.Unmarshal(raw, &tree) != nil {
		return out
	}
	rename(tree)
	if raw, err = json.Marshal(tree); err == nil {
		// What SOL 005 cannot hold stays out; the rest is shown.
		_ = json.Unmarshal(raw, &out)
	}
	return out
}

func rename(v any) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			rename(e)
		}
	case map[string]any:
		if id, ok := v["vimConnectionId"]; ok {
			v["vimId"] = id
			delete(v, "vimConnectionId")
		}
		if level, ok := v["scaleToLevel"].(string); ok {
			n, _ := strconv.Atoi(level) // 0 for what is no number
			v["scaleLevel"] = n
			delete(v, "scaleToLevel")
		}
		if cps, ok := v["currentVnfExtCpData"].([]any); ok {
			delete(v, "currentVnfExtCpData")
			if len(cps) > 0 {
				v["currentVnfExtCpData"] = cps[0]
			}
		}
		if layers, ok := v["cpProtocolInfo"].([]any); ok {
			layers = slices.DeleteFunc(layers, withoutAddress)
			v["cpProtocolInfo"] = layers
			if len(layers) == 0 {
				delete(v, "cpProtocolInfo")
			}
		}
		for name, e := range v {
			switch name {
			case "metadata", "extensions", "vnfConfigurableProperties", "userDefinedData", "cpConfig":
				// Whoever filled it in chose the names that it holds.
			default:
				rename(e)
			}
		}
	}
}

// withoutAddress reports whether an element of cpProtocolInfo has no
// ipOverEthernet, as while a port is being made.
func withoutAddress(layer any) bool {
	info, ok := layer.(map[string]any)
	return !ok || info["ipOverEthernet"] == nil
}
