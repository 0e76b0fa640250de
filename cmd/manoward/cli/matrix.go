package cli

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/hub"
)

func (p *program) trust() *cobra.Command {
	c := &cobra.Command{
		Use:     "trust",
		Short:   "Who may ask what",
		Example: "  manoward trust matrix",
	}
	c.AddCommand(p.trustMatrix())
	return c
}

// matrixRow is one row of the decision table as the hub gives it.
type matrixRow struct {
	Party       string `json:"party"`
	Interface   string `json:"interface"`
	Operation   string `json:"operation"`
	Attribute   string `json:"attribute"`
	Modes       string `json:"modes"`
	OtherDomain bool   `json:"otherDomain"`
	Requirement string `json:"requirement"`
}

func (p *program) trustMatrix() *cobra.Command {
	return &cobra.Command{
		Use:   "matrix",
		Short: "Print the decision table: party, interface, operation, mode, trust domain",
		Long: `Prints the table that decides every request. What no row allows is refused. The
columns P, S and F stand for the modes passive, semi-active and fully-active; OTHER
says whether the row also holds for things of another trust domain. The party
nfvo/hub is the hub's own NFVO, which the rows of nfvo hold for as well.`,
		Example:     "  manoward trust matrix\n  manoward trust matrix -o csv > matrix.csv",
		Args:        exactly(),
		Annotations: map[string]string{hasCSV: "yes"},
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := p.client()
			if err != nil {
				return err
			}
			var rows []matrixRow
			if _, err := client.Do(c.Context(), "GET", "/trust_matrix", nil, &rows); err != nil {
				return err
			}
			if p.output == "csv" {
				return matrixCSV(p.Stdout, rows)
			}
			return p.print(rows, func(w io.Writer) {
				fmt.Fprintln(w, "PARTY\tINTERFACE\tOPERATION\tATTRIBUTE\tP\tS\tF\tOTHER\tREQUIREMENT")
				for _, r := range rows {
					fmt.Fprintln(w, strings.Join(r.cells("yes", "-"), "\t"))
				}
			})
		},
	}
}

func (r matrixRow) cells(yes, no string) []string {
	cells := []string{r.Party, r.Interface, r.Operation, r.Attribute}
	mark := func(ok bool) string {
		if ok {
			return yes
		}
		return no
	}
	for _, m := range hub.Modes() {
		cells = append(cells, mark(r.Modes == "-" || strings.Contains(r.Modes, m.Letter())))
	}
	return append(cells, mark(r.OtherDomain), r.Requirement)
}

func matrixCSV(w io.Writer, rows []matrixRow) error {
	out := csv.NewWriter(w)
	header := []string{"party", "interface", "operation", "attribute", "passive", "semiActive", "fullyActive", "otherDomain", "requirement"}
	if err := out.Write(header); err != nil {
		return err
	}
	for _, r := range rows {
		if err := out.Write(r.cells(strconv.FormatBool(true), strconv.FormatBool(false))); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}
