package cli

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/durable"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/policies"
)

// bundleReport is what is known of a bundle.
type bundleReport struct {
	File     string   `json:"file"`
	KeyID    string   `json:"keyId"`
	Revision string   `json:"revision"`
	Bytes    int      `json:"bytes"`
	Policies []string `json:"policies"` // ids
}

func (p *program) printBundle(file, keyID string, raw []byte, set *policies.Set) error {
	r := bundleReport{File: file, KeyID: keyID, Revision: set.Revision(), Bytes: len(raw), Policies: []string{}}
	for _, one := range set.Policies() {
		r.Policies = append(r.Policies, one.ID)
	}
	return p.print(r, func(w io.Writer) {
		fmt.Fprintf(w, "bundle\t%s\nsigned with\t%s\nrevision\t%s\nbytes\t%d\npolicies\t%d: %s\n", r.File, r.KeyID, r.Revision, r.Bytes, len(r.Policies), words(r.Policies))
	})
}

func (p *program) policySign() *cobra.Command {
	var key, keyID, out string
	c := &cobra.Command{
		Use:   "sign DIR|FILE...",
		Short: "Make a signed bundle of policies that pass their check",
		Long: `Checks the policies as "policy check" does, packs them with their samples, without
their tests, and signs each file. The same policies always have the same revision.

The key is one private key in PEM: EC on P-256, Ed25519, or RSA of 2,048 bits or
more. The id is what verifiers know the key by.`,
		Example: `  openssl genpkey -algorithm ed25519 -out signer.key
  openssl pkey -in signer.key -pubout -out signer.pem
  manoward policy sign . --key signer.key --key-id ci --out policies.tar.gz`,
		Args: somePolicies,
		RunE: func(c *cobra.Command, args []string) error {
			for _, flag := range []struct{ name, value string }{{"key", key}, {"key-id", keyID}, {"out", out}} {
				if flag.value == "" {
					return usage("--%s is missing; see: %s --help", flag.name, c.CommandPath())
				}
			}
			f, err := openPolicies(args, policyKeys{})
			if err != nil {
				return err
			}
			if f.files == nil {
				return usage("%s is a bundle already; sign the folder that it was made of", f.name)
			}
			raw, set, err := sign(c.Context(), f, key, keyID)
			if err != nil {
				return err
			}
			if err := durable.WriteFile(out, raw, 0o644); err != nil {
				return hub.E(hub.Unavailable, "write bundle", fmt.Sprintf("%s was not written", out), pathCause(err))
			}
			return p.printBundle(out, keyID, raw, set)
		},
	}
	c.Flags().StringVar(&key, "key", "", "private key to sign with, PEM, readable by its owner alone")
	c.Flags().StringVar(&keyID, "key-id", "", "id that verifiers know the key by")
	c.Flags().StringVar(&out, "out", "", "file to write the bundle to; what is there is replaced")
	return c
}

// sign checks files of policies and makes a signed bundle of them.
func sign(ctx context.Context, f *policyFiles, key, keyID string) ([]byte, *policies.Set, error) {
	secret, err := readSigningKey(key)
	if err != nil {
		return nil, nil, err
	}
	set, err := f.load(ctx)
	if err != nil {
		return nil, nil, err
	}
	raw, err := set.Bundle()
	if err != nil {
		return nil, nil, err
	}
	raw, err = policies.Sign(raw, policies.SigningKey{ID: keyID, PEM: secret})
	return raw, set, err
}

// readSigningKey reads a private key that nobody else may read.
func readSigningKey(file string) (hub.Secret, error) {
	info, err := os.Stat(file)
	if err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
		return "", hub.E(hub.Invalid, "read signing key", fmt.Sprintf("the private key %s has permissions %04o and others can read it; make it 0600", file, info.Mode().Perm()), nil)
	}
	raw, err := readLimited(file, 1<<20)
	return hub.Secret(raw), err
}

func (p *program) policyVerify() *cobra.Command {
	var keys policyKeys
	c := &cobra.Command{
		Use:   "verify BUNDLE",
		Short: "Verify who signed a bundle, and check the policies in it",
		Long: `Verifies that the bundle is signed with the key of that id and that every file in it
is the one that was signed, then checks the policies as "policy check" does.

Exit code: 0 good, 2 damaged or policies not good, 3 not signed with that key.`,
		Example: `  manoward policy verify policies.tar.gz --key signer.pem --key-id ci`,
		Args:    exactly("BUNDLE"),
		RunE: func(c *cobra.Command, args []string) error {
			f, err := openBundle(args[0], keys)
			if err != nil {
				return err
			}
			set, err := f.load(c.Context())
			if err != nil {
				return err
			}
			return p.printBundle(args[0], keys.id, f.bundle, set)
		},
	}
	keys.flags(c)
	return c
}
