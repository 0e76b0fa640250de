package nfvo_test

import (
	"slices"
	"testing"

	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/mano-core/nfvo"
)

// healings are the operations that healed an NS.
func (w *world) healings(nsID string) (ids []string) {
	for o, err := range w.svc.OpOccs(w.t.Context(), func(string) bool { return true }, "", nfvo.Wanted{Path: "nsInstanceId", Values: []string{nsID}}) {
		if err != nil {
			w.t.Fatal(err)
		}
		if o.LcmOperationType == sol005.NsLcmOpHeal {
			ids = append(ids, o.ID)
		}
	}
	return ids
}

// healed says whether AutoHeal, run at most a number of times, heals an NS, and
// waits until it has.
func (w *world) healed(nsID string, most int) bool {
	w.t.Helper()
	before := w.healings(nsID)
	for range most {
		if err := w.svc.AutoHeal(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		for _, id := range w.healings(nsID) {
			if !slices.Contains(before, id) {
				w.await(id, sol005.NsLcmOperationStateCompleted)
				return true
			}
		}
	}
	return false
}

func (w *world) lose(vnfID string) {
	w.vnfm.mu.Lock()
	defer w.vnfm.mu.Unlock()
	delete(w.vnfm.instances, vnfID)
}

// AutoHeal asks no more about many NSs than about a few. What it was told of is
// healed at once wherever it is, and what nobody told when its turn comes.
func TestAutoHeal_CostsTheSame(t *testing.T) {
	w := newWorld(t)
	var nss []*nfvo.NsInstance
	var asked []int64
	for _, size := range []int{20, 40} {
		for len(nss) < size {
			nss = append(nss, w.instantiated(north, "shop"))
		}
		before := w.vim.asked.Load()
		if err := w.svc.AutoHeal(t.Context()); err != nil {
			t.Fatal(err)
		}
		asked = append(asked, w.vim.asked.Load()-before)
	}
	if asked[0] == 0 || asked[1] > asked[0] {
		t.Errorf("looks at computes with 20 and with 40 NSs: %v", asked)
	}
	for _, n := range nss[10:14] {
		db := vnfOf(t, n, "db")
		w.vim.mu.Lock()
		id := db.InstantiatedVnfInfo.VnfcResourceInfo[0].ComputeResource.ResourceID
		c := w.vim.computes[id]
		c.OperationalState = ifa006.Failed
		w.vim.computes[id] = c
		w.vim.mu.Unlock()
		if !w.healed(n.ID, 1) {
			t.Error("a failed compute is not seen at once")
		}
		web := vnfOf(t, n, "web")
		w.lose(web.ID)
		told := map[string]string{"notificationType": "VnfIdentifierDeletionNotification", "vnfInstanceId": web.ID}
		if r := w.call("spiffe://south/vnfm/theirs", "POST", "/manoward/v1/vnfm_notifications", told); r.status != 204 {
			t.Errorf("another domain's VNFM: %d %s", r.status, r.body)
		}
		if r := w.call(vnfmCaller, "POST", "/manoward/v1/vnfm_notifications", told); r.status != 204 {
			t.Errorf("told: %d %s", r.status, r.body)
		}
		if !w.healed(n.ID, 1) {
			t.Error("a VNF that is said to be gone is not looked at at once")
		}
		w.lose(vnfOf(t, w.show(n.ID), "web").ID) // and nobody says so
		if !w.healed(n.ID, 5) {
			t.Error("a VNF that is gone is never looked at")
		}
	}
}

// A VNFM that says of a VNF that it is gone, and has it, is not believed.
func TestAutoHeal_FalseAlarm(t *testing.T) {
	w := newWorld(t)
	n := w.instantiated(north, "shop")
	told := map[string]string{"notificationType": "VnfIdentifierDeletionNotification", "vnfInstanceId": vnfOf(t, n, "web").ID}
	if r := w.call(vnfmCaller, "POST", "/manoward/v1/vnfm_notifications", told); r.status != 204 || w.healed(n.ID, 3) {
		t.Errorf("%d %s, or healed", r.status, r.body)
	}
}
