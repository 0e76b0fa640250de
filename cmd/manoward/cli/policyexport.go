package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/policies/library"
)

func (p *program) policyExport() *cobra.Command {
	return &cobra.Command{
		Use:   "export DIR",
		Short: "Write the built-in policies to a folder, to add your own beside them or to change them",
		Long: `Writes the built-in policies with their samples and tests. One set of policies judges
at a time: to keep the built-in ones beside your own, push both as one.`,
		Example: `  manoward policy export policies`,
		Args:    exactly("DIR"),
		RunE: func(_ *cobra.Command, args []string) error {
			err := os.CopyFS(args[0], library.FS())
			if errors.Is(err, fs.ErrExist) {
				return hub.E(hub.Conflict, "export policies", fmt.Sprintf("%s holds some of the files already, and none of those was changed; choose another folder", args[0]), nil)
			}
			if err != nil {
				return hub.E(hub.Invalid, "export policies", fmt.Sprintf("%s cannot be written: %v", args[0], pathCause(err)), nil)
			}
			p.say("wrote the built-in policies to %s", args[0])
			return nil
		},
	}
}
