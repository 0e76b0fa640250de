package cli

import (
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/journal"
)

func (p *program) auditReseal() *cobra.Command {
	var domain, reason string
	var yes bool
	c := &cobra.Command{
		Use:   "reseal",
		Short: "Begin damaged records anew, with what is lost named and accepted",
		Long: `For a trust domain whose records or journal were damaged and for which there is no backup:
nothing more is recorded or sealed there. Closes both for good, and begins new ones, whose
first record names the last good checkpoint of the old, what is lost, who accepts that and
why. The hub's own log has the same record. Evidence holds both from then on, and "audit
verify" says of the old what is proven and what was lost. It cannot be taken back.

Export the evidence first, and restore a backup instead if there is one. Afterwards start
every process of the hub again, without nats.acceptDamage, and keep the new key ("audit
key") beside the old one.`,
		Example: `  manoward audit reseal --trust-domain north --reason "disk of host 3 died, no backup"
  manoward audit reseal --trust-domain north --reason "ticket 4711" --yes`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case domain == "":
				return usage("--trust-domain is missing: say whose records; hub is the hub's own")
			case reason == "":
				return usage("--reason is missing: say why, for those who audit it later")
			}
			client, err := p.client()
			if err != nil {
				return err
			}
			if err := p.confirm("Give up what is lost of the records of "+domain+", for good?", yes); err != nil {
				return err
			}
			var told journal.Resealed
			if _, err := client.Do(c.Context(), http.MethodPost, journalPath(domain)+"/reseal", map[string]string{"reason": reason}, &told); err != nil {
				return err
			}
			return p.print(told, func(w io.Writer) {
				fmt.Fprintf(w, "given up of %s, which has %d records left:\n", domain, told.Records)
				for _, l := range told.Losses {
					fmt.Fprintf(w, "  %s\n", cell(l.String()))
				}
				fmt.Fprintf(w, "start every process of the hub again, without nats.acceptDamage; then keep the new key: manoward audit key --trust-domain %s\n", domain)
			})
		},
	}
	c.Flags().StringVar(&domain, "trust-domain", "", "whose records; hub is the hub's own")
	c.Flags().StringVar(&reason, "reason", "", "why, to be recorded")
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return c
}
