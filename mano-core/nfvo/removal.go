package nfvo

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/state"
)

// Termination is what terminateVnfData[].additionalParams may say of our own
// (docs/extensions/termination.md; Sc-Or.SecEnforce.002 and .003).
type Termination struct {
	SnapshotFirst  bool // keep a snapshot
	Replace        bool // another VNF may take its place; true if nothing is said
	DisablePackage bool // disable its VNF package
	CoHosted       bool // terminate the domain's other VNFs on its hosts
	Erase          bool // erase its storages, TPM, HSM and HMEE slots
}

const ourPrefix = "manoward."

func isOurs(name string) bool { return strings.HasPrefix(name, ourPrefix) }

// TerminationOf reads our extensions of additionalParams. A name under our
// prefix that is not known, and a value that is not true or false, are
// hub.Invalid: half of a security order must not be carried out.
func TerminationOf(p sol005.KeyValuePairs) (Termination, error) {
	t := Termination{Replace: true}
	fields := map[string]*bool{
		"manoward.snapshotFirst": &t.SnapshotFirst, "manoward.replace": &t.Replace, "manoward.disablePackage": &t.DisablePackage,
		"manoward.coHosted": &t.CoHosted, "manoward.erase": &t.Erase,
	}
	for _, name := range sortedKeys(p) {
		if !isOurs(name) {
			continue
		}
		field := fields[name]
		value, ok := p[name].(bool)
		if field == nil {
			return t, hub.E(hub.Invalid, "remove VNF", fmt.Sprintf("additionalParams has %q, which is not known; known are: %s", clip(name), strings.Join(sortedKeys(fields), ", ")), nil)
		}
		if !ok {
			return t, hub.E(hub.Invalid, "remove VNF", "additionalParams."+name+" must be true or false", nil)
		}
		*field = value
	}
	return t, nil
}

// planRemoveVnfs plans the removal of VNFs in the safe order: the snapshot while
// it runs, the bars before anything can be replaced, the package before a new
// instance can be made of it, the co-hosted VNFs while the host is known, then
// the end, then what is left to erase.
func planRemoveVnfs(s *Service, ctx context.Context, e *state.Entry[ns], in *sol005.UpdateNsRequest) ([]step, error) {
	data := map[string]*sol005.TerminateVnfData{}
	for i := range in.TerminateVnfData {
		d := &in.TerminateVnfData[i]
		if !slices.Contains(in.RemoveVnfInstanceID, d.VnfInstanceID) {
			return nil, hub.E(hub.Invalid, "remove VNF", fmt.Sprintf("terminateVnfData names VNF %q, which removeVnfInstanceId does not; name it in both", clip(d.VnfInstanceID)), nil)
		}
		if d.TerminationType != "" && d.TerminationType != "FORCEFUL" && d.TerminationType != "GRACEFUL" {
			return nil, hub.E(hub.Invalid, "remove VNF", "terminationType must be FORCEFUL or GRACEFUL", nil)
		}
		data[d.VnfInstanceID] = d
	}
	var before, after []step
	for _, id := range slices.Compact(slices.Sorted(slices.Values(in.RemoveVnfInstanceID))) {
		m, err := memberOf(&e.Value, id)
		if err != nil {
			return nil, err
		}
		d := data[id]
		if d == nil {
			d = &sol005.TerminateVnfData{VnfInstanceID: id}
		}
		t, err := TerminationOf(d.AdditionalParams)
		if err != nil {
			return nil, err
		}
		first, then, err := s.planRemoval(ctx, m, d, t)
		if err != nil {
			return nil, err
		}
		before, after = append(before, first...), append(after, then...)
	}
	slices.SortStableFunc(before, func(a, b step) int { return rankOf(a.Kind) - rankOf(b.Kind) })
	return append(before, after...), nil
}

func rankOf(kind string) int {
	return slices.Index([]string{stepSnapshot, stepBar, stepDisable, stepCoHosted}, kind)
}

