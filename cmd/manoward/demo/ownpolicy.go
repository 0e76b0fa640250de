package demo

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/manoward/manoward/internal/hub"
)

// ownPolicy is what the steps of bring-your-own-policy hand to one another.
type ownPolicy struct {
	museum   *service
	revision string
	decision string
}

const (
	keeperPolicy = "wall-inspection"
	keeperKeyID  = "noc-2026"
)

// bringYourOwnPolicy is the scenario of examples/bring-your-own-policy.
func bringYourOwnPolicy() Scenario {
	o := &ownPolicy{}
	return Scenario{
		Name: "bring-your-own-policy",
		Prepare: func(s *Setup) error {
			public, err := signingKey(s.Dir)
			if err != nil {
				return err
			}
			return s.SignedManager("keeper", "museum", public, keeperKeyID)
		},
		Steps: []Step{
			{"A network service with a firewall, and a Security Manager that nobody gave a policy of ours", o.launch},
			{"The policy is checked, tested and signed, without a hub", o.sign},
			{"It is pushed, and judges in shadow", o.push},
			{"Somebody turns the firewall off: shadow says what it would do", o.shadow},
			{"It is enforced, and the firewall is turned off again", o.enforce},
			{"The decision explains itself", o.explain},
		},
	}
}

// signingKey makes the key that the author signs with, in the files signer.key and
// signer.pem of a folder, and returns the path of the latter.
func signingKey(dir string) (string, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", fmt.Errorf("make the author's key: %w", err)
	}
	rawPrivate, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return "", fmt.Errorf("encode the author's key: %w", err)
	}
	rawPublic, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return "", fmt.Errorf("encode the author's public key: %w", err)
	}
	path := filepath.Join(dir, "signer.pem")
	for _, f := range []struct {
		name, kind string
		raw        []byte
	}{{"signer.key", "PRIVATE KEY", rawPrivate}, {"signer.pem", "PUBLIC KEY", rawPublic}} {
		if err := os.WriteFile(filepath.Join(dir, f.name), pem.EncodeToMemory(&pem.Block{Type: f.kind, Bytes: f.raw}), 0o600); err != nil {
			return "", hub.E(hub.Unavailable, opDemo, fmt.Sprintf("%s cannot be written to %s; make room there", f.name, dir), err)
		}
	}
	return path, nil
}

// ofKeeper adds to a verb whose Security Manager it is about.
func ofKeeper(args ...string) []string {
	return append(args, "--sm", "keeper", "--trust-domain", "museum")
}

func (o *ownPolicy) launch(ctx context.Context, s *Stage) (err error) {
	if _, err := s.Do(ctx, "trust-domain", "create", "museum"); err != nil {
		return err
	}
	if err := s.register(ctx, "keeper", "museum", "semi-active"); err != nil {
		return err
	}
	if _, err := s.Do(ctx, "vim", "load", "inventory.yaml"); err != nil {
		return err
	}
	if o.museum, err = s.launch(ctx, "museum", "portal", "wall"); err != nil {
		return err
	}
	if err := s.placed(ctx, o.museum, "portal aachen-1, wall aachen-1"); err != nil {
		return err
	}
	return s.knows(ctx, "keeper", o.museum)
}

func (o *ownPolicy) sign(ctx context.Context, s *Stage) error {
	err := s.doAll(ctx,
		[]string{"policy", "check", "policies"},
		[]string{"policy", "test", "policies", "--min-coverage", "100"},
		[]string{"policy", "sign", "policies", "--key", "signer.key", "--key-id", keeperKeyID, "--out", "wall.tar.gz"},
		[]string{"policy", "verify", "wall.tar.gz", "--key", "signer.pem", "--key-id", keeperKeyID})
	if err != nil {
		return err
	}
	s.Say("policies/wall_inspection.rego is good, its tests and samples pass, and the bundle wall.tar.gz is signed with a key that was made just now.")
	return nil
}

func (o *ownPolicy) push(ctx context.Context, s *Stage) error {
	var pushed struct{ Revision string }
	if err := s.DoGet(ctx, &pushed, ofKeeper("policy", "push", "wall.tar.gz")...); err != nil {
		return err
	}
	o.revision = pushed.Revision
	err := s.doAll(ctx,
		[]string{"sm", "level", "set", "keeper", keeperPolicy, "shadow", "--trust-domain", "museum", "--reason", "a first look"},
		ofKeeper("policy", "activate", o.revision, "--reason", "the firewall was turned off last week"))
	if err != nil {
		return err
	}
	all, err := s.records(ctx, "museum", "sm.policies.activate")
	if err != nil {
		return err
	}
	if len(all) == 0 || all[len(all)-1].Subject != "policies/"+o.revision {
		return fmt.Errorf("the records of museum do not say last that policies %s were activated", o.revision)
	}
	s.Say("Security Manager keeper has verified the signature, compiled the policy and evaluated its samples. It judges, and nothing is done.")
	return nil
}

