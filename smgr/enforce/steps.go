package enforce

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/smgr"
)

// The names of steps. Those that end with a colon are followed by an identifier.
const (
	stepCoHosted = "co-hosted:"      // plan an order for a VNF on the same host, at a foreign NFVO
	stepSnapshot = "snapshot"        // at a foreign NFVO; ours keeps one in the Update NS
	stepDisable  = "disable-package" //
	stepRemove   = "remove-vnf:"     // from the NS named
	stepStopUse  = "stop-use"
	stepInsert   = "insert-vnf" // INSTANTIATE_VNF
	stepAdd      = "add-vnf"    // ADD_VNF: one that is there joins the NS
	stepModify   = "modify-vnf"
)

// planSteps finds out what has to be done, in safe order. No steps and no error
// say that nothing is: what was to end is gone, or what was to come is there.
func (s *Enforcer) planSteps(ctx context.Context, o *order) (steps []smgr.Step, err error) {
	add := func(name string) {
		steps = append(steps, smgr.Step{Name: name, State: smgr.OrderPlanned})
	}
	switch o.Action.Type {
	case hub.ActionTerminateVnf:
		places, err := s.places(ctx, o.Target)
		if err != nil || len(places) == 0 && !o.Action.DisablePackage {
			return nil, err
		}
		if o.Action.CoHosted && o.Foreign && len(places) > 0 {
			// While the VNF is there, Sc-Vi says on which hosts.
			others, err := s.Topology.CoHosted(ctx, o.Target.VnfInstanceID)
			if err != nil {
				return nil, fmt.Errorf("find the VNFs on the same hosts: %w", err)
			}
			slices.Sort(others)
			for _, id := range slices.Compact(others) {
				add(stepCoHosted + id)
			}
		}
		if o.Action.Snapshot && o.Foreign && len(places) > 0 {
			add(stepSnapshot)
		}
		if o.Action.DisablePackage { // also when the VNF is gone: others may be made of it
			add(stepDisable)
		}
		for _, p := range places {
			add(stepRemove + p.NsInstanceID)
		}
	case hub.ActionRemoveSecurityVnf:
		has, err := s.nsHas(ctx, o.Target)
		if err != nil || !has {
			return nil, err
		}
		add(stepRemove + o.Target.NsInstanceID)
	case hub.ActionStopHost:
		add(stepStopUse)
	case hub.ActionModifySecurityVnf:
		add(stepModify)
	case hub.ActionInsertSecurityVnf:
		step, err := s.planInsert(ctx, o)
		if err != nil || step == "" {
			return nil, err
		}
		add(step)
	}
	return steps, nil
}

// planInsert returns the step that brings a security VNF into an NS, none when
// it is there: the VNF that is named, or one that an earlier order of the same
// subject has inserted. A VNF that no NS has cannot join one, such as one that was
// terminated: another one of the profile takes its place.
func (s *Enforcer) planInsert(ctx context.Context, o *order) (step string, err error) {
	if o.Target.VnfInstanceID != "" {
		has, err := s.nsHas(ctx, o.Target)
		if err != nil || has {
			return "", err
		}
		elsewhere, err := s.places(ctx, o.Target)
		if err != nil {
			return "", err
		}
		if len(elsewhere) > 0 {
			return stepAdd, nil
		}
	}
	ns, _, err := s.queryNs(ctx, request{client: s.NFVO.SecurityVnfMgmt.NsLcm, nsID: o.Target.NsInstanceID})
	if err != nil {
		return "", err
	}
	for _, v := range ns.VnfInstance {
		id, inserted := strings.CutPrefix(v.Name, instancePrefix)
		if !inserted || id == o.ID {
			continue
		}
		e, err := s.get(ctx, id)
		if err != nil && hub.CodeOf(err) != hub.NotFound {
			return "", err
		}
		if err == nil && e.Value.Same(&o.Order) {
			return "", nil
		}
	}
	return stepInsert, nil
}

