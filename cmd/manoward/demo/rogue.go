package demo

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/manoward/manoward/internal/packaging"
)

// rogue is what the steps of rogue-package hand to one another.
type rogue struct {
	certified bool // the VNFM has a TPM, so that the VNF gets a certificate

	pkg, ns, vnf, image, decision, order string // IDs
}

const (
	rogueDomain  = "shop"
	rogueManager = "guardian"
	roguePolicy  = "rogue-image"
)

// roguePackage is the scenario of examples/rogue-package.
func roguePackage() Scenario {
	r := &rogue{}
	return Scenario{
		Name: "rogue-package",
		Prepare: func(s *Setup) (err error) {
			if r.certified, err = s.CertifyVNFCs(rogueDomain); err != nil {
				return err
			}
			return s.Manager(rogueManager, rogueDomain, "policies")
		},
		Steps: []Step{
			{"A trust domain, and a Security Manager that may enforce", r.register},
			{"A vendor's signed packages are verified and on-boarded", r.onboard},
			{"A network service is made of them: its VNF runs", r.instantiate},
			{"Somebody alters the image at the VIM, behind everybody's back", r.alter},
			{"The Security Manager is told, and decides", r.decides},
			{"Its order is carried out by the NFVO", r.carriedOut},
			{"NFVO, VIM and CMF are asked what is left", r.readBack},
		},
	}
}

func (r *rogue) register(ctx context.Context, s *Stage) error {
	if _, err := s.Do(ctx, "trust-domain", "create", rogueDomain); err != nil {
		return err
	}
	if _, err := s.Do(ctx, "sm", "register", rogueManager, "--trust-domain", rogueDomain, "--mode", "fully-active", "--out", rogueManager); err != nil {
		return err
	}
	if err := s.ManagerRuns(ctx, rogueManager, rogueDomain); err != nil {
		return err
	}
	if _, err := s.Do(ctx, "sm", "level", "set", rogueManager, roguePolicy, "enforce", "--trust-domain", rogueDomain, "--reason", "a demonstration"); err != nil {
		return err
	}
	s.Say("Security Manager %s judges by the policy %s, and may enforce what it asks for.", rogueManager, roguePolicy)
	return nil
}

func (r *rogue) onboard(ctx context.Context, s *Stage) error {
	vendor, err := packaging.NewVendor("Acme", time.Now())
	if err != nil {
		return err
	}
	files := map[string][]byte{"anchor.pem": vendor.AnchorPEM()}
	for file, folder := range map[string]string{"web.csar": "web", "shop.csar": "ns"} {
		if files[file], err = vendor.Pack(os.DirFS(s.File(folder))); err != nil {
			return err
		}
	}
	for name, raw := range files {
		if err := os.WriteFile(s.File(name), raw, 0o600); err != nil {
			return err
		}
	}
	if _, err := s.Do(ctx, "package", "policy", "--trust-domain", rogueDomain, "--anchor", "anchor.pem"); err != nil {
		return err
	}
	if _, err := s.Do(ctx, "package", "onboard", "web.csar", "--trust-domain", rogueDomain); err != nil {
		return err
	}
	if _, err := s.Do(ctx, "nsd", "onboard", "shop.csar", "--trust-domain", rogueDomain); err != nil {
		return err
	}
	found, err := r.packageNow(ctx, s)
	if err != nil {
		return err
	}
	if found.OperationalState != "ENABLED" {
		return fmt.Errorf("the package is %s after it was on-boarded, and must be ENABLED", found.OperationalState)
	}
	r.pkg = found.ID
	s.Say("The vendor signed with a key that was made just now; hashes, signature and chain are good.")
	s.Proof("package", r.pkg, "package", "show")
	return nil
}