// turn sets how the firewall inspects, as an operator of the network service.
func (o *ownPolicy) turn(ctx context.Context, s *Stage, how string) error {
	raw, err := json.Marshal(map[string]any{"updateType": "MODIFY_VNF_INFORMATION", "modifyVnfInfoData": []map[string]any{
		{"vnfInstanceId": o.museum.vnfs["wall"], "vnfConfigurableProperties": map[string]string{"inspection": how}},
	}})
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.File("turn.json"), raw, 0o600); err != nil {
		return hub.E(hub.Unavailable, opDemo, fmt.Sprintf("%s cannot be written; make room there", s.File("turn.json")), err)
	}
	_, err = s.Do(ctx, "ns", "update", o.museum.id, "--file", "turn.json")
	return err
}

// inspects is how the firewall inspects, as the NFVO has it.
func (o *ownPolicy) inspects(ctx context.Context, s *Stage) (string, error) {
	now, err := s.serviceNow(ctx, o.museum)
	if err != nil {
		return "", err
	}
	at := slices.IndexFunc(now.VNFs, func(v runningVNF) bool { return v.ID == o.museum.vnfs["wall"] })
	if at < 0 {
		return "", fmt.Errorf("the NFVO has no VNF %s any more", o.museum.vnfs["wall"])
	}
	return now.VNFs[at].Properties["inspection"], nil
}

// left wants the firewall to inspect in a way, and so many operations on the network
// service to have been asked for by the Security Manager.
func (o *ownPolicy) left(ctx context.Context, s *Stage, how string, orders int) error {
	is, err := o.inspects(ctx, s)
	if err != nil {
		return err
	}
	all, err := s.records(ctx, "museum", "ns.operation.ended")
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(r record) bool { return !strings.HasPrefix(r.Actor, managerIdentity("keeper", "museum")) })
	if is != how || len(all) != orders {
		return fmt.Errorf("the NFVO says that the firewall inspects %q, and the records have %d operations by keeper; wanted: %q and %d", is, len(all), how, orders)
	}
	return nil
}

func (o *ownPolicy) shadow(ctx context.Context, s *Stage) error {
	if err := o.turn(ctx, s, "off"); err != nil {
		return err
	}
	wall := o.museum.vnfs["wall"]
	orders, err := s.ordered(ctx, "keeper", "museum", map[string]string{wall: "shadow"})
	if err != nil {
		return err
	}
	if err := o.left(ctx, s, "off", 0); err != nil {
		return err
	}
	s.Say("The policy found it. The order that it would give is recorded, and the firewall is off still.")
	s.Proof("order", orders[wall].ID, ofKeeper("order", "show")...)
	return nil
}

func (o *ownPolicy) enforce(ctx context.Context, s *Stage) error {
	if _, err := s.Do(ctx, "sm", "level", "set", "keeper", keeperPolicy, "enforce", "--trust-domain", "museum", "--reason", "what it found was right"); err != nil {
		return err
	}
	if err := o.turn(ctx, s, "off"); err != nil {
		return err
	}
	wall := o.museum.vnfs["wall"]
	orders, err := s.ordered(ctx, "keeper", "museum", map[string]string{wall: "completed"})
	if err != nil {
		return err
	}
	if err := o.left(ctx, s, "strict", 1); err != nil {
		return err
	}
	o.decision = orders[wall].DecisionID
	s.Say("The NFVO was ordered to put it back, and says that the firewall inspects strictly again.")
	return s.chained(ctx, "museum", "order", orders[wall].ID, orderChain)
}

func (o *ownPolicy) explain(ctx context.Context, s *Stage) error {
	said, err := s.Do(ctx, ofKeeper("decision", "explain", o.decision, "--policy", keeperPolicy)...)
	if err != nil {
		return err
	}
	for _, want := range []string{"(How it inspects now)", `configuration.inspection: "off"`} {
		if !strings.Contains(said, want) {
			return fmt.Errorf("the explanation does not say %s:\n%s", want, said)
		}
	}
	s.Say(`It was true that configuration.inspection of the firewall was "off", and the parameter inspection is "strict".`)
	s.Proof("decision", o.decision, ofKeeper("decision", "explain")...)
	return nil
}
