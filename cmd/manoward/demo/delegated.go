package demo

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/attester"
)

const (
	delegatedDomain = "edge"
	delegatedVendor = "vendor" // the client that is the VNF Manager, and the folder of its credential
)

// delegated is what the steps of delegated-certificates hand to one another.
type delegated struct {
	tpm, hsm generator
}

// generator is a device that makes and attests keys: one that verbs of attest reach, or
// one of software.
type generator struct {
	vnfc     string   // the VNFC that it makes the key of
	name     string   // of its files: tpm, hsm
	flags    []string // of the verbs of attest
	ak       string   // its attestation key: a file, or a label
	soft     softToken
	attester string // ID
}

// delegatedCertificates is the scenario of examples/delegated-certificates.
func delegatedCertificates() Scenario {
	d := &delegated{
		tpm: generator{vnfc: "7a1c6a52-0b0f-4a4f-8c39-0d0f6a3b9f10", name: "tpm", ak: "tpm.ak"},
		hsm: generator{vnfc: "e0c1b6a8-6c55-4f0e-9a59-2c8f4f1f7d22", name: "hsm", ak: "attester"},
	}
	return Scenario{
		Name:    "delegated-certificates",
		Prepare: func(s *Setup) error { return s.TrustDevices(delegatedDomain) },
		Steps: []Step{
			{"A trust domain, and a vendor's VNF Manager with a certificate for Cm-Vnfm", d.vendor},
			{"The TPM beside one VNFC is registered, and proves itself", d.registerTPM},
			{"The HSM of another VNFC is registered", d.registerHSM},
			{"Keys are made in the devices, attested, and certified", d.certify},
			{"Whoever verifies the certificates takes them", d.verify},
			{"Somebody puts the TPM's statement beside a key of software", d.steal},
			{"The CMF is asked what it has signed, and what it has refused", d.readBack},
		},
	}
}

// asVendor adds the VNF Manager's credential to a verb.
func asVendor(args ...string) []string { return append(args, "--credentials", delegatedVendor) }

