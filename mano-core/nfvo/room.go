package nfvo

import (
	"context"
	"fmt"
	"hash/fnv"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol001"
	"github.com/manoward/manoward/internal/state"
)

// room is what a grant takes of the allowances of its VNF (ETSI GS NFV-IFA 010,
// permitted allowance).
type room struct {
	op      grantedOp
	unsized string          // a resource of the request whose size the VNFD does not say
	ended   map[string]bool // earlier operations of the VNF whose end was not heard of
	now     counted         // what the VNF has, if it had to be counted
	refused string          // allowance that has no room
	levels  []level
}

// level is an allowance that the grant brings nearer to its end.
type level struct {
	id    string
	a     allowance
	state AllowanceState
	used  Amount
}

// allowanceLock serialises what is granted of the allowances of one trust domain in
// this process, the one that has the role: of two grants the second sees the first.
func (s *Service) allowanceLock(domain string) *sync.Mutex {
	h := fnv.New32a()
	h.Write([]byte(domain))
	return &s.granting[h.Sum32()%uint32(len(s.granting))]
}

// holdRoom refuses with hub.Denied what an allowance has no room for. Nothing is
// changed: another grant may still be first.
func (g *granting) holdRoom(ctx context.Context) error {
	f := g.flavour()
	if f == nil {
		return nil // which is refused for itself
	}
	if err := g.sizeRequest(ctx, f); err != nil {
		return err
	}
	was, nss := g.v.Value.Use, g.v.Value.NSs
	if g.outside {
		e, err := g.s.outsiders.Get(ctx, g.v.ID)
		if err != nil {
			return err
		}
		was = e.Value.Use
	}
	if err := g.recount(ctx, was); err != nil {
		return err
	}
	_, err := g.within(g.settled(was), nss)
	return err
}

// takeRoom is holdRoom with effect: what the operation may add counts from now on. It
// is stored with the VNF until the operation has ended, and so is the same after a
// crash; asked again it takes the place of itself.
func (g *granting) takeRoom(ctx context.Context) (err error) {
	lock := g.s.allowanceLock(g.v.Domain)
	lock.Lock()
	defer lock.Unlock()
	if g.outside {
		_, err = g.s.outsiders.Update(ctx, g.v.ID, func(o *outside) (err error) {
			o.Use, err = g.within(g.settled(o.Use), nil)
			return err
		})
		return err
	}
	_, err = g.s.vnfs.Update(ctx, g.v.ID, func(v *vnf) (err error) {
		v.Use, err = g.within(g.settled(v.Use), v.NSs)
		return err
	})
	return err
}

// settled is what the VNF uses without this operation, nil if nobody knows.
func (g *granting) settled(was *use) *use {
	if was == nil || len(g.room.ended) > 0 {
		was = g.room.now.settled(was, func(o *grantedOp) bool { return g.room.ended[o.VnfOp] })
	}
	if was == nil {
		return nil
	}
	return was.without(func(o *grantedOp) bool { return o.VnfOp == g.in.VnfLcmOpOccID })
}

// recount finds what the VNF has where that is not known: of a VNF that was made by an
// older version of this program, and of one with an operation whose end was not heard
// of. A VNFM runs one operation of a VNF at a time.
func (g *granting) recount(ctx context.Context, was *use) error {
	g.room.ended = map[string]bool{}
	if was != nil {
		for i := range was.Granted {
			id := was.Granted[i].VnfOp
			if id == g.in.VnfLcmOpOccID {
				continue
			}
			var occ sol003.VnfLcmOpOcc
			_, err := g.s.c.VNFM.Do(ctx, "GET", "/vnf_lcm_op_occs/"+url.PathEscape(id), nil, &occ)
			if ignoreGone(err) != nil {
				return fmtRead(id, err)
			}
			if _, final := changeStatus(occ.OperationState); err != nil || final {
				g.room.ended[id] = true
			}
		}
		if len(g.room.ended) == 0 {
			return nil
		}
	}
	info := g.v.Value.Info
	if was != nil {
		now, err := g.s.readVnf(ctx, g.v.ID)
		if err != nil {
			return err
		}
		info = now
	}
	var err error
	g.room.now, err = g.s.count(ctx, g.v.Domain, &info)
	return err
}