func (s *Service) planRemoval(ctx context.Context, m member, d *sol005.TerminateVnfData, t Termination) (before, after []step, err error) {
	add := func(wanted bool, kind string, body any) {
		if wanted {
			before = append(before, step{Kind: kind, VnfID: m.VnfID, Profile: m.ProfileID, Body: params(body)})
		}
	}
	add(t.SnapshotFirst, stepSnapshot, sol005.CreateVnfSnapshotData{VnfInstanceID: m.VnfID})
	add(!t.Replace, stepBar, nil)
	add(t.DisablePackage, stepDisable, m.PkgID)
	add(t.CoHosted, stepCoHosted, nil)
	var extra sol003.KeyValuePairs
	if t.Erase {
		extra = sol003.KeyValuePairs{"manoward.erase": true}
	}
	after = endVnf(m, d, extra)
	if t.Erase {
		v, err := s.vnfs.Get(ctx, m.VnfID)
		if err != nil {
			return nil, nil, err
		}
		after = append(after, step{Kind: stepErase, VnfID: m.VnfID, Profile: m.ProfileID, Body: params(remainsOf(&v.Value))})
	}
	return before, after, nil
}

// remains is what a VNF has at the VIM.
type remains struct {
	Computes []string `json:"computes,omitempty"`
	Storages []string `json:"storages,omitempty"`
}

func remainsOf(v *vnf) remains {
	r := remains{Computes: sortedKeys(v.Places)}
	if in := v.Info.InstantiatedVnfInfo; in != nil {
		for _, st := range in.VirtualStorageResourceInfo {
			r.Storages = append(r.Storages, st.StorageResource.ResourceID)
		}
	}
	return r
}

// eraseRest erases at the VIM what the VNFM left of a VNF. The VNFM is told to
// erase when it terminates the VNF; this is for one that did not.
func eraseRest(ctx context.Context, r *run) error {
	var p remains
	if err := r.params(&p); err != nil {
		return err
	}
	for _, id := range p.Computes {
		if err := r.s.vimDelete(ctx, "/computes/", id, "?erase=true"); err != nil {
			return fmt.Errorf("erase compute %s: %w", id, err)
		}
	}
	for _, id := range p.Storages {
		if err := r.s.vimDelete(ctx, "/storages/", id, "?erase=true"); err != nil {
			return fmt.Errorf("erase storage %s: %w", id, err)
		}
	}
	return nil
}

func disablePackage(ctx context.Context, r *run) error {
	var pkgID string
	if err := r.params(&pkgID); err != nil {
		return err
	}
	actor, err := hub.ParseIdentity(r.op.Source.Identity)
	if err != nil {
		actor = self()
	}
	if err := r.s.c.Packages.Disable(ctx, pkgID, actor); err != nil {
		return fmt.Errorf("disable package %s: %w", pkgID, err)
	}
	return nil
}

// findCoHosted finds the other VNFs of the same trust domain on the hosts of a
// VNF, and adds the steps that end them: here for those of this NS, as
// operations of their own for those of others (Sc-Or.SecEnforce.003).
func findCoHosted(ctx context.Context, r *run) error {
	_, places, err := r.s.look(ctx, r.vnfID())
	if err != nil {
		return ignoreGone(err)
	}
	hosts := map[string]bool{}
	for _, p := range places {
		hosts[p.Host] = p.Host != ""
	}
	found := map[string]bool{}
	for _, host := range sortedKeys(hosts) {
		ids, err := r.s.vnfsOn(ctx, host, r.domain)
		if err != nil {
			return err
		}
		for _, id := range ids {
			found[id] = true
		}
	}
	for i := range r.op.Steps {
		if st := &r.op.Steps[i]; st.Kind == stepVnfDrop {
			delete(found, st.VnfID)
		}
	}
	delete(found, r.vnfID())
	steps, err := r.s.endEverywhere(ctx, sortedKeys(found), r.op.NsID)
	if err != nil {
		return err
	}
	r.op.Steps = append(r.op.Steps, steps...)
	return nil
}

// vnfsOn lists the VNFs of a trust domain ("" for all) that have a compute on a
// host, as the VIM says.
func (s *Service) vnfsOn(ctx context.Context, hostID, domain string) ([]string, error) {
	query := url.Values{"filter": {"(eq,hostId,'" + strings.ReplaceAll(hostID, "'", "''") + "')"}}
	found := map[string]bool{}
	for c, err := range httpapi.All[ifa006.Compute](ctx, s.c.VIM, "/computes", query) {
		if err != nil {
			return nil, fmt.Errorf("list the computes of host %s: %w", hostID, err)
		}
		// The VIM may know a compute of a VNF that its VNFM has just made.
		for _, id := range append(s.vnfs.Find("compute="+c.ID), c.Metadata["vnfInstanceId"]) {
			if d, ok := s.vnfs.Domain(id); ok && (domain == "" || d == domain) {
				found[id] = true
			}
		}
	}
	return sortedKeys(found), nil
}

