package enforce

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/smgr"
)

// skew is how far the clock of a foreign NFVO may be behind ours.
const skew = time.Minute

// operationParams are those of an Update NS. Those of other operations, and
// what is no object, are none: a list of operations must not fail for one that
// nobody asked for.
type operationParams struct{ *sol005.UpdateNsRequest }

// UnmarshalJSON reads the parameters as far as they are those of an Update NS.
func (p *operationParams) UnmarshalJSON(b []byte) error {
	var in sol005.UpdateNsRequest
	if json.Unmarshal(b, &in) == nil {
		p.UpdateNsRequest = &in
	}
	return nil
}

// look asks an NFVO that does not know the Idempotency-Key whether it has a
// step's request already, by its operations and by the effect. found says that
// it has, and that this is stored.
func (s *Enforcer) look(ctx context.Context, e *state.Entry[order], i int) (found bool, err error) {
	step := e.Value.Steps[i]
	r := s.request(&e.Value, step.Name)
	if r.follow != followOperation {
		return false, nil // to disable a package twice has one effect
	}
	want := r.body.(sol005.UpdateNsRequest)
	newest := opOcc{}
	for occ, err := range s.operations(ctx, r) {
		if err != nil {
			return false, err
		}
		if occ.StartTime.Before(step.Started.Add(-skew)) || occ.StartTime.Before(newest.StartTime) || occ.ID == "" {
			continue
		}
		if occ.OperationParams.UpdateNsRequest == nil { // a list leaves them out, also when an NFVO knows no "fields"
			if _, err := r.client.Do(ctx, http.MethodGet, "/ns_lcm_op_occs/"+url.PathEscape(occ.ID), nil, &occ); err != nil {
				return false, wrap("query operation "+occ.ID, err)
			}
		}
		if sameUpdate(occ.OperationParams.UpdateNsRequest, &want) {
			newest = occ
		}
	}
	if newest.ID != "" {
		return true, s.adopt(ctx, e, i, "/ns_lcm_op_occs/"+newest.ID)
	}
	done, err := s.effect(ctx, &e.Value, step.Name, r)
	if err != nil || !done {
		return false, err
	}
	return true, s.endStep(ctx, e, i, smgr.OrderCompleted, "its effect is there already")
}

// sameUpdate reports whether an operation's parameters are those of a request,
// by what identifies it: an NFVO may have added defaults of its own.
func sameUpdate(have, want *sol005.UpdateNsRequest) bool {
	if have == nil || have.UpdateType != want.UpdateType {
		return false
	}
	switch want.UpdateType {
	case sol005.UpdateRemoveVnf:
		return slices.Equal(have.RemoveVnfInstanceID, want.RemoveVnfInstanceID)
	case sol005.UpdateCreateVnfSnapshot:
		return have.CreateSnapshotData != nil && have.CreateSnapshotData.VnfInstanceID == want.CreateSnapshotData.VnfInstanceID
	case sol005.UpdateAddVnf:
		return slices.Equal(have.AddVnfIstance, want.AddVnfIstance)
	case sol005.UpdateInstantiateVnf:
		return len(have.InstantiateVnfData) == 1 && have.InstantiateVnfData[0].VnfInstanceName == want.InstantiateVnfData[0].VnfInstanceName
	case sol005.UpdateModifyVnfInformation:
		return len(have.ModifyVnfInfoData) == 1 && sameModification(have.ModifyVnfInfoData[0], want.ModifyVnfInfoData[0])
	}
	return false
}

func sameModification(have, want sol005.ModifyVnfInfoData) bool {
	if have.VnfInstanceID != want.VnfInstanceID || len(have.VnfConfigurableProperties) != len(want.VnfConfigurableProperties) {
		return false
	}
	for k, v := range want.VnfConfigurableProperties {
		if have.VnfConfigurableProperties[k] != v {
			return false
		}
	}
	return true
}