// nsHas reports whether the NS of a target has its VNF. What the topology does
// not know yet the NFVO is asked.
func (s *Enforcer) nsHas(ctx context.Context, t hub.Target) (bool, error) {
	known, err := s.Topology.Places(ctx, t.VnfInstanceID)
	if err != nil {
		return false, fmt.Errorf("find the NSs of VNF %s: %w", t.VnfInstanceID, err)
	}
	if slices.ContainsFunc(known, func(p Place) bool { return p.NsInstanceID == t.NsInstanceID }) {
		return true, nil
	}
	ns, _, err := s.queryNs(ctx, request{client: s.NFVO.SecurityVnfMgmt.NsLcm, nsID: t.NsInstanceID})
	return ns.has(t.VnfInstanceID), err
}

// places lists the NSs that have a VNF, each once and sorted. What the topology
// does not know the NFVO is asked.
func (s *Enforcer) places(ctx context.Context, t hub.Target) ([]Place, error) {
	list, err := s.Topology.Places(ctx, t.VnfInstanceID)
	if err != nil {
		return nil, fmt.Errorf("find the NSs of VNF %s: %w", t.VnfInstanceID, err)
	}
	if len(list) == 0 {
		// A list leaves vnfInstance out unless it is asked for (SOL 013 clause 5.3),
		// and an NFVO may know no filters and no fields.
		query := url.Values{"filter": {"(eq,vnfInstance/id," + filterValue(t.VnfInstanceID) + ")"}, "fields": {"vnfInstance"}}
		for ns, err := range httpapi.All[nsAnswer](ctx, s.NFVO.SecEnforce.NsLcm, "/ns_instances", query) {
			if err != nil {
				return nil, fmt.Errorf("ask for the NSs of VNF %s: %w", t.VnfInstanceID, err)
			}
			if ns.VnfInstance == nil {
				if ns, _, err = s.queryNs(ctx, request{client: s.NFVO.SecEnforce.NsLcm, nsID: ns.ID}); err != nil {
					return nil, err
				}
			}
			if ns.has(t.VnfInstanceID) {
				list = append(list, Place{NsInstanceID: ns.ID})
			}
		}
	}
	slices.SortFunc(list, func(a, b Place) int { return strings.Compare(a.NsInstanceID, b.NsInstanceID) })
	return slices.CompactFunc(list, func(a, b Place) bool { return a.NsInstanceID == b.NsInstanceID }), nil
}

// nsAnswer is what is needed of an NsInstance.
type nsAnswer struct {
	ID          string `json:"id"`
	VnfInstance []struct {
		ID   string `json:"id"`
		Name string `json:"vnfInstanceName"`
	} `json:"vnfInstance"`
}

func (n *nsAnswer) has(vnf string) bool {
	for _, v := range n.VnfInstance {
		if v.ID == vnf {
			return true
		}
	}
	return false
}

