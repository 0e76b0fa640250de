package nfvo

import (
	"context"
	"fmt"
	"slices"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol001"
	"github.com/manoward/manoward/internal/state"
)

// Amount is how much of the infrastructure something uses, by the descriptors of the
// VNFs: what they take of hosts is what they were granted, no more.
type Amount struct {
	VCPUs        int64 `json:"vcpus"`
	MemoryMiB    int64 `json:"memoryMiB"`
	StorageGiB   int64 `json:"storageGiB"` // local disks and virtual storages
	VnfInstances int64 `json:"vnfInstances"`
}

func (a Amount) weight() state.Weight {
	return state.Weight{a.VCPUs, a.MemoryMiB, a.StorageGiB, a.VnfInstances}
}

func amountOf(w state.Weight) Amount {
	return Amount{VCPUs: w[0], MemoryMiB: w[1], StorageGiB: w[2], VnfInstances: w[3]}
}

func (a Amount) plus(b Amount) Amount {
	return Amount{a.VCPUs + b.VCPUs, a.MemoryMiB + b.MemoryMiB, a.StorageGiB + b.StorageGiB, a.VnfInstances + b.VnfInstances}
}

// over is what of an amount is more than another, nothing where it is less.
func (a Amount) over(b Amount) Amount {
	return Amount{max(0, a.VCPUs-b.VCPUs), max(0, a.MemoryMiB-b.MemoryMiB), max(0, a.StorageGiB-b.StorageGiB), max(0, a.VnfInstances-b.VnfInstances)}
}

// use is what a VNF uses of the infrastructure: what it had when its last operation
// ended, and what was granted to operations that have not ended. It is stored with the
// VNF, so that it changes with it in one write, and is added up by scope in memory.
type use struct {
	VnfdID  string      `json:"vnfdId"` // of which Held is
	Held    Amount      `json:"held"`
	Granted []grantedOp `json:"granted,omitempty"`
}

// grantedOp is what an operation of the VNFM that was granted adds at most.
type grantedOp struct {
	VnfOp  string `json:"vnfLcmOpOccId"`
	Task   string `json:"task"`
	VnfdID string `json:"vnfdId"` // of the VNF when the operation is done
	Adds   Amount `json:"adds"`
}

// total is what counts. It is more than the VNF has while an operation of it runs.
func (u *use) total() (sum Amount) {
	if u == nil {
		return sum
	}
	sum = u.Held
	for i := range u.Granted {
		sum = sum.plus(u.Granted[i].Adds)
	}
	return sum
}

// terms are the VNFDs whose instance the VNF is, or is about to be.
func (u *use) terms() []string {
	if u == nil {
		return nil
	}
	terms := []string{ofVnfd(u.VnfdID)}
	for i := range u.Granted {
		terms = append(terms, ofVnfd(u.Granted[i].VnfdID))
	}
	return terms
}

// with is the use with what an operation was granted, in place of what it was granted
// before.
func (u *use) with(op grantedOp) *use {
	next := u.without(func(o *grantedOp) bool { return o.VnfOp == op.VnfOp })
	next.Granted = append(next.Granted, op)
	return next
}

// without is the use without what some operations were granted.
func (u *use) without(ended func(*grantedOp) bool) *use {
	next := *u
	next.Granted = slices.DeleteFunc(slices.Clone(u.Granted), func(o grantedOp) bool { return ended(&o) })
	return &next
}

// weight is the part of a VNF in the sums: one that the VNFM deleted has nothing.
func (v *vnf) weight() state.Weight {
	if v.Gone {
		return state.Weight{}
	}
	return v.Use.total().weight()
}

func (o *outside) weight() state.Weight { return o.Use.total().weight() }

// The terms by which uses are added up.
const (
	nsPrefix   = "ns="
	vnfdPrefix = "use/vnfd="
)

func ofNs(nsID string) string     { return nsPrefix + nsID }
func ofVnfd(vnfdID string) string { return vnfdPrefix + vnfdID }

// counted is what was found of a VNF, to be kept in one write with what else is known
// of it then.
type counted struct {
	vnfdID string
	held   Amount
	known  bool // else what it had, and what it was granted, stands
}

// count reads off the VNFM's word how much a VNF has, by its VNFD. A VNFD that is not
// there, or that knows not what the VNF has, is no error: then what was granted stands
// for what the VNF has.
func (s *Service) count(ctx context.Context, domain string, info *sol003.VnfInstance) (counted, error) {
	c := counted{vnfdID: info.VnfdID, known: true}
	if info.InstantiationState != instantiated || info.InstantiatedVnfInfo == nil {
		return c, nil
	}
	vnfd, err := s.c.Packages.VNFD(ctx, domain, info.VnfdID)
	if err == nil {
		c.held, err = heldBy(info.InstantiatedVnfInfo, vnfd)
	}
	switch hub.CodeOf(err) {
	case "":
	case hub.NotFound, hub.Unprocessable:
		s.c.Log.Error("what a VNF uses cannot be counted; what it was granted stands for it", "trustDomain", domain, "vnfInstanceId", info.ID, "vnfdId", info.VnfdID, "err", err)
		c.known = false
	default:
		return c, fmt.Errorf("count what VNF %s uses: %w", info.ID, err)
	}
	return c, nil
}

