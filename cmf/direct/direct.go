// Package direct follows the life cycle of VNFs at the VNFM, over
// Cm-Vnfm.VnfLcmMgmt (IFA 033 clause 11.3): it subscribes there, and when an
// operation has ended it asks which VNFC instances the VNF has.
//
// One that came and that nobody registered in delegation mode is prepared for
// direct mode; for one that is gone, certificates are revoked, in whatever mode.
// A notification is a hint and no more: it is written down before it is answered,
// and what holds is what the VNFM answers when it is asked. All VNFs are compared
// at the start and from time to time, so that a lost notification costs that time
// at most.
package direct

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/manoward/manoward/cmf"
	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/state"
)

// DefaultSweep is how often all VNFs are compared when Config says nothing else.
const DefaultSweep = 15 * time.Minute

// retryPause is after how long what failed is tried again.
const retryPause = 10 * time.Second

// metaTrustDomain is where our VNFM says which trust domain a VNF instance is of
// (docs/extensions/).
const metaTrustDomain = "manoward.trustDomain"

// Config is what a [Follower] needs. All but Sweep, Wait and TrustDomain are needed.
type Config struct {
	Store *cmf.Store
	VNFM  *httpapi.Client // vnflcm/v2
	// Manager is the identity of that VNFM: registrations of others are not touched.
	Manager string
	// TrustDomain is that of all VNFs of a VNFM that does not say it of each.
	TrustDomain string
	Callback    string // URI of the resource that takes the VNFM's notifications
	Direct      bool   // VNFC instances that nobody registers are prepared for direct mode
	// Prepare registers a VNFC instance; the same again has no second effect.
	Prepare func(ctx context.Context, domain string, in certmgmt.RegisterRequest) error
	// End ends a registration and revokes what was signed for it; again has no
	// second effect.
	End   func(ctx context.Context, domain, registrationID string) error
	Sweep time.Duration
	Wait  func(ctx context.Context, d time.Duration) error // blocks for d; nil means on the clock
	Now   func() time.Time
	Log   *slog.Logger
}

// Follower follows a VNFM. It is safe for concurrent use.
type Follower struct {
	Config
	hints *state.Kind[hint]
	wake  chan struct{}
}

// hint is a VNF instance that is to be looked at.
type hint struct {
	VNF   string    `json:"vnf"`
	Since time.Time `json:"since"`
}

// New makes a follower; it adds what it stores to the space of the CMF, which is
// not open yet.
func New(c Config) *Follower {
	if c.Sweep == 0 {
		c.Sweep = DefaultSweep
	}
	if c.Wait == nil {
		c.Wait = wait
	}
	return &Follower{Config: c, hints: state.NewKind[hint](c.Store.Space, "vnf-hint", nil), wake: make(chan struct{}, 1)}
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Notified takes a notification of the VNFM. When it returns nil the hint is
// durable. Notifications of operations that have not ended say nothing.
func (f *Follower) Notified(ctx context.Context, n sol003.VnfLcmOperationOccurrenceNotification) error {
	const op = "take notification"
	switch {
	case n.VnfInstanceID == "" || len(n.VnfInstanceID) > maxID:
		return hub.E(hub.Invalid, op, "the notification names no VNF instance; send vnfInstanceId", nil)
	case n.NotificationStatus == "START":
		return nil
	}
	return f.look(ctx, n.VnfInstanceID)
}

// hubDomain is where hints are: a notification does not say of which trust domain
// its VNF is.
const hubDomain = "hub"

// maxID bounds identifiers that come from outside.
const maxID = 255

// look writes down that a VNF is to be looked at, and sees to it that somebody does.
func (f *Follower) look(ctx context.Context, vnf string) error {
	id := hub.DeriveID("vnf-hint", vnf)
	// A hint that is there may be under way: it is replaced, so that what is under
	// way does not end it.
	for {
		_, err := f.hints.Create(ctx, hubDomain, id, &hint{vnf, f.Now().UTC()})
		if hub.CodeOf(err) == hub.Conflict {
			_, err = f.hints.Update(ctx, id, func(h *hint) error { h.Since = f.Now().UTC(); return nil })
			if hub.CodeOf(err) == hub.NotFound {
				continue // it has just been done
			}
		}
		if err != nil {
			return fmt.Errorf("write down VNF instance %.80q: %w", vnf, err)
		}
		select {
		case f.wake <- struct{}{}:
		default:
		}
		return nil
	}
}

// Run subscribes, compares all VNFs and follows the hints until ctx ends.
func (f *Follower) Run(ctx context.Context) error {
	var next time.Time // of the comparison of everything
	for {
		pause := f.Sweep
		if !f.Now().Before(next) {
			err := f.Compare(ctx)
			if err == nil {
				next = f.Now().Add(f.Sweep)
			} else if ctx.Err() == nil {
				f.Log.Warn("the VNFs of the VNFM are not compared with the registrations; trying again", "err", err)
				pause = retryPause
			}
		}
		if err := f.Follow(ctx); err != nil && ctx.Err() == nil {
			f.Log.Warn("a VNF is not looked at; trying again", "err", err)
			pause = retryPause
		}
		if err := f.rest(ctx, pause); err != nil {
			return err
		}
	}
}

// rest waits for a time, or less when there is a hint.
func (f *Follower) rest(ctx context.Context, d time.Duration) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- f.Wait(ctx, d) }()
	select {
	case err := <-done:
		return err
	case <-f.wake:
		cancel()
		<-done
		return nil
	}
}

