package demo

import (
	"context"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/packaging"
)

// service is a network service that was made in a trust domain of the same name.
type service struct {
	domain, id string
	made       time.Time         // when it was instantiated
	vnfs       map[string]string // VNF instance by VNF profile
	computes   map[string]string // compute at the VIM by VNF instance
}

// lcmOperation is an operation on a network service, as the NFVO has it.
type lcmOperation struct {
	Entered time.Time `json:"stateEnteredTime"`
	Changes struct {
		VNFs []struct {
			ID      string `json:"vnfInstanceId"`
			Profile string `json:"vnfProfileId"`
		} `json:"affectedVnfs"`
	} `json:"resourceChanges"`
}

// runningService is what the NFVO says of a network service.
type runningService struct {
	VNFs      []runningVNF `json:"vnfInstance"`
	Snapshots []string     `json:"vnfSnapshotInfoIds"`
}

// runningVNF is what it says of one of its VNFs.
type runningVNF struct {
	ID         string            `json:"id"`
	Properties map[string]string `json:"vnfConfigurableProperties"`
	Info       struct {
		Parts []struct {
			Compute struct {
				ID string `json:"resourceId"`
			} `json:"computeResource"`
		} `json:"vnfcResourceInfo"`
	} `json:"instantiatedVnfInfo"`
}

// modelHost is what the VIM says of a host.
type modelHost struct {
	ID             string   `json:"hostId"`
	State          string   `json:"state"`
	Integrity      string   `json:"integrityState"`
	ComputeIDs     []string `json:"computeIds"`
	StoppedFor     []string `json:"stoppedFor"`
	QuarantinedFor []string `json:"quarantinedFor"`
}

// doAll runs verbs one after the other.
func (s *Stage) doAll(ctx context.Context, verbs ...[]string) error {
	for _, args := range verbs {
		if _, err := s.Do(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

// launch signs packages of the scenario's folder as their vendor, and makes and
// instantiates a network service of them in a trust domain. The folder packages has one
// for each, and one for the NSD, with the name of the trust domain.
func (s *Stage) launch(ctx context.Context, domain string, packages ...string) (*service, error) {
	vendor, err := packaging.NewVendor("Example", s.o.Now())
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{domain + ".pem": vendor.AnchorPEM()}
	for _, name := range append([]string{domain}, packages...) {
		if files[name+".csar"], err = vendor.Pack(os.DirFS(s.File(path.Join("packages", name)))); err != nil {
			return nil, err
		}
	}
	for name, raw := range files {
		if err := os.WriteFile(s.File(name), raw, 0o600); err != nil {
			return nil, hub.E(hub.Unavailable, opDemo, fmt.Sprintf("%s cannot be written; make room there", s.File(name)), err)
		}
	}
	verbs := [][]string{{"package", "policy", "--trust-domain", domain, "--anchor", domain + ".pem"}}
	for _, name := range packages {
		verbs = append(verbs, []string{"package", "onboard", name + ".csar", "--trust-domain", domain})
	}
	verbs = append(verbs, []string{"nsd", "onboard", domain + ".csar", "--trust-domain", domain})
	if err := s.doAll(ctx, verbs...); err != nil {
		return nil, err
	}
	v := &service{domain: domain}
	var created struct{ ID string }
	if err := s.DoGet(ctx, &created, "ns", "create", "--nsd", domain, "--name", domain); err != nil {
		return nil, err
	}
	v.id = created.ID
	if _, err := s.Do(ctx, "ns", "instantiate", v.id); err != nil {
		return nil, err
	}
	return v, s.learn(ctx, v)
}

// learn reads what was made of a network service.
func (s *Stage) learn(ctx context.Context, v *service) error {
	ops, err := s.operations(ctx, v)
	if err != nil {
		return err
	}
	if len(ops) != 1 {
		return fmt.Errorf("the NFVO lists %d operations on the new network service %s, and must list one", len(ops), v.id)
	}
	v.made, v.vnfs, v.computes = ops[0].Entered, map[string]string{}, map[string]string{}
	for _, a := range ops[0].Changes.VNFs {
		v.vnfs[a.Profile] = a.ID
	}
	now, err := s.serviceNow(ctx, v)
	if err != nil {
		return err
	}
	for _, one := range now.VNFs {
		for _, part := range one.Info.Parts {
			v.computes[one.ID] = part.Compute.ID
		}
	}
	return nil
}

func (s *Stage) operations(ctx context.Context, v *service) (ops []lcmOperation, err error) {
	err = s.Get(ctx, &ops, "ns", "ops", v.id)
	return ops, err
}

func (s *Stage) serviceNow(ctx context.Context, v *service) (now runningService, err error) {
	err = s.Get(ctx, &now, "ns", "show", v.id)
	return now, err
}

func (s *Stage) hostNow(ctx context.Context, id string) (now modelHost, err error) {
	err = s.Get(ctx, &now, "host", "show", id)
	return now, err
}

// where says on which host each VNF profile of a network service runs: it is one of its
// VNFs at the NFVO, and its compute is on the host at the VIM. A VNF that is gone has to
// be gone at both.
func (s *Stage) where(ctx context.Context, v *service) (map[string]string, error) {
	now, err := s.serviceNow(ctx, v)
	if err != nil {
		return nil, err
	}
	var hosts []modelHost
	if err := s.Get(ctx, &hosts, "vim", "hosts"); err != nil {
		return nil, err
	}
	places := map[string]string{}
	for profile, id := range v.vnfs {
		member := slices.ContainsFunc(now.VNFs, func(one runningVNF) bool { return one.ID == id })
		at := slices.IndexFunc(hosts, func(h modelHost) bool { return slices.Contains(h.ComputeIDs, v.computes[id]) })
		if member != (at >= 0) {
			return nil, fmt.Errorf("VNF %s (%s): the NFVO has it: %t, the VIM runs it: %t", id, profile, member, at >= 0)
		}
		if member {
			places[profile] = hosts[at].ID
		}
	}
	return places, nil
}

// placed wants the VNF profiles of a network service to run where the text says:
// "keys bonn-1, ledger bonn-1", in the order of their names.
func (s *Stage) placed(ctx context.Context, v *service, want string) error {
	places, err := s.where(ctx, v)
	if err != nil {
		return err
	}
	var is []string
	for profile, host := range places {
		is = append(is, profile+" "+host)
	}
	slices.Sort(is)
	if got := strings.Join(is, ", "); got != want {
		return fmt.Errorf("NFVO and VIM say that of %s there run: %s; wanted: %s", v.domain, got, want)
	}
	return nil
}

// untouched wants that nobody had a network service changed since it was made.
func (s *Stage) untouched(ctx context.Context, v *service) error {
	ops, err := s.operations(ctx, v)
	if err != nil {
		return err
	}
	if len(ops) != 1 {
		return fmt.Errorf("the NFVO lists %d operations on %s, and must list the first one alone", len(ops), v.id)
	}
	return nil
}
