package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/manoward/manoward/internal/hub"
)

// domains is what the steps of two-domains hand to one another.
type domains struct {
	rail, tram *service
	intruder   *foreignManager
}

// intruderIdentity is by what the intruder is known when it gives orders.
const intruderIdentity = "spiffe://tram/sm/intruder/" + string(hub.ScOrSecEnforce)

// twoDomains is the scenario of examples/two-domains.
func twoDomains() Scenario {
	d := &domains{}
	return Scenario{
		Name: "two-domains",
		Prepare: func(s *Setup) error {
			if err := s.Manager("warden", "rail", "policies"); err != nil {
				return err
			}
			return s.Manager("intruder", "tram", "policies")
		},
		Steps: []Step{
			{"Two trust domains, each with a Security Manager and a VNF", d.launch},
			{"What the credential of tram's Security Manager is good for", d.own},
			{"It orders the end of a VNF of rail, and is refused", d.refused},
			{"Nothing happened, at the NFVO and at the VIM", d.nothing},
			{"The attempts are recorded, and rail's Security Manager is told", d.recorded},
		},
	}
}

func (d *domains) launch(ctx context.Context, s *Stage) (err error) {
	if err := s.doAll(ctx, []string{"trust-domain", "create", "rail"}, []string{"trust-domain", "create", "tram"}); err != nil {
		return err
	}
	if err := s.register(ctx, "warden", "rail", "passive"); err != nil {
		return err
	}
	if err := s.register(ctx, "intruder", "tram", "fully-active"); err != nil {
		return err
	}
	if _, err := s.Do(ctx, "vim", "load", "inventory.yaml"); err != nil {
		return err
	}
	if d.rail, err = s.launch(ctx, "rail", "portal"); err != nil {
		return err
	}
	if d.tram, err = s.launch(ctx, "tram", "meter"); err != nil {
		return err
	}
	if d.intruder, err = s.foreign("intruder"); err != nil {
		return err
	}
	s.Say("portal of rail and meter of tram run on host koeln-1. Somebody has the credentials of intruder, tram's Security Manager, and writes requests of their own.")
	return nil
}

func (d *domains) own(ctx context.Context, s *Stage) error {
	for _, one := range []struct {
		of     *service
		status int
	}{{d.tram, http.StatusOK}, {d.rail, http.StatusNotFound}} {
		got, err := d.intruder.ask(ctx, hub.ScOrNsLcm, "2.3.0", http.MethodGet, "/nslcm/v2/ns_instances/"+one.of.id, "")
		if err != nil {
			return err
		}
		if got.status != one.status {
			return fmt.Errorf("the NFVO answers intruder on the network service of %s with %d, and must with %d: %.200s", one.of.domain, got.status, one.status, got.body)
		}
	}
	s.Say("The NFVO shows intruder the network service of tram. That of rail is not there for it: 404.")
	return nil
}

// order asks as intruder for the end of a VNF in a network service.
func (d *domains) order(ctx context.Context, ns, vnf string) (answer, error) {
	body, err := json.Marshal(map[string]any{"updateType": "REMOVE_VNF", "removeVnfInstanceId": []string{vnf}})
	if err != nil {
		return answer{}, err
	}
	return d.intruder.ask(ctx, hub.ScOrSecEnforce, "2.3.0", http.MethodPost, "/nslcm/v2/ns_instances/"+ns+"/update", string(body))
}

func (d *domains) refused(ctx context.Context, s *Stage) error {
	portal, none := d.rail.vnfs["portal"], hub.NewID()
	for _, pair := range []struct{ what, ns, vnf, otherNs, otherVnf string }{
		{"an order on the network service of rail", d.rail.id, portal, none, portal},
		{"an order on its own network service that names the VNF of rail", d.tram.id, portal, d.tram.id, none},
	} {
		there, err := d.order(ctx, pair.ns, pair.vnf)
		if err != nil {
			return err
		}
		not, err := d.order(ctx, pair.otherNs, pair.otherVnf)
		if err != nil {
			return err
		}
		if there.status != http.StatusNotFound || told(there.body, portal) != told(not.body, none) || not.status != there.status {
			return fmt.Errorf("%s is answered %d %.200s, and one on what does not exist %d %.200s; both must be one 404", pair.what, there.status, there.body, not.status, not.body)
		}
		s.Say("Refused with 404: %s. What does not exist is answered in the same words.", pair.what)
	}
	return nil
}

