package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// compromise is what the steps of host-compromise hand to one another.
type compromise struct{ bank, water *service }

const (
	compromisedHost  = "bonn-1"
	compromisePolicy = "host-compromised"
)

// compromiseManagers are the Security Managers; all run one policy, and may enforce it as
// far as their modes allow.
var compromiseManagers = []struct{ name, domain, mode string }{
	{"sentinel", "bank", "fully-active"}, {"assistant", "bank", "semi-active"}, {"neighbour", "water", "passive"},
}

// hostCompromise is the scenario of examples/host-compromise.
func hostCompromise() Scenario {
	c := &compromise{}
	return Scenario{
		Name: "host-compromise",
		Prepare: func(s *Setup) error {
			for _, m := range compromiseManagers {
				if err := s.Manager(m.name, m.domain, "policies"); err != nil {
					return err
				}
			}
			return nil
		},
		Steps: []Step{
			{"Two trust domains, and a Security Manager in each mode with one policy", c.register},
			{"Their VNFs run on one host", c.launch},
			{"The boot measurement of the host fails", c.fail},
			{"The semi-active Security Manager does its share", c.share},
			{"The fully-active one does the rest", c.rest},
			{"The other trust domain goes on, and knows what it may know", c.other},
		},
	}
}

func (c *compromise) register(ctx context.Context, s *Stage) error {
	if err := s.doAll(ctx, []string{"trust-domain", "create", "bank"}, []string{"trust-domain", "create", "water"}); err != nil {
		return err
	}
	for _, m := range compromiseManagers {
		if err := s.register(ctx, m.name, m.domain, m.mode); err != nil {
			return err
		}
		if _, err := s.Do(ctx, "sm", "level", "set", m.name, compromisePolicy, "enforce", "--trust-domain", m.domain, "--reason", "a demonstration"); err != nil {
			return err
		}
	}
	return nil
}

func (c *compromise) launch(ctx context.Context, s *Stage) (err error) {
	if _, err := s.Do(ctx, "vim", "load", "inventory.yaml"); err != nil {
		return err
	}
	if c.bank, err = s.launch(ctx, "bank", "portal", "keys"); err != nil {
		return err
	}
	if c.water, err = s.launch(ctx, "water", "meter"); err != nil {
		return err
	}
	if err := s.placed(ctx, c.bank, "keys bonn-1, ledger bonn-1, portal bonn-1"); err != nil {
		return err
	}
	if err := s.placed(ctx, c.water, "meter bonn-1"); err != nil {
		return err
	}
	had, err := c.left(ctx, s, c.bank.vnfs["keys"])
	if err != nil {
		return err
	}
	if had != 1 {
		return fmt.Errorf("the VIM has %d storages of keys, and must have one", had)
	}
	s.Say("On host bonn-1 run portal, ledger and keys of bank, and meter of water. keys has a storage and a TPM slot.")
	for _, m := range compromiseManagers {
		of := map[string]*service{"bank": c.bank, "water": c.water}[m.domain]
		if err := s.knows(ctx, m.name, of); err != nil {
			return err
		}
	}
	return nil
}

func (c *compromise) fail(ctx context.Context, s *Stage) error {
	err := s.doAll(ctx,
		[]string{"sm", "pause", "sentinel", "--trust-domain", "bank", "--reason", "so that it is seen who does what"},
		[]string{"vim", "event", "host-integrity", compromisedHost, "UNTRUSTED"})
	if err != nil {
		return err
	}
	host, err := s.hostNow(ctx, compromisedHost)
	if err != nil {
		return err
	}
	if host.Integrity != "UNTRUSTED" {
		return fmt.Errorf("the VIM says that host %s is %s, and must say UNTRUSTED", compromisedHost, host.Integrity)
	}
	s.Say("The VIM says that bonn-1 is UNTRUSTED, and tells each Security Manager that has something there.")
	return nil
}

