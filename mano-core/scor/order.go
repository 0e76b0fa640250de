package scor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// The attributes that an order to terminate can carry in additionalParams of
// terminateVnfData (docs/extensions/termination.md), with the names under which
// the decision table knows them.
var terminationAttributes = []struct{ param, attribute string }{
	{"manoward.replace", "replace"},
	{"manoward.snapshotFirst", "snapshot"},
	{"manoward.disablePackage", "disable-package"},
	{"manoward.coHosted", "co-hosted"},
	{"manoward.erase", "erase"},
}

// attributes lists what an order asks for beyond its update type. A parameter
// of ours that is unknown or no boolean is refused: a misspelt "erase" must not
// become an order without it.
func attributes(req *sol005.UpdateNsRequest) ([]string, error) {
	const op = "read order"
	var found []string
	for _, t := range req.TerminateVnfData {
		for name, value := range t.AdditionalParams {
			if !strings.HasPrefix(name, "manoward.") {
				continue
			}
			i := slices.IndexFunc(terminationAttributes, func(a struct{ param, attribute string }) bool { return a.param == name })
			if i < 0 {
				return nil, hub.E(hub.Unprocessable, op, fmt.Sprintf("terminateVnfData has the parameter %q, which does not exist; the parameters are %s", clip(name), parameterNames()), nil)
			}
			set, ok := value.(bool)
			if !ok {
				return nil, hub.E(hub.Unprocessable, op, fmt.Sprintf("%s must be true or false", name), nil)
			}
			// To say whether a VNF may be replaced is an attribute whatever is
			// said; the others are asked for when they are true.
			attribute := terminationAttributes[i].attribute
			if (set || attribute == "replace") && !slices.Contains(found, attribute) {
				found = append(found, attribute)
			}
		}
	}
	slices.Sort(found)
	return found, nil
}

func parameterNames() string {
	names := make([]string, 0, len(terminationAttributes))
	for _, a := range terminationAttributes {
		names = append(names, a.param)
	}
	return strings.Join(names, ", ")
}

// vnfs lists the VNF instances that an order names, in whatever part of it.
func vnfs(req *sol005.UpdateNsRequest) []string {
	ids := slices.Clone(req.RemoveVnfInstanceID)
	for _, d := range req.AddVnfIstance {
		ids = append(ids, d.VnfInstanceID)
	}
	for _, d := range req.TerminateVnfData {
		ids = append(ids, d.VnfInstanceID)
	}
	for _, d := range req.OperateVnfData {
		ids = append(ids, d.VnfInstanceID)
	}
	for _, d := range req.ModifyVnfInfoData {
		ids = append(ids, d.VnfInstanceID)
	}
	for _, d := range req.ChangeVnfFlavourData {
		ids = append(ids, d.VnfInstanceID)
	}
	for _, d := range req.ChangeExtVnfConnectivityData {
		ids = append(ids, d.VnfInstanceID)
	}
	for _, d := range req.ChangeVnfPackageData {
		ids = append(ids, d.VnfInstanceID)
	}
	for _, d := range req.MoveVnfInstanceData {
		ids = append(ids, d.VnfInstanceID...)
	}
	if d := req.CreateSnapshotData; d != nil {
		ids = append(ids, d.VnfInstanceID)
	}
	if d := req.RevertVnfToSnapshotData; d != nil {
		ids = append(ids, d.VnfInstanceID)
	}
	if d := req.DeleteVnfSnapshotData; d != nil {
		ids = append(ids, d.VnfInstanceID)
	}
	slices.Sort(ids)
	return slices.DeleteFunc(slices.Compact(ids), func(id string) bool { return id == "" })
}

// clip keeps hostile text out of answers at full length.
func clip(s string) string {
	const most = 80
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