func (d *delegated) vendor(ctx context.Context, s *Stage) error {
	for _, args := range [][]string{
		{"trust-domain", "create", delegatedDomain},
		{"client", "create", delegatedVendor, "--party", "vnfm", "--trust-domain", delegatedDomain},
		{"client", "certify", delegatedVendor, "--out", delegatedVendor},
	} {
		if _, err := s.Do(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

// described is what the verbs of attester say.
type described struct {
	ID        string     `json:"id"`
	Activated *time.Time `json:"activated"`
}

// register describes the device to the CMF.
func (g *generator) register(ctx context.Context, s *Stage) error {
	file := g.name + ".json"
	if g.soft != nil {
		s.Software("the attester of %s is a program, and protects nothing.", g.vnfc)
		if err := g.soft.describe(ctx, s.File(file)); err != nil {
			return err
		}
	} else if _, err := s.Do(ctx, append([]string{"attest", "ak", "--ak", g.ak, "--out", file}, g.flags...)...); err != nil {
		return err
	}
	name := g.name
	if g.soft != nil {
		name = "SOFTWARE in place of " + g.name
	}
	var made described
	add := asVendor("attester", "add", file, "--name", name)
	s.print(kindCommand, "manoward "+quoted(add))
	err := s.Until(ctx, "the CMF knows the trust domain", func(ctx context.Context) (bool, error) {
		err := s.Get(ctx, &made, add...)
		var r *refusal
		if errors.As(err, &r) && r.code == exitNotFound {
			return false, nil // a CMF that is a process of its own hears of it in a moment
		}
		return err == nil, err
	})
	if err != nil {
		return err
	}
	g.attester = made.ID
	s.Proof("attester", made.ID, "attester", "show")
	return nil
}

func (d *delegated) registerTPM(ctx context.Context, s *Stage) error {
	g := &d.tpm
	if !s.devices.hasTPM() {
		g.soft = softToken{}
		return g.register(ctx, s)
	}
	where, err := s.devices.newTPM(ctx)
	if err != nil {
		return err
	}
	g.flags = []string{"--tpm", where}
	if err := g.register(ctx, s); err != nil {
		return err
	}
	if _, err := s.Do(ctx, asVendor("attester", "challenge", g.attester, "tpm.json", "--out", "challenge.json")...); err != nil {
		return err
	}
	if _, err := s.Do(ctx, "attest", "activate", "challenge.json", "--tpm", where, "--ak", g.ak, "--out", "answer.json"); err != nil {
		return err
	}
	var proven described
	if err := s.DoGet(ctx, &proven, asVendor("attester", "activate", "challenge.json", "answer.json")...); err != nil {
		return err
	}
	if proven.Activated == nil {
		return fmt.Errorf("attester %s is not activated after it answered its challenge", g.attester)
	}
	s.Say("Only the TPM that its maker certified could answer: the attestation key is in it.")
	return nil
}

func (d *delegated) registerHSM(ctx context.Context, s *Stage) (err error) {
	g := &d.hsm
	if !s.devices.hasToken() {
		g.soft = softToken{}
	} else if g.flags, err = s.devices.newToken(ctx, "edge"); err != nil {
		return err
	}
	return g.register(ctx, s)
}

// certify has both VNFCs certified.
func (d *delegated) certify(ctx context.Context, s *Stage) error {
	for _, g := range []*generator{&d.tpm, &d.hsm} {
		if _, err := s.Do(ctx, asVendor("cert", "register", "--subject", g.vnfc, "--attester", g.attester)...); err != nil {
			return err
		}
		if g.soft != nil {
			if err := g.soft.request(ctx, g.vnfc, s.File(g.name+".csr"), time.Now()); err != nil {
				return err
			}
		} else if _, err := s.Do(ctx, append([]string{"attest", "csr", "--ak", g.ak, "--key", g.name + ".key", "--name", g.vnfc, "--out", g.name + ".csr"}, g.flags...)...); err != nil {
			return err
		}
		var signed struct {
			CertificateID string `json:"certificateId"`
			Assurance     string `json:"assurance"`
		}
		if err := s.DoGet(ctx, &signed, asVendor("cert", "request", "--subject", g.vnfc, "--csr", g.name+".csr", "--out", g.name+".crt")...); err != nil {
			return err
		}
		if g.soft != nil {
			s.Software("signed for a key in memory, which a program attests; it is told as assurance: %s.", signed.Assurance)
		} else {
			s.Say("Signed for the key in the %s; its assurance is: %s.", strings.ToUpper(g.name), signed.Assurance)
		}
		s.Proof("certificate", signed.CertificateID, "cert", "show")
	}
	return nil
}

// verify verifies both certificates, by crypto/x509 and by openssl if it is there.
func (d *delegated) verify(ctx context.Context, s *Stage) error {
	root, err := s.Do(ctx, asVendor("ca", "show", "--trust-domain", delegatedDomain, "--root")...)
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.File("root.pem"), []byte(root), 0o600); err != nil {
		return fmt.Errorf("write the root certificate: %w", err)
	}
	for _, g := range []*generator{&d.tpm, &d.hsm} {
		file := g.name + ".crt"
		chain, err := os.ReadFile(s.File(file))
		if err != nil {
			return fmt.Errorf("read the certificate: %w", err)
		}
		if err := verifyChain(chain, []byte(root), g.vnfc, time.Now()); err != nil {
			return err
		}
		if g.soft != nil {
			s.Software("the key of %s is protected by nothing.", g.vnfc)
		}
		s.Say("crypto/x509 takes the certificate of %s.", g.vnfc)
		if !s.devices.hasOpenSSL() {
			continue
		}
		if _, err := s.Tool(ctx, "openssl", "verify", "-CAfile", "root.pem", "-untrusted", file, file); err != nil {
			return err
		}
		s.Say("openssl takes it as well.")
	}
	return nil
}

// steal sends a request for a key of software with the statement that was made of the
// TPM's key.
func (d *delegated) steal(ctx context.Context, s *Stage) error {
	text, err := os.ReadFile(s.File(d.tpm.name + ".csr"))
	if err != nil {
		return fmt.Errorf("read the first request: %w", err)
	}
	stolen, err := statementOf(text)
	if err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make a key in software: %w", err)
	}
	if err := writeCSR(key, attester.CSR{Subject: pkix.Name{CommonName: d.tpm.vnfc}, Statement: stolen}, s.File("stolen.csr")); err != nil {
		return err
	}
	if d.tpm.soft != nil {
		s.Software("what is stolen is the statement of a program.")
	}
	reason, err := s.Refused(ctx, asVendor("cert", "request", "--subject", d.tpm.vnfc, "--csr", "stolen.csr")...)
	if err != nil {
		return err
	}
	s.Say("%s", reason)
	return nil
}

// statementOf takes the statement out of a certificate request.
func statementOf(text []byte) (attestation.Statement, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return attestation.Statement{}, fmt.Errorf("read the first request: it holds no PEM")
	}
	csr, err := attestation.ParseCSR(block.Bytes)
	if err != nil {
		return attestation.Statement{}, fmt.Errorf("read the first request: %w", err)
	}
	bundle, err := attestation.BundleOf(csr, false)
	if err != nil {
		return attestation.Statement{}, fmt.Errorf("read the statement of the first request: %w", err)
	}
	if len(bundle.Statements) != 1 {
		return attestation.Statement{}, fmt.Errorf("the first request has %d statements, and must have one", len(bundle.Statements))
	}
	return bundle.Statements[0], nil
}

// readBack asks the CMF and the records of the trust domain.
func (d *delegated) readBack(ctx context.Context, s *Stage) error {
	var list []struct {
		Subject string `json:"subjectId"`
		State   string `json:"state"`
	}
	if err := s.DoGet(ctx, &list, "cert", "list", "--trust-domain", delegatedDomain); err != nil {
		return err
	}
	if len(list) != 2 || list[0].State != "VALID" || list[1].State != "VALID" {
		return fmt.Errorf("the CMF has the certificates %+v, and must have two that are valid", list)
	}
	s.Say("Two certificates, both valid; none for the key of software.")
	var records []struct {
		ID   string `json:"id"`
		Kind string `json:"kind"`
	}
	if err := s.DoGet(ctx, &records, "trust-domain", "records", delegatedDomain); err != nil {
		return err
	}
	for _, r := range records {
		if r.Kind == "certificate.refused" {
			s.Say("The refusal is record %s of the trust domain.", r.ID)
			return nil
		}
	}
	return fmt.Errorf("none of the %d records of %s is of the refusal", len(records), delegatedDomain)
}
