package nfvo_test

import (
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/sol/sol005"
)

// TestCancel_SurvivesACrash cuts an operation off before each write after its
// cancel was accepted: it is never forgotten that it is to stop.
func TestCancel_SurvivesACrash(t *testing.T) {
	for cut := int64(0); ; cut++ {
		if cut > 50 {
			t.Fatal("the cancel never got through")
		}
		if cancelCutOff(t, cut) {
			return
		}
	}
}

func cancelCutOff(t *testing.T, cut int64) (through bool) {
	c := newCrashingWorld(t)
	hold := make(chan struct{})
	c.vnfm.setHold(hold)
	id := c.create(north, "shop")
	op := c.do(north, id, "instantiate", sol005.InstantiateNsRequest{NsFlavourID: "df"})
	for deadline := time.Now().Add(20 * time.Second); c.vnfm.begun() == 0; {
		if time.Now().After(deadline) {
			t.Fatal("the VNFM was ordered nothing")
		}
		time.Sleep(time.Millisecond) // between two looks at what can be seen, with a deadline
	}
	if r := c.call(north, "POST", opOccs+op+"/cancel", `{"cancelMode":"GRACEFUL"}`); r.status != 202 {
		t.Fatalf("cancel: %d %s", r.status, r.body)
	}
	c.left.Store(cut)
	c.vnfm.setHold(nil)
	close(hold)
	for deadline := time.Now().Add(20 * time.Second); !through && !c.dead.Load(); {
		if time.Now().After(deadline) {
			t.Fatalf("write %d: neither through nor dead", cut)
		}
		o, err := c.svc.OpOcc(t.Context(), op)
		through = err == nil && o.OperationState == sol005.NsLcmOperationStateFailedTemp
	}
	c.revive()
	if o := c.await(op, sol005.NsLcmOperationStateFailedTemp); !strings.Contains(o.Error.Detail, "cancelled") || o.IsCancelPending {
		t.Errorf("write %d: %+v, cancel pending: %t", cut, o.Error, o.IsCancelPending)
	}
	return through
}