func (r *rogue) instantiate(ctx context.Context, s *Stage) error {
	if _, err := s.Do(ctx, "vim", "load", "inventory.yaml"); err != nil {
		return err
	}
	var ns rogueNS
	if err := s.DoGet(ctx, &ns, "ns", "create", "--nsd", "shop", "--name", "shop"); err != nil {
		return err
	}
	r.ns = ns.ID
	if _, err := s.Do(ctx, "ns", "instantiate", r.ns); err != nil {
		return err
	}
	if err := s.Get(ctx, &ns, "ns", "show", r.ns); err != nil {
		return err
	}
	running, err := r.computes(ctx, s)
	if err != nil {
		return err
	}
	if len(ns.VNFs) != 1 || running != 1 {
		return fmt.Errorf("the NFVO has %d VNFs and the VIM %d computes, and both must have one", len(ns.VNFs), running)
	}
	r.vnf = ns.VNFs[0].ID
	s.Say("VNF %s runs.", r.vnf)
	if !r.certified {
		s.Software("without a TPM for its key the VNF has no certificate.")
		return nil
	}
	list, err := r.certificates(ctx, s)
	if err != nil {
		return err
	}
	if len(list) != 1 || list[0].State != "VALID" {
		return fmt.Errorf("the CMF has the certificates %+v of the VNF, and must have one that is valid", list)
	}
	s.Say("Its certificate is for a key in the VNFM's TPM (assurance: %s).", list[0].Assurance)
	s.Proof("certificate", list[0].ID, "cert", "show")
	return nil
}

// rogueImage is what the VIM says of an image.
type rogueImage struct {
	ID       string                `json:"id"`
	Domain   string                `json:"trustDomain"`
	Checksum struct{ Hash string } `json:"checksum"`
	Stated   struct{ Hash string } `json:"statedChecksum"`
}

func (r *rogue) imageNow(ctx context.Context, s *Stage) (rogueImage, error) {
	var all []rogueImage
	if err := s.Get(ctx, &all, "vim", "images"); err != nil {
		return rogueImage{}, err
	}
	for _, one := range all {
		if one.Domain == rogueDomain {
			return one, nil
		}
	}
	return rogueImage{}, fmt.Errorf("the VIM has no image of %s", rogueDomain)
}

func (r *rogue) alter(ctx context.Context, s *Stage) error {
	image, err := r.imageNow(ctx, s)
	if err != nil {
		return err
	}
	r.image = image.ID
	if _, err := s.Do(ctx, "vim", "event", "image-altered", r.image, "with a back door"); err != nil {
		return err
	}
	if image, err = r.imageNow(ctx, s); err != nil {
		return err
	}
	if image.Checksum.Hash == image.Stated.Hash {
		return fmt.Errorf("the VIM says that image %s is as it was put there, after it was altered", r.image)
	}
	s.Say("The image was put there as %.12s..., and now is %.12s...", image.Stated.Hash, image.Checksum.Hash)
	return nil
}

func (r *rogue) decides(ctx context.Context, s *Stage) error {
	d, err := s.Decided(ctx, rogueManager, rogueDomain, roguePolicy)
	if err != nil {
		return err
	}
	f := d.Findings[0]
	if f.Target.VnfInstanceID != r.vnf || f.Target.ImageID != r.image || len(d.Orders) != 1 {
		return fmt.Errorf("the finding is about VNF %s and image %s with %d orders, and must be about %s and %s with one", f.Target.VnfInstanceID, f.Target.ImageID, len(d.Orders), r.vnf, r.image)
	}
	r.decision, r.order = d.ID, d.Orders[0]
	return nil
}

func (r *rogue) carriedOut(ctx context.Context, s *Stage) error {
	o, err := s.Completed(ctx, rogueManager, rogueDomain, r.order)
	if err != nil {
		return err
	}
	if a := o.Action; a.Type != "terminate-vnf" || !a.Snapshot || !a.DisablePackage || a.Replace == nil || *a.Replace {
		return fmt.Errorf("the order is to %+v, and must be to terminate with a snapshot, without a replacement, and to disable the package", a)
	}
	return nil
}
