package nfvo

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/state"
)

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

// seen reads an NS. One that is not recorded yet is not there for anybody.
func (s *Service) seen(ctx context.Context, id string) (state.Entry[ns], error) {
	e, err := s.nss.Get(ctx, id)
	if err == nil && e.Value.Creating != nil {
		err = hub.E(hub.NotFound, "find NS instance", "", nil)
	}
	return e, noNs(err)
}

// Instance returns an NS: hub.NotFound if there is none.
func (s *Service) Instance(ctx context.Context, id string) (*NsInstance, error) {
	e, err := s.seen(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.show(ctx, &e)
}

// Wanted is an attribute that must have one of some values, or be a time that is not
// before an instant, as a filter says it.
type Wanted struct {
	Path   string // as in the filter: "vnfInstance/vnfdId"
	Values []string
	Since  time.Time
}

// Instances yields the NSs after a given ID that visible allows. wanted narrows
// them down by the index, as far as the index knows the attributes; the caller
// still applies its filter.
func (s *Service) Instances(ctx context.Context, visible func(domain string) bool, after string, wanted ...Wanted) iter.Seq2[*NsInstance, error] {
	return s.instances(ctx, visible, after, wanted, s.show)
}

// Outlines is [Service.Instances] without what comes of the VNFs, and so without
// reading them: vnfInstance and the link ports of VNFs are missing.
func (s *Service) Outlines(ctx context.Context, visible func(domain string) bool, after string, wanted ...Wanted) iter.Seq2[*NsInstance, error] {
	return s.instances(ctx, visible, after, wanted, func(_ context.Context, e *state.Entry[ns]) (*NsInstance, error) { return outline(e), nil })
}

func (s *Service) instances(ctx context.Context, visible func(domain string) bool, after string, wanted []Wanted, show func(context.Context, *state.Entry[ns]) (*NsInstance, error)) iter.Seq2[*NsInstance, error] {
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
			if e.Value.Creating != nil {
				continue
			}
			shown, err := show(ctx, &e)
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

// flavour returns the descriptor of an NS and one of its flavours.
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
