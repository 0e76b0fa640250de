package cli

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/durable"
	"github.com/manoward/manoward/internal/hub"
)

func (p *program) attester() *cobra.Command {
	m := &cmfCaller{program: p}
	c := &cobra.Command{
		Use:   "attester",
		Short: "The TPMs and HSMs whose statements the CMF takes",
		Long: `An attester is a TPM or an HSM that states which keys it holds. It is registered once,
by who manages the VNFs that run beside it, and attests their certificate requests.`,
		Example: `  manoward attester add attester.json --credentials vendor-vnfm
  manoward attester list`,
	}
	m.flags(c)
	c.AddCommand(m.attesterAdd(), m.attesterChallenge(), m.attesterActivate(), m.attesterList(), m.attesterShow(), m.attesterWithdraw())
	return c
}

// deviceFile is what "manoward attest ak" writes of a device.
type deviceFile struct {
	Statement string `json:"statement"`
	Key       string `json:"key"`
	TPM       *struct {
		AK            []byte `json:"ak"`
		EK            []byte `json:"ek"`
		EKCertificate string `json:"ekCertificate"`
	} `json:"tpm"`
}

func readDevice(file string) (d deviceFile, err error) {
	text, err := readFile(file, "description of attester")
	if err != nil {
		return d, err
	}
	if err := json.Unmarshal(text, &d); err != nil || d.Statement == "" || d.Key == "" {
		return d, hub.E(hub.Invalid, "read description of attester", file+" describes no attester; let \"manoward attest ak --out\" write it", nil)
	}
	return d, nil
}

func (m *cmfCaller) attesterAdd() *cobra.Command {
	var name, roots, chain string
	c := &cobra.Command{
		Use:   "add DESCRIPTION",
		Short: "Register an attester from the description that \"attest ak\" wrote",
		Long: `Registers an attester from the description that "manoward attest ak" wrote: the type
of its statements and its public key. What its maker says of it proves more: give the
certificate of the attestation key with --chain, or prove a TPM with "attester challenge".`,
		Example: `  manoward attester add attester.json --credentials vendor-vnfm
  manoward attester add attester.json --trust-domain north --name rack-7`,
		Args: exactly("DESCRIPTION"),
		RunE: func(c *cobra.Command, args []string) error {
			d, err := readDevice(args[0])
			if err != nil {
				return err
			}
			in := certmgmt.Attester{TrustDomain: m.domain, Name: name, StatementOID: d.Statement, PublicKey: d.Key}
			for _, file := range []struct {
				path string
				to   *string
			}{{roots, &in.Roots}, {chain, &in.CertificateChain}} {
				if file.path == "" {
					continue
				}
				text, err := readFile(file.path, "certificates")
				if err != nil {
					return err
				}
				*file.to = string(text)
			}
			var made certmgmt.Attester
			if err := m.post(c.Context(), "/attesters", in, &made); err != nil {
				return err
			}
			return m.print(made, func(w io.Writer) { attesterTable(w, &made) })
		},
	}
	m.domainFlag(c)
	c.Flags().StringVar(&name, "name", "", "name for people")
	c.Flags().StringVar(&roots, "roots", "", "file with the CA certificates, PEM, that its certificate is checked against")
	c.Flags().StringVar(&chain, "chain", "", "file with the certificate of the attestation key and those above it, PEM")
	return c
}

func attesterTable(w io.Writer, a *certmgmt.Attester) {
	fmt.Fprintf(w, "attester\t%s\nname\t%s\nstatements\t%s\nstate\t%s\n", a.ID, dash(a.Name), a.StatementOID, attesterState(a))
	if a.Registered != nil {
		fmt.Fprintf(w, "registered\t%s\n", when(*a.Registered))
	}
}

func attesterState(a *certmgmt.Attester) string {
	switch {
	case a.Withdrawn != nil:
		return "withdrawn " + when(*a.Withdrawn)
	case a.Activated != nil:
		return "proven to be in its TPM " + when(*a.Activated)
	}
	return "registered"
}

// challengeFile is a challenge as "manoward attest activate" reads it.
type challengeFile struct {
	ID         string    `json:"id"`
	Expires    time.Time `json:"expires"`
	Credential []byte    `json:"credential"`
	Seed       []byte    `json:"seed"`
}

func (m *cmfCaller) attesterChallenge() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "challenge ATTESTER DESCRIPTION",
		Short: "Have the CMF challenge a TPM to prove that it holds the attestation key",
		Long: `Writes a challenge that only the TPM can answer that has the endorsement key of the
description and holds the attestation key that was registered. It is good once, for minutes.`,
		Example: "  manoward attester challenge 5c1b7f4e-6c1c-4f2e-9d0e-0d6f3c1f2a77 attester.json --out challenge.json --credentials vendor-vnfm",
		Args:    exactly("ATTESTER", "DESCRIPTION"),
		RunE: func(c *cobra.Command, args []string) error {
			if out == "" {
				return usage("--out is missing; name the file for the challenge")
			}
			d, err := readDevice(args[1])
			if err != nil {
				return err
			}
			if d.TPM == nil {
				return hub.E(hub.Invalid, "challenge attester", args[1]+" describes a token, which answers no challenges; it attests by its key alone", nil)
			}
			in := certmgmt.ChallengeRequest{
				TrustDomain: m.domain, AttesterID: args[0], EKCertificate: d.TPM.EKCertificate,
				EKPublic: base64.StdEncoding.EncodeToString(d.TPM.EK), AKPublic: base64.StdEncoding.EncodeToString(d.TPM.AK),
			}
			var made certmgmt.Challenge
			if err := m.post(c.Context(), "/challenges", in, &made); err != nil {
				return err
			}
			return m.writeChallenge(out, &made)
		},
	}
	m.domainFlag(c)
	c.Flags().StringVar(&out, "out", "", "file for the challenge, JSON")
	return c
}

