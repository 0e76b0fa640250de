package e2e_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/smgr"
	"github.com/manoward/manoward/smgr/intake"
)

// hostile is a notification that must be refused.
type hostile struct {
	what    string
	i       hub.Interface
	cert    *tls.Certificate // nil: that of the producer
	nobody  bool             // shows none
	media   string           // empty: application/json
	body    io.Reader
	fields  []string
	status  int
	outcome string
}

// What is sent to the notification endpoints of a Security Manager and is not as
// it must be is refused with the status and a problem that say why, counted and
// recorded, and changes nothing; what is as it must be goes on meanwhile.
//
// Covers: Security.003, Security.006
func TestSm_Hostile(t *testing.T) {
	t.Parallel()
	d := newSMDouble(t, 1, []string{"north"})
	ns := d.createNs("north", "edge")
	lcm, vi := d.notifier("north", hub.ScOrNsLcm), d.notifier("north", hub.ScViTelem)
	eventually(t, "the Security Manager takes the test for its NFVO", patience, func() bool {
		got, err := lcm.send(t.Context(), lcm.operation("first", ns, "op-first", "PROCESSING", time.Now()))
		return err == nil && got.status == http.StatusNoContent
	})
	good := smGoOn(t, vi)
	slow := make(chan error, 2)
	go func() { slow <- smSlowHeader(t.Context(), lcm) }()
	go func() { slow <- smSlowBody(t.Context(), lcm) }()
	type seen struct {
		i       hub.Interface
		outcome string
	}
	want := map[seen]int{}
	for _, c := range d.hostiles(t, ns, lcm, vi) {
		n := map[hub.Interface]*smNotifier{hub.ScOrNsLcm: lcm, hub.ScViTelem: vi}[c.i]
		conf := smPlain(n.conf)
		if c.cert != nil || c.nobody {
			conf = smShowing(c.cert)
		}
		client := httpClient(t, conf, false)
		was := d.smOutcome("north", c.i, c.outcome)
		media := c.media
		if media == "" {
			media = "application/json"
		}
		got, err := smPost(t.Context(), client, n.url, media, c.body, c.fields...)
		client.CloseIdleConnections()
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		smMustProblem(t, c, got)
		if now := d.smOutcome("north", c.i, c.outcome); now != was+1 {
			t.Errorf("%s: %s was counted %d times, want once", c.what, c.outcome, now-was)
		}
		want[seen{c.i, c.outcome}]++
	}
	for range 2 {
		if err := <-slow; err != nil {
			t.Error(err)
		}
	}
	sent := good.end()
	refused := smRecords[intake.RefusedRecord](d.nsHub, intake.KindRefused)
	for w := range want {
		if !slices.ContainsFunc(refused, func(r intake.RefusedRecord) bool {
			return r.Interface == w.i && r.Reason == w.outcome && r.Detail != "" && r.Count > 0
		}) {
			t.Errorf("no record says that %s was refused on %s", w.outcome, w.i)
		}
	}
	known := map[string]bool{lcm.eventID(d.sms["north"], "first"): true}
	for _, id := range sent {
		known[vi.eventID(d.sms["north"], id)] = true
	}
	d.hostileEffect(t, known)
}

// hostileEffect wants one decision on each event that is known, and on operations
// and hosts none else.
func (d *smDouble) hostileEffect(t *testing.T, known map[string]bool) {
	t.Helper()
	var now map[string]int
	eventually(t, "what was taken is decided", patience, func() bool {
		now = d.smDecisions("north", nil)
		for id := range known {
			if now[id] == 0 {
				return false
			}
		}
		return true
	})
	for _, dec := range smList[smgr.Decision](d.nsHub, "north", "decisions", nil) {
		if (dec.Kind == hub.EventNsOperation || dec.Kind == hub.EventHostChange) && !known[dec.EventID] {
			t.Errorf("a decision on what nobody told: %+v", dec)
		}
		if n := now[dec.EventID]; n > 1 {
			t.Errorf("event %s was decided %d times", dec.EventID, n)
		}
	}
	if orders := smList[smgr.Order](d.nsHub, "north", "orders", nil); len(orders) > 0 {
		t.Errorf("orders of nothing: %+v", orders)
	}
}

// smMustProblem wants a refusal as SOL 013 clause 6.3 shapes it, which says no
// more than the sender may know.
func smMustProblem(t *testing.T, c hostile, got smSent) {
	t.Helper()
	var p struct {
		Status        int
		Title, Detail string
	}
	err := json.Unmarshal([]byte(got.body), &p)
	if got.status != c.status || err != nil || p.Status != c.status || p.Detail == "" || !strings.HasPrefix(got.header.Get("Content-Type"), "application/problem+json") {
		t.Errorf("%s: %d %s %.300s; want a problem with %d", c.what, got.status, got.header.Get("Content-Type"), got.body, c.status)
	}
	for _, leak := range []string{"goroutine", ".go:", "panic", "/tmp/"} {
		if strings.Contains(got.body, leak) {
			t.Errorf("%s: %q is nothing for a sender: %.300s", c.what, leak, got.body)
		}
	}
}