// Compare subscribes at the VNFM unless that is done, and compares all its VNFs
// with all registrations.
func (f *Follower) Compare(ctx context.Context) error {
	if err := f.subscribe(ctx); err != nil {
		return fmt.Errorf("subscribe at the VNFM: %w", err)
	}
	there := map[string]bool{}
	// A list leaves out what VNFs are made of unless it is asked for (SOL 003 clause 5.4.2.3.2).
	for v, err := range httpapi.All[sol003.VnfInstance](ctx, f.VNFM, "/vnf_instances", url.Values{"all_fields": {""}}) {
		if err != nil {
			return fmt.Errorf("list VNF instances: %w", err)
		}
		there[v.ID] = true
		registered, err := f.registered(ctx, v.ID)
		if err != nil {
			return err
		}
		if gone, unknown := missing(&v, registered); len(gone) > 0 || f.Direct && len(unknown) > 0 {
			if err := f.lookAt(ctx, v.ID); err != nil {
				return err
			}
		}
	}
	for e, err := range f.Store.Registrations.List(ctx, func(string) bool { return true }, "") {
		if err != nil {
			return fmt.Errorf("list registrations: %w", err)
		}
		vnf := e.Value.VnfInstanceID
		if vnf == "" || e.Value.Ended || e.Value.Manager != f.Manager || there[vnf] {
			continue
		}
		there[vnf] = true
		if err := f.lookAt(ctx, vnf); err != nil { // it may have come after the list was read
			return err
		}
	}
	return nil
}

// subscribe asks the VNFM for the ends of operations unless it has been asked
// already, by this process or one before it. A subscription of an earlier version, for
// all that operations do, ends.
func (f *Follower) subscribe(ctx context.Context) error {
	subscribed, early := false, []string{}
	for x, err := range httpapi.All[sol003.LccnSubscription](ctx, f.VNFM, "/subscriptions", nil) {
		switch {
		case err != nil:
			return err
		case x.CallbackURI != f.Callback:
		case x.Filter != nil && len(x.Filter.OperationStates) == 0:
			early = append(early, x.ID)
		default:
			subscribed = true
		}
	}
	if !subscribed {
		in := sol003.LccnSubscriptionRequest{CallbackURI: f.Callback, Filter: &sol003.LifecycleChangeNotificationsFilter{
			NotificationTypes: []string{"VnfLcmOperationOccurrenceNotification"},
			OperationStates:   []sol003.LcmOperationStateType{sol003.LcmOperationStateCompleted, sol003.LcmOperationStateFailed, sol003.LcmOperationStateRolledBack},
		}}
		if _, err := f.VNFM.Do(ctx, http.MethodPost, "/subscriptions", in, nil); err != nil {
			return err
		}
	}
	for _, id := range early {
		if _, err := f.VNFM.Do(ctx, http.MethodDelete, "/subscriptions/"+url.PathEscape(id), nil, nil); err != nil && hub.CodeOf(err) != hub.NotFound {
			return err
		}
	}
	return nil
}