func (c *compromise) share(ctx context.Context, s *Stage) error {
	portal, keys := c.bank.vnfs["portal"], c.bank.vnfs["keys"]
	orders, err := s.ordered(ctx, "assistant", "bank", map[string]string{portal: "completed", keys: "recommended", compromisedHost: "recommended"})
	if err != nil {
		return err
	}
	if err := s.placed(ctx, c.bank, "keys bonn-1, ledger bonn-1"); err != nil {
		return err
	}
	now, err := s.serviceNow(ctx, c.bank)
	if err != nil {
		return err
	}
	if len(now.Snapshots) != 1 {
		return fmt.Errorf("the NFVO keeps %d snapshots of %s, and must keep one", len(now.Snapshots), c.bank.id)
	}
	host, err := s.hostNow(ctx, compromisedHost)
	if err != nil {
		return err
	}
	if len(host.StoppedFor) > 0 {
		return fmt.Errorf("the use of host %s ended for %v, and a semi-active Security Manager may not quarantine it", compromisedHost, host.StoppedFor)
	}
	if err := c.by(ctx, s, "ns.operation.ended", "ns/"+c.bank.id, "assistant"); err != nil {
		return err
	}
	s.Say("assistant had portal ended; the NFVO keeps snapshot %s of it as evidence.", now.Snapshots[0])
	s.Say("To erase keys is a recommendation: %s.", orders[keys].Reason)
	s.Say("To quarantine bonn-1 is one too: %s.", orders[compromisedHost].Reason)
	s.Proof("decision", orders[portal].DecisionID, "decision", "explain", "--sm", "assistant", "--trust-domain", "bank")
	s.Proof("order", orders[portal].ID, "order", "show", "--sm", "assistant", "--trust-domain", "bank")
	return nil
}

// by wants that the newest record of a kind about a subject names a Security Manager of
// bank as who did it.
func (c *compromise) by(ctx context.Context, s *Stage, kind, subject, name string) error {
	all, err := s.records(ctx, "bank", kind)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(r record) bool { return r.Subject != subject })
	if len(all) == 0 || !strings.HasPrefix(all[len(all)-1].Actor, managerIdentity(name, "bank")) {
		return fmt.Errorf("of %d records %s of %s the last is not by %s", len(all), kind, subject, name)
	}
	return nil
}

func (c *compromise) rest(ctx context.Context, s *Stage) error {
	if _, err := s.Do(ctx, "sm", "resume", "sentinel", "--trust-domain", "bank", "--reason", "the other one has done its share"); err != nil {
		return err
	}
	portal, keys := c.bank.vnfs["portal"], c.bank.vnfs["keys"]
	orders, err := s.ordered(ctx, "sentinel", "bank", map[string]string{portal: "superseded", keys: "completed", compromisedHost: "completed"})
	if err != nil {
		return err
	}
	if err := s.placed(ctx, c.bank, "ledger bonn-2"); err != nil {
		return err
	}
	told, err := c.erased(ctx, s, keys)
	if err != nil {
		return err
	}
	var bars []struct{ VnfProfileID, By string }
	if err := s.Get(ctx, &bars, "ns", "bars", c.bank.id); err != nil {
		return err
	}
	if len(bars) != 1 || bars[0].VnfProfileID != "keys" {
		return fmt.Errorf("the NFVO bars %+v in %s, and must bar the VNF profile keys", bars, c.bank.id)
	}
	host, err := s.hostNow(ctx, compromisedHost)
	if err != nil {
		return err
	}
	if !slices.Equal(host.QuarantinedFor, []string{"bank"}) || host.State != "ENABLED" {
		return fmt.Errorf("host %s is %s and quarantined for %v; it must be ENABLED, and quarantined for bank alone", compromisedHost, host.State, host.QuarantinedFor)
	}
	if err := c.by(ctx, s, "host.stop-use.ended", "host/"+compromisedHost, "sentinel"); err != nil {
		return err
	}
	s.Say("sentinel had keys ended. The VIM tells that it erased its content and its TPM slot at %s, and has no storage of it any more. Only an operator can have it back.", told.Event.Changed.ErasedAt.UTC().Format(time.TimeOnly))
	s.Proof("decision", told.decision, "decision", "show", "--input", "--sm", "sentinel", "--trust-domain", "bank")
	s.Say("ledger was migrated to bonn-2, and bonn-1 is quarantined for bank. portal was gone already: that order is superseded.")
	return s.chained(ctx, "bank", "order", orders[keys].ID, orderChain)
}

// left counts the storages that the VIM has of a VNF and has not erased.
func (c *compromise) left(ctx context.Context, s *Stage, vnf string) (left int, err error) {
	var all []struct {
		Metadata map[string]string `json:"metadata"`
		ErasedAt time.Time         `json:"erasedAt"`
	}
	if err := s.Get(ctx, &all, "vim", "storages"); err != nil {
		return 0, err
	}
	for _, st := range all {
		if st.Metadata["vnfInstanceId"] == vnf && st.ErasedAt.IsZero() {
			left++
		}
	}
	return left, nil
}

// erasure is the VIM's notification that it has erased a compute with its storages, in
// the decision whose input holds it. The decision's record has the digest of the input.
type erasure struct {
	decision string
	Event    struct {
		ChangeType string `json:"changeType"`
		Changed    struct {
			ErasedAt      time.Time             `json:"erasedAt"`
			Before        struct{ Hash string } `json:"checksumBefore"`
			After         struct{ Hash string } `json:"checksumAfter"`
			SecureStorage string                `json:"secureStorage"`
		} `json:"changedResourceData"`
	} `json:"event"`
}

