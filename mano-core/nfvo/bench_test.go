package nfvo_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/internal/testkit/memstate"
	"github.com/manoward/manoward/mano-core/nfvo"
)

// inventory is an NFVO with NSs of 5 VNFs, loaded straight into its tables. Its
// VNFM answers each question at once, so that what is measured is the NFVO.
type inventory struct {
	svc   *nfvo.Service
	nss   []string
	vnfOf map[string]string
}

func newInventory(b *testing.B, size int) *inventory {
	b.Helper()
	bus := &memstate.Bus{}
	inv := &inventory{vnfOf: map[string]string{}}
	table, err := bus.Open(b.Context(), "north", "NFVO")
	if err != nil {
		b.Fatal(err)
	}
	put := func(key, value string) {
		if _, err := table.Create(b.Context(), key, []byte(value)); err != nil {
			b.Fatal(err)
		}
	}
	for i := range size {
		id := hub.DeriveID("bench", fmt.Sprint(i))
		inv.nss = append(inv.nss, id)
		var members []string
		for j := range 5 {
			v := hub.DeriveID(id, fmt.Sprint(j))
			inv.vnfOf[id] = v
			members = append(members, fmt.Sprintf(`{"vnfInstanceId":%q,"vnfProfileId":"web","vnfdId":"web","vnfPkgId":"pkg-north-web"}`, v))
			put("vnf/"+v, fmt.Sprintf(`{"vnfProfileId":"web","vnfPkgId":"pkg-north-web","use":%q,"nss":[%q],"info":{"id":%q,"vnfdId":"web","instantiationState":"INSTANTIATED","instantiatedVnfInfo":{"flavourId":"simple","vnfState":"STARTED","extCpInfo":[]}}}`, v, id, v))
		}
		put("ns/"+id, fmt.Sprintf(`{"name":"n%d","description":"","nsdId":"shop","nsdInfoId":"i","state":"INSTANTIATED","flavourId":"df","members":[%s]}`, i, strings.Join(members, ",")))
	}
	vnfm := httptest.NewServer(http.HandlerFunc(instantVnfm))
	b.Cleanup(vnfm.Close)
	cat := &catalogue{nsds: map[string]nfvo.NSD{"shop": descriptor("shop", "north")}, disabled: map[string]bool{}, altered: map[string]bool{}}
	out := &outbox{seen: map[string]string{}, told: map[string][]map[string]any{}, subs: []notify.Subscription{{ID: "north", TrustDomain: "north"}}}
	client := &httpapi.Client{Base: vnfm.URL, Retries: -1}
	inv.svc = nfvo.New(nfvo.Config{
		Tables: bus, Packages: cat, Descriptors: cat, Publisher: out, Records: &records{by: map[string]string{}}, VNFM: client, VIM: client,
		Log: slog.New(slog.DiscardHandler), Now: time.Now, Poll: time.Millisecond,
	})
	work, stop := context.WithCancel(context.Background())
	b.Cleanup(func() { stop(); inv.svc.Wait() })
	if err := inv.svc.Open(b.Context(), work, "north"); err != nil {
		b.Fatal(err)
	}
	return inv
}

// instantVnfm has finished every operation before anybody asks.
func instantVnfm(w http.ResponseWriter, r *http.Request) {
	id := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	switch {
	case r.Method == "POST":
		w.Header().Set("Location", "/vnf_lcm_op_occs/"+hub.NewID())
		w.WriteHeader(202)
	case strings.HasPrefix(r.URL.Path, "/vnf_lcm_op_occs/"):
		answer(w, 200, sol003.VnfLcmOpOcc{ID: id, OperationState: "COMPLETED", Operation: "OPERATE"})
	default:
		answer(w, 200, sol003.VnfInstance{ID: id, VnfdID: "web", InstantiationState: "INSTANTIATED"})
	}
}

func (inv *inventory) first(b *testing.B, wanted nfvo.Wanted) {
	found := 0
	for _, err := range inv.svc.Instances(b.Context(), func(string) bool { return true }, "", wanted) {
		if err != nil {
			b.Fatal(err)
		}
		found++
	}
	if found != 1 {
		b.Fatalf("%d found", found)
	}
}

func (inv *inventory) update(b *testing.B, i int) {
	id := inv.nss[i%len(inv.nss)]
	in := sol005.UpdateNsRequest{UpdateType: "OPERATE_VNF", OperateVnfData: []sol005.OperateVnfData{{VnfInstanceID: inv.vnfOf[id], ChangeStateTo: "STOPPED"}}}
	op, _, err := inv.svc.Update(b.Context(), nfvo.Order{Actor: hub.Identity{TrustDomain: "north", Kind: hub.KindOSS, Name: "bss"}, NsInstanceID: id}, in)
	if err != nil {
		b.Fatal(err)
	}
	for {
		o, err := inv.svc.OpOcc(b.Context(), op)
		if err != nil {
			b.Fatal(err)
		}
		if o.Closed {
			return
		}
		if o.OperationState == "FAILED_TEMP" {
			b.Fatal(o.Error)
		}
	}
}

// BenchmarkScale compares what the NFVO does with 100 and with 10,000 NSs of 5
// VNFs, and prints the ratios; a cost that does not grow has a ratio near 1.
func BenchmarkScale(b *testing.B) {
	small, large := newInventory(b, 100), newInventory(b, 10_000)
	cases := map[string]func(inv *inventory, i int){
		"query-by-id": func(inv *inventory, i int) {
			if _, err := inv.svc.Instance(b.Context(), inv.nss[i%len(inv.nss)]); err != nil {
				b.Fatal(err)
			}
		},
		"query-by-filter": func(inv *inventory, i int) {
			inv.first(b, nfvo.Wanted{Path: "vnfInstance/id", Values: []string{inv.vnfOf[inv.nss[i%len(inv.nss)]]}})
		},
		"update": func(inv *inventory, i int) { inv.update(b, i) },
	}
	for _, name := range []string{"query-by-id", "query-by-filter", "update"} {
		b.Run(name, func(b *testing.B) {
			var took [2]time.Duration
			for b.Loop() {
				for which, inv := range []*inventory{small, large} {
					rounds := make([]time.Duration, 0, 40)
					for i := range 40 {
						start := time.Now()
						cases[name](inv, i)
						rounds = append(rounds, time.Since(start))
					}
					slices.Sort(rounds)
					took[which] += rounds[len(rounds)/2]
				}
			}
			b.ReportMetric(float64(took[1])/float64(took[0]), name+"-x")
		})
	}
}
