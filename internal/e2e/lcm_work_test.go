package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/testkit/nskit"
)

// lcmLedger is what the hub has acknowledged to all workers.
type lcmLedger struct {
	mu      sync.Mutex
	domains map[string]string // trust domain of each NS, also of those that are gone
	gone    map[string]bool   // NSs that were deleted
	ops     map[string]string // NS of each operation
	steered map[string]bool   // operations that failed and were told how to go on
	kinds   map[string]int    // accepted operations by kind
	refused map[string]int
	repeats int // orders whose answer a kill took away, sent again
}

func newLcmLedger() *lcmLedger {
	return &lcmLedger{domains: map[string]string{}, gone: map[string]bool{}, ops: map[string]string{}, steered: map[string]bool{}, kinds: map[string]int{}, refused: map[string]int{}}
}

func (l *lcmLedger) accepted() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.ops)
}

// lcmOrder is a request that the hub may take twice, as the same one.
type lcmOrder struct {
	kind, method, path string
	ns                 string
	body               any
	key                string
	own                bool // of the hub's own API
	sent               bool
}

// lcmWorker orders one operation after the other in one trust domain, as an
// operator does who loses the connection now and then.
type lcmWorker struct {
	t      *testing.T
	name   string
	domain string
	kit    *nskit.Kit
	rnd    *rand.Rand
	ledger *lcmLedger
	pace   time.Duration // before each order
	number int
	nss    []string
	order  *lcmOrder // not answered yet
	op     string    // accepted and not known to have ended
	host   string    // order to end the use of a host, likewise
	hostID string
}

// work runs until enough says so or ctx, which ends with the hub.
func (w *lcmWorker) work(ctx context.Context, api *httpapi.Client, enough func() bool) {
	for ctx.Err() == nil {
		var err error
		switch {
		case w.op != "":
			err = w.follow(ctx, api)
		case w.host != "":
			err = w.followHost(ctx, api)
		case w.order != nil:
			err = w.send(ctx, api)
		case enough():
			return
		case waitFor(ctx, w.pace) == nil:
			err = w.choose(ctx, api)
		}
		if err != nil && !w.lost(ctx, err) {
			return
		}
	}
}

// lost says whether an error is that of a hub that is killed, or just is busy.
func (w *lcmWorker) lost(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return true
	}
	if hub.CodeOf(err) == hub.Unavailable {
		<-time.After(10 * time.Millisecond)
		return true
	}
	w.t.Errorf("%s: %v", w.name, err)
	return false
}

// send sends the order, and keeps what was answered.
func (w *lcmWorker) send(ctx context.Context, api *httpapi.Client) error {
	o, l := w.order, w.ledger
	if o.sent {
		l.mu.Lock()
		l.repeats++
		l.mu.Unlock()
	}
	o.sent = true
	var made struct{ ID string }
	out := any(nil)
	if o.kind == "CREATE" {
		out = &made
	}
	at := api
	if o.own {
		at = ownOf(api)
	}
	a, err := at.Do(ctx, o.method, o.path, o.body, out, func(h http.Header) { h.Set("Idempotency-Key", o.key) })
	code := hub.CodeOf(err)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil, o.kind == "DELETE" && code == hub.NotFound:
	case code == hub.Unavailable || ctx.Err() != nil:
		return err
	case code == hub.Conflict, code == hub.Unprocessable, code == hub.NotFound:
		l.refused[o.kind]++
		w.order = nil
		return nil
	default:
		return fmt.Errorf("%s: %w", o.kind, err)
	}
	w.order = nil
	l.kinds[o.kind]++
	switch {
	case o.kind == "CREATE":
		w.nss = append(w.nss, made.ID)
		l.domains[made.ID] = w.domain
	case o.kind == "DELETE":
		w.nss = slices.DeleteFunc(w.nss, func(id string) bool { return id == o.ns })
		l.gone[o.ns] = true
	case o.kind == "STOP HOST":
		w.host, w.hostID = a.Location[strings.LastIndex(a.Location, "/")+1:], strings.Split(o.path, "/")[2]
	case a.Status == http.StatusAccepted:
		w.op = a.Location[strings.LastIndex(a.Location, "/")+1:]
		if was, there := l.ops[w.op]; there {
			return fmt.Errorf("%s of %s: operation %s of %s again", o.kind, o.ns, w.op, was)
		}
		l.ops[w.op] = o.ns
	}
	return nil
}

