package cli

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/config"
)

// Roles are what a hub can be asked to run.
func Roles() []string { return []string{"trust", "nfvo", "vnfm", "vim", "sm", "cmf"} }

// hubFlags are the flags of the verbs that read the configuration.
type hubFlags struct {
	file   string
	values map[string]*string // by path of the key
}

// flagKeys are the configuration keys that have a flag of their own. --set takes
// the others.
var flagKeys = []struct{ name, path, help string }{
	{"data", "dataDir", "directory of everything the hub keeps"},
	{"listen", "listen.host", "host or address to listen on"},
	{"advertise", "listen.advertise", "host or address by which others reach this hub"},
	{"probes", "listen.probes", "host:port on loopback for /healthz, /readyz and /metrics in plain HTTP"},
	{"nats", "nats.urls", "URLs of an external NATS cluster, comma-separated (default: an embedded server)"},
	{"nats-creds", "nats.creds", "credentials file of the hub's account on that cluster"},
	{"nats-system-creds", "nats.systemCreds", "credentials file of its system account"},
	{"nats-operator-key", "nats.operatorKey", "seed file of its operator, or of a signing key of it"},
	{"nats-ca", "nats.tls.ca", "CA certificates of that cluster, PEM"},
	{"unlock-key", "keys.unlockFile", "file with the key that opens secrets at rest"},
	{"log-level", "log.level", "debug, info, warn or error"},
	{"log-format", "log.format", "auto, text or json"},
}

func (f *hubFlags) add(c *cobra.Command) {
	names := make([]string, len(flagKeys))
	for i, k := range flagKeys {
		names[i] = k.name
	}
	f.addOnly(c, names...)
}

// addOnly adds those of the flags that a verb has a use for, --config and --set.
func (f *hubFlags) addOnly(c *cobra.Command, names ...string) {
	f.values = map[string]*string{}
	c.Flags().StringVar(&f.file, "config", "", "configuration file, YAML")
	for _, k := range flagKeys {
		if slices.Contains(names, k.name) {
			f.values[k.name] = c.Flags().String(k.name, "", k.help)
		}
	}
	c.Flags().StringArray("set", nil, "any other configuration key, as key=value; may be given several times")
}

// load reads the configuration: flag, then variable, then file, then default.
func (f *hubFlags) load(c *cobra.Command, environ []string) (*config.Config, error) {
	flags := map[string]string{}
	for _, k := range flagKeys {
		if f.values[k.name] != nil && c.Flags().Changed(k.name) {
			flags[k.path] = *f.values[k.name]
		}
	}
	sets, err := c.Flags().GetStringArray("set")
	if err != nil {
		return nil, err
	}
	for _, s := range sets {
		key, value, ok := strings.Cut(s, "=")
		if !ok {
			return nil, usage("--set %s is not key=value", s)
		}
		flags[key] = value
	}
	return config.Load(config.Sources{File: f.file, Env: environ, Flags: flags})
}

func (p *program) up() *cobra.Command {
	var flags hubFlags
	var asJSON bool
	c := &cobra.Command{
		Use:   "up",
		Short: "Start a hub with all roles in this process",
		Long: `Starts a hub with all roles in this process and an embedded bus. The first start
makes the data directory, the hub's own certificate authority and the operator's
credential in a context file, which the other verbs then find by themselves.

SIGTERM or Ctrl-C ends it in order; whatever was acknowledged survives any end.`,
		Example: `  manoward up
  manoward up --data /var/lib/manoward --listen 0.0.0.0 --advertise hub.example.net
  manoward up --json`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := flags.load(c, p.Environ)
			if err != nil {
				return err
			}
			return p.run(c, cfg, nil, asJSON)
		},
	}
	flags.add(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print one line of JSON when ready")
	return c
}

