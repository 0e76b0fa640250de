package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// Stage is what a step works with. Its verbs run in the scenario's folder, as the
// operator of the hub.
type Stage struct {
	// Dir is the scenario's folder, with the files of its example.
	Dir      string
	o        *Options
	line     *timeline
	hub      *hubProcess
	devices  *devices
	environ  []string
	scenario string
	step, of int
	proofs   *[]string // verbs that show proofs, to try when all is done
}

// patience bounds the waits for what the hub does by itself. Only a defect, or a machine
// that is far too slow, meets it.
const patience = 90 * time.Second

// patience is longer where processes are killed: what they were at is tried again after
// pauses, of a minute at most, by those that took over.
func (s *Stage) patience() time.Duration {
	if len(s.o.Disturb) > 0 {
		return 3 * patience
	}
	return patience
}

func (s *Stage) print(kind, text string) {
	s.line.print(event{Kind: kind, Scenario: s.scenario, Step: s.step, Of: s.of, Text: text})
}

// Say tells what happened.
func (s *Stage) Say(format string, args ...any) { s.print(kindFact, fmt.Sprintf(format, args...)) }

// Software tells that a device of software stands in for a real one.
func (s *Stage) Software(format string, args ...any) {
	s.print(kindSoftware, fmt.Sprintf(format, args...))
}

// Proof names what proves a fact, by its ID, and the verb that shows it without the ID:
// Proof("decision", id, "decision", "explain").
func (s *Stage) Proof(what, id string, verb ...string) {
	command := strings.Join(append([]string{s.o.Program}, append(verb, id)...), " ")
	s.line.print(event{Kind: kindProof, Scenario: s.scenario, Step: s.step, Of: s.of, Text: what, ID: id, Command: command})
	if !slices.Contains(*s.proofs, command) {
		*s.proofs = append(*s.proofs, command)
	}
}

// Exit codes of verbs (cli.ExitCode).
const (
	exitRefused     = 3
	exitNotFound    = 4
	exitUnavailable = 6
)

// refusal is a verb that did not succeed.
type refusal struct {
	verb string // "cert request"
	code int    // exit code
	text string // what it said: cause and mend
}

func (r *refusal) Error() string { return r.verb + ": " + r.text }

// Do runs a verb of manoward, shows it in the timeline, and returns what it printed.
func (s *Stage) Do(ctx context.Context, args ...string) (string, error) {
	s.print(kindCommand, "manoward "+quoted(args))
	return s.run(ctx, args)
}

// Get runs a verb with -o json and reads what it printed.
func (s *Stage) Get(ctx context.Context, into any, args ...string) error {
	out, err := s.run(ctx, append(args, "-o", "json"))
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(out), into); err != nil {
		return fmt.Errorf("read what %q printed: %w", quoted(args), err)
	}
	return nil
}

// DoGet is Do for a verb whose JSON is read.
func (s *Stage) DoGet(ctx context.Context, into any, args ...string) error {
	s.print(kindCommand, "manoward "+quoted(args))
	return s.Get(ctx, into, args...)
}

// Refused runs a verb that has to be refused, shows it, and returns the
// reason.
func (s *Stage) Refused(ctx context.Context, args ...string) (string, error) {
	_, err := s.Do(ctx, args...)
	var r *refusal
	switch {
	case err == nil:
		return "", fmt.Errorf("%q succeeded, and must be refused", quoted(args))
	case errors.As(err, &r) && r.code == exitRefused:
		return r.text, nil
	}
	return "", err
}

func (s *Stage) run(ctx context.Context, args []string) (string, error) {
	defer s.line.waiting("manoward " + args[0] + " " + args[min(1, len(args)-1)])()
	cmd := exec.CommandContext(ctx, s.o.Executable, args...)
	return s.output(ctx, cmd, strings.Join(args[:min(2, len(args))], " "))
}

// Tool runs another program, which must be installed, and returns what it printed.
func (s *Stage) Tool(ctx context.Context, name string, args ...string) (string, error) {
	s.print(kindCommand, name+" "+quoted(args))
	return s.output(ctx, exec.CommandContext(ctx, name, args...), name)
}

func (s *Stage) output(ctx context.Context, cmd *exec.Cmd, verb string) (string, error) {
	var out, errs bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = s.Dir, s.environ, &out, &errs
	err := cmd.Run()
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		_, text, told := strings.Cut("\n"+errs.String(), "\nmanoward: ") // behind what it told meanwhile
		if !told {
			text = errs.String()
		}
		return "", &refusal{verb, exit.ExitCode(), strings.TrimSpace(text)}
	}
	if err != nil {
		return "", hub.E(hub.Unavailable, opDemo, cmd.Path+" cannot be run", err)
	}
	return out.String(), nil
}

// Until waits until ok, which it asks again and again, and for as long as its patience
// lasts. What it waits for is told when it takes longer than a second.
func (s *Stage) Until(ctx context.Context, what string, ok func(context.Context) (bool, error)) error {
	const every = 200 * time.Millisecond
	defer s.line.waiting("waiting: " + what)()
	longest := s.patience()
	ctx, cancel := context.WithTimeoutCause(ctx, longest, hub.E(hub.Unavailable, opDemo, fmt.Sprintf("waited %s in vain: %s; see %s, or try again on a quieter machine", longest, what, s.hub.log), nil))
	defer cancel()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		done, err := ok(ctx)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil || done:
			return err
		case !s.hub.running():
			return errHubEnded
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// disturb has processes of the hub killed, by the program that started it. What it says
// of that on standard output is told.
func (s *Stage) disturb(ctx context.Context) error {
	defer s.line.waiting(filepath.Base(s.o.Hub) + " disturb")()
	said, err := s.output(ctx, exec.CommandContext(ctx, s.o.Hub, append([]string{"disturb"}, s.hub.args...)...), filepath.Base(s.o.Hub)+" disturb")
	if err != nil {
		return err
	}
	for line := range strings.Lines(said) {
		s.Say("%s", strings.TrimSpace(line))
	}
	return nil
}

// File is the path of a file in the scenario's folder.
func (s *Stage) File(name string) string { return filepath.Join(s.Dir, name) }

// quoted writes arguments as a shell takes them.
func quoted(args []string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=,@+"
	words := make([]string, len(args))
	for i, a := range args {
		words[i] = a
		if a == "" || strings.Trim(a, plain) != "" {
			words[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}
