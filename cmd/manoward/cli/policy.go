package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/durable"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/policies"
)

func (p *program) policy() *cobra.Command {
	c := &cobra.Command{
		Use:   "policy",
		Short: "Write, check, test, sign and try policies on files; send them to a Security Manager",
		Long: `A policy is one Rego file with metadata, a file of samples and tests beside it.
new, check, test, sign, verify, bench and export work on files of this machine and need
no hub; so do list, show and eval, which with --sm ask a Security Manager. push,
activate, rollback, revisions and history are about what a Security Manager judges by.

Where a verb takes policies, they are a folder, *.rego files, a signed bundle, or
the word library for the policies that are built in.`,
		Example: `  manoward policy new banned-vendor --events ns-change,review
  manoward policy check .
  manoward policy test . --min-coverage 100
  manoward policy eval --policies . --event event.yaml --explain
  manoward policy push . --key signer.key --key-id ci
  manoward policy activate REVISION --reason "reviewed"`,
	}
	c.AddCommand(p.policyCheck(), p.policyTest(), p.policySign(), p.policyVerify(), p.policyEval(), p.policyBench(), p.policyList(), p.policyShow(), p.policyNew(), p.policyExport(),
		p.policyPush(), p.policyActivate(), p.policyRollback(), p.policyRevisions(), p.policyHistory())
	return c
}

// somePolicies takes one or more paths of policies.
func somePolicies(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usage("%s takes a folder, *.rego files, a bundle, or %q; see: %s --help", c.CommandPath(), builtIn, c.CommandPath())
	}
	return nil
}

// checkReport is what policy check prints for programs.
type checkReport struct {
	Good     bool               `json:"good"`
	Problems []policies.Problem `json:"problems"`
}

func (p *program) policyCheck() *cobra.Command {
	var keys policyKeys
	var format bool
	c := &cobra.Command{
		Use:   "check DIR|FILE...|BUNDLE",
		Short: "Say what is wrong with policies, where, and what to do",
		Long: `Parses, lints and compiles the policies against the schemas of their events, so that
a misspelt field is found, and evaluates their samples. Each problem is one line:
file, line, column, level, what is wrong, what to do.

Files that are named are checked as one set, with the samples beside them. Of a
bundle, the signature is verified first. --format writes files anew that are not
formatted, before they are checked. Exit code: 0 good, 2 not good.`,
		Example: `  manoward policy check .
  manoward policy check . --format
  manoward policy check banned_vendor.rego lib/words.rego
  manoward policy check policies.tar.gz --key signer.pem --key-id ci
  manoward policy check . -o json`,
		Args: somePolicies,
		RunE: func(c *cobra.Command, args []string) error {
			f, err := openPolicies(args, keys)
			if err != nil {
				return err
			}
			if format {
				if err := p.format(f); err != nil {
					return err
				}
			}
			var problems []policies.Problem
			if f.files == nil {
				_, problems, err = f.try(c.Context())
			} else {
				var o policies.Options
				if o, err = policyOptions(); err == nil {
					problems = f.show(policies.Check(c.Context(), f.files, o))
				}
			}
			if err != nil {
				return err
			}
			refused := f.refusal(problems, math.MaxInt)
			if p.output == "table" {
				if refused == nil {
					for _, warning := range problems {
						p.say("%s", warning)
					}
					p.say("the policies are good")
				}
				return refused
			}
			if problems == nil {
				problems = []policies.Problem{}
			}
			if err := p.print(checkReport{Good: refused == nil, Problems: problems}, nil); err != nil || refused == nil {
				return err
			}
			return hub.E(hub.Unprocessable, "check policies", fmt.Sprintf("the policies are not good; problems: %d", len(problems)), nil)
		},
	}
	keys.flags(c)
	c.Flags().BoolVar(&format, "format", false, "write files anew that are not formatted")
	return c
}