// hostiles lists what must be refused.
func (d *smDouble) hostiles(t *testing.T, ns string, lcm, vi *smNotifier) []hostile {
	now, sm := time.Now(), d.sms["north"]
	op := func(id string, at time.Time) string { return lcm.operation(id, ns, "op-"+id, "PROCESSING", at) }
	edit := func(id, old, with string) io.Reader {
		body := op(id, now)
		if !strings.Contains(body, old) {
			t.Fatalf("%q is not in %s", old, body)
		}
		return strings.NewReader(strings.Replace(body, old, with, 1))
	}
	other := newSMAuthority(t)
	foreign, crossed := other.endpoint(sm.at[hub.ScOrNsLcm].ServerName), d.authority.endpoint(sm.at[hub.ScViTelem].ServerName)
	own := sm.at[hub.ScOrNsLcm].Cert
	alone := d.authority.issue(&x509.Certificate{SerialNumber: big.NewInt(3), Subject: pkix.Name{CommonName: "nobody"}, DNSNames: []string{"else.where"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte(op("packed", now))); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	text := strings.NewReader
	ten := op("ten", now)
	ten = ten[:len(ten)-1] + `,"more":"` + strings.Repeat("x", 10<<20) + `"}`
	list := []hostile{
		{what: "no JSON", body: text("{"), status: 400, outcome: intake.OutcomeMalformed},
		{what: "nothing", body: text(""), status: 400, outcome: intake.OutcomeMalformed},
		{what: "a list", body: text("[]"), status: 400, outcome: intake.OutcomeMalformed},
		{what: "no UTF-8", body: text("{\"id\":\"\xff\"}"), status: 400, outcome: intake.OutcomeMalformed},
		{what: "a member twice", body: edit("twice", `"id":`, `"id":"a","id":`), status: 400, outcome: intake.OutcomeMalformed},
		{what: "50,000 brackets", body: text(strings.Repeat("[", 50_000)), status: 400, outcome: intake.OutcomeMalformed},
		{what: "no id", body: edit("none", `"id":"none",`, ""), status: 400, outcome: intake.OutcomeMalformed},
		{what: "an id of 1,000 bytes", body: text(op(strings.Repeat("i", 1000), now)), status: 400, outcome: intake.OutcomeMalformed},
		{what: "no time", body: edit("timeless", `"timestamp"`, `"timestump"`), status: 400, outcome: intake.OutcomeMalformed},
		{what: "a word of the schema", body: edit("schema", `"operation":"SCALE"`, `"operation":7`), status: 400, outcome: intake.OutcomeSchema},
		{what: "a value of the schema", body: edit("value", `"operation":"SCALE"`, `"operation":"EXPLODE"`), status: 400, outcome: intake.OutcomeSchema},
		{what: "an unknown type", body: edit("type", "NsLcmOperationOccurrence", "Surprise"), status: 400, outcome: intake.OutcomeUnknownType},
		{what: "a type of the other interface", i: hub.ScViTelem, body: text(strings.Replace(op("crossed", now), lcm.subscription, vi.subscription, 1)), status: 400, outcome: intake.OutcomeUnknownType},
		{what: "10 MB", body: text(ten), status: 413, outcome: intake.OutcomeTooLarge},
		{what: "a body without end", body: io.MultiReader(text(`{"id":"`), endless{}), status: 413, outcome: intake.OutcomeTooLarge},
		{what: "the NFVO of another trust domain", cert: &foreign, body: text(op("foreign", now)), status: 403, outcome: intake.OutcomeWrongSender},
		{what: "the producer of the other interface", cert: &crossed, body: text(op("crossed", now)), status: 403, outcome: intake.OutcomeWrongSender},
		{what: "the Security Manager itself", cert: &own, body: text(op("own", now)), status: 403, outcome: intake.OutcomeWrongSender},
		{what: "another endpoint of the authority", cert: &alone, body: text(op("alone", now)), status: 403, outcome: intake.OutcomeWrongSender},
		{what: "no certificate", nobody: true, body: text(op("nobody", now)), status: 403, outcome: intake.OutcomeWrongSender},
		{what: "25 hours past", body: text(op("stale", now.Add(-25*time.Hour))), status: 400, outcome: intake.OutcomeStale},
		{what: "an hour ahead", body: text(op("future", now.Add(time.Hour))), status: 400, outcome: intake.OutcomeFuture},
		{what: "an id again with other content", body: text(lcm.operation("first", ns, "op-other", "COMPLETED", now)), status: 409, outcome: intake.OutcomeAltered},
		{what: "a subscription of nobody", body: edit("sub", lcm.subscription, "nobody's"), status: 404, outcome: intake.OutcomeNotSubscribed},
		{what: "the subscription of the other interface", body: edit("vi", lcm.subscription, vi.subscription), status: 404, outcome: intake.OutcomeNotSubscribed},
		{what: "text", media: "text/plain", body: text(op("text", now)), status: 415, outcome: intake.OutcomeMalformed},
		{what: "no media type", media: " ", body: text(op("untyped", now)), status: 415, outcome: intake.OutcomeMalformed},
		{what: "compressed", body: &packed, fields: []string{"Content-Encoding", "gzip"}, status: 415, outcome: intake.OutcomeMalformed},
	}
	for n := range list {
		if list[n].i == "" {
			list[n].i = hub.ScOrNsLcm
		}
	}
	return list
}

// endless is a body that has no end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for n := range p {
		p[n] = 'x'
	}
	return len(p), nil
}

