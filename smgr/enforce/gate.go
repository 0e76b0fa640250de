package enforce

import (
	"fmt"
	"strings"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// Need is one row of the NFVO's decision table that an action has to pass: the
// operation, or one thing that it carries, and the letters of the modes that
// allow it (IFA 033 clauses 5.3.3 and 5.3.4; hub.Mode.Letter).
type Need struct {
	Interface hub.Interface
	Operation string
	Attribute string // empty: the operation by itself
	Modes     string
}

// Needs lists what an action asks the NFVO for. It is the Security Manager's
// view of the table by which the NFVO decides: what that would refuse is not
// sent.
func Needs(a hub.Action) []Need {
	const (
		act     = "SF"
		fully   = "F"
		remove  = "ns.update:" + sol005.UpdateRemoveVnf
		stopUse = "host.stop-use"
	)
	enforce, security := hub.ScOrSecEnforce, hub.ScOrSecurityVnfMgmt
	var list []Need
	add := func(wanted bool, n Need) {
		if wanted {
			list = append(list, n)
		}
	}
	switch a.Type {
	case hub.ActionTerminateVnf:
		add(true, Need{enforce, remove, "", act})
		add(a.Replace != nil, Need{enforce, remove, "replace", act})
		add(a.Snapshot, Need{enforce, remove, "snapshot", act})
		add(a.Snapshot, Need{enforce, "ns.update:" + sol005.UpdateCreateVnfSnapshot, "", act})
		add(a.DisablePackage, Need{enforce, "vnf-package.update", "", fully})
		add(a.CoHosted, Need{enforce, remove, "co-hosted", fully})
		add(a.Erase, Need{enforce, remove, "erase", fully})
	case hub.ActionStopHost:
		add(a.Vnfs == "migrate", Need{enforce, stopUse, "migrate", act})
		add(a.Vnfs == "terminate", Need{enforce, stopUse, "terminate", act})
		add(a.Quarantine, Need{enforce, stopUse, "quarantine", fully})
	case hub.ActionInsertSecurityVnf:
		add(true, Need{security, "ns.update:" + sol005.UpdateInstantiateVnf, "", act})
		add(true, Need{security, "ns.update:" + sol005.UpdateAddVnf, "", act})
	case hub.ActionModifySecurityVnf:
		add(true, Need{security, "ns.update:" + sol005.UpdateModifyVnfInformation, "", act})
	case hub.ActionRemoveSecurityVnf:
		add(true, Need{security, remove, "", act})
	}
	return list
}

// forbids says why a mode does not allow an action, or nothing.
func forbids(mode hub.Mode, a hub.Action) string {
	needs := Needs(a)
	if len(needs) == 0 {
		return fmt.Sprintf("%s is no action that the NFVO carries out", a.Type)
	}
	for _, n := range needs {
		if strings.Contains(n.Modes, mode.Letter()) {
			continue
		}
		what := n.Operation
		if n.Attribute != "" {
			what += "+" + n.Attribute
		}
		return fmt.Sprintf("mode %s does not allow %s; raise the mode with \"manoward sm set-mode\", then approve the order", mode, what)
	}
	return ""
}