// format writes each file of Rego anew that is not as the formatter wants it.
// What cannot be parsed stays as it is, and the check says why.
func (p *program) format(f *policyFiles) error {
	if !f.local {
		return usage("%s is not for editing; --format takes a folder or *.rego files", f.name)
	}
	return fs.WalkDir(f.files, ".", func(name string, d fs.DirEntry, err error) error {
		switch hidden := strings.HasPrefix(path.Base(name), ".") && name != "."; {
		case err != nil:
			return nil // the check says so
		case hidden && d.IsDir():
			return fs.SkipDir
		case hidden || !d.Type().IsRegular() || path.Ext(name) != ".rego":
			return nil
		}
		file := f.shown(name)
		source, err := readLimited(file, policies.MaxFile)
		if err != nil {
			return err
		}
		formatted, err := policies.Format(file, source)
		if err != nil || bytes.Equal(formatted, source) {
			return nil
		}
		info, err := os.Stat(file)
		if err == nil {
			err = durable.WriteFile(file, formatted, info.Mode().Perm())
		}
		if err != nil {
			return hub.E(hub.Unavailable, "format policy", file+" was not written", pathCause(err))
		}
		p.say("formatted %s", file)
		return nil
	})
}

// policySource are the flags of verbs that look at policies.
type policySource struct {
	path string
	keys policyKeys
}

func (s *policySource) flags(c *cobra.Command) {
	c.Flags().StringVar(&s.path, "policies", builtIn, "folder, *.rego file or bundle; or library, for the policies that are built in")
	s.keys.flags(c)
}

// load makes a set of what --policies names.
func (s *policySource) load(c *cobra.Command) (*policies.Set, error) {
	f, err := openPolicies([]string{s.path}, s.keys)
	if err != nil {
		return nil, err
	}
	return f.load(c.Context())
}

func (p *program) policyList() *cobra.Command {
	var from policySource
	var which smChoice
	c := &cobra.Command{
		Use:   "list",
		Short: "List policies: those that are built in, of a folder or bundle, or that a Security Manager judges by",
		Example: `  manoward policy list
  manoward policy list --sm alpha
  manoward policy list --policies .
  manoward policy list --policies policies.tar.gz --key signer.pem --key-id ci`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			all, err := p.policiesOf(c, &from, which)
			if err != nil {
				return err
			}
			return p.print(all, func(w io.Writer) {
				fmt.Fprintln(w, "ID\tSEVERITY\tEVENTS\tTITLE")
				for _, one := range all {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", one.ID, one.Severity, words(one.Events), one.Title)
				}
			})
		},
	}
	from.flags(c)
	p.smFlags(c, &which)
	return c
}

// policiesOf lists the policies of files, or those that are active at a Security
// Manager that is named.
func (p *program) policiesOf(c *cobra.Command, from *policySource, which smChoice) ([]policies.Policy, error) {
	if which == (smChoice{}) {
		set, err := from.load(c)
		if err != nil {
			return nil, err
		}
		return set.Policies(), nil
	}
	if c.Flags().Changed("policies") {
		return nil, usage("--policies and --sm name two places; use one of them")
	}
	sm, err := p.remoteSM(c.Context(), which)
	if err != nil {
		return nil, err
	}
	return listOf[policies.Policy](c.Context(), sm, "/policies", nil)
}

func (p *program) policyShow() *cobra.Command {
	var from policySource
	var which smChoice
	var source bool
	var sample string
	c := &cobra.Command{
		Use:   "show ID",
		Short: "Show a policy: what it is for, its parameters with their defaults, its Rego",
		Long: `Shows a policy. --source prints its Rego instead; --sample prints the whole input of
one of its samples as JSON, as a file to try things with ("policy eval --event").
With --sm it is one that the Security Manager judges by; its parameters there are
shown by "sm parameter show".`,
		Example: `  manoward policy show package-signer
  manoward policy show package-signer --source
  manoward policy show package-signer --sample "signer is on the list" > event.json
  manoward policy show banned-vendor --policies .
  manoward policy show package-signer --sm alpha`,
		Args: exactly("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			if source && sample != "" {
				return usage("--source and --sample print two things; use one of them")
			}
			if which != (smChoice{}) {
				if source || sample != "" {
					return usage("--source and --sample are of policies on this machine; leave --sm out")
				}
				return p.showActive(c, &from, which, args[0])
			}
			set, err := from.load(c)
			if err != nil {
				return err
			}
			one, ok := set.Policy(args[0])
			if !ok {
				return noPolicy(set.Policies(), args[0])
			}
			if sample != "" {
				return p.printSample(set.Samples(one.ID), sample)
			}
			if source {
				rego, _ := set.Source(one.File) // every policy has its file
				_, err := p.Stdout.Write(rego)
				return err
			}
			return p.print(one, func(w io.Writer) { writePolicy(w, one, set.Samples(one.ID)) })
		},
	}
	from.flags(c)
	p.smFlags(c, &which)
	c.Flags().BoolVar(&source, "source", false, "print its Rego instead")
	c.Flags().StringVar(&sample, "sample", "", "print the input of the sample with this name instead, as JSON")
	return c
}