// filterValue writes a value of an attribute filter (SOL 013 clause 5.2.2).
func filterValue(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// request is one request that changes something.
type request struct {
	client *httpapi.Client
	method string
	path   string
	body   any
	key    string
	follow follow // what it answers with
	nsID   string // that it updates
}

// follow says what a request starts.
type follow int

const (
	followNothing   follow = iota // it is done when it is answered
	followOperation               // an NsLcmOpOcc
	followHost                    // a host order (docs/extensions/stop-use.md)
)

// request makes the request of a step. The same order and step make the same
// one, in this process or another: an NFVO that knows the Idempotency-Key
// refuses another body.
func (s *Enforcer) request(o *order, step string) request {
	r := request{client: s.NFVO.SecEnforce.NsLcm, method: http.MethodPost, key: o.requestKey(step)}
	update := func(ns string, in sol005.UpdateNsRequest) {
		r.nsID, r.body, r.follow = ns, in, followOperation
		r.path = "/ns_instances/" + url.PathEscape(ns) + "/update"
		if o.Action.Type != hub.ActionTerminateVnf {
			r.client = s.NFVO.SecurityVnfMgmt.NsLcm
		}
	}
	t := o.Target
	switch name, id := cutStep(step); name {
	case stepSnapshot:
		update(o.firstNs(), sol005.UpdateNsRequest{UpdateType: sol005.UpdateCreateVnfSnapshot, CreateSnapshotData: &sol005.CreateVnfSnapshotData{VnfInstanceID: t.VnfInstanceID}})
	case stepDisable:
		r.client, r.method, r.path = s.NFVO.SecEnforce.VnfPkgm, http.MethodPatch, "/vnf_packages/"+url.PathEscape(t.VnfPkgID)
		r.body = sol005.VnfPkgInfoModifications{OperationalState: sol005.PackageOperationalStateDisabled}
	case stepRemove:
		update(id, sol005.UpdateNsRequest{
			UpdateType: sol005.UpdateRemoveVnf, RemoveVnfInstanceID: []string{t.VnfInstanceID},
			TerminateVnfData: []sol005.TerminateVnfData{{VnfInstanceID: t.VnfInstanceID, TerminationType: "FORCEFUL", AdditionalParams: o.termination()}},
		})
	case stepStopUse:
		r.client, r.follow = s.NFVO.SecEnforce.ScOr, followHost
		r.path = "/hosts/" + url.PathEscape(t.HostID) + "/stop_use"
		r.body = stopUse{Vnfs: strings.ToUpper(o.Action.Vnfs), Quarantine: o.Action.Quarantine, Reason: o.Message}
	case stepInsert:
		// The profile names the VNFD; SOL 005 clause 6.5.3.24 forbids to give both.
		update(t.NsInstanceID, sol005.UpdateNsRequest{UpdateType: sol005.UpdateInstantiateVnf, InstantiateVnfData: []sol005.InstantiateVnfData{{
			VnfProfileID: t.VnfProfileID, VnfInstanceName: o.instanceName(),
		}}})
	case stepAdd:
		update(t.NsInstanceID, sol005.UpdateNsRequest{UpdateType: sol005.UpdateAddVnf, AddVnfIstance: []sol005.VnfInstanceData{{VnfInstanceID: t.VnfInstanceID, VnfProfileID: t.VnfProfileID}}})
	case stepModify:
		properties := sol005.KeyValuePairs{}
		for k, v := range o.Action.Properties {
			properties[k] = v
		}
		update(t.NsInstanceID, sol005.UpdateNsRequest{UpdateType: sol005.UpdateModifyVnfInformation, ModifyVnfInfoData: []sol005.ModifyVnfInfoData{{VnfInstanceID: t.VnfInstanceID, VnfConfigurableProperties: properties}}})
	}
	return r
}

// requestKey is the Idempotency-Key of a step. A Security Manager that was restored
// from an older backup numbers its orders as before; the decision in the key keeps
// another order of that number from being taken for the one that the NFVO knows.
func (o *order) requestKey(step string) string {
	if !o.Keyed {
		return o.ID + "/" + step
	}
	return o.ID + "/" + o.DecisionID + "/" + step
}

// stopUse is the body of stop_use (docs/extensions/stop-use.md).
type stopUse struct {
	Vnfs       string `json:"vnfs"`
	Quarantine bool   `json:"quarantine,omitempty"`
	Reason     string `json:"reason,omitempty"`
}

// termination are the members of docs/extensions/termination.md. They stand in
// the Update NS of each NS that shares the VNF: whichever turns out to be the
// last ends it.
func (o *order) termination() sol005.KeyValuePairs {
	if o.Foreign {
		return nil
	}
	params := sol005.KeyValuePairs{}
	for name, set := range map[string]bool{
		"manoward.snapshotFirst": o.Action.Snapshot, "manoward.coHosted": o.Action.CoHosted, "manoward.erase": o.Action.Erase,
	} {
		if set {
			params[name] = true
		}
	}
	if o.Action.Replace != nil {
		params["manoward.replace"] = *o.Action.Replace
	}
	if len(params) == 0 {
		return nil
	}
	return params
}

// instanceName is the name of what the order inserts, by which it is found
// again at an NFVO that does not know the Idempotency-Key.
func (o *order) instanceName() string { return instancePrefix + o.ID }

const instancePrefix = "security-"

// firstNs is the NS by which a VNF is first asked for.
func (o *order) firstNs() string {
	for _, st := range o.Steps {
		if name, id := cutStep(st.Name); name == stepRemove {
			return id
		}
	}
	return ""
}

// cutStep splits a step's name from the identifier in it.
func cutStep(step string) (name, id string) {
	if i := strings.IndexByte(step, ':'); i >= 0 {
		return step[:i+1], step[i+1:]
	}
	return step, ""
}
