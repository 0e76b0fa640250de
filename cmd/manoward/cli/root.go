package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/attestation/attester"
	"github.com/manoward/manoward/internal/config"
	"github.com/manoward/manoward/internal/hub"
)

// Serve runs roles of a hub until ctx ends, and calls ready once when they can
// be used. roles is empty for all of them.
type Serve func(ctx context.Context, cfg *config.Config, roles []string, env Env, ready func(Ready)) error

// Parts are the parts of the program that the command line starts and does not
// know.
type Parts struct {
	Serve Serve
	// Backup writes the data directory of a hub that does not run to an archive;
	// Restore makes a data directory of one, and CheckBackup only reads it.
	Backup      func(ctx context.Context, cfg *config.Config, opts BackupOptions, to io.Writer) (Backup, error)
	Restore     func(ctx context.Context, cfg *config.Config, from io.Reader) (Backup, error)
	CheckBackup func(ctx context.Context, from io.Reader) (Backup, error)
	// NewBusUser makes the key of a user of the bus, and gives what makes a
	// credentials file of it once its public key was certified.
	NewBusUser func() (publicKey string, credentials func(jwt string) ([]byte, error), err error)
	// NewBusCluster makes, in a directory, what the servers of a bus need, and returns
	// the flags with which a hub stands on it.
	NewBusCluster func(dir string, servers []string, now time.Time) (flags []string, err error)
	// OpenToken opens a token of a PKCS#11 library, whose PIN is in a file.
	OpenToken func(ctx context.Context, library, label, pinFile string) (attester.Token, error)
}

// Env is what a program sees of its surroundings.
type Env struct {
	Program        string // as it was called, for lines to copy: "bin/manoward"
	Stdout, Stderr io.Writer
	Environ        []string
	Version        Version
}

// Ready is what a started hub says of itself, on one line of JSON.
type Ready struct {
	Ready     bool              `json:"ready"`
	DataDir   string            `json:"dataDir"`
	Context   string            `json:"context,omitempty"` // path of the operator's context file
	Endpoints map[string]string `json:"endpoints"`         // by osMa, orVnfm, vnfm, vim, scOr, scVi, admin
	Bus       string            `json:"bus"`               // how durable what is recorded is
}

// Main runs the command line of this process and returns its exit code. The
// first SIGINT or SIGTERM asks it to end, the second ends it.
func Main(parts Parts) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // from the first signal on, the next one kills
	env := Env{Program: os.Args[0], Stdout: os.Stdout, Stderr: os.Stderr, Environ: os.Environ(), Version: readVersion()}
	return Run(ctx, parts, env, os.Args[1:])
}

// Run runs one command line and returns its exit code.
func Run(ctx context.Context, parts Parts, env Env, args []string) int {
	p := &program{Env: env, parts: parts}
	root := p.root()
	root.SetArgs(args)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintln(plain{env.Stderr}, "manoward: "+message(err))
	return ExitCode(err)
}

// program is one run of the command line.
type program struct {
	Env
	parts   Parts
	output  string // -o
	context string // --context
	unfit   error  // what the verbs ask for and do not have; a test wants none
}

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "manoward",
		Short: "Policy-as-code security and certificate hub for ETSI NFV-MANO",
		Long: `manoward judges what happens in an NFV-MANO system with Rego policies, carries
the decisions out through the NFVO, and certifies only keys that are attested.

Start a hub with "manoward up"; every other verb finds the hub that was started
last on this machine, or the one that --context or MANOWARD_CONTEXT names.`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.PersistentFlags().StringVarP(&p.output, "output", "o", "table", "output format: table, json or yaml")
	root.PersistentFlags().StringVar(&p.context, "context", "", "context file of the hub to speak to (default: $MANOWARD_CONTEXT, else the hub started last)")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usage("%v; see: %s --help", err, c.CommandPath())
	})
	root.AddCommand(p.up(), p.demo(), p.serveRoles(), p.trustDomain(), p.sm(), p.packageCommand(), p.nsd(), p.pnfd(), p.ns(), p.vnf(), p.alarm(), p.indicator(), p.performance(), p.allowance(), p.host(), p.vim(), p.subscription(), p.trust(), p.clientCommand(), p.operators(), p.policy(), p.decision(), p.order(), p.attest(), p.attester(), p.cert(), p.ca(), p.audit(), p.backup(), p.restore(), p.nats(), p.configCommand(), p.version())
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	completionExamples(root)
	refuseUnknown(root)
	// Before the verb does anything: a format that does not exist must not be
	// told after what was asked for has been done.
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error { return p.checkOutput(c) }
	return root
}