// Follow looks at the VNFs of all hints. A hint ends when its VNF was looked at
// and no newer notification has come meanwhile.
func (f *Follower) Follow(ctx context.Context) error {
	var failed []error
	for _, id := range slices.Collect(f.hints.IDs("")) {
		e, err := f.hints.Get(ctx, id)
		if err == nil {
			if err = f.lookAt(ctx, e.Value.VNF); err == nil {
				err = f.done(ctx, e)
			}
		}
		if err != nil && hub.CodeOf(err) != hub.NotFound {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// done ends a hint that is still what was followed.
func (f *Follower) done(ctx context.Context, e state.Entry[hint]) error {
	err := f.hints.Delete(ctx, e.ID, func(h *hint) error {
		if !h.Since.Equal(e.Value.Since) {
			return errNewer
		}
		return nil
	})
	if errors.Is(err, errNewer) {
		return nil
	}
	return err
}

// errNewer keeps a hint that came again.
var errNewer = errors.New("a newer notification has come")

// lookAt asks the VNFM what a VNF has now and makes the registrations agree. One
// that an operation holds is left: the end of it will be notified.
//
// The order matters. Registrations are read first: what the VNFM registers while
// an operation brings it up is in the instance when that operation has ended, and
// whether one goes on is asked in between.
func (f *Follower) lookAt(ctx context.Context, vnf string) error {
	registered, err := f.registered(ctx, vnf)
	if err != nil {
		return err
	}
	if held, err := f.held(ctx, vnf); held || err != nil {
		return err
	}
	v := sol003.VnfInstance{}
	_, err = f.VNFM.Do(ctx, http.MethodGet, "/vnf_instances/"+url.PathEscape(vnf), nil, &v)
	switch {
	case hub.CodeOf(err) == hub.NotFound: // it is gone
	case err != nil:
		return fmt.Errorf("query VNF instance %.80q: %w", vnf, err)
	case v.ID != vnf:
		return hub.E(hub.Unavailable, "query VNF instance", fmt.Sprintf("the VNFM answered with VNF instance %.80q for %.80q; it is asked again, so see to the VNFM if this stays", v.ID, vnf), nil)
	}
	return f.settle(ctx, &v, registered)
}

// registered lists the registrations of a VNF that have not ended.
func (f *Follower) registered(ctx context.Context, vnf string) ([]state.Entry[cmf.Registration], error) {
	var list []state.Entry[cmf.Registration]
	for _, id := range f.Store.Registrations.Find(cmf.ByVnf(vnf)) {
		e, err := f.Store.Registrations.Get(ctx, id)
		if hub.CodeOf(err) == hub.NotFound {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read registration %s: %w", id, err)
		}
		if !e.Value.Ended && e.Value.Manager == f.Manager {
			list = append(list, e)
		}
	}
	return list, nil
}

// held says whether an operation of a VNF has not ended.
func (f *Follower) held(ctx context.Context, vnf string) (bool, error) {
	query := url.Values{"filter": {"(eq,vnfInstanceId,'" + strings.ReplaceAll(vnf, "'", "''") + "')"}}
	for o, err := range httpapi.All[sol003.VnfLcmOpOcc](ctx, f.VNFM, "/vnf_lcm_op_occs", query) {
		if err != nil {
			return false, fmt.Errorf("list operations of VNF instance %.80q: %w", vnf, err)
		}
		switch o.OperationState {
		case sol003.LcmOperationStateCompleted, sol003.LcmOperationStateFailed, sol003.LcmOperationStateRolledBack:
		default:
			if o.VnfInstanceID == vnf {
				return true, nil
			}
		}
	}
	return false, nil
}

// missing returns the registrations whose VNFC instances a VNF has none of any
// more, and its VNFC instances that nobody registered.
func missing(v *sol003.VnfInstance, registered []state.Entry[cmf.Registration]) (gone []state.Entry[cmf.Registration], unknown []string) {
	has := map[string]bool{} // by VNFC instance: nobody registered it
	if v.InstantiatedVnfInfo != nil {
		for _, c := range v.InstantiatedVnfInfo.VnfcResourceInfo {
			has[c.ID] = true
		}
	}
	for _, e := range registered {
		there := false
		for _, subject := range e.Value.SubjectID {
			if _, ok := has[subject]; ok {
				there, has[subject] = true, false
			}
		}
		if !there {
			gone = append(gone, e)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(has)) {
		if has[id] {
			unknown = append(unknown, id)
		}
	}
	return gone, unknown
}

// settle ends the registrations of what is gone and prepares what came.
func (f *Follower) settle(ctx context.Context, v *sol003.VnfInstance, registered []state.Entry[cmf.Registration]) error {
	gone, unknown := missing(v, registered)
	for _, e := range gone {
		if err := f.End(ctx, e.Domain, e.ID); err != nil {
			return fmt.Errorf("end registration %s: %w", e.ID, err)
		}
	}
	domain := f.domain(v)
	if !f.Direct || domain == "" {
		return nil
	}
	for _, id := range unknown {
		in := certmgmt.RegisterRequest{
			CertType: certmgmt.VNFCICert, SubjectID: []string{id}, TypeOfVnfcCertHandling: certmgmt.DirectMode, VnfInstanceID: v.ID, VnfdID: v.VnfdID,
		}
		if err := f.Prepare(ctx, domain, in); err != nil {
			return fmt.Errorf("prepare VNFC instance %.80q: %w", id, err)
		}
	}
	return nil
}

// domain is the trust domain of a VNF instance.
func (f *Follower) domain(v *sol003.VnfInstance) string {
	if domain, ok := v.Metadata[metaTrustDomain].(string); ok && domain != "" {
		return domain
	}
	return f.TrustDomain
}