// within returns what the VNF uses with the operation, or hub.Denied with the allowance
// that has no room for it. What is over a limit already, and gets no more, is let be.
func (g *granting) within(was *use, nss []string) (*use, error) {
	g.room.levels, g.room.refused = nil, ""
	s, domain := g.s, g.v.Domain
	if was == nil {
		if len(s.concerned(domain, nss, &use{VnfdID: g.target()})) > 0 {
			return nil, hub.E(hub.Unavailable, "grant", fmt.Sprintf("what VNF %s uses is not counted yet, and an allowance bounds it; try again", g.v.ID), nil)
		}
		return nil, nil
	}
	next := was.with(g.room.op)
	list := s.concerned(domain, nss, next)
	for _, id := range sortedKeys(list) {
		a := list[id]
		if vnf := s.uncounted(); vnf != "" {
			return nil, hub.E(hub.Unavailable, "grant", fmt.Sprintf("the allowance %s bounds it, and what VNF %s uses is not counted yet; try again", id, vnf), nil)
		}
		if g.room.unsized != "" {
			g.room.refused = id
			return nil, deny("the allowance %s bounds it, and the VNFD %s does not say how much %s takes; name its VDU or its storage", id, g.target(), g.room.unsized)
		}
		others, will := s.used(domain, a.Scope, g.v.ID), next.total().weight()
		base := was.total().weight()
		if term := sumTerm(a.Scope); strings.HasPrefix(term, vnfdPrefix) && !slices.Contains(was.terms(), term) {
			base = state.Weight{} // it comes into the scope
		}
		if err := g.against(id, a, others, base, will); err != nil {
			return nil, err
		}
	}
	return next, nil
}

// against compares with one allowance: what others use of it, what the VNF used and
// what it will use.
func (g *granting) against(id string, a *allowance, others, base, will state.Weight) error {
	for i, limit := range a.Limits.list() {
		if limit == nil || will[i] <= base[i] || others[i]+will[i] <= *limit {
			continue
		}
		g.room.refused = id
		return deny("the allowance %s of the scope %s in trust domain %s has a limit of %d %s: %d are used and %d more are asked; raise it with: manoward allowance set --trust-domain %s --scope %s %s %d, or end what is not needed",
			id, a.Scope, a.TrustDomain, *limit, resources[i], others[i]+base[i], will[i]-base[i], a.TrustDomain, a.Scope, limitFlags[i], others[i]+will[i])
	}
	sum := func(w state.Weight) state.Weight { return amountOf(others).plus(amountOf(w)).weight() }
	if to := a.Limits.stateOf(sum(will)); to != AllowanceFree && to != a.Limits.stateOf(sum(base)) {
		g.room.levels = append(g.room.levels, level{id, *a, to, amountOf(sum(will))})
	}
	return nil
}

// recordLevels records that a grant brings allowances near their end, or to it.
func (g *granting) recordLevels(ctx context.Context, caller hub.Identity) error {
	for _, l := range g.room.levels {
		kind := "allowance.near"
		if l.state == AllowanceReached {
			kind = "allowance.reached"
		}
		data := params(map[string]any{"trustDomain": l.a.TrustDomain, "scope": l.a.Scope, "limits": l.a.Limits, "used": l.used, "vnfInstanceId": g.in.VnfInstanceID, "vnfLcmOpOccId": g.in.VnfLcmOpOccID})
		r := hub.Record{ID: hub.DeriveID(g.grant.ID, kind, l.id), Kind: kind, Actor: caller.String(), Subject: "allowance/" + l.id, Data: data}
		if err := g.s.record(ctx, g.v.Domain, r); err != nil {
			return err
		}
	}
	return nil
}

