package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/durable"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/journal"
	"github.com/manoward/manoward/internal/journal/oscal"
	"github.com/manoward/manoward/policies"
)

func (p *program) auditOscal() *cobra.Command {
	var pack, file string
	c := &cobra.Command{
		Use:   "oscal",
		Short: "Write what an evidence pack says of controls as OSCAL assessment results",
		Long: `Writes NIST OSCAL assessment results, version ` + oscal.Version + `, in JSON: what each rule of the policies
found, how often and in which records, and a finding for each control that the rule's
policy is for. The document follows from the pack alone: the same pack gives the same
bytes, so nobody has to be believed who made it. Verify the pack first.`,
		Example: `  manoward audit oscal --pack evidence.tar -f results.json
  manoward audit oscal --pack evidence`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			if pack == "" {
				return usage("--pack is missing: name the file or folder that \"manoward audit export\" wrote")
			}
			if file == "" {
				raw, err := oscalOf(c.Context(), pack)
				if err != nil {
					return err
				}
				_, err = p.Stdout.Write(raw)
				return err
			}
			if err := writeOscal(c.Context(), pack, file); err != nil {
				return err
			}
			p.say("wrote %s", file)
			return nil
		},
	}
	c.Flags().StringVar(&pack, "pack", "", "evidence pack: a tar file or a folder")
	c.Flags().StringVarP(&file, "file", "f", "", "file to write (default: standard output)")
	return c
}

// oscalOf makes the document of a pack.
func oscalOf(ctx context.Context, pack string) ([]byte, error) {
	return oscal.Build(ctx, func(pass func(journal.Files) error) error {
		files, done, err := journal.OpenPack(pack)
		if err != nil {
			return err
		}
		return errors.Join(pass(files), done())
	}, func(content []byte) ([]oscal.Policy, error) { return policiesIn(ctx, content) })
}

func writeOscal(ctx context.Context, pack, file string) error {
	raw, err := oscalOf(ctx, pack)
	if err != nil {
		return err
	}
	if err := durable.WriteFile(file, raw, 0o644); err != nil {
		return hub.E(hub.Invalid, "write OSCAL", fmt.Sprintf("%s cannot be written: %v; name another file", file, pathCause(err)), err)
	}
	return nil
}

// policiesIn reads what a set of policies says of itself.
func policiesIn(ctx context.Context, content []byte) ([]oscal.Policy, error) {
	set, problems, err := policies.LoadContent(ctx, content, policies.Options{})
	if err == nil {
		err = policies.Refusal(problems)
	}
	if err != nil {
		return nil, err
	}
	var list []oscal.Policy
	for _, one := range set.Policies() {
		list = append(list, oscal.Policy{ID: one.ID, Title: one.Title, Controls: one.Controls})
	}
	return list, nil
}
