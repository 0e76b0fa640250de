package cli

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/manoward/manoward/cmd/manoward/demo"
	"github.com/manoward/manoward/examples"
	"github.com/manoward/manoward/internal/hub"
)

func (p *program) demo() *cobra.Command {
	o := demo.Options{}
	c := &cobra.Command{
		Use:   "demo",
		Short: "Show what manoward is for, on a hub that this starts",
		Long: `Starts a hub on loopback, shows scenarios on it step by step, and compares the records
with the journal that sealed them. Every step is a verb that you could type, and reads
back what it led to. Keys, certificates and packages are made when it runs; the
infrastructure is a model. The scenarios, of which the first two are shown by default:

` + scenarioLines() + `
The hub then stays up, with commands to try, until Ctrl-C; with --exit it is stopped.
Several demonstrations can run at once: each has a directory and ports of its own.

--hub names a program that starts a hub of another kind, such as examples/distributed/run.sh.
It is called as "PROGRAM up --json --config FILE --data DIR", with the configuration that the
scenarios need, prints what "manoward up --json" does, and ends when it gets SIGTERM. Before
the steps that --disturb gives it is called as "PROGRAM disturb ..." with the same flags,
to kill processes of the hub, and ends when that answers again.

Exits 0 only if every step succeeded and every record is as it was sealed.`,
		Example: `  manoward demo
  manoward demo --scenario rogue-package --exit
  manoward demo --home ./demo -o json
  manoward demo --hub examples/distributed/run.sh --disturb 3,5`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if p.output == "yaml" {
				return usage("a demonstration is printed as it happens; use -o table or -o json")
			}
			if o.Executable, err = os.Executable(); err != nil {
				return hub.E(hub.Unavailable, "demonstrate", "the path of this program cannot be found out; call it by its path", err)
			}
			o.Program, o.JSON, o.PKCS11, o.Environ = p.Program, p.output == "json", p.Version.Cgo, p.Environ
			o.Stdout, o.Stderr, o.Now = p.Stdout, p.Stderr, time.Now
			o.Colour, o.Width = p.terminal()
			return demo.Run(c.Context(), o)
		},
	}
	c.Flags().StringArrayVar(&o.Scenarios, "scenario", nil, "show this one; may be given several times (default: the first two)")
	c.Flags().StringVar(&o.Home, "home", "", "new or empty directory for all that is made, which is kept (default: one that is removed at the end)")
	c.Flags().BoolVar(&o.Exit, "exit", false, "stop the hub when all is shown")
	c.Flags().StringVar(&o.Hub, "hub", "", "program that starts the hub (default: this one)")
	c.Flags().IntSliceVar(&o.Disturb, "disturb", nil, "before these steps of each scenario, have processes of the hub killed by that program")
	p.completeFlag(c, "scenario", func(context.Context, []string) ([]string, error) { return examples.Names(), nil })
	return c
}

// scenarioLines lists the scenarios for the help.
func scenarioLines() string {
	var b strings.Builder
	for _, s := range demo.Scenarios() {
		b.WriteString("  " + s.Name + "\n")
	}
	return b.String()
}

// terminal says whether standard output takes colours, and how wide it is; 0 is no
// terminal.
func (p *program) terminal() (colour bool, width int) {
	file, ok := p.Stdout.(*os.File)
	if !ok {
		return false, 0
	}
	size, err := unix.IoctlGetWinsize(int(file.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return false, 0 // no terminal
	}
	return getenv(p.Environ, "NO_COLOR") == "" && getenv(p.Environ, "TERM") != "dumb", int(size.Col)
}
