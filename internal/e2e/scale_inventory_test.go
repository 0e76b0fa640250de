package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/manoward/manoward/connectors/natsbus"
	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/testkit/nskit"
	"github.com/manoward/manoward/internal/vault"
	"github.com/manoward/manoward/mano-core/vnfm"
)

// scaleHub is a hub with many NSs of five VNFs and twenty subscriptions.
type scaleHub struct {
	*nsHub
	api  *httpapi.Client
	ns   []string // NSs
	vnf  []string // a VNF of each
	told atomic.Int64
}

const (
	scaleVnfs          = 5
	scaleSubscriptions = 20
)

// newScaleHub instantiates one NS for real and then multiplies what is stored of
// it, with the hub stopped: the copies are of the stored types because they are
// what the hub stored, under other identifiers.
func newScaleHub(t testing.TB, count int) *scaleHub {
	t.Helper()
	h := &scaleHub{nsHub: &nsHub{hubProcess: startHub(t, "--set", "notifications.allowLoopbackHttp=true"), kits: map[string]*nskit.Kit{}}}
	inventory := h.home + "/inventory.yaml"
	writeFile(t, inventory, nskit.Inventory(2), 0o600)
	h.do("vim", "load", inventory)
	h.do("trust-domain", "create", "north")
	h.onboard("north", nskit.New(t, "north"))
	first := h.instantiate("north", "edge")
	vnf := h.showNs(first).VnfInstance[0].ID
	h.stop()
	h.multiply(first, vnf, count)
	h.start()
	h.t.Logf("%d NSs with %d VNFs: ready after %s, %d MB resident", count, count*scaleVnfs, h.took.Round(time.Millisecond), h.rss()>>20)
	h.api = h.nslcm()
	for range scaleSubscriptions {
		h.subscribe()
	}
	return h
}

// multiply writes the copies into the tables of the trust domain.
func (h *scaleHub) multiply(first, vnf string, count int) {
	h.t.Helper()
	ctx := context.Background()
	keys, err := vault.Open(h.file("unlock.key"))
	if err != nil {
		h.t.Fatal(err)
	}
	bus, err := natsbus.Open(ctx, natsbus.Config{Name: "manoward", Dir: h.file("bus"), Vault: keys, Now: time.Now})
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() {
		if err := bus.Close(ctx); err != nil {
			h.t.Error(err)
		}
	}()
	account, err := bus.Domain(ctx, "north")
	if err != nil {
		h.t.Fatal(err)
	}
	write := h.writers(ctx)
	for name, kinds := range map[string][]string{"NFVO": {"ns/", "op/", "vnf/"}, vnfm.Table: {"vnf/"}} {
		table, err := account.Table(ctx, name)
		if err != nil {
			h.t.Fatal(err)
		}
		for _, prefix := range kinds {
			stored, err := table.List(ctx, prefix)
			if err != nil || len(stored) == 0 {
				h.t.Fatalf("%s %s: %d stored, %v", name, prefix, len(stored), err)
			}
			for _, kv := range stored {
				for n := range count {
					for _, c := range copies(kv, first, vnf, n) {
						write(table, c)
					}
				}
			}
		}
	}
	write(nil, natsbus.KeyValue{})
	for n := range count {
		h.ns = append(h.ns, hub.DeriveID(first, fmt.Sprint(n)))
		h.vnf = append(h.vnf, hub.DeriveID(vnf, fmt.Sprint(n), "0"))
	}
}

// copies are what copy n of the NS has in place of a stored value: a VNF becomes
// five, and the NS has five members.
func copies(kv natsbus.KeyValue, ns, vnf string, n int) []natsbus.KeyValue {
	one := func(kv natsbus.KeyValue, i int) natsbus.KeyValue {
		kind, id, _ := strings.Cut(kv.Key, "/")
		words := []string{ns, hub.DeriveID(ns, fmt.Sprint(n)), vnf, hub.DeriveID(vnf, fmt.Sprint(n), fmt.Sprint(i)), `"name":"edge"`, fmt.Sprintf(`"name":"n%d"`, n)}
		if kind == "op" {
			words = append(words, id, hub.DeriveID(id, fmt.Sprint(n)))
		}
		r := strings.NewReplacer(words...)
		return natsbus.KeyValue{Key: r.Replace(kv.Key), Value: []byte(r.Replace(string(kv.Value)))}
	}
	switch kind, _, _ := strings.Cut(kv.Key, "/"); kind {
	case "vnf":
		var all []natsbus.KeyValue
		for i := range scaleVnfs {
			all = append(all, one(kv, i))
		}
		return all
	case "ns":
		begin := bytes.Index(kv.Value, []byte(`"members":[`)) + len(`"members":[`)
		end := begin + bytes.IndexByte(kv.Value[begin:], ']')
		member := string(kv.Value[begin:end])
		var members []string
		for i := range scaleVnfs {
			members = append(members, strings.ReplaceAll(member, vnf, hub.DeriveID(vnf, fmt.Sprint(n), fmt.Sprint(i))))
		}
		kv.Value = bytes.Join([][]byte{kv.Value[:begin], []byte(strings.Join(members, ",")), kv.Value[end:]}, nil)
	}
	return []natsbus.KeyValue{one(kv, 0)}
}

// writers writes what it is given, many at a time; a nil table ends it.
func (h *scaleHub) writers(ctx context.Context) func(*natsbus.Table, natsbus.KeyValue) {
	type job struct {
		table *natsbus.Table
		kv    natsbus.KeyValue
	}
	jobs := make(chan job, 256)
	var work sync.WaitGroup
	for range 128 {
		work.Go(func() {
			for j := range jobs {
				if _, err := j.table.Create(ctx, j.kv.Key, j.kv.Value); err != nil {
					h.t.Error(err)
				}
			}
		})
	}
	return func(table *natsbus.Table, kv natsbus.KeyValue) {
		if table != nil {
			jobs <- job{table, kv}
			return
		}
		close(jobs)
		work.Wait()
	}
}

// subscribe makes a subscription to all NS life-cycle notifications; those of the
// end of an operation are counted.
func (h *scaleHub) subscribe() {
	h.t.Helper()
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if bytes.Contains(body, []byte(`"operationState":"COMPLETED"`)) {
			h.told.Add(1)
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	h.t.Cleanup(endpoint.Close)
	in := map[string]any{"callbackUri": endpoint.URL, "verbosity": "FULL"}
	if _, err := h.api.Do(h.t.Context(), http.MethodPost, "/subscriptions", in, nil); err != nil {
		h.t.Fatal(err)
	}
}
