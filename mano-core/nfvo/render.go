package nfvo

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/state"
)

// NsInstance is an NS as it is shown, with our extensions. Its links are for the
// REST binding to set.
type NsInstance struct {
	sol005.NsInstance
	NFPs []NFP `json:"manoward.nfpInfo,omitempty"` // SOL 005 V3.7.1 has no place for NFPs in VnffgInfo
	// Domain is the trust domain that it belongs to.
	Domain string `json:"manoward.trustDomain"`
	// Running is the operation that holds it, empty if none does.
	Running string `json:"-"`
}

// show assembles an NS from what is stored of it and of its VNFs.
func (s *Service) show(ctx context.Context, e *state.Entry[ns]) (*NsInstance, error) {
	out := outline(e)
	for _, m := range e.Value.Members {
		v, err := s.vnfs.Get(ctx, m.VnfID)
		if hub.CodeOf(err) == hub.NotFound {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read VNF %s: %w", m.VnfID, err)
		}
		shown := convert[sol005.VnfInstance](v.Value.Info)
		shown.VnfPkgID, shown.VimID = v.Value.PkgID, s.c.VimID
		out.VnfInstance = append(out.VnfInstance, shown)
		addPorts(out, &shown)
	}
	return out, nil
}

// outline is what of an NS is stored with it.
func outline(e *state.Entry[ns]) *NsInstance {
	n := &e.Value
	out := &NsInstance{Domain: e.Domain, Running: n.Running}
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
// not one type of package sol. They are the same but for three things: the VIM's
// name in resource handles, the scale level, and the connection points of an
// external link, of which SOL 005 V3.7.1 holds one.
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