// sizeRequest says what the operation adds at most: what it makes, less what it takes
// away, for a VNFM that replaces something does not have both for long.
func (g *granting) sizeRequest(ctx context.Context, f *sol001.Flavour) error {
	g.room.op = grantedOp{VnfOp: g.in.VnfLcmOpOccID, Task: taskOf(g.in.Operation), VnfdID: g.target()}
	adds, unsized := amountIn(slices.Concat(g.in.AddResources, g.in.TempResources), f)
	if g.in.Operation == sol003.GrantedLcmOperationInstantiate {
		if adds == (Amount{}) && unsized == "" { // SOL 003 clause 9.5.2.2: the level stands for the resources
			adds = levelAmount(f, or(g.in.InstantiationLevelID, f.DefaultLevel))
		}
		adds.VnfInstances = 1
	}
	g.room.unsized = unsized
	if len(g.in.RemoveResources) > 0 {
		now, err := g.flavourNow(ctx)
		if err != nil {
			return err
		}
		if now != nil {
			takes, _ := amountIn(g.removes(), now)
			adds = adds.over(takes)
		}
	}
	g.room.op.Adds = adds
	return nil
}

// removes are the resources that the operation takes away, of those that the VNF has:
// what it has not makes no room.
func (g *granting) removes() (list []sol003.ResourceDefinition) {
	has := map[string]bool{}
	info := g.v.Value.Info.InstantiatedVnfInfo
	for i := range info.VnfcResourceInfo {
		has[info.VnfcResourceInfo[i].ComputeResource.ResourceID] = true
	}
	for i := range info.VirtualStorageResourceInfo {
		has[info.VirtualStorageResourceInfo[i].StorageResource.ResourceID] = true
	}
	for _, d := range g.in.RemoveResources {
		if d.Resource != nil && has[d.Resource.ResourceID] {
			delete(has, d.Resource.ResourceID)
			list = append(list, d)
		}
	}
	return list
}

// flavourNow is the flavour that the VNF has before the operation, nil if it has none.
func (g *granting) flavourNow(ctx context.Context) (*sol001.Flavour, error) {
	info := g.v.Value.Info.InstantiatedVnfInfo
	if info == nil {
		return nil, nil
	}
	vnfd, err := g.s.c.Packages.VNFD(ctx, g.v.Domain, g.in.VnfdID)
	if err != nil {
		return nil, ignoreGone(err)
	}
	return vnfd.Flavours[or(info.FlavourID, vnfd.DefaultFlavour)], nil
}

// amountIn adds up resources of a request by their descriptors, and names one whose
// size nothing says.
func amountIn(list []sol003.ResourceDefinition, f *sol001.Flavour) (sum Amount, unsized string) {
	for i := range list {
		d := &list[i]
		switch d.Type {
		case "VL", "LINKPORT", "VIRTUALCP":
			continue
		case "COMPUTE":
			if vdu := f.VDUs[or(d.VduID, d.ResourceTemplateID)]; vdu != nil {
				sum = sum.plus(computeAmount(vdu))
				continue
			}
		case "STORAGE":
			if st := f.Storages[d.ResourceTemplateID]; st != nil {
				sum = sum.plus(storageAmount(st))
				continue
			}
		}
		unsized = fmt.Sprintf("the resource %q of type %q", clip(d.ID), clip(d.Type))
	}
	return sum, unsized
}

// levelAmount is what an instantiation level takes.
func levelAmount(f *sol001.Flavour, id string) (sum Amount) {
	l := f.Levels[id]
	if l == nil {
		return sum
	}
	for _, name := range sortedKeys(l.Instances) {
		vdu := f.VDUs[name]
		if vdu == nil {
			continue
		}
		one := computeAmount(vdu)
		for _, storage := range vdu.Storages {
			if st := f.Storages[storage]; st != nil {
				one = one.plus(storageAmount(st))
			}
		}
		n := min(sized(l.Instances[name]), maxInstances)
		sum = sum.plus(Amount{VCPUs: n * one.VCPUs, MemoryMiB: n * one.MemoryMiB, StorageGiB: n * one.StorageGiB})
	}
	return sum
}
