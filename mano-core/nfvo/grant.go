package nfvo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol001"
	"github.com/manoward/manoward/internal/state"
)

// Grant decides a VNFM's request (SOL 003 clause 9.4.2). A request that comes
// again for the same operation has the same answer. What is refused is
// hub.Denied with the reason, or hub.NotFound for a VNF that the NFVO does not
// have, and recorded in the domain of the VNF as an attempt to change it
// (Sc-Or.NsLcm.003): one by one, or counted when one caller is refused too often.
func (s *Service) Grant(ctx context.Context, caller hub.Identity, in sol003.GrantRequest) (*sol003.Grant, error) {
	if in.VnfInstanceID == "" || in.VnfLcmOpOccID == "" || in.Operation == "" {
		return nil, hub.E(hub.Invalid, "grant", "vnfInstanceId, vnfLcmOpOccId and operation are needed; add them", nil)
	}
	e, err := s.vnfs.Get(ctx, in.VnfInstanceID)
	outside := hub.CodeOf(err) == hub.NotFound
	if outside {
		e, err = s.outsideVnf(ctx, in.VnfInstanceID)
	}
	if hub.CodeOf(err) == hub.NotFound || (err == nil && !mayServe(caller, e.Domain)) {
		return nil, hub.E(hub.NotFound, "grant", fmt.Sprintf("the NFVO has no VNF instance %q; only VNFs that are a part of an NS, or that another NFVO made, are granted", clip(in.VnfInstanceID)), nil)
	}
	if err != nil {
		return nil, err
	}
	id := hub.DeriveID("grant", in.VnfInstanceID, in.VnfLcmOpOccID)
	if g, err := s.grants.Get(ctx, id); err == nil {
		return &g.Value, nil
	} else if hub.CodeOf(err) != hub.NotFound {
		return nil, err
	}
	if outside {
		lock := s.startLock(in.VnfInstanceID) // its packages are not released in between
		lock.Lock()
		defer lock.Unlock()
	}
	g := &granting{s: s, v: &e, in: &in, outside: outside, grant: sol003.Grant{ID: id, VnfInstanceID: in.VnfInstanceID, VnfLcmOpOccID: in.VnfLcmOpOccID,
		Links: sol003.GrantLinks{VnfLcmOpOcc: in.Links.VnfLcmOpOcc, VnfInstance: in.Links.VnfInstance}}}
	if err := g.decide(ctx); err != nil {
		return nil, errors.Join(g.refused(ctx, caller, err), err)
	}
	if err := s.record(ctx, e.Domain, g.recordOf("grant.given", caller, g.content())); err != nil {
		return nil, err
	}
	if err := g.recordLevels(ctx, caller); err != nil {
		return nil, err
	}
	if _, err := s.grants.Create(ctx, e.Domain, id, &g.grant); err != nil && hub.CodeOf(err) != hub.Conflict {
		return nil, err
	}
	return &g.grant, nil
}

// requestedByKey is where our VNFM says who asked it for the operation.
const requestedByKey = "manoward.requestedBy"

// mayServe says whether a caller may see what belongs to a trust domain.
func mayServe(caller hub.Identity, domain string) bool {
	return caller.TrustDomain == "hub" || caller.TrustDomain == domain
}

// GrantDomain returns the trust domain of a grant.
func (s *Service) GrantDomain(id string) (string, bool) { return s.grants.Domain(id) }

// GivenGrant returns a grant: hub.NotFound if there is none.
func (s *Service) GivenGrant(ctx context.Context, id string) (*sol003.Grant, error) {
	g, err := s.grants.Get(ctx, id)
	if hub.CodeOf(err) == hub.NotFound {
		return nil, hub.E(hub.NotFound, "find grant", "there is no such grant; ask for one with POST /grants", nil)
	}
	return &g.Value, err
}

// granting is one request while it is decided.
type granting struct {
	s       *Service
	v       *state.Entry[vnf]
	in      *sol003.GrantRequest
	outside bool // the VNF is another NFVO's
	grant   sol003.Grant
	pkg     Package
	nss     []state.Entry[ns]
	room    room // what it takes of allowances
}

func (g *granting) recordOf(kind string, caller hub.Identity, data map[string]any) hub.Record {
	content := params(data) // part of the ID: the same operation may be refused in several ways
	return hub.Record{ID: hub.DeriveID(g.grant.ID, kind, caller.String(), string(content)), Kind: kind, Actor: caller.String(), Subject: "vnf/" + g.in.VnfInstanceID, Data: content}
}

