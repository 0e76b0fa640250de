package demo

import (
	"context"
	"fmt"
	"strings"
)

// rogueNS is what the NFVO says of the network service.
type rogueNS struct {
	ID   string `json:"id"`
	VNFs []struct {
		ID string `json:"id"`
	} `json:"vnfInstance"`
	Snapshots []string `json:"vnfSnapshotInfoIds"`
}

// rogueCertificate is what the CMF says of a certificate.
type rogueCertificate struct {
	ID        string `json:"id"`
	State     string `json:"state"`
	Assurance string `json:"assurance"`
	Reason    string `json:"revocationReason"`
}

// roguePkg is what the NFVO says of the package.
type roguePkg struct {
	ID               string `json:"id"`
	OperationalState string `json:"operationalState"`
}

func (r *rogue) packageNow(ctx context.Context, s *Stage) (roguePkg, error) {
	var all []roguePkg
	if err := s.Get(ctx, &all, "package", "list", "--trust-domain", rogueDomain); err != nil {
		return roguePkg{}, err
	}
	if len(all) != 1 {
		return roguePkg{}, fmt.Errorf("the NFVO lists %d packages of %s, and must list one", len(all), rogueDomain)
	}
	return all[0], nil
}

// computes counts the CPUs that the VIM has given away on the hosts of the scenario: one
// for each VNF.
func (r *rogue) computes(ctx context.Context, s *Stage) (n int, err error) {
	var hosts []struct {
		TrustDomains []string `json:"trustDomains"`
		Allocated    struct {
			CPUs int `json:"numVCpus"`
		} `json:"allocatedCapacity"`
	}
	if err := s.Get(ctx, &hosts, "vim", "hosts"); err != nil {
		return 0, err
	}
	for _, h := range hosts {
		if len(h.TrustDomains) == 1 && h.TrustDomains[0] == rogueDomain {
			n += h.Allocated.CPUs
		}
	}
	return n, nil
}

// certificates are those of the VNF.
func (r *rogue) certificates(ctx context.Context, s *Stage) (list []rogueCertificate, err error) {
	err = s.Get(ctx, &list, "cert", "list", "--vnf-instance", r.vnf, "--trust-domain", rogueDomain)
	return list, err
}

// readBack asks each function of the MANO system whether the order had its effect.
func (r *rogue) readBack(ctx context.Context, s *Stage) error {
	var ns rogueNS
	if err := s.DoGet(ctx, &ns, "ns", "show", r.ns); err != nil {
		return err
	}
	if len(ns.VNFs) != 0 || len(ns.Snapshots) != 1 {
		return fmt.Errorf("the network service has %d VNFs and %d snapshots, and must have none and one", len(ns.VNFs), len(ns.Snapshots))
	}
	s.Say("NFVO: the VNF is gone, and its snapshot %s is kept.", ns.Snapshots[0])
	if err := r.barred(ctx, s); err != nil {
		return err
	}
	pkg, err := r.packageNow(ctx, s)
	if err != nil {
		return err
	}
	if pkg.OperationalState != "DISABLED" {
		return fmt.Errorf("package %s is %s, and must be DISABLED", pkg.ID, pkg.OperationalState)
	}
	s.Say("NFVO: package %s is DISABLED: nothing is made of it any more.", pkg.ID)
	left, err := r.computes(ctx, s)
	if err != nil {
		return err
	}
	if left != 0 {
		return fmt.Errorf("the VIM still has %d CPUs given away on the hosts of %s, and must have none", left, rogueDomain)
	}
	s.Say("VIM: no compute is left on the hosts.")
	return r.revoked(ctx, s)
}

// barred wants that nobody can put another VNF into the place of the one that was ended.
func (r *rogue) barred(ctx context.Context, s *Stage) error {
	var bars []struct {
		VnfProfileID string `json:"vnfProfileId"`
		By           string `json:"by"`
	}
	if err := s.DoGet(ctx, &bars, "ns", "bars", r.ns); err != nil {
		return err
	}
	if len(bars) != 1 || !strings.Contains(bars[0].By, "/sm/"+rogueManager+"/") {
		return fmt.Errorf("the network service has the bars %+v, and must have one of %s", bars, rogueManager)
	}
	s.Say("NFVO: profile %s is barred from replacement, by %s.", bars[0].VnfProfileID, bars[0].By)
	return nil
}

// revoked waits for the CMF, which follows the VNFM by itself.
func (r *rogue) revoked(ctx context.Context, s *Stage) error {
	if !r.certified {
		s.Software("without a TPM the VNF had no certificate that could be revoked.")
		return nil
	}
	var list []rogueCertificate
	err := s.Until(ctx, "the CMF revokes the certificate of the VNF", func(ctx context.Context) (_ bool, err error) {
		list, err = r.certificates(ctx, s)
		return len(list) == 1 && list[0].State == "REVOKED", err
	})
	if err != nil {
		return err
	}
	s.Say("CMF: the certificate of the VNF is revoked (%s).", list[0].Reason)
	s.Proof("certificate", list[0].ID, "cert", "show")
	return nil
}
