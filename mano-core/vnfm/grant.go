package vnfm

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol001"
	"github.com/manoward/manoward/internal/state"
)

// Limits of asking for a grant. An NFVO that does not answer is asked again; one
// that has not decided is polled.
const (
	grantAttempts = 5
	grantPolls    = 600 // at one a second
)

// ask asks the NFVO for the grant of an operation (SOL 003 clause 9.4.2). Asking
// again for the same operation is harmless: the request carries its ID as its
// idempotency key.
func (s *Service) ask(ctx context.Context, id string, op *Operation, vnf state.Entry[VNF]) (*sol003.Grant, error) {
	request, err := s.grantRequest(ctx, id, op, vnf)
	if err != nil {
		return nil, err
	}
	var grant sol003.Grant
	var answer *httpapi.Answer
	for attempt, pause := 1, time.Second; ; attempt, pause = attempt+1, 2*pause {
		a, err := s.NFVO.Do(ctx, http.MethodPost, "/grants", request, &grant, idempotencyKey(id))
		if err == nil {
			answer = a
			break
		}
		if hub.CodeOf(err) != hub.Unavailable || attempt == grantAttempts || ctx.Err() != nil {
			return nil, err
		}
		if err := s.Wait(ctx, pause); err != nil {
			return nil, err
		}
	}
	if answer.Status == http.StatusAccepted {
		return s.poll(ctx, answer.Location)
	}
	return &grant, nil
}

// poll waits for a grant that the NFVO decides later.
func (s *Service) poll(ctx context.Context, location string) (*sol003.Grant, error) {
	id := path.Base(location)
	if location == "" || id == "." || id == "/" {
		return nil, hub.E(hub.Unprocessable, "ask for grant", "the NFVO took the grant request and did not say where its answer will be; it must send Location", nil)
	}
	for range grantPolls {
		if err := s.Wait(ctx, time.Second); err != nil {
			return nil, err
		}
		var grant sol003.Grant
		answer, err := s.NFVO.Do(ctx, http.MethodGet, "/grants/"+id, nil, &grant)
		switch {
		case err == nil && answer.Status == http.StatusOK:
			return &grant, nil
		case err != nil && hub.CodeOf(err) != hub.Unavailable:
			return nil, err
		}
	}
	return nil, hub.E(hub.Unavailable, "ask for grant", "the NFVO did not decide about the grant in time; start the operation again", nil)
}

func (s *Service) grantRequest(ctx context.Context, id string, op *Operation, vnf state.Entry[VNF]) (*sol003.GrantRequest, error) {
	in := &sol003.GrantRequest{
		VnfInstanceID: op.VNF, VnfLcmOpOccID: id, VnfdID: vnf.Value.VnfdID, Operation: sol003.GrantedLcmOperationType(op.Kind),
		IsAutomaticInvocation: op.Automatic, InstantiationLevelID: op.Level, AdditionalParams: sol003.KeyValuePairs{"manoward.requestedBy": op.RequestedBy},
		Links: sol003.GrantRequestLinks{VnfLcmOpOcc: sol003.Link{Href: s.Root + "/vnf_lcm_op_occs/" + id}, VnfInstance: sol003.Link{Href: s.Root + "/vnf_instances/" + op.VNF}},
	}
	target := vnf.Value.VnfdID
	if op.Package != nil {
		in.DstVnfdID, target = op.Package.VnfdID, op.Package.VnfdID
	}
	if op.After != nil {
		in.FlavourID = op.After.Flavour
	}
	in.AddResources = s.definitions(op.After, op.Before, false)
	in.RemoveResources = s.definitions(op.Before, op.After, true)
	if len(in.AddResources) == 0 {
		return in, nil
	}
	vnfd, _, err := s.descriptor(ctx, vnf.Domain, target)
	if err != nil {
		return nil, err
	}
	if f := vnfd.Flavours[op.After.Flavour]; f != nil {
		in.PlacementConstraints = placement(f.Affinity, op.After)
	}
	return in, nil
}