// content is what a record says of the request.
func (g *granting) content() map[string]any {
	return map[string]any{
		"vnfInstanceId": g.in.VnfInstanceID, "vnfLcmOpOccId": g.in.VnfLcmOpOccID, "operation": g.in.Operation, "vnfdId": g.in.VnfdID,
		"isAutomaticInvocation": g.in.IsAutomaticInvocation,
	}
}

// refused records a refusal. What merely does not answer is no refusal.
func (g *granting) refused(ctx context.Context, caller hub.Identity, cause error) error {
	switch hub.CodeOf(cause) {
	case hub.Denied, hub.Conflict, hub.Unprocessable, hub.NotFound, hub.Undecided:
		data := g.content()
		data["reason"] = hub.SafeText(cause)
		if g.room.refused != "" {
			data["allowanceId"] = g.room.refused
		}
		return g.s.recordRefusal(ctx, g.v.Domain, g.v.ID, g.recordOf("grant.refused", caller, data), data)
	}
	return nil
}

func deny(format string, args ...any) error {
	return hub.E(hub.Denied, "grant", fmt.Sprintf(format, args...), nil)
}

func (g *granting) decide(ctx context.Context) error {
	var err error
	if g.nss, err = g.s.nssOf(ctx, &g.v.Value); err != nil {
		return err
	}
	if len(g.nss) == 0 && !g.outside {
		return deny("the VNF is a part of no NS any more; delete it")
	}
	if err := g.fits(); err != nil {
		return err
	}
	if err := g.barred(ctx); err != nil {
		return err
	}
	if !g.makes() {
		if g.outside {
			if err := g.s.keepUse(ctx, g.v.Domain, g.v.ID, g.in.VnfLcmOpOccID, "", ""); err != nil {
				return err
			}
		}
		return g.release()
	}
	vnfdID := g.target()
	if g.pkg, err = g.s.c.Packages.Use(ctx, g.v.Domain, vnfdID); err != nil {
		if code := hub.CodeOf(err); code == hub.Conflict || code == hub.Unprocessable || code == hub.NotFound {
			return hub.E(hub.Denied, "grant", "the VNF package cannot be used: "+hub.SafeText(err), err)
		}
		return err
	}
	if g.outside {
		if err := g.s.keepUse(ctx, g.v.Domain, g.v.ID, g.in.VnfLcmOpOccID, vnfdID, g.pkg.VnfPkgID); err != nil {
			return err
		}
	}
	if err := g.holdRoom(ctx); err != nil { // before anything is made for it
		return err
	}
	if err := g.give(ctx); err != nil {
		return err
	}
	return g.takeRoom(ctx)
}

// target is the VNFD that the VNF is of when the operation is done.
func (g *granting) target() string { return or(g.in.DstVnfdID, g.v.Value.Info.VnfdID) }

// makes says whether the operation makes anything new.
func (g *granting) makes() bool {
	return len(g.in.AddResources)+len(g.in.TempResources) > 0 || g.in.Operation == sol003.GrantedLcmOperationInstantiate || g.in.DstVnfdID != ""
}

// fits compares the request with what the NFVO knows of the VNF and ordered of
// it. An operation that the NFVO did not order may be one of an EM or of the VNFM
// itself; instantiation, the change of the package and termination may not. What
// another NFVO asks is for VNFs that an NFVO other than this one made.
func (g *granting) fits() error {
	v := &g.v.Value
	if g.in.VnfdID != v.Info.VnfdID {
		return deny("the VNF is an instance of VNFD %s, and the request names %q", v.Info.VnfdID, clip(g.in.VnfdID))
	}
	task := taskOf(g.in.Operation)
	if task == "" {
		return hub.E(hub.Invalid, "grant", fmt.Sprintf("%q is no operation of SOL 003 that is granted", clip(string(g.in.Operation))), nil)
	}
	if g.outside || g.ordered(task) {
		return nil
	}
	text, _ := g.in.AdditionalParams[requestedByKey].(string)
	if who, err := hub.ParseIdentity(text); err == nil && who.IsOutsideNFVO() {
		return deny("%s did not make this VNF, which is a part of an NS; its operations are ordered over SOL 005", who)
	}
	switch g.in.Operation {
	case sol003.GrantedLcmOperationInstantiate, sol003.GrantedLcmOperationChangeVnfpkg, sol003.GrantedLcmOperationTerminate:
		return deny("the NFVO did not order %s of this VNF; order it over SOL 005", g.in.Operation)
	}
	return nil
}

