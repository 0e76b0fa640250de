package nfvo_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/manoward/manoward/internal/sol/sol005"
)

// TestNamesOfUsersAreCarried: what a user names is shown under that name, even if
// ETSI has an attribute that is called so.
func TestNamesOfUsersAreCarried(t *testing.T) {
	w := newWorld(t)
	n := w.instantiated(north, "shop")
	web := vnfOf(t, n, "web").ID
	const name = "vimConnectionId"

	in := updateOf("CHANGE_EXTERNAL_VNF_CONNECTIVITY")
	cp := sol005.VnfExtCpData{CpdID: "ext", CpConfig: map[string]sol005.VnfExtCpConfig{name: {LinkPortID: "port"}}}
	in.ChangeExtVnfConnectivityData = []sol005.ChangeExtVnfConnectivityData{{VnfInstanceID: web, ExtVirtualLinks: []sol005.ExtVirtualLinkData{{ResourceID: n.VirtualLinkInfo[0].ID, ExtCps: []sol005.VnfExtCpData{cp}}}}}
	w.run(north, n.ID, "update", in)
	w.vnfm.mu.Lock()
	got := w.vnfm.instances[web].InstantiatedVnfInfo.ExtVirtualLinkInfo[0].CurrentVnfExtCpData[0]
	w.vnfm.mu.Unlock()
	if got.CpConfig[name].LinkPortID != "port" {
		t.Errorf("the VNFM got the connection points %v, want %s", slices.Collect(maps.Keys(got.CpConfig)), name)
	}
	shown := vnfOf(t, w.show(n.ID), "web").InstantiatedVnfInfo.ExtVirtualLinkInfo[0].CurrentVnfExtCpData
	if shown == nil || shown.CpConfig[name].LinkPortID != "port" {
		t.Errorf("the NS shows the connection points %+v, want %s", shown, name)
	}

	in = updateOf("CREATE_VNF_SNAPSHOT")
	in.CreateSnapshotData = &sol005.CreateVnfSnapshotData{VnfInstanceID: web, UserDefinedData: sol005.KeyValuePairs{name: "mine"}}
	w.run(north, n.ID, "update", in)
	snap := decode[sol005.VnfSnapshotInfo](t, w.call(north, "GET", "/nslcm/v2/vnf_snapshots/"+w.show(n.ID).VnfSnapshotInfoIDs[0], nil))
	if data := snap.VnfSnapshot.UserDefinedData; data[name] != "mine" {
		t.Errorf("the snapshot shows the user's data %v, want %s", data, name)
	}
}
