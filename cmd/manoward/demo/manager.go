package demo

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// register registers a Security Manager, with its credentials in the folder of its name,
// and waits until the hub runs it with policies.
func (s *Stage) register(ctx context.Context, name, domain, mode string) error {
	if _, err := s.Do(ctx, "sm", "register", name, "--trust-domain", domain, "--mode", mode, "--out", name); err != nil {
		return err
	}
	return s.ManagerRuns(ctx, name, domain)
}

// knows waits until a Security Manager has judged that a network service was made, and so
// knows what runs where.
func (s *Stage) knows(ctx context.Context, name string, v *service) error {
	return s.Until(ctx, "Security Manager "+name+" knows the network service", func(ctx context.Context) (bool, error) {
		var all []struct{ EventTime time.Time }
		if err := s.Get(ctx, &all, "decision", "list", "--sm", name, "--trust-domain", v.domain, "--ns", v.id, "--limit", "0"); err != nil {
			return false, err
		}
		for _, d := range all {
			if !d.EventTime.Before(v.made) {
				return true, nil
			}
		}
		return false, nil
	})
}

// record is one record of a trust domain.
type record struct {
	ID, Kind, Actor, Subject string
	Data                     json.RawMessage
}

// records reads the records of a trust domain of a kind, the oldest first.
func (s *Stage) records(ctx context.Context, domain, kind string) (all []record, err error) {
	err = s.Get(ctx, &all, "trust-domain", "records", domain, "--kind", kind)
	return all, err
}

// recordedOrder is an order of a Security Manager, as the records of its trust domain have it.
type recordedOrder struct {
	ID         string `json:"id"`
	DecisionID string `json:"decisionId"`
	State      string `json:"state"`
	Reason     string `json:"reason"`
	Action     struct {
		Type string `json:"type"`
	} `json:"action"`
	Target struct {
		VnfInstanceID string `json:"vnfInstanceId"`
		HostID        string `json:"hostId"`
	} `json:"target"`
}

// about is what an order changes.
func (o recordedOrder) about() string {
	if o.Target.VnfInstanceID != "" {
		return o.Target.VnfInstanceID
	}
	return o.Target.HostID
}

// managerIdentity is how the identities of a Security Manager begin.
func managerIdentity(name, domain string) string { return "spiffe://" + domain + "/sm/" + name + "/" }

// ordered waits until the records say that the orders of a Security Manager are in the
// states that are wanted, each for what it changes, and returns the newest by that.
func (s *Stage) ordered(ctx context.Context, name, domain string, want map[string]string) (map[string]recordedOrder, error) {
	found := map[string]recordedOrder{}
	err := s.Until(ctx, "the orders of "+name+" come to rest", func(ctx context.Context) (bool, error) {
		all, err := s.records(ctx, domain, "sm.order")
		if err != nil {
			return false, err
		}
		for _, r := range all {
			if !strings.HasPrefix(r.Actor, managerIdentity(name, domain)) {
				continue
			}
			var o recordedOrder
			if err := json.Unmarshal(r.Data, &o); err != nil {
				return false, fmt.Errorf("read record %s: %w", r.ID, err)
			}
			found[o.about()] = o
		}
		for about, state := range want {
			o := found[about]
			if o.State == "failed" || o.State == "rejected" {
				return false, fmt.Errorf("the order of %s about %s is %s (%s), and must be %s", name, about, o.State, o.Reason, state)
			}
			if o.State != state {
				return false, nil
			}
		}
		return true, nil
	})
	return found, err
}

// chained waits until "audit show" has a thing's whole chain, sealed in the journal to the
// last record: of an order all that is in orderChain.
func (s *Stage) chained(ctx context.Context, domain, what, id string, steps []string) error {
	err := s.Until(ctx, "the records of "+what+" "+id+" are sealed", func(ctx context.Context) (bool, error) {
		var trail struct {
			Links []struct {
				Step, Missing string
				Record        *struct {
					JournalIndex *uint64
					Altered      bool
				}
			}
		}
		if err := s.Get(ctx, &trail, "audit", "show", id, "--trust-domain", domain); err != nil {
			return false, err
		}
		sealed := map[string]bool{}
		for _, l := range trail.Links {
			switch {
			case l.Record == nil: // of an event there is none: the input holds it
			case l.Record.Altered:
				return false, fmt.Errorf("the record of the %s in the chain of %s %s is not what was sealed", l.Step, what, id)
			case l.Record.JournalIndex == nil:
				return false, nil
			default:
				sealed[l.Step] = true
			}
		}
		for _, step := range steps {
			if !sealed[step] {
				return false, nil
			}
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	s.Say("Its chain is whole and sealed: %s.", strings.Join(steps, ", "))
	s.Proof(what, id, "audit", "show", "--trust-domain", domain)
	return nil
}

// orderChain and alertChain are what led to an order that was carried out, or to an alert.
var (
	orderChain = []string{"input", "policies", "decision", "order", "operation", "outcome"}
	alertChain = []string{"input", "policies", "decision", "notice"}
)

// foreignManager is a Security Manager of another make: a program that has nothing but
// the credentials that "sm register" wrote.
type foreignManager struct {
	dir       string
	endpoints map[hub.Interface]struct{ URL, ServerName string }
}

// foreign opens the credentials in a folder of the scenario's.
func (s *Stage) foreign(name string) (*foreignManager, error) {
	m := &foreignManager{dir: s.File(name)}
	raw, err := os.ReadFile(filepath.Join(m.dir, "endpoints.json"))
	if err == nil {
		err = json.Unmarshal(raw, &m.endpoints)
	}
	if err != nil {
		return nil, fmt.Errorf("read the endpoints of %s: %w", name, err)
	}
	return m, nil
}

// answer is what a producer answered.
type answer struct {
	status int
	body   string
}

// ask sends one request on an interface, over mutual TLS. version is that of the API.
func (m *foreignManager) ask(ctx context.Context, i hub.Interface, version, method, path, body string) (answer, error) {
	at := filepath.Join(m.dir, string(i))
	own, err := tls.LoadX509KeyPair(at+".crt", at+".key")
	if err != nil {
		return answer{}, fmt.Errorf("read the credential of %s: %w", i, err)
	}
	ca, err := os.ReadFile(at + ".ca.crt")
	if err != nil {
		return answer{}, fmt.Errorf("read the CA of %s: %w", i, err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca) // without one the handshake says so
	client := &http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{own}, RootCAs: roots, ServerName: m.endpoints[i].ServerName},
	}}
	req, err := http.NewRequestWithContext(ctx, method, m.endpoints[i].URL+path, strings.NewReader(body))
	if err != nil {
		return answer{}, fmt.Errorf("ask %s: %w", i, err)
	}
	req.Header.Set("Version", version)
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return answer{}, hub.E(hub.Unavailable, opDemo, fmt.Sprintf("%s does not answer on %s; look at the hub's log", m.endpoints[i].URL, i), err)
	}
	defer resp.Body.Close()
	const most = 1 << 20
	raw, err := io.ReadAll(io.LimitReader(resp.Body, most))
	if err != nil {
		return answer{}, fmt.Errorf("read the answer on %s: %w", i, err)
	}
	return answer{resp.StatusCode, string(raw)}, nil
}