func (p *program) printSample(samples []policies.Sample, name string) error {
	var names []string
	for _, s := range samples {
		if names = append(names, fmt.Sprintf("%q", s.Name)); s.Name != name {
			continue
		}
		var out bytes.Buffer
		if err := json.Indent(&out, s.Input.JSON(), "", "  "); err != nil {
			return err
		}
		_, err := fmt.Fprintln(p.Stdout, out.String())
		return err
	}
	return hub.E(hub.NotFound, "find sample", fmt.Sprintf("there is no sample %q; there are %s", name, strings.Join(names, ", ")), nil)
}

// showActive shows a policy that a Security Manager judges by.
func (p *program) showActive(c *cobra.Command, from *policySource, which smChoice, id string) error {
	all, err := p.policiesOf(c, from, which)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(all, func(one policies.Policy) bool { return one.ID == id })
	if at < 0 {
		return noPolicy(all, id)
	}
	return p.print(all[at], func(w io.Writer) { writePolicy(w, all[at], nil) })
}

// noPolicy says that among policies there is none of that id.
func noPolicy(all []policies.Policy, id string) error {
	var ids []string
	for _, one := range all {
		ids = append(ids, one.ID)
	}
	return hub.E(hub.NotFound, "find policy", fmt.Sprintf("there is no policy %q; there are %s", id, strings.Join(ids, ", ")), nil)
}

func writePolicy(w io.Writer, one policies.Policy, samples []policies.Sample) {
	fmt.Fprintf(w, "id\t%s\ntitle\t%s\nseverity\t%s\nowner\t%s\nevents\t%s\ncontrols\t%s\nfile\t%s\nsamples\t%s\n",
		one.ID, one.Title, one.Severity, one.Owner, words(one.Events), dash(strings.Join(one.Controls, "; ")), one.File, one.SampleFile)
	for _, s := range samples {
		fmt.Fprintf(w, "\t%s\n", s.Name)
	}
	for _, q := range one.Parameters {
		fmt.Fprintf(w, "parameter %s\t%s\n", q.Name, q.Default)
		if q.Description != "" {
			fmt.Fprintf(w, "\t%s\n", q.Description)
		}
	}
	fmt.Fprintf(w, "\n%s\n", strings.Join(strings.Fields(one.Description), " "))
}

// words are the names in one cell.
func words[T ~string](names []T) string {
	texts := make([]string, len(names))
	for i, n := range names {
		texts[i] = string(n)
	}
	return strings.Join(texts, ", ")
}

// kindsOf reads the names of kinds of events.
func kindsOf(names []string) ([]hub.EventKind, error) {
	var kinds []hub.EventKind
	for _, n := range names {
		k := hub.EventKind(n)
		switch {
		case !slices.Contains(hub.EventKinds(), k):
			return nil, usage("there is no kind of event %q; the kinds are %s", n, words(hub.EventKinds()))
		case slices.Contains(kinds, k):
			return nil, usage("the kind %s is named twice", k)
		}
		kinds = append(kinds, k)
	}
	if len(kinds) == 0 {
		return nil, usage("--events is missing; name one or more of %s", words(hub.EventKinds()))
	}
	return kinds, nil
}
