package decide

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/manoward/manoward/internal/hub"
)

// known is what a plan needs of an input (policies/schemas): what a target
// belongs to, and what else stands on its hosts. What the input does not say is
// not known, and is not guessed.
type known struct {
	Ns *struct {
		ID    string `json:"id"`
		NsdID string `json:"nsdId"`
	} `json:"ns"`
	Vnfs map[string]struct {
		NsInstanceIDs []string `json:"nsInstanceIds"`
		VnfProfileID  string   `json:"vnfProfileId"`
		VnfdID        string   `json:"vnfdId"`
		VnfPkgID      string   `json:"vnfPkgId"`
		ComputeIDs    []string `json:"computeIds"`
	} `json:"vnfs"`
	Computes map[string]struct {
		VnfInstanceID string `json:"vnfInstanceId"`
		HostID        string `json:"hostId"`
		ImageID       string `json:"imageId"`
	} `json:"computes"`

	hosts map[string][]string // of a VNF; sorted
	vnfs  map[string][]string // on a host; sorted
}

// readKnown reads an input that its schema was checked with.
func readKnown(raw []byte) (*known, error) {
	k := &known{hosts: map[string][]string{}, vnfs: map[string][]string{}}
	if err := json.Unmarshal(raw, k); err != nil {
		return nil, fmt.Errorf("read input: %w", err)
	}
	join := func(vnf, compute string) {
		if host := k.Computes[compute].HostID; vnf != "" && host != "" {
			k.hosts[vnf] = append(k.hosts[vnf], host)
			k.vnfs[host] = append(k.vnfs[host], vnf)
		}
	}
	for vnf, v := range k.Vnfs {
		for _, c := range v.ComputeIDs {
			join(vnf, c)
		}
	}
	for id, c := range k.Computes {
		join(c.VnfInstanceID, id)
	}
	for _, m := range []map[string][]string{k.hosts, k.vnfs} {
		for id, list := range m {
			slices.Sort(list)
			m[id] = slices.Compact(list)
		}
	}
	return k, nil
}

// coHosted lists the other VNFs on the hosts of a VNF, sorted.
func (k *known) coHosted(vnf string) []string {
	var all []string
	for _, host := range k.hosts[vnf] {
		all = append(all, k.vnfs[host]...)
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(id string) bool { return id == vnf })
}

// place is one place where a policy can have a level of its own.
type place struct{ ns, nsd, vnfd string }

// places lists where a finding would have an effect: the NSs that share a VNF,
// and those of all VNFs on a host. A finding on nothing of an NS has one place
// that only rules for everything are about.
func (k *known) places(f *hub.Finding) []place {
	set := map[place]bool{}
	addNs := func(ns, vnfd string) {
		p := place{ns: ns, vnfd: vnfd}
		if k.Ns != nil && k.Ns.ID == ns {
			p.nsd = k.Ns.NsdID
		}
		set[p] = true
	}
	addVnf := func(id string) {
		v := k.Vnfs[id]
		for _, ns := range v.NsInstanceIDs {
			addNs(ns, v.VnfdID)
		}
		if len(v.NsInstanceIDs) == 0 && v.VnfdID != "" {
			set[place{vnfd: v.VnfdID}] = true
		}
	}
	t := f.Target
	switch {
	case t.VnfInstanceID != "":
		addVnf(t.VnfInstanceID)
	case t.HostID != "":
		for _, vnf := range k.vnfs[t.HostID] {
			addVnf(vnf)
		}
	case t.NsInstanceID != "":
	default:
		for id, v := range k.Vnfs {
			if t.VnfPkgID != "" && v.VnfPkgID == t.VnfPkgID || t.ImageID != "" && k.runs(v.ComputeIDs, t.ImageID) {
				addVnf(id)
			}
		}
	}
	if t.NsInstanceID != "" {
		addNs(t.NsInstanceID, k.Vnfs[t.VnfInstanceID].VnfdID)
	}
	for _, a := range f.Actions {
		if a.CoHosted {
			for _, vnf := range k.coHosted(t.VnfInstanceID) {
				addVnf(vnf)
			}
		}
		if a.Type == hub.ActionStopHost && t.VnfInstanceID != "" {
			for _, vnf := range k.vnfs[t.HostID] {
				addVnf(vnf)
			}
		}
	}
	if len(set) == 0 {
		return []place{{}}
	}
	return slices.Collect(maps.Keys(set))
}

func (k *known) runs(computes []string, image string) bool {
	return slices.ContainsFunc(computes, func(c string) bool { return k.Computes[c].ImageID == image })
}

// place is where the event itself happened.
func (k *known) place() place {
	if k.Ns == nil {
		return place{}
	}
	return place{ns: k.Ns.ID, nsd: k.Ns.NsdID}
}

// nsOf returns the NS whose key an order on the target has; empty when it is not
// known.
func (k *known) nsOf(t hub.Target) string {
	if t.NsInstanceID != "" {
		return t.NsInstanceID
	}
	if all := k.Vnfs[t.VnfInstanceID].NsInstanceIDs; len(all) > 0 {
		return slices.Min(all)
	}
	return ""
}

// profilesOf lists the VNF profiles that a VNF is of, one in each NS that shares
// it; sorted.
func (k *known) profilesOf(t hub.Target) []string {
	profile := k.profileOf(t)
	if profile == "" {
		return nil
	}
	var list []string
	for _, ns := range k.Vnfs[t.VnfInstanceID].NsInstanceIDs {
		list = append(list, ns+"/"+profile)
	}
	if t.NsInstanceID != "" {
		list = append(list, t.NsInstanceID+"/"+profile)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// profileOf returns the VNF profile of a target, as far as it is known.
func (k *known) profileOf(t hub.Target) string {
	if t.VnfProfileID != "" {
		return t.VnfProfileID
	}
	return k.Vnfs[t.VnfInstanceID].VnfProfileID
}