// definitions describes what one layout has and the other does not.
func (s *Service) definitions(has, not *Layout, handles bool) []sol003.ResourceDefinition {
	var out []sol003.ResourceDefinition
	add := func(d sol003.ResourceDefinition, connection, resource string) {
		if handles {
			d.Resource = s.handle(connection, resource)
		}
		d.VnfdID = has.VnfdID
		out = append(out, d)
	}
	for _, l := range has.links() {
		if !l.Managed && !not.hasLink(l.ID) {
			add(sol003.ResourceDefinition{ID: l.ID, Type: "VL", ResourceTemplateID: l.Desc}, l.Connection, l.NetworkID)
		}
	}
	for _, c := range has.vnfcs() {
		other := not.vnfc(c.ID)
		if other == nil {
			add(sol003.ResourceDefinition{ID: c.ID, Type: "COMPUTE", VduID: c.VDU, ResourceTemplateID: c.VDU}, c.Connection, c.ComputeID)
			for _, st := range c.Storages {
				add(sol003.ResourceDefinition{ID: st.ID, Type: "STORAGE", VduID: c.VDU, ResourceTemplateID: st.Desc}, c.Connection, st.ResourceID)
			}
		}
		for _, p := range c.Ports {
			if p.NetworkID != "" && (other == nil || other.port(p.PortID) == nil) {
				add(sol003.ResourceDefinition{ID: p.PortID, Type: "LINKPORT", VduID: c.VDU, ResourceTemplateID: p.Cpd}, c.Connection, p.PortID)
			}
		}
	}
	return out
}

// placement turns affinity rules into constraints over the resources that the
// operation leaves or makes.
func placement(rules []sol001.AffinityRule, after *Layout) []sol003.PlacementConstraint {
	var out []sol003.PlacementConstraint
	for _, rule := range rules {
		c := sol003.PlacementConstraint{AffinityOrAntiAffinity: "AFFINITY", Scope: strings.ToUpper(rule.Scope)}
		if rule.Anti {
			c.AffinityOrAntiAffinity = "ANTI_AFFINITY"
		}
		for _, x := range after.VNFCs {
			if slices.Contains(rule.Members, x.VDU) {
				c.Resource = append(c.Resource, sol003.ConstraintResourceRef{IDType: "GRANT", ResourceID: x.ID})
			}
		}
		if len(c.Resource) > 1 {
			out = append(out, c)
		}
	}
	return out
}

// apply puts what the NFVO granted into the plan: zones, flavours, images, links.
func (op *Operation) apply(grant *sol003.Grant, connection string) error {
	op.GrantID = grant.ID
	if len(grant.VimConnectionInfo) > 0 {
		op.Connections = mergeConnections(op.Connections, grant.VimConnectionInfo)
	}
	if op.After == nil {
		return nil
	}
	g := granted{grant: grant, connection: connection}
	if err := g.readPlacement(); err != nil {
		return err
	}
	g.links(op)
	for i := range op.After.VNFCs {
		c := &op.After.VNFCs[i]
		if op.Before.vnfc(c.ID) != nil {
			continue
		}
		if err := g.vnfc(c); err != nil {
			return err
		}
	}
	return nil
}

type granted struct {
	grant      *sol003.Grant
	connection string // where the grant names none
	// What the grant says of hosts, for which SOL 003 has no attribute.
	excludeHosts []string
	constraints  []ifa006.Constraint
}

// readPlacement reads what the NFVO put into additionalParams: the hosts that new
// computes must not be on, and the affinity rules of the NS, which the VIM keeps.
func (g *granted) readPlacement() (err error) {
	params := g.grant.AdditionalParams
	if g.excludeHosts, err = stringList(params, ParamExcludeHosts); err != nil || params[ParamConstraints] == nil {
		return err
	}
	raw, err := json.Marshal(params[ParamConstraints])
	if err == nil {
		err = json.Unmarshal(raw, &g.constraints)
	}
	if err != nil {
		return hub.E(hub.Unprocessable, "use grant", "additionalParams/"+ParamConstraints+" of the grant is no array of constraints; the NFVO must send [{\"type\", \"scope\", \"group\"}]", err)
	}
	return nil
}

