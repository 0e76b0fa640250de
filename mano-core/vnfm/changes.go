package vnfm

import (
	"reflect"

	"github.com/manoward/manoward/internal/sol/sol003"
)

// handle refers to a resource at the VIM.
func (s *Service) handle(connection, id string) *sol003.ResourceHandle {
	if connection == "" {
		connection = s.Connection
	}
	return &sol003.ResourceHandle{VimConnectionID: connection, ResourceID: id}
}

// reached is the layout that an operation has brought about so far, and whether
// it has brought about any.
func (op *Operation) reached() (*Layout, bool) {
	switch op.State {
	case completed:
		return op.After, true
	case failedTemp, failed, rolledBack:
		return op.Actual, op.Actual != nil || op.GrantID != ""
	}
	return nil, false
}

// Changes returns which resources an operation has changed so far, nil if none:
// the difference between what the VNF had and what it has.
func (s *Service) Changes(op *Operation) *sol003.ResourceChanges {
	now, ok := op.reached()
	if !ok {
		return nil
	}
	d := differ{s: s, vnf: op.VNF, out: &sol003.ResourceChanges{}}
	d.compare(op.Before, now, "REMOVED")
	d.compare(now, op.Before, "ADDED")
	d.kept(op.Before, now)
	if reflect.DeepEqual(*d.out, sol003.ResourceChanges{}) {
		return nil
	}
	return d.out
}

type differ struct {
	s   *Service
	vnf string
	out *sol003.ResourceChanges
}

// compare lists what the layout has and the other has not.
func (d *differ) compare(has, not *Layout, change string) {
	for _, l := range has.links() {
		if !l.Managed && !not.hasLink(l.ID) {
			d.out.AffectedVirtualLinks = append(d.out.AffectedVirtualLinks, sol003.AffectedVirtualLink{
				ID: l.ID, VnfVirtualLinkDescID: l.Desc, VnfdID: has.VnfdID, ChangeType: change,
				NetworkResource: *d.s.handle(l.Connection, l.NetworkID), ResourceDefinitionID: l.ID,
			})
		}
	}
	for _, c := range has.vnfcs() {
		if not.vnfc(c.ID) != nil {
			continue
		}
		a := d.affected(has, &c, change)
		for _, st := range c.Storages {
			d.out.AffectedVirtualStorages = append(d.out.AffectedVirtualStorages, sol003.AffectedVirtualStorage{
				ID: st.ID, VirtualStorageDescID: st.Desc, VnfdID: has.VnfdID, ChangeType: change,
				StorageResource: *d.s.handle(c.Connection, st.ResourceID), ResourceDefinitionID: st.ID, ZoneID: c.zone(),
			})
			if change == "ADDED" {
				a.AddedStorageResourceIDs = append(a.AddedStorageResourceIDs, st.ID)
			} else {
				a.RemovedStorageResourceIDs = append(a.RemovedStorageResourceIDs, st.ID)
			}
		}
		for _, p := range c.Ports {
			d.port(has, &c, &p, change)
			if p.NetworkID != "" {
				a.AffectedVnfcCpIDs = append(a.AffectedVnfcCpIDs, p.ID)
			}
		}
		d.out.AffectedVnfcs = append(d.out.AffectedVnfcs, a)
		d.certificates(&c, change)
	}
}

func (d *differ) affected(l *Layout, c *VNFC, change string) sol003.AffectedVnfc {
	return sol003.AffectedVnfc{
		ID: c.ID, VduID: c.VDU, VnfdID: l.VnfdID, ChangeType: change, ComputeResource: *d.s.handle(c.Connection, c.ComputeID),
		ResourceDefinitionID: c.ID, ZoneID: c.zone(),
	}
}

// port tells of a port that came or went: of an external link, or of an internal
// one that stays.
func (d *differ) port(l *Layout, c *VNFC, p *Port, change string) {
	switch {
	case p.NetworkID == "":
	case p.ExtCp != "":
		d.out.AffectedExtLinkPorts = append(d.out.AffectedExtLinkPorts, sol003.AffectedExtLinkPort{
			ID: p.linkPortID(), ChangeType: change, ExtCpInstanceID: p.extCpID(), ResourceHandle: *d.s.handle(c.Connection, p.PortID), ResourceDefinitionID: p.PortID,
		})
	default:
		for _, link := range l.links() {
			if link.Desc == p.Link {
				d.out.AffectedVirtualLinks = append(d.out.AffectedVirtualLinks, sol003.AffectedVirtualLink{
					ID: link.ID, VnfVirtualLinkDescID: link.Desc, VnfdID: l.VnfdID, ChangeType: "LINK_PORT_" + change,
					NetworkResource: *d.s.handle(link.Connection, link.NetworkID), VnfLinkPortIDs: []string{p.linkPortID()},
				})
			}
		}
	}
}

// kept tells of VNFCs that are there before and after and have changed: in their
// ports or in their state.
func (d *differ) kept(before, now *Layout) {
	for _, was := range before.vnfcs() {
		is := now.vnfc(was.ID)
		if is == nil {
			continue
		}
		a, changed := d.affected(now, is, "MODIFIED"), before.State != now.State
		for _, p := range was.Ports {
			if is.port(p.PortID) == nil && p.NetworkID != "" {
				changed = true
				d.port(before, &was, &p, "REMOVED")
			}
		}
		for _, p := range is.Ports {
			if was.port(p.PortID) == nil && p.NetworkID != "" {
				changed = true
				a.AffectedVnfcCpIDs = append(a.AffectedVnfcCpIDs, p.ID)
				d.port(now, is, &p, "ADDED")
			}
		}
		if changed {
			d.out.AffectedVnfcs = append(d.out.AffectedVnfcs, a)
		}
		d.renewed(&was, is)
	}
}

// ChangedExt returns the external links that an operation has added or modified.
func (s *Service) ChangedExt(op *Operation) []sol003.ExtVirtualLinkInfo {
	now, ok := op.reached()
	if !ok || now == nil {
		return nil
	}
	was := map[string]sol003.ExtVirtualLinkInfo{}
	for _, x := range s.extLinks(op.Before) {
		was[x.ID] = x
	}
	var out []sol003.ExtVirtualLinkInfo
	for _, x := range s.extLinks(now) {
		if !reflect.DeepEqual(was[x.ID], x) {
			out = append(out, x)
		}
	}
	return out
}

// modifications returns what an operation has changed in the VNF's information:
// in one of two attributes, by the kind of operation.
func (op *Operation) modifications() (*sol003.VnfInfoModifications, *sol003.ModificationsTriggeredByVnfPkgChange) {
	if op.State != completed {
		return nil, nil
	}
	if op.Package == nil {
		return op.ChangedInfo, nil
	}
	p := op.Package
	out := &sol003.ModificationsTriggeredByVnfPkgChange{
		VnfdID: p.VnfdID, VnfProvider: p.Provider, VnfProductName: p.Product, VnfSoftwareVersion: p.SoftwareVersion, VnfdVersion: p.VnfdVersion,
	}
	if i := op.ChangedInfo; i != nil {
		out.VnfConfigurableProperties, out.Extensions, out.Metadata = i.VnfConfigurableProperties, i.Extensions, i.Metadata
	}
	return nil, out
}

// zone is where a VNFC is: as the VIM told, or else as granted.
func (c *VNFC) zone() string {
	if c.SeenZone != "" {
		return c.SeenZone
	}
	return c.Zone
}