// follow waits until the operation has ended, and says how one goes on that
// failed.
func (w *lcmWorker) follow(ctx context.Context, api *httpapi.Client) error {
	var op sol005.NsLcmOpOcc
	_, err := api.Do(ctx, http.MethodGet, "/ns_lcm_op_occs/"+w.op, nil, &op)
	if hub.CodeOf(err) == hub.NotFound {
		return errors.New("operation " + w.op + " was accepted and is not there")
	}
	if err != nil {
		return err
	}
	switch op.OperationState {
	case sol005.NsLcmOperationStateProcessing, sol005.NsLcmOperationStateRollingBack:
		<-time.After(5 * time.Millisecond)
		return nil
	case sol005.NsLcmOperationStateFailedTemp:
		task := []string{"retry", "rollback", "continue", "fail", "fail"}[w.rnd.IntN(5)]
		w.ledger.mu.Lock()
		w.ledger.steered[w.op] = true
		w.ledger.kinds["steer: "+task]++
		w.ledger.mu.Unlock()
		if op.Error != nil {
			w.t.Logf("%s: %s %s failed: %s; %s", w.name, op.LcmOperationType, w.op, op.Error.Detail, task)
		}
		_, err := api.Do(ctx, http.MethodPost, "/ns_lcm_op_occs/"+w.op+"/"+task, nil, nil)
		if hub.CodeOf(err) == hub.Conflict {
			return nil // it cannot be taken back: another way
		}
		return err
	}
	w.op = ""
	return nil
}

// ownOf is a client of the hub's own API beside that of NSs.
func ownOf(api *httpapi.Client) *httpapi.Client {
	own := *api
	own.Base, own.Version = strings.Replace(api.Base, "/nslcm/v2", "/manoward/v1", 1), "1.0.0"
	return &own
}

// followHost waits until a host is out of use, and takes it back.
func (w *lcmWorker) followHost(ctx context.Context, api *httpapi.Client) error {
	var order struct{ State string }
	if _, err := ownOf(api).Do(ctx, http.MethodGet, "/host_orders/"+w.host, nil, &order); err != nil {
		return err
	}
	if order.State == "PROCESSING" {
		<-time.After(5 * time.Millisecond)
		return nil
	}
	if _, err := ownOf(api).Do(ctx, http.MethodPost, "/hosts/"+w.hostID+"/release", nil, nil); err != nil {
		return err
	}
	w.ledger.mu.Lock()
	w.ledger.kinds["host order "+order.State]++
	w.ledger.mu.Unlock()
	w.host = ""
	return nil
}

// choose makes up the next order from what the NS is now.
func (w *lcmWorker) choose(ctx context.Context, api *httpapi.Client) error {
	w.number++
	o := &lcmOrder{method: http.MethodPost, key: fmt.Sprintf("%s-%d", w.name, w.number)}
	if len(w.nss) == 0 || (len(w.nss) < 2 && w.rnd.IntN(4) == 0) {
		o.kind, o.path = "CREATE", "/ns_instances"
		o.body = sol005.CreateNsRequest{NsdID: w.kit.NSDID(), NsName: o.key, NsDescription: "of a test"}
		w.order = o
		return nil
	}
	if w.rnd.IntN(15) == 0 {
		host := []string{"host-2", "host-3", "host-4", "host-6", "host-7", "host-8"}[w.rnd.IntN(6)]
		o.kind, o.path, o.own = "STOP HOST", "/hosts/"+host+"/stop_use", true
		o.body = map[string]any{"vnfs": []string{"MIGRATE", "TERMINATE"}[w.rnd.IntN(2)], "quarantine": w.rnd.IntN(3) == 0, "reason": "a test"}
		w.order = o
		return nil
	}
	o.ns = w.nss[w.rnd.IntN(len(w.nss))]
	var ns sol005.NsInstance
	if _, err := api.Do(ctx, http.MethodGet, "/ns_instances/"+o.ns, nil, &ns); err != nil {
		return err
	}
	o.path = "/ns_instances/" + o.ns + "/"
	switch {
	case ns.NsState == "INSTANTIATED":
		w.change(o, &ns)
	case len(ns.VnfInstance) > 0: // a failed instantiation left them
		o.kind, o.path, o.body = "TERMINATE", o.path+"terminate", sol005.TerminateNsRequest{}
	case w.rnd.IntN(8) == 0:
		o.kind, o.method, o.path = "DELETE", http.MethodDelete, "/ns_instances/"+o.ns
	default:
		level := []string{"low", "high"}[w.rnd.IntN(2)]
		o.kind, o.path, o.body = "INSTANTIATE", o.path+"instantiate", sol005.InstantiateNsRequest{NsFlavourID: "simple", NsInstantiationLevelID: level}
	}
	w.order = o
	return nil
}