var requestID = regexp.MustCompile(`"requestId":"[^"]*"`)

// told is what a refusal says besides the IDs of the request.
func told(body, vnf string) string {
	return strings.ReplaceAll(requestID.ReplaceAllString(body, ""), vnf, "")
}

func (d *domains) nothing(ctx context.Context, s *Stage) error {
	for v, want := range map[*service]string{d.rail: "portal koeln-1", d.tram: "meter koeln-1"} {
		if err := s.untouched(ctx, v); err != nil {
			return err
		}
		if err := s.placed(ctx, v, want); err != nil {
			return err
		}
	}
	s.Say("The NFVO has no operation but the first on either network service, and both VNFs run at the VIM.")
	return nil
}

// refusedAccess is what a record of a refused request holds.
type refusedAccess struct {
	Operation, TargetDomain, Target, Reason string
}

// attempts are the records in a trust domain of what intruder tried in rail, by their targets.
func (d *domains) attempts(ctx context.Context, s *Stage, domain string) (map[string]string, error) {
	all, err := s.records(ctx, domain, "access.refused")
	if err != nil {
		return nil, err
	}
	ids := map[string]string{}
	for _, r := range all {
		var a refusedAccess
		if err := json.Unmarshal(r.Data, &a); err != nil {
			return nil, fmt.Errorf("read record %s: %w", r.ID, err)
		}
		if r.Actor == intruderIdentity && a.Operation == "ns.update:REMOVE_VNF" && a.TargetDomain == "rail" {
			ids[a.Target] = r.ID
		}
	}
	return ids, nil
}

func (d *domains) recorded(ctx context.Context, s *Stage) error {
	targets := []string{"ns/" + d.rail.id, "vnf/" + d.rail.vnfs["portal"]}
	for _, domain := range []string{"rail", "tram"} {
		var found map[string]string
		err := s.Until(ctx, "the attempts are in the records of "+domain, func(ctx context.Context) (done bool, err error) {
			found, err = d.attempts(ctx, s, domain)
			return found[targets[0]] != "" && found[targets[1]] != "", err
		})
		if err != nil {
			return err
		}
		s.Say("The records of %s have both attempts: %s and %s.", domain, found[targets[0]], found[targets[1]])
	}
	decision, err := d.alerted(ctx, s, targets)
	if err != nil {
		return err
	}
	all, err := s.records(ctx, "tram", "sm.alert")
	if err != nil {
		return err
	}
	if len(all) > 0 {
		return fmt.Errorf("tram has %d records sm.alert, and must have none: only who was attacked is told", len(all))
	}
	s.Say("warden was told of both attempts, and raised an alert that names %s. Nobody in tram was told.", intruderIdentity)
	return s.chained(ctx, "rail", "decision", decision, alertChain)
}

// alerted waits until rail's records say that its Security Manager raised an alert for
// each target, and returns the decision of the first.
func (d *domains) alerted(ctx context.Context, s *Stage, targets []string) (decision string, err error) {
	err = s.Until(ctx, "warden is told of the attempts", func(ctx context.Context) (bool, error) {
		all, err := s.records(ctx, "rail", "sm.alert")
		if err != nil {
			return false, err
		}
		for _, target := range targets {
			at := slices.IndexFunc(all, func(r record) bool {
				return strings.Contains(string(r.Data), "foreign-sm") && strings.Contains(string(r.Data), target) && strings.Contains(string(r.Data), intruderIdentity)
			})
			if at < 0 {
				return false, nil
			}
			if decision == "" {
				decision = strings.TrimPrefix(all[at].Subject, "decision/")
			}
		}
		return true, nil
	})
	return decision, err
}
