package nfvo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/state"
)

// maxText bounds names and descriptions that a client chooses, in bytes.
const maxText = 1024

// CreateNs makes the identifier of a new NS (SOL 005 clause 6.4.2.3.1). The NS
// belongs to the trust domain of its NSD; domain is what the caller may see,
// "hub" for all. The same key with the same request answers the same NS.
func (s *Service) CreateNs(ctx context.Context, caller hub.Identity, in sol005.CreateNsRequest, key string) (*NsInstance, error) {
	if err := checkCreate(&in); err != nil {
		return nil, err
	}
	nsd, err := s.FindNSD(ctx, caller.TrustDomain, in.NsdID)
	if err != nil {
		return nil, err
	}
	o := Order{Actor: caller, IdempotencyKey: key}
	id, err := o.operationID()
	if err != nil {
		return nil, err
	}
	id = hub.DeriveID("ns", id)
	body, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("encode the request: %w", err)
	}
	n := ns{Name: in.NsName, Description: in.NsDescription, NsdID: in.NsdID, NsdInfoID: nsd.InfoID, BodyHash: bodyHash("create", string(body)), State: notInstantiated}
	n.Events = []event{newEvent(typeIDCreated, id, &n, s.now())}
	e, err := s.storeNew(ctx, nsd, id, &n, caller)
	if err != nil {
		return nil, err
	}
	if err := s.flushNs(ctx, id); err != nil {
		return nil, err
	}
	return s.show(ctx, &e)
}

// storeNew stores a new NS, or finds the one that the same request made before.
// The NSD is looked at again afterwards: one that is ENABLED then is not deleted
// any more while the NS is there.
func (s *Service) storeNew(ctx context.Context, nsd NSD, id string, n *ns, caller hub.Identity) (state.Entry[ns], error) {
	if _, there := s.nss.Domain(id); !there && nsd.Disabled {
		return state.Entry[ns]{}, errNsdDisabled("create NS")
	}
	same := func(e state.Entry[ns], err error) (state.Entry[ns], error) {
		if err == nil && e.Value.BodyHash != n.BodyHash {
			err = errKeyReused()
		}
		return e, err
	}
	e, err := s.nss.Get(ctx, id)
	if hub.CodeOf(err) != hub.NotFound {
		return same(e, err) // a repetition
	}
	if err := s.record(ctx, nsd.Domain, nsRecord("ns.created", id, n, caller)); err != nil {
		return e, err
	}
	e, err = s.nss.Create(ctx, nsd.Domain, id, n)
	if hub.CodeOf(err) == hub.Conflict {
		return same(s.nss.Get(ctx, id))
	}
	if err != nil {
		return e, err
	}
	now, err := s.FindNSD(ctx, nsd.Domain, n.NsdID)
	if err == nil && (now.Disabled || now.InfoID != nsd.InfoID) {
		err = errNsdDisabled("create NS")
	}
	if err != nil {
		return e, errors.Join(err, ignoreGone(s.nss.Delete(ctx, id, nil)))
	}
	return e, nil
}

func errNsdDisabled(op string) error {
	return hub.E(hub.Conflict, op, "the NSD is DISABLED; enable it first", nil)
}

func nsRecord(kind, id string, n *ns, actor hub.Identity) hub.Record {
	data, _ := json.Marshal(map[string]string{"nsInstanceId": id, "nsdId": n.NsdID, "nsInstanceName": n.Name}) // strings
	return hub.Record{ID: hub.DeriveID(id, kind), Kind: kind, Actor: actor.String(), Subject: "ns/" + id, Data: data}
}

func checkCreate(in *sol005.CreateNsRequest) error {
	switch {
	case in.NsdID == "":
		return hub.E(hub.Invalid, "create NS", "the attribute nsdId is missing; name an on-boarded NSD", nil)
	case in.NsName == "":
		return hub.E(hub.Invalid, "create NS", "the attribute nsName is missing; give the NS a name", nil)
	case len(in.NsName) > maxText || len(in.NsDescription) > maxText || len(in.NsdID) > maxText:
		return hub.E(hub.Invalid, "create NS", fmt.Sprintf("nsdId, nsName and nsDescription hold at most %d bytes each; shorten them", maxText), nil)
	}
	return nil
}

// FindNSD returns an NSD that a trust domain may use. One that is not there and
// one of another domain answer the same hub.NotFound.
func (s *Service) FindNSD(ctx context.Context, domain, nsdID string) (NSD, error) {
	nsd, err := s.c.Descriptors.NSD(ctx, domain, nsdID)
	if hub.CodeOf(err) == hub.NotFound {
		return NSD{}, hub.E(hub.NotFound, "find NSD", "there is no on-boarded NSD with this nsdId; on-board it first, or list them with GET /nsd/v2/ns_descriptors", err)
	}
	return nsd, err
}

// NsDomain returns the trust domain of an NS.
func (s *Service) NsDomain(id string) (string, bool) { return s.nss.Domain(id) }

