package scor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/state"
	"github.com/manoward/manoward/internal/testkit/memstate"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestAttempt(t *testing.T) {
	for _, tt := range []struct {
		name, kind, data string
		told             bool
		operation        string
	}{
		{"a change", "access.refused", `{"operation":"ns.update:REMOVE_VNF","target":"ns/1","reason":"mode","count":3}`, true, "ns.update:REMOVE_VNF"},
		{"an instantiation", "access.refused", `{"operation":"ns.instantiate","target":"ns/1","reason":"no rule","count":1}`, true, "ns.instantiate"},
		{"a host", "access.refused", `{"operation":"host.stop-use","target":"host/1","reason":"mode","count":1}`, true, "host.stop-use"},
		{"of its own on another domain", "access.refused", `{"operation":"ns.scale","target":"ns/1","targetDomain":"south","reason":"x","count":1}`, false, ""},
		{"on this domain", "access.refused", `{"operation":"ns.scale","target":"ns/1","targetDomain":"north","reason":"x","count":1}`, true, "ns.scale"},
		{"a query", "access.refused", `{"operation":"ns.query","target":"ns/1","reason":"other domain","count":1}`, false, ""},
		{"a subscription", "access.refused", `{"operation":"subscription.create","target":"","reason":"mode","count":1}`, false, ""},
		{"a handshake", "access.refused", `{"reason":"no-credential","count":1}`, false, ""},
		{"a package", "package.refused", `{"reason":"Files/image.bin: wrong hash"}`, true, "package.upload"},
		{"a grant", "grant.refused", `{"reason":"barred"}`, true, "grant.request"},
		{"a grant for an operation", "grant.refused", `{"reason":"barred","operation":"HEAL"}`, true, "grant.request:HEAL"},
		{"something else", "security-manager.registered", `{}`, false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, told, err := attempt("north", hub.Record{ID: "r", Kind: tt.kind, Time: noon, Actor: "a", Subject: "s", Data: json.RawMessage(tt.data)})
			if err != nil || told != tt.told {
				t.Fatalf("attempt = %v, %v; want %v", told, err, tt.told)
			}
			if told && (got.Operation != tt.operation || got.RecordID != "r" || got.Actor != "a" || got.Count < 1 || got.Target == "") {
				t.Errorf("attempt = %+v", got)
			}
		})
	}
	if _, _, err := attempt("north", hub.Record{ID: "r", Kind: "access.refused", Data: json.RawMessage(`[`)}); err == nil {
		t.Error("a record that cannot be read was read")
	}
}

// Only Security Managers of the domain are told, and only those that did not
// filter it out.
func TestAttempt_Event(t *testing.T) {
	e := Attempt{RecordID: "r", Time: noon}.event("north")
	for _, tt := range []struct {
		owner, filter string
		told          bool
	}{
		{"spiffe://north/sm/alpha/sc-or.ns-lcm", ``, true},
		{"spiffe://north/sm/alpha/sc-or.ns-lcm", `{"notificationTypes":["manoward.UnauthorizedAttemptNotification"]}`, true},
		{"spiffe://north/sm/alpha/sc-or.ns-lcm", `{"nsInstanceSubscriptionFilter":{"nsInstanceIds":["x"]}}`, true},
		{"spiffe://north/sm/alpha/sc-or.ns-lcm", `{"notificationTypes":["NsChangeNotification"]}`, false},
		{"spiffe://north/sm/alpha/sc-or.ns-lcm", `[]`, false},
		{"spiffe://south/sm/beta/sc-or.ns-lcm", ``, false},
		{"spiffe://north/oss/portal", ``, false},
		{"nobody", ``, false},
	} {
		body, ok := e.Render(&notify.Subscription{ID: "s", Owner: tt.owner, Filter: json.RawMessage(tt.filter), Self: "https://x/s"}, "n")
		if ok != tt.told {
			t.Errorf("%s with filter %s: told is %v", tt.owner, tt.filter, ok)
			continue
		}
		if !ok {
			continue
		}
		if n := body.(AttemptNotification); n.ID != "n" || n.SubscriptionID != "s" || n.Links.Subscription.Href != "https://x/s" || n.NotificationType != AttemptNotificationType {
			t.Errorf("notification %+v", n)
		}
	}
}

// records is a record log in memory that ends instead of waiting.
type records []hub.Record

var errEnd = errors.New("the end")

func (l records) Follow(_ context.Context, after string, fn func(string, hub.Record) error) error {
	for i, r := range l {
		if position := fmt.Sprintf("%04d", i+1); position > after {
			if err := fn(position, r); err != nil {
				return err
			}
		}
	}
	return errEnd
}

type published struct {
	ids  []string
	fail bool
}

func (p *published) Publish(_ context.Context, e notify.Event) error {
	if p.fail {
		return errors.New("the disk is full")
	}
	p.ids = append(p.ids, e.ID)
	return nil
}

// What is watched again after it broke off goes on behind the last attempt that
// was published: none is left out, and none is told twice but for the one at
// which it broke off.
func TestAttempts_GoesOnWhereItWas(t *testing.T) {
	log := records{}
	for i := range 5 {
		log = append(log, hub.Record{ID: fmt.Sprint(i), Kind: "access.refused", Data: json.RawMessage(`{"operation":"ns.scale","count":1}`)})
	}
	log = append(log, hub.Record{ID: "broken", Kind: "access.refused", Data: json.RawMessage(`[`)})
	bus, out := &memstate.Bus{}, &published{}
	watch := func(l records) error {
		space := state.New(bus, "SCOR", slog.New(slog.NewTextHandler(io.Discard, nil)))
		a := &Attempts{Cursors: NewCursors(space), Publisher: out, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
		if err := space.Open(t.Context(), t.Context(), "north"); err != nil {
			t.Fatal(err)
		}
		return a.Watch(t.Context(), "north", l)
	}
	if err := watch(log[:2]); !errors.Is(err, errEnd) {
		t.Fatal(err)
	}
	out.fail = true
	if err := watch(log[:4]); err == nil || errors.Is(err, errEnd) {
		t.Fatalf("watching went on although nothing could be published: %v", err)
	}
	out.fail = false
	if err := watch(log); !errors.Is(err, errEnd) {
		t.Fatal(err)
	}
	if want := []string{"attempt/0", "attempt/1", "attempt/2", "attempt/3", "attempt/4"}; !slices.Equal(out.ids, want) {
		t.Errorf("published %v, want %v", out.ids, want)
	}
}