func (p *program) serveRoles() *cobra.Command {
	var flags hubFlags
	var asJSON bool
	c := &cobra.Command{
		Use:   "serve ROLE...",
		Short: "Start some roles in this process, against an external NATS cluster",
		Long: `Starts some roles in this process; others run elsewhere on the same cluster.

  trust   the registry of trust domains and Security Managers, and the operators' API
  nfvo    Os-Ma-nfvo, Or-Vnfm, and the Sc-Or endpoints of Security Managers
  vnfm    the VNF Manager: Or-Vnfm and Ve-Vnfm-em
  vim     the infrastructure: Or-Vi and Vi-Vnfm, and the Sc-Vi endpoints of Security Managers
  sm      the Security Managers that the configuration names (securityManagers)
  cmf     the Certificate Management Function: Cm-Vnfm, revocation lists and OCSP

All processes of one hub need the same unlock key (--unlock-key).`,
		Example: `  manoward serve trust --nats tls://nats-1:4222,tls://nats-2:4222 --nats-creds hub.creds \
    --nats-system-creds sys.creds --nats-operator-key operator.nk --unlock-key unlock.key
  manoward serve nfvo vim --nats tls://nats-1:4222 --nats-creds hub.creds --unlock-key unlock.key --data /var/lib/manoward-nfvo`,
		ValidArgs: Roles(),
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("serve takes at least one role of: %s", strings.Join(Roles(), ", "))
			}
			for _, a := range args {
				if !slices.Contains(Roles(), a) {
					return usage("there is no role %q; the roles are: %s", a, strings.Join(Roles(), ", "))
				}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := flags.load(c, p.Environ)
			if err != nil {
				return err
			}
			if len(cfg.NATS.URLs) == 0 {
				return usage("serve needs an external NATS cluster (--nats); to run all roles in one process, use: manoward up")
			}
			return p.run(c, cfg, args, asJSON)
		},
	}
	flags.add(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print one line of JSON when ready")
	return c
}

func (p *program) run(c *cobra.Command, cfg *config.Config, roles []string, asJSON bool) error {
	return p.parts.Serve(c.Context(), cfg, roles, p.Env, func(r Ready) {
		if r.Context != "" {
			if abs, err := filepath.Abs(r.Context); err == nil {
				r.Context = abs
			}
			if err := RememberContext(p.Environ, r.Context); err != nil {
				p.say("the context cannot be remembered (%v); use --context %s", err, r.Context)
			}
		}
		if asJSON {
			raw, _ := json.Marshal(r) // strings and booleans always encode
			fmt.Fprintln(p.Stdout, string(raw))
			return
		}
		p.announce(r)
	})
}

// announce says that the hub is ready, and what to do next.
func (p *program) announce(r Ready) {
	fmt.Fprintf(p.Stdout, "manoward is ready\n  data     %s\n  bus      %s\n", r.DataDir, r.Bus)
	for _, name := range slices.Sorted(maps.Keys(r.Endpoints)) {
		fmt.Fprintf(p.Stdout, "  %-9s %s\n", name, r.Endpoints[name])
	}
	if r.Context == "" {
		return
	}
	fmt.Fprintf(p.Stdout, `
Next, in another terminal:
  %[1]s trust-domain create north
  %[1]s sm register alpha --trust-domain north --mode semi-active --out alpha/
  %[1]s sm list
  %[1]s trust matrix

Ctrl-C ends it.
`, p.Program)
}

func (p *program) configCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "config",
		Short:   "Check or show the configuration that a start would use",
		Example: "  manoward config check --config hub.yaml",
	}
	var checkFlags, showFlags hubFlags
	check := &cobra.Command{
		Use:     "check",
		Short:   "Check the configuration; every problem is named with its place",
		Example: "  manoward config check --config hub.yaml",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			if _, err := checkFlags.load(c, p.Environ); err != nil {
				return err
			}
			p.say("the configuration is good")
			return nil
		},
	}
	show := &cobra.Command{
		Use:     "show",
		Short:   "Show every value that would be in force and where it comes from",
		Example: "  manoward config show --config hub.yaml\n  manoward config show -o json",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := showFlags.load(c, p.Environ)
			if err != nil {
				return err
			}
			format := p.output
			if format == "table" {
				format = "yaml"
			}
			return cfg.Show(p.Stdout, format)
		},
	}
	checkFlags.add(check)
	showFlags.add(show)
	c.AddCommand(check, show)
	return c
}
