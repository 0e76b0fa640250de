package nfvo_test

import (
	"encoding/json"
	"testing"

	"github.com/manoward/manoward/internal/sol/sol005"
)

// operationsOf lists the operations that records of a kind are about.
func (w *world) operationsOf(kind string) map[string]bool {
	w.t.Helper()
	list := map[string]bool{}
	for _, r := range w.log.kinds(kind) {
		var d struct {
			ID string `json:"nsLcmOpOccId"`
		}
		if err := json.Unmarshal(r.Data, &d); err != nil {
			w.t.Fatal(err)
		}
		list[d.ID] = true
	}
	return list
}

// An operation whose start is recorded and that was cut off before it began is recorded
// as dropped when the NFVO is started again, once; every other one that is recorded is
// there.
func TestDroppedOperation(t *testing.T) {
	dropped := 0
	for cut := range int64(8) {
		c := newCrashingWorld(t)
		ns := c.create(north, "shop")
		c.left.Store(cut)
		if r := c.call(north, "POST", nsInstances+"/"+ns+"/instantiate", sol005.InstantiateNsRequest{NsFlavourID: "df"}); r.status != 202 {
			c.dies()
		}
		c.revive()
		c.settle(ns)
		gone := c.operationsOf("ns.operation.dropped")
		dropped += len(gone)
		for id := range c.operationsOf("ns.operation.started") {
			there := c.call(north, "GET", "/nslcm/v2/ns_lcm_op_occs/"+id, nil).status == 200
			if there == gone[id] {
				t.Errorf("write %d: operation %s is there: %t, recorded as dropped: %t", cut, id, there, gone[id])
			}
		}
		c.revive()
		if again := c.operationsOf("ns.operation.dropped"); len(again) != len(gone) {
			t.Errorf("write %d: %d are dropped after another start, %d before", cut, len(again), len(gone))
		}
		c.crash()
	}
	if dropped == 0 {
		t.Error("no crash left an operation that was recorded and never began")
	}
}