// ordered says whether the request is for what an operation of ours waits for.
func (g *granting) ordered(task string) bool {
	p := g.v.Value.Pending
	if p == nil || p.Task != task || (p.VnfOp != "" && p.VnfOp != g.in.VnfLcmOpOccID) {
		return false
	}
	for i := range g.nss {
		if g.nss[i].Value.Running == p.OpOccID {
			return true
		}
	}
	return false
}

// taskOf is the task resource of an operation.
func taskOf(o sol003.GrantedLcmOperationType) string {
	switch o {
	case sol003.GrantedLcmOperationInstantiate, sol003.GrantedLcmOperationScale, sol003.GrantedLcmOperationScaleToLevel, sol003.GrantedLcmOperationChangeFlavour,
		sol003.GrantedLcmOperationTerminate, sol003.GrantedLcmOperationHeal, sol003.GrantedLcmOperationOperate, sol003.GrantedLcmOperationChangeExtConn,
		sol003.GrantedLcmOperationChangeVnfpkg, sol003.GrantedLcmOperationCreateSnapshot, sol003.GrantedLcmOperationRevertToSnapshot:
		return strings.ToLower(string(o))
	}
	return ""
}

// barred refuses what would bring back or enlarge a VNF profile whose
// replacement was barred, when nobody but the VNFM asks for it.
func (g *granting) barred(ctx context.Context) error {
	if g.outside && g.makes() {
		return g.barredOutside(ctx, g.target())
	}
	switch g.in.Operation {
	case sol003.GrantedLcmOperationHeal, sol003.GrantedLcmOperationScale, sol003.GrantedLcmOperationScaleToLevel, sol003.GrantedLcmOperationInstantiate:
	default:
		return nil
	}
	if len(g.in.AddResources) == 0 && g.in.Operation != sol003.GrantedLcmOperationInstantiate {
		return nil
	}
	for i := range g.nss {
		if bar, there := g.nss[i].Value.Bars[g.v.Value.ProfileID]; there {
			return hub.E(hub.Denied, "grant", hub.SafeText(errBarred(&bar)), nil)
		}
	}
	return nil
}

// release grants what only takes away.
func (g *granting) release() error {
	for _, d := range g.in.RemoveResources {
		g.grant.RemoveResources = append(g.grant.RemoveResources, g.info(d.ID, ""))
	}
	for _, d := range g.in.UpdateResources {
		g.grant.UpdateResources = append(g.grant.UpdateResources, g.info(d.ID, ""))
	}
	g.connection()
	return nil
}

func (g *granting) info(id, zone string) sol003.GrantInfo {
	return sol003.GrantInfo{ResourceDefinitionID: id, VimConnectionID: g.s.c.VimID, ZoneID: zone}
}

func (g *granting) connection() {
	g.grant.VimConnectionInfo = map[string]sol003.VimConnectionInfo{g.s.c.VimID: {VimID: g.s.c.VimID, VimType: "MANOWARD.IFA006.V_1"}}
}

// give fills in where and of what the VNF is made.
func (g *granting) give(ctx context.Context) error {
	zone, err := g.zone(ctx)
	if err != nil {
		return err
	}
	if err := g.release(); err != nil {
		return err
	}
	if zone != "" {
		g.grant.Zones = []sol003.ZoneInfo{{ID: "zone", ZoneID: zone, VimConnectionID: g.s.c.VimID}}
	}
	place := func(list []sol003.ResourceDefinition) (out []sol003.GrantInfo) {
		for _, d := range list {
			where := ""
			if zone != "" && (d.Type == "COMPUTE" || d.Type == "STORAGE") {
				where = "zone"
			}
			out = append(out, g.info(d.ID, where))
		}
		return out
	}
	g.grant.AddResources, g.grant.TempResources = place(g.in.AddResources), place(g.in.TempResources)
	f := g.flavour()
	if f == nil {
		return deny("the VNFD %s has no flavour %q", g.pkg.VNFD.ID, clip(g.in.FlavourID))
	}
	assets, err := g.assets(ctx, f)
	if err != nil {
		return err
	}
	g.grant.VimAssets = assets
	return g.hosts(ctx)
}

func (g *granting) flavour() *sol001.Flavour {
	id := g.in.FlavourID
	if id == "" && g.v.Value.Info.InstantiatedVnfInfo != nil {
		id = g.v.Value.Info.InstantiatedVnfInfo.FlavourID
	}
	return g.pkg.VNFD.Flavours[or(id, g.pkg.VNFD.DefaultFlavour)]
}