// erased wants that nothing readable is left at the VIM of what a VNF had, and that the
// VIM has told bank that it erased it.
func (c *compromise) erased(ctx context.Context, s *Stage, vnf string) (told erasure, err error) {
	left, err := c.left(ctx, s, vnf)
	if err != nil {
		return told, err
	}
	if left > 0 {
		return told, fmt.Errorf("the VIM has %d storages of VNF %s that were not erased", left, vnf)
	}
	err = s.Until(ctx, "the VIM tells what it has erased", func(ctx context.Context) (bool, error) {
		told, err = c.toldErased(ctx, s, c.bank.computes[vnf])
		return told.decision != "", err
	})
	if is := told.Event.Changed; err == nil && (is.SecureStorage != "erased" || is.Before == is.After) {
		err = fmt.Errorf("the VIM tells of the end of VNF %s: %+v; its TPM slot must be erased, and its content be another", vnf, is)
	}
	return told, err
}

// toldErased looks among what sentinel was told of a compute for its erasure.
func (c *compromise) toldErased(ctx context.Context, s *Stage, compute string) (erasure, error) {
	all, err := s.records(ctx, "bank", "sm.decision")
	if err != nil {
		return erasure{}, err
	}
	for _, r := range all {
		if !strings.HasPrefix(r.Actor, managerIdentity("sentinel", "bank")) || !strings.Contains(string(r.Data), `"compute/`+compute+`"`) {
			continue
		}
		e := erasure{decision: strings.TrimPrefix(r.Subject, "decision/")}
		if err := s.Get(ctx, &e, "decision", "show", e.decision, "--input", "--sm", "sentinel", "--trust-domain", "bank"); err != nil {
			return erasure{}, err
		}
		if e.Event.ChangeType == "ERASED" {
			return e, nil
		}
	}
	return erasure{}, nil
}

func (c *compromise) other(ctx context.Context, s *Stage) error {
	orders, err := s.ordered(ctx, "neighbour", "water", map[string]string{compromisedHost: "recommended"})
	if err != nil {
		return err
	}
	if err := s.placed(ctx, c.water, "meter bonn-1"); err != nil {
		return err
	}
	if err := s.untouched(ctx, c.water); err != nil {
		return err
	}
	if err := c.kept(ctx, s); err != nil {
		return err
	}
	s.Say("meter of water runs on bonn-1 as before. neighbour was told of the host, and its mode lets it recommend only.")
	s.Say("Over Sc-Vi it sees bonn-1 with its own compute alone, and that it is quarantined for nobody that it knows. No record of water names anything of bank.")
	s.Proof("decision", orders[compromisedHost].DecisionID, "decision", "show", "--input", "--sm", "neighbour", "--trust-domain", "water")
	return nil
}

// kept wants that nothing of bank can be seen from water: not over Sc-Vi with the
// credential of its Security Manager, and not in the records.
func (c *compromise) kept(ctx context.Context, s *Stage) error {
	neighbour, err := s.foreign("neighbour")
	if err != nil {
		return err
	}
	got, err := neighbour.ask(ctx, hub.ScViTelem, "1.0.0", http.MethodGet, "/sc-vi/v1/hosts/"+compromisedHost, "")
	if err != nil {
		return err
	}
	var host modelHost
	if err := json.Unmarshal([]byte(got.body), &host); err != nil || got.status != http.StatusOK {
		return fmt.Errorf("the VIM answers neighbour with %d: %.200s", got.status, got.body)
	}
	if own := c.water.computes[c.water.vnfs["meter"]]; !slices.Equal(host.ComputeIDs, []string{own}) || len(host.StoppedFor)+len(host.QuarantinedFor) > 0 || host.Integrity != "UNTRUSTED" {
		return fmt.Errorf("over Sc-Vi neighbour sees of %s: %.500s; it must see UNTRUSTED and compute %s alone", compromisedHost, got.body, own)
	}
	raw, err := s.run(ctx, []string{"trust-domain", "records", "water", "-o", "json"})
	if err != nil {
		return err
	}
	secrets := slices.Concat([]string{"spiffe://bank/", c.bank.id}, slices.Collect(maps.Values(c.bank.vnfs)), slices.Collect(maps.Values(c.bank.computes)))
	for _, secret := range secrets {
		if strings.Contains(raw, secret) {
			return fmt.Errorf("the records of water name %s of bank", secret)
		}
	}
	return nil
}