// completionExamples gives cobra's own verbs the example that every verb has.
func completionExamples(root *cobra.Command) {
	for _, c := range root.Commands() {
		switch c.Name() {
		case "help":
			c.Example = "  manoward help sm register"
		case "completion":
			c.Example = "  source <(manoward completion bash)"
			for _, shell := range c.Commands() {
				shell.Example = "  manoward completion " + shell.Name()
			}
		}
	}
}

// checkOutput refuses a value of -o that the verb does not know.
func (p *program) checkOutput(c *cobra.Command) error {
	formats := []string{"table", "json", "yaml"}
	if c.Annotations[hasCSV] != "" {
		formats = append(formats, "csv")
	}
	if slices.Contains(formats, p.output) {
		return nil
	}
	last := len(formats) - 1
	return usage("there is no output format %q; use %s or %s", p.output, strings.Join(formats[:last], ", "), formats[last])
}

// hasCSV is the annotation of a verb that can also print CSV.
const hasCSV = "csv"

// refuseUnknown makes a group of verbs refuse a verb that it does not have; by
// itself cobra prints help and succeeds.
func refuseUnknown(c *cobra.Command) {
	for _, sub := range c.Commands() {
		refuseUnknown(sub)
	}
	if c.HasSubCommands() && c.RunE == nil {
		c.SuggestionsMinimumDistance = 2 // letters that may differ
		c.Args = cobra.ArbitraryArgs
		c.RunE = func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.Help()
			}
			text := fmt.Sprintf("there is no %q in %s", args[0], c.CommandPath())
			if near := c.SuggestionsFor(args[0]); len(near) > 0 {
				text += "; did you mean " + strings.Join(near, " or ") + "?"
			}
			return usage("%s; see: %s --help", text, c.CommandPath())
		}
	}
}

// exactly takes n positional arguments and names them when they are missing.
func exactly(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != len(names) {
			return usage("%s takes %s; see: %s --help", c.CommandPath(), wanted(names), c.CommandPath())
		}
		return nil
	}
}

func wanted(names []string) string {
	if len(names) == 0 {
		return "no arguments"
	}
	return strings.Join(names, " ")
}

func usage(format string, args ...any) error {
	return hub.E(hub.Invalid, "read command line", fmt.Sprintf(format, args...), nil)
}

// ExitCode returns the exit code of an error: 0 ok, 1 failure, 2 usage or bad
// input, 3 refused, 4 not found, 5 conflict, 6 unavailable.
func ExitCode(err error) int {
	switch hub.CodeOf(err) {
	case "":
		return 0
	case hub.Invalid, hub.Unprocessable:
		return 2
	case hub.Unauthenticated, hub.Denied, hub.Undecided:
		return 3
	case hub.NotFound:
		return 4
	case hub.Conflict, hub.Precondition:
		return 5
	case hub.Unavailable, hub.RateLimited:
		return 6
	}
	return 1
}

// asVerbs says for who types what the hub's interfaces say for programs: how to
// list what there is.
var asVerbs = strings.NewReplacer(
	"list them with GET /ns_instances", "list them with: manoward ns list",
	"list them with GET /allowances", "list them with: manoward allowance list",
	"list them with GET /ns_lcm_op_occs", "list those of an NS with: manoward ns ops NS-ID",
	"GET /vnf_packages lists them", "list them with: manoward package list",
	"GET /ns_descriptors lists them", "list them with: manoward nsd list",
	"list them with GET /nsd/v2/ns_descriptors", "list them with: manoward nsd list",
	"GET /pnf_descriptors lists them", "list them with: manoward pnfd list",
	"list them with GET /certificates", "list them with: manoward cert list",
	"list them with GET /hosts", "list them with: manoward host list",
	"there is no such VNF instance; list them to see which there are", "there is no such VNF instance; those of an NS are shown by: manoward ns show NS-ID",
	"list the indicators with GET /indicators", "list those of all VNFs with: manoward indicator list",
	"list those that it has with GET /indicators/{vnfInstanceId}", "list those of all VNFs with: manoward indicator list",
	"list them with GET /pm_jobs", "list them with: manoward performance job list",
	"list them with GET /thresholds", "list them with: manoward performance threshold list",
	"list them with GET /images", "list them with: manoward vim images",
)

// message is the line that a failed verb prints. What failed on this machine is
// told with its cause; what a hub answered is told in the hub's words.
func message(err error) string {
	var e *hub.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	if e.Code == hub.NotFound {
		return asVerbs.Replace(e.Text)
	}
	cause := e.Err
	for inner := e; errors.As(cause, &inner) && strings.Contains(e.Text, inner.Text); {
		cause = inner.Err // told already
	}
	if cause != nil && (e.Code == hub.Unavailable || e.Code == hub.Internal) {
		return e.Text + ": " + cause.Error()
	}
	return e.Text
}