// heldBy adds up what a VNF has: hub.Unprocessable for what its VNFD does not know.
func heldBy(info *sol003.InstantiatedVnfInfo, vnfd *sol001.VNFD) (Amount, error) {
	f := vnfd.Flavours[or(info.FlavourID, vnfd.DefaultFlavour)]
	if f == nil {
		return Amount{}, hub.E(hub.Unprocessable, "count", fmt.Sprintf("the VNFD has no flavour %q", clip(info.FlavourID)), nil)
	}
	sum := Amount{VnfInstances: 1}
	for i := range info.VnfcResourceInfo {
		vdu := f.VDUs[info.VnfcResourceInfo[i].VduID]
		if vdu == nil {
			return Amount{}, hub.E(hub.Unprocessable, "count", fmt.Sprintf("the VNFD has no VDU %q", clip(info.VnfcResourceInfo[i].VduID)), nil)
		}
		sum = sum.plus(computeAmount(vdu))
	}
	for i := range info.VirtualStorageResourceInfo {
		st := f.Storages[info.VirtualStorageResourceInfo[i].VirtualStorageDescID]
		if st == nil {
			return Amount{}, hub.E(hub.Unprocessable, "count", fmt.Sprintf("the VNFD has no storage %q", clip(info.VirtualStorageResourceInfo[i].VirtualStorageDescID)), nil)
		}
		sum = sum.plus(storageAmount(st))
	}
	return sum, nil
}

// maxSize and maxInstances bound what one descriptor adds, so that no sum overflows.
const (
	maxSize      = 1 << 36
	maxInstances = 1 << 16
)

func sized(n int) int64 { return min(max(0, int64(n)), maxSize) }

func computeAmount(vdu *sol001.VDU) Amount {
	return Amount{VCPUs: sized(vdu.VCPUs), MemoryMiB: sized(vdu.MemoryMiB), StorageGiB: sized(vdu.DiskGiB)}
}

func storageAmount(st *sol001.Storage) Amount { return Amount{StorageGiB: sized(st.SizeGiB)} }

// settled is a use after operations that have ended: what they were granted is part of
// what was counted. It is nil where nobody ever knew.
func (c *counted) settled(was *use, ended func(*grantedOp) bool) *use {
	if was == nil && !c.known {
		return nil
	}
	if was == nil {
		was = &use{}
	}
	next := was.without(ended)
	if c.known {
		next.VnfdID, next.Held = c.vnfdID, c.held
		return next
	}
	for i := range was.Granted {
		if ended(&was.Granted[i]) {
			next.Held = next.Held.plus(was.Granted[i].Adds)
		}
	}
	next.VnfdID = c.vnfdID
	return next
}

// uncountedTerm has the VNFs of which nobody has counted yet what they use: they were
// made by a version of this program that did not.
const uncountedTerm = "uncounted"

func (v *vnf) uncounted() bool {
	return v.Use == nil && !v.Gone && v.Info.InstantiationState == instantiated
}

// countAll counts what VNFs use that an older version of this program made. It tries
// again what does not answer.
func (s *Service) countAll(ctx context.Context) {
	defer s.forget("count")
	for {
		again := false
		for _, id := range s.vnfs.Find(uncountedTerm) {
			if err := s.countVnf(ctx, id); err != nil && ctx.Err() == nil {
				s.c.Log.Warn("what a VNF uses cannot be counted for now; it is tried again", "vnfInstanceId", id, "err", err)
				again = true
			}
		}
		for _, id := range s.outsiders.Find(uncountedTerm) {
			if err := s.countOutside(ctx, id); err != nil && ctx.Err() == nil {
				s.c.Log.Warn("what a VNF uses cannot be counted for now; it is tried again", "vnfInstanceId", id, "err", err)
				again = true
			}
		}
		if !again || s.pause(ctx, "count", s.c.Poll) != nil {
			return
		}
	}
}

func (s *Service) countVnf(ctx context.Context, id string) error {
	e, err := s.vnfs.Get(ctx, id)
	if err != nil {
		return ignoreGone(err)
	}
	c, err := s.count(ctx, e.Domain, &e.Value.Info)
	if err != nil {
		return err
	}
	if !e.Value.uncounted() || !c.known {
		return nil
	}
	e.Value.Use = c.settled(nil, none)
	_, err = s.vnfs.Replace(ctx, e)
	if hub.CodeOf(err) == hub.Precondition {
		return hub.E(hub.Unavailable, "count", "the VNF changes just now", err)
	}
	return ignoreGone(err)
}

func (s *Service) countOutside(ctx context.Context, id string) error {
	e, err := s.outsiders.Get(ctx, id)
	if err != nil || e.Value.Use != nil {
		return ignoreGone(err)
	}
	info, err := s.readVnf(ctx, id)
	if ignoreGone(err) != nil {
		return err
	}
	c, err := s.count(ctx, e.Domain, &info)
	if err != nil {
		return err
	}
	if !c.known {
		return nil
	}
	e.Value.Use = c.settled(nil, none)
	_, err = s.outsiders.Replace(ctx, e)
	if hub.CodeOf(err) == hub.Precondition {
		return hub.E(hub.Unavailable, "count", "the VNF changes just now", err)
	}
	return ignoreGone(err)
}

func none(*grantedOp) bool { return false }