// change makes up what becomes of an instantiated NS.
func (w *lcmWorker) change(o *lcmOrder, ns *sol005.NsInstance) {
	scale := func(direction string) any {
		return sol005.ScaleNsRequest{ScaleType: "SCALE_NS", ScaleNsData: &sol005.ScaleNsData{ScaleNsByStepsData: &sol005.ScaleNsByStepsData{ScalingDirection: direction, AspectID: "users"}}}
	}
	switch w.rnd.IntN(18) {
	case 0, 1, 2:
		o.kind, o.path, o.body = "SCALE_OUT", o.path+"scale", scale("SCALE_OUT")
		return
	case 3:
		o.kind, o.path, o.body = "SCALE_IN", o.path+"scale", scale("SCALE_IN")
		return
	case 4:
		o.kind, o.path, o.body = "TERMINATE", o.path+"terminate", sol005.TerminateNsRequest{}
		return
	case 5:
		o.kind, o.method, o.path, o.own = "LIFT BAR", http.MethodDelete, o.path+"replacement_bars/web", true
		if w.rnd.IntN(2) == 0 {
			o.kind, o.method, o.path, o.own = "HEAL", http.MethodPost, "/ns_instances/"+o.ns+"/heal", false
			o.body = sol005.HealNsRequest{HealNsData: &sol005.HealNsData{DegreeHealing: "HEAL_RESET"}}
		}
		return
	}
	if len(ns.VnfInstance) == 0 {
		w.addVnf(o, "web")
		return
	}
	w.update(o, ns, &ns.VnfInstance[w.rnd.IntN(len(ns.VnfInstance))])
}

func (w *lcmWorker) addVnf(o *lcmOrder, profile string) {
	o.path += "update"
	o.kind = "INSTANTIATE_VNF " + profile
	o.body = sol005.UpdateNsRequest{UpdateType: sol005.UpdateInstantiateVnf, InstantiateVnfData: []sol005.InstantiateVnfData{{VnfProfileID: profile}}}
}

// update makes up an update of one VNF, or a PNF.
func (w *lcmWorker) update(o *lcmOrder, ns *sol005.NsInstance, vnf *sol005.VnfInstance) {
	base := o.path
	o.path += "update"
	in := sol005.UpdateNsRequest{}
	switch w.rnd.IntN(10) {
	case 0, 1:
		in.UpdateType = sol005.UpdateOperateVnf
		to := []sol005.OperationalStates{sol005.OperationalStatesStarted, sol005.OperationalStatesStopped}[w.rnd.IntN(2)]
		in.OperateVnfData = []sol005.OperateVnfData{{VnfInstanceID: vnf.ID, ChangeStateTo: to}}
	case 2:
		in.UpdateType = sol005.UpdateModifyVnfInformation
		in.ModifyVnfInfoData = []sol005.ModifyVnfInfoData{{VnfInstanceID: vnf.ID, VnfInstanceDescription: o.key}}
	case 3:
		if len(ns.PnfInfo) > 0 {
			in.UpdateType, in.RemovePnfID = sol005.UpdateRemovePnf, []string{ns.PnfInfo[0].PnfID}
		} else {
			in.UpdateType = sol005.UpdateAddPnf
			in.AddPnfData = []sol005.AddPnfData{{PnfID: o.key, PnfName: "box", PnfdID: w.kit.PNFD(), PnfProfileID: "box"}}
		}
	case 4:
		in.UpdateType, in.CreateSnapshotData = sol005.UpdateCreateVnfSnapshot, &sol005.CreateVnfSnapshotData{VnfInstanceID: vnf.ID}
	case 5:
		in.UpdateType, in.RemoveVnfInstanceID = sol005.UpdateRemoveVnf, []string{vnf.ID}
	case 6:
		in.UpdateType, in.RemoveVnfInstanceID = sol005.UpdateRemoveVnf, []string{vnf.ID}
		extra := sol005.KeyValuePairs{}
		for _, name := range []string{"snapshotFirst", "erase", "coHosted"} {
			extra["manoward."+name] = w.rnd.IntN(2) == 0
		}
		extra["manoward.replace"] = w.rnd.IntN(3) > 0
		in.TerminateVnfData = []sol005.TerminateVnfData{{VnfInstanceID: vnf.ID, AdditionalParams: extra}}
	case 7:
		o.path = base
		w.addVnf(o, []string{"web", "guard"}[w.rnd.IntN(2)])
		return
	case 8:
		o.kind, o.path = "HEAL VNF", base+"heal"
		o.body = sol005.HealNsRequest{HealVnfData: []sol005.HealVnfData{{VnfInstanceID: vnf.ID, Cause: "a test"}}}
		return
	default:
		o.kind, o.path = "SCALE VNF", base+"scale"
		direction := []string{"SCALE_OUT", "SCALE_IN"}[w.rnd.IntN(2)]
		o.body = sol005.ScaleNsRequest{ScaleType: "SCALE_VNF", ScaleVnfData: []sol005.ScaleVnfData{{VnfInstanceID: vnf.ID, ScaleVnfType: direction, ScaleByStepData: &sol005.ScaleByStepData{AspectID: "out"}}}}
		return
	}
	o.kind, o.body = in.UpdateType, in
	if in.TerminateVnfData != nil {
		o.kind += " with extensions"
	}
}
