package cli

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/attestation"
	"github.com/manoward/manoward/attestation/attester"
	"github.com/manoward/manoward/attestation/tpm"
	"github.com/manoward/manoward/internal/durable"
	"github.com/manoward/manoward/internal/hub"
)

// withDevice opens the device that the flags name, for f.
func (p *program) withDevice(ctx context.Context, flags *deviceFlags, f func(keyDevice) error) error {
	d, err := p.openDevice(ctx, flags)
	if err != nil {
		return err
	}
	return errors.Join(f(d), d.close())
}

// writeOut writes a result of this program to a file.
func writeOut(file, what string, data []byte, perm fs.FileMode) error {
	if err := durable.WriteFile(file, data, perm); err != nil {
		return hub.E(hub.Unavailable, "write "+what, fmt.Sprintf("%s was not written; make room or correct the path, and try again", file), pathCause(err))
	}
	return nil
}

func madeOrKept(made bool) string {
	if made {
		return "made"
	}
	return "kept"
}

func (p *program) attestAK() *cobra.Command {
	var f deviceFlags
	var algorithm, out string
	c := &cobra.Command{
		Use:   "ak",
		Short: "Make the attestation key of a TPM or token, and describe the device",
		Long: `Makes the attestation key, if there is none under the name of --ak, and describes the
device for whoever registers it as attester: the public key and the type of its
statements, and of a TPM the endorsement key with its maker's certificate.

With a TPM, --ak names a key file. It can be used with that TPM only, so it is no
secret; who loses it makes a new key and registers again. With a token, --ak is the
label of a key that stays in the token.`,
		Example: `  manoward attest ak --tpm /dev/tpmrm0 --ak ak.tss --out attester.json
  manoward attest ak --pkcs11 /usr/lib/softhsm/libsofthsm2.so --token vnfm-1 --pin-file pin --ak attester --out attester.json`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			kind, err := attester.ParseAlgorithm(algorithm)
			if err != nil {
				return err
			}
			return p.withDevice(c.Context(), &f, func(d keyDevice) error {
				description, made, err := d.describe(c.Context(), kind)
				if err != nil {
					return err
				}
				return p.printAK(description, made, out)
			})
		},
	}
	f.flags(c)
	c.Flags().StringVar(&algorithm, "algorithm", string(attester.P256), "of a new key: ecdsa-p256, ecdsa-p384 or rsa-2048")
	c.Flags().StringVar(&out, "out", "", "file for the description, JSON")
	return c
}

// printAK writes the description to its file, and prints it.
func (p *program) printAK(d attester.Description, made bool, out string) error {
	spki, err := d.SPKI()
	if err != nil {
		return err
	}
	if out != "" {
		text, err := json.MarshalIndent(d, "", "  ")
		if err != nil {
			return err
		}
		if err := writeOut(out, "description of attester", append(text, '\n'), 0o644); err != nil {
			return err
		}
	}
	return p.print(d, func(w io.Writer) {
		fmt.Fprintf(w, "attestation key\t%s\nkey\tSHA-256 %s\nstatements\t%s\n", madeOrKept(made), attestation.KeyDigest(spki), d.Statement)
		if d.TPM != nil {
			printEK(w, *d.TPM)
		}
		if out != "" {
			fmt.Fprintf(w, "description\t%s\n", out)
		}
	})
}

func printEK(w io.Writer, d attester.DescriptionTPM) {
	if area, err := tpm.ReadPublic(d.EK); err == nil {
		fmt.Fprintf(w, "endorsement key\tSHA-256 %s\n", attestation.KeyDigest(area.SPKI))
	}
	if cert, err := d.Certificate(); err == nil && cert != nil {
		fmt.Fprintf(w, "maker's certificate\tissued by %s, good until %s\n", cert.Issuer, when(cert.NotAfter))
		return
	}
	fmt.Fprintln(w, "maker's certificate\tnone in the TPM")
}

// challengeAnswer is what proves that an attestation key is in a TPM.
type challengeAnswer struct {
	Secret []byte `json:"secret"`
}

func (p *program) attestActivate() *cobra.Command {
	var where, ak, out string
	c := &cobra.Command{
		Use:   "activate CHALLENGE",
		Short: "Let a TPM answer the challenge that proves its attestation key",
		Long: `Reads the challenge that whoever registers the attester has made for the description
that "attest ak" wrote, and lets the TPM open it. It can, if it is the TPM with that
endorsement key and holds that attestation key. The answer is a secret until it was
given. Tokens answer no challenges.`,
		Example: `  manoward attest activate challenge.json --tpm /dev/tpmrm0 --ak ak.tss --out answer.json`,
		Args:    exactly("CHALLENGE"),
		RunE: func(_ *cobra.Command, args []string) error {
			if where == "" || ak == "" {
				return usage("--tpm and --ak are missing; name the TPM, and the key file of its attestation key")
			}
			challenge, err := readChallenge(args[0])
			if err != nil {
				return err
			}
			secret, err := activate(where, ak, challenge)
			if err != nil {
				return err
			}
			return p.printAnswer(challengeAnswer{secret}, out)
		},
	}
	c.Flags().StringVar(&where, "tpm", "", "TPM 2.0: a device like /dev/tpmrm0, or swtpm: and the socket of an emulator")
	c.Flags().StringVar(&ak, "ak", "", "key file of the attestation key")
	c.Flags().StringVar(&out, "out", "", "file for the answer, JSON")
	return c
}

// readChallenge reads the two fields that a TPM needs; whoever made the challenge may
// have added others.
func readChallenge(file string) (tpm.Challenge, error) {
	var c tpm.Challenge
	text, err := readFile(file, "challenge")
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(text, &c); err != nil || len(c.Credential) == 0 || len(c.Seed) == 0 {
		return c, hub.E(hub.Invalid, "read challenge", file+" holds no challenge (JSON with credential and seed in base64); take the file that the registration gave", nil)
	}
	return c, nil
}

func activate(where, ak string, c tpm.Challenge) ([]byte, error) {
	key, err := readKeyFile(ak)
	if err != nil {
		return nil, err
	}
	device, err := attester.OpenTPM(where)
	if err != nil {
		return nil, err
	}
	defer device.Close()
	return device.Activate(key, c)
}

func (p *program) printAnswer(a challengeAnswer, out string) error {
	if out != "" {
		text, err := json.Marshal(a)
		if err != nil {
			return err
		}
		if err := writeOut(out, "answer", append(text, '\n'), 0o600); err != nil {
			return err
		}
		p.say("the answer is in %s", out)
		return nil
	}
	return p.print(a, func(w io.Writer) { fmt.Fprintf(w, "secret\t%s\n", base64.StdEncoding.EncodeToString(a.Secret)) })
}