// VnfDomain returns the trust domain of a VNF instance.
func (s *Service) VnfDomain(id string) (string, bool) { return s.vnfs.Domain(id) }

// Instance returns an NS: hub.NotFound if there is none.
func (s *Service) Instance(ctx context.Context, id string) (*NsInstance, error) {
	e, err := s.nss.Get(ctx, id)
	if err != nil {
		return nil, noNs(err)
	}
	return s.show(ctx, &e)
}

// Wanted is an attribute that must have one of some values, as a filter says it.
type Wanted struct {
	Path   string // as in the filter: "vnfInstance/vnfdId"
	Values []string
}

// Instances yields the NSs after a given ID that visible allows. wanted narrows
// them down by the index, as far as the index knows the attributes; the caller
// still applies its filter.
func (s *Service) Instances(ctx context.Context, visible func(domain string) bool, after string, wanted ...Wanted) iter.Seq2[*NsInstance, error] {
	entries := s.nss.List(ctx, visible, after)
	if ids, ok := s.candidates(wanted); ok {
		entries = s.nss.Among(ctx, visible, idsAfter(ids, after))
	}
	return func(yield func(*NsInstance, error) bool) {
		for e, err := range entries {
			if err != nil {
				yield(nil, err)
				return
			}
			shown, err := s.show(ctx, &e)
			if !yield(shown, err) || err != nil {
				return
			}
		}
	}
}

// candidates are the NSs that can fulfil one of the wanted attributes: of those
// the index knows, the one with the fewest.
func (s *Service) candidates(wanted []Wanted) (ids []string, ok bool) {
	for _, w := range wanted {
		var found []string
		switch w.Path {
		case "id":
			found = w.Values
		case "nsInstanceName", "nsdId", "nsdInfoId", "vnfInstance/id", "vnfInstance/vnfdId", "vnfInstance/vnfPkgId":
			for _, v := range w.Values {
				found = append(found, s.nss.Find(w.Path+"="+v)...)
			}
		default:
			continue
		}
		if !ok || len(found) < len(ids) {
			ids, ok = found, true
		}
	}
	return ids, ok
}

// idsAfter sorts identifiers and keeps those after a given one, each once.
func idsAfter(ids []string, after string) []string {
	set := map[string]bool{}
	for _, id := range ids {
		if strings.Compare(id, after) > 0 {
			set[id] = true
		}
	}
	return sortedKeys(set)
}

// DeleteNs deletes the identifier of an NS that is not instantiated.
func (s *Service) DeleteNs(ctx context.Context, caller hub.Identity, id string) error {
	e, err := s.nss.Get(ctx, id)
	if err != nil {
		return noNs(err)
	}
	if e.Value.Running != "" {
		if err := s.release(ctx, e.Value.Running); err != nil {
			return err
		}
		if e, err = s.nss.Get(ctx, id); err != nil {
			return noNs(err)
		}
	}
	refuse := func(n *ns) error {
		if n.Running != "" {
			return errRunning(n.Running)
		}
		if n.State != notInstantiated {
			return hub.E(hub.Conflict, "delete NS", "the NS is instantiated; terminate it first", nil)
		}
		if n.leftOver() {
			return hub.E(hub.Conflict, "delete NS", "an instantiation that failed has left parts of the NS; terminate it first, which takes them away", nil)
		}
		return nil
	}
	if err := refuse(&e.Value); err != nil {
		return err
	}
	if err := s.record(ctx, e.Domain, nsRecord("ns.deleted", id, &e.Value, caller)); err != nil {
		return err
	}
	if err := s.flushNs(ctx, id); err != nil {
		return err
	}
	if err := s.flushOpsOf(ctx, id); err != nil {
		return err
	}
	if err := s.publish(ctx, e.Domain, []event{newEvent(typeIDDeleted, id, &e.Value, s.now())}); err != nil {
		return err
	}
	return noNs(s.nss.Delete(ctx, id, refuse))
}

// loadFlavour returns the descriptor of an NS and one of its flavours.
func (s *Service) flavour(ctx context.Context, e *state.Entry[ns], flavourID string) (NSD, *flavour, error) {
	nsd, err := s.FindNSD(ctx, e.Domain, e.Value.NsdID)
	if err != nil {
		return NSD{}, nil, err
	}
	if flavourID == "" { // who does not choose gets the NSD's default
		flavourID = nsd.Default
	}
	f := nsd.Flavours[flavourID]
	if f == nil {
		return NSD{}, nil, hub.E(hub.Unprocessable, "find NS flavour", fmt.Sprintf("the NSD has no flavour %q; it has: %s", clip(flavourID), strings.Join(sortedKeys(nsd.Flavours), ", ")), nil)
	}
	return nsd, f, nil
}

// clip keeps hostile input out of answers at full length.
func clip(s string) string {
	const most = 80
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