func (m *cmfCaller) writeChallenge(out string, made *certmgmt.Challenge) error {
	file := challengeFile{ID: made.ID, Expires: made.Expires}
	var err error
	if file.Credential, err = base64.StdEncoding.DecodeString(made.CredentialBlob); err == nil {
		file.Seed, err = base64.StdEncoding.DecodeString(made.Secret)
	}
	if err != nil {
		return hub.E(hub.Unavailable, "challenge attester", "the CMF answered with a challenge that cannot be read", err)
	}
	text, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		return err
	}
	if err := durable.WriteFile(out, append(text, '\n'), 0o600); err != nil {
		return hub.E(hub.Unavailable, "write challenge", fmt.Sprintf("%s cannot be written; make room or choose another file", out), err)
	}
	m.say("the challenge is in %s, good until %s; answer it with: manoward attest activate", out, when(made.Expires))
	return nil
}

func (m *cmfCaller) attesterActivate() *cobra.Command {
	return &cobra.Command{
		Use:     "activate CHALLENGE ANSWER",
		Short:   "Give the CMF the answer of the TPM, which proves the attester",
		Example: "  manoward attester activate challenge.json answer.json --credentials vendor-vnfm",
		Args:    exactly("CHALLENGE", "ANSWER"),
		RunE: func(c *cobra.Command, args []string) error {
			var challenge challengeFile
			var answer struct {
				Secret []byte `json:"secret"`
			}
			for i, into := range []any{&challenge, &answer} {
				text, err := readFile(args[i], "challenge")
				if err != nil {
					return err
				}
				if json.Unmarshal(text, into) != nil {
					return hub.E(hub.Invalid, "activate attester", args[i]+" is no JSON of the right form; take the files that \"attester challenge\" and \"attest activate\" wrote", nil)
				}
			}
			if challenge.ID == "" || len(answer.Secret) == 0 {
				return hub.E(hub.Invalid, "activate attester", "the challenge has no id, or the answer no secret; take the files that \"attester challenge\" and \"attest activate\" wrote", nil)
			}
			var made certmgmt.Attester
			in := certmgmt.ActivationRequest{Secret: base64.StdEncoding.EncodeToString(answer.Secret)}
			if err := m.post(c.Context(), "/challenges/"+url.PathEscape(challenge.ID)+"/activate", in, &made); err != nil {
				return err
			}
			return m.print(made, func(w io.Writer) { attesterTable(w, &made) })
		},
	}
}

func (m *cmfCaller) attesterList() *cobra.Command {
	c := &cobra.Command{Use: "list", Short: "List the attesters", Example: "  manoward attester list --credentials vendor-vnfm"}
	listVerb(m.program, c, m.connect, "/attesters", func() (url.Values, error) { return nil, nil }, "ID\tNAME\tSTATEMENTS\tSTATE", func(a certmgmt.Attester) string {
		return fmt.Sprintf("%s\t%s\t%s\t%s", a.ID, dash(a.Name), a.StatementOID, attesterState(&a))
	})
	return c
}

func (m *cmfCaller) attesterShow() *cobra.Command {
	c := &cobra.Command{Use: "show ID", Short: "Show an attester", Example: "  manoward attester show 5c1b7f4e-6c1c-4f2e-9d0e-0d6f3c1f2a77"}
	showVerb(m.program, c, m.connect, "/attesters/", attesterTable)
	m.completeArgs(c, m.attesterIDs)
	return c
}

func (m *cmfCaller) attesterWithdraw() *cobra.Command {
	var comment string
	c := &cobra.Command{
		Use:   "withdraw ID",
		Short: "End an attester: it attests nothing any more, and what it attested is revoked",
		Long: `Ends an attester, as when its device was stolen or broken into. It attests no further
request, and every certificate that it attested is revoked before this returns.`,
		Example: `  manoward attester withdraw 5c1b7f4e-6c1c-4f2e-9d0e-0d6f3c1f2a77 --comment "rack 7 was opened"`,
		Args:    exactly("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			var made certmgmt.Attester
			if err := m.post(c.Context(), "/attesters/"+url.PathEscape(args[0])+"/withdraw", certmgmt.WithdrawRequest{Comment: comment}, &made); err != nil {
				return err
			}
			return m.print(made, func(w io.Writer) { attesterTable(w, &made) })
		},
	}
	c.Flags().StringVar(&comment, "comment", "", "why; it is recorded")
	m.completeArgs(c, m.attesterIDs)
	return c
}

// attesterIDs offers the attesters.
func (m *cmfCaller) attesterIDs(ctx context.Context, _ []string) ([]string, error) {
	var all []certmgmt.Attester
	client, err := m.connect(ctx)
	if err == nil {
		_, err = client.Do(ctx, http.MethodGet, "/attesters", nil, &all)
	}
	ids := make([]string, 0, len(all))
	for _, a := range all {
		ids = append(ids, a.ID)
	}
	return ids, err
}