func (g *granted) info(id string) sol003.GrantInfo {
	for _, i := range g.grant.AddResources {
		if i.ResourceDefinitionID == id {
			return i
		}
	}
	return sol003.GrantInfo{}
}

func (g *granted) vnfc(c *VNFC) error {
	info := g.info(c.ID)
	c.Connection = g.connection
	c.ExcludeHosts = slices.Concat(c.ExcludeHosts, g.excludeHosts)
	c.Constraints = slices.Concat(c.Constraints, g.constraints)
	if info.VimConnectionID != "" {
		c.Connection = info.VimConnectionID
	}
	for _, z := range g.grant.Zones {
		if z.ID == info.ZoneID {
			c.Zone = z.ZoneID
		}
	}
	if assets := g.grant.VimAssets; assets != nil {
		for _, f := range assets.ComputeResourceFlavours {
			if f.VnfdVirtualComputeDescID == c.VDU {
				c.FlavourID = f.VimFlavourID
			}
		}
		c.ImageID = g.image(c.Image, c.ImageKey, c.VDU)
		for i := range c.Storages {
			c.Storages[i].ImageID = g.image(c.Storages[i].Image, c.Storages[i].Desc)
		}
	}
	if c.FlavourID == "" {
		return hub.E(hub.Unprocessable, "use grant", fmt.Sprintf("the grant names no compute flavour for VDU %s; the NFVO must give vimAssets.computeResourceFlavours for it", c.VDU), nil)
	}
	if c.Image != "" && c.ImageID == "" {
		return hub.E(hub.Unprocessable, "use grant", fmt.Sprintf("the grant names no software image for %s of VDU %s; the NFVO must give vimAssets.softwareImages for it", c.Image, c.VDU), nil)
	}
	return nil
}

// image finds a software image by its name in the VNFD, by its key in the package
// or by what it belongs to, in this order: NFVOs use any of them.
func (g *granted) image(name string, others ...string) string {
	if name == "" {
		return ""
	}
	for _, key := range append([]string{name}, others...) {
		for _, i := range g.grant.VimAssets.SoftwareImages {
			if key != "" && i.VnfdSoftwareImageID == key {
				return i.VimSoftwareImageID
			}
		}
	}
	return ""
}

// links takes external and externally managed links of the grant, which prevail
// over those of the request (SOL 003 clause 9.5.2.3), and puts new ports on them.
func (g *granted) links(op *Operation) {
	after := op.After
	after.Ext = mergeExt(after.Ext, g.grant.ExtVirtualLinks)
	for i := range after.Links {
		l := &after.Links[i]
		if op.Before.hasLink(l.ID) {
			continue
		}
		for _, m := range g.grant.ExtManagedVirtualLinks {
			if m.VnfVirtualLinkDescID == l.Desc {
				l.ID, l.NetworkID, l.Connection, l.Managed = m.ID, m.ResourceID, m.VimConnectionID, true
			}
		}
		if l.Connection == "" {
			l.Connection = g.connection
			if c := g.info(l.ID).VimConnectionID; c != "" {
				l.Connection = c
			}
		}
	}
	for i := range after.VNFCs {
		c := &after.VNFCs[i]
		was := op.Before.vnfc(c.ID)
		for j := range c.Ports {
			p := &c.Ports[j]
			if was != nil && was.port(p.PortID) != nil {
				continue
			}
			if p.ExtCp != "" {
				p.IPAddresses = nil
				connect(p, c.Index, after.Ext)
			}
			for _, l := range after.Links {
				if p.ExtCp == "" && l.Desc == p.Link {
					p.NetworkID = l.NetworkID
				}
			}
		}
	}
}