// smSlowHeader sends a header byte by byte, and wants the connection ended.
func smSlowHeader(ctx context.Context, n *smNotifier) error {
	conn, err := (&tls.Dialer{Config: smPlain(n.conf)}).DialContext(ctx, "tcp", strings.TrimPrefix(n.url, "https://"))
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\nX-Slow: "); err != nil {
		return err
	}
	return smTrickle(conn, "the header")
}

// smSlowBody sends a body byte by byte, and wants the request ended.
func smSlowBody(ctx context.Context, n *smNotifier) error {
	conn, err := (&tls.Dialer{Config: smPlain(n.conf)}).DialContext(ctx, "tcp", strings.TrimPrefix(n.url, "https://"))
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{"); err != nil {
		return err
	}
	return smTrickle(conn, "the body")
}

// smPlain is for a connection that speaks HTTP/1.1.
func smPlain(conf *tls.Config) *tls.Config {
	conf = conf.Clone()
	conf.NextProtos = nil
	return conf
}

// smTrickle goes on with a byte every 100 ms until the other side ends it.
func smTrickle(conn net.Conn, what string) error {
	ended := make(chan struct{})
	go func() { _, _ = io.Copy(io.Discard, conn); close(ended) }() // to the end of the connection, whatever it is
	began := time.Now()
	for tick := time.NewTicker(100 * time.Millisecond); ; {
		select {
		case <-ended:
			tick.Stop()
			return nil
		case <-tick.C:
			_, _ = io.WriteString(conn, " ") // its end is seen by the reader
		}
		if time.Since(began) > patience {
			tick.Stop()
			return fmt.Errorf("a sender of %s byte by byte is waited for over %s", what, patience)
		}
	}
}

// smGood is the traffic that must go on, whatever else is sent.
type smGood struct {
	t       *testing.T
	cancel  context.CancelFunc
	done    sync.WaitGroup
	slowest atomic.Int64
	limit   time.Duration

	mu   sync.Mutex // covers sent
	sent []string
}

// smGoodWithin bounds the answer to a good notification beside bad ones, on a
// machine that tests share.
const smGoodWithin = 3 * time.Second

// smGoOn tells a Security Manager of hosts, one after the other, until end.
func smGoOn(t *testing.T, n *smNotifier) *smGood {
	ctx, cancel := context.WithCancel(t.Context())
	g := &smGood{t: t, cancel: cancel, limit: smGoodWithin}
	g.done.Go(func() {
		for number := 0; ctx.Err() == nil; number++ {
			id := fmt.Sprintf("good-%d", number)
			got, err := n.send(context.WithoutCancel(ctx), n.host(id, fmt.Sprintf("host-%d", number%4+1), time.Now()))
			if err != nil || got.status != http.StatusNoContent {
				t.Errorf("a good notification: %d %s, %v", got.status, got.body, err)
				return
			}
			g.slowest.Store(max(g.slowest.Load(), int64(got.took)))
			g.mu.Lock()
			g.sent = append(g.sent, id)
			g.mu.Unlock()
			if waitFor(ctx, 20*time.Millisecond) != nil {
				return
			}
		}
	})
	return g
}

// end ends the traffic and returns the notifications that were taken.
func (g *smGood) end() []string {
	g.t.Helper()
	g.cancel()
	g.done.Wait()
	slowest := time.Duration(g.slowest.Load())
	g.t.Logf("%d good notifications were taken meanwhile, the slowest in %s", len(g.sent), slowest.Round(time.Millisecond))
	if slowest > g.limit || len(g.sent) == 0 {
		g.t.Errorf("a good notification took %s among %d; want at most %s", slowest, len(g.sent), g.limit)
	}
	return g.sent
}