// endEverywhere plans the end of VNFs in every NS that uses them: one Update NS
// for each NS (IFA 033 clause 6.3, NOTE 2). Those of the NS here are steps of
// the operation that holds it.
func (s *Service) endEverywhere(ctx context.Context, vnfIDs []string, here string) ([]step, error) {
	var steps []step
	byNs := map[string][]string{}
	for _, id := range vnfIDs {
		e, err := s.vnfs.Get(ctx, id)
		if hub.CodeOf(err) == hub.NotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, nsID := range e.Value.NSs {
			if nsID == here {
				steps = append(steps, endVnf(member{VnfID: id, ProfileID: e.Value.ProfileID}, &sol005.TerminateVnfData{}, nil)...)
				continue
			}
			byNs[nsID] = append(byNs[nsID], id)
		}
	}
	for _, nsID := range sortedKeys(byNs) {
		steps = append(steps, step{Kind: stepChild, Body: params(childParams{NsID: nsID, VnfIDs: byNs[nsID]})})
	}
	return steps, nil
}

// childParams is an Update NS of another NS.
type childParams struct {
	NsID   string   `json:"nsInstanceId"`
	VnfIDs []string `json:"vnfInstanceIds"`
}

// runChild orders an update of another NS and waits for its end. An NS that does
// not let go is a warning, with which the operation ends PARTIALLY_COMPLETED.
func runChild(ctx context.Context, r *run) error {
	var p childParams
	if err := r.params(&p); err != nil {
		return err
	}
	problem, err := r.s.removeIn(ctx, p, r.key("child"), r.id, r.op.Source)
	if err != nil {
		return err
	}
	if problem != "" {
		r.op.Warnings = append(r.op.Warnings, problem)
	}
	return nil
}

// removeIn removes VNFs from an NS by an operation of its own with a given ID.
// problem says why it could not be done.
func (s *Service) removeIn(ctx context.Context, p childParams, id, parent string, source Source) (problem string, err error) {
	actor, err := hub.ParseIdentity(source.Identity)
	if err != nil {
		actor = self()
	}
	for attempt := 1; ; attempt++ {
		if e, err := s.ops.Get(ctx, id); err == nil && e.Value.Claimed {
			return s.awaitOp(ctx, id, parent)
		} else if ignoreGone(err) != nil {
			return "", err
		}
		left, err := s.membersLeft(ctx, p)
		if err != nil || len(left) == 0 {
			return "", err
		}
		in := sol005.UpdateNsRequest{UpdateType: sol005.UpdateRemoveVnf, RemoveVnfInstanceID: left}
		_, _, err = s.Update(ctx, Order{Actor: actor, Source: source, NsInstanceID: p.NsID, id: id, parent: parent}, in)
		switch hub.CodeOf(err) {
		case "":
			continue // it runs: wait for it
		case hub.Conflict, hub.NotFound: // held, or changed meanwhile
			if attempt >= s.c.Attempts {
				return fmt.Sprintf("NS %s: %s", p.NsID, hub.SafeText(err)), nil
			}
		default:
			return "", err
		}
		if err := s.pause(ctx, "op/"+parent, s.c.Poll); err != nil {
			return "", err
		}
	}
}

// membersLeft is which of the VNFs are still in the NS: others may have ended
// some of them meanwhile.
func (s *Service) membersLeft(ctx context.Context, p childParams) ([]string, error) {
	e, err := s.nss.Get(ctx, p.NsID)
	if err != nil {
		return nil, ignoreGone(err)
	}
	var left []string
	for _, id := range p.VnfIDs {
		if _, err := memberOf(&e.Value, id); err == nil {
			left = append(left, id)
		}
	}
	return left, nil
}

// awaitOp waits until an operation has ended or waits for somebody.
func (s *Service) awaitOp(ctx context.Context, id, parent string) (problem string, err error) {
	for {
		e, err := s.ops.Get(ctx, id)
		if err != nil {
			return "", ignoreGone(err)
		}
		o := &e.Value
		switch {
		case o.State == sol005.NsLcmOperationStateCompleted && o.Closed:
			return "", nil
		case (ended(o.State) && o.Closed) || o.State == sol005.NsLcmOperationStateFailedTemp:
			detail := ""
			if o.Error != nil {
				detail = ": " + o.Error.Detail
			}
			return fmt.Sprintf("operation %s of NS %s is %s%s", id, o.NsID, o.State, detail), nil
		}
		if err := s.pause(ctx, "op/"+parent, s.c.Poll); err != nil {
			return "", err
		}
	}
}
