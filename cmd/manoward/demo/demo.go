package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

const opDemo = "demonstrate"

// Options say what is shown, and how.
type Options struct {
	Scenarios  []string // names; none is those that are shown by default
	Home       string   // new or empty directory of all files, kept; "": one that is removed at the end if all went well
	Exit       bool     // stop the hub at the end instead of leaving it up
	Hub        string   // program that starts the hub in place of this one, from what it is given as "up" is; "": none
	Disturb    []int    // before these steps of each scenario Hub is called with "disturb", and what "up" was given
	JSON       bool     // an event a line instead of text
	Program    string   // as it was called, for lines to copy
	Executable string   // path of this program
	PKCS11     bool     // this program can use PKCS#11 tokens
	Colour     bool
	Width      int // of the terminal; 0: no terminal
	Environ    []string

	Stdout, Stderr io.Writer
	Now            func() time.Time
}

var (
	errHubEnded = hub.E(hub.Internal, opDemo, "the hub ended; what it said last is in its log", nil)
	errStopped  = hub.E(hub.Internal, opDemo, "stopped before the demonstration had ended; the hub is stopped as well", nil)
)

// Run shows the scenarios on a hub that it starts. It returns when that has ended: with
// Exit at the end of the demonstration, else when ctx ends. It is nil if every step
// succeeded and the records of every trust domain are as they were sealed.
func Run(ctx context.Context, o Options) error {
	all, err := pick(o.Scenarios)
	if err != nil {
		return err
	}
	temporary := o.Home == ""
	if err := o.checkHub(); err != nil {
		return err
	}
	if err := o.openHome(); err != nil {
		return err
	}
	r := &run{o: &o, line: &timeline{out: o.Stdout, progress: o.Stderr, json: o.JSON, colour: o.Colour, width: o.Width, now: o.Now, began: o.Now()}}
	err = r.all(ctx, all)
	switch {
	case temporary && err == nil:
		if err := os.RemoveAll(o.Home); err != nil {
			return hub.E(hub.Unavailable, opDemo, fmt.Sprintf("%s cannot be removed; remove it", o.Home), err)
		}
	case temporary:
		r.line.print(event{Kind: kindEnd, Text: "Data and log of the hub are left in " + o.Home + "; remove it when you have looked."})
	}
	return err
}

// checkHub finds the program that starts the hub.
func (o *Options) checkHub() (err error) {
	if o.Hub == "" {
		if len(o.Disturb) > 0 {
			return hub.E(hub.Invalid, opDemo, "--disturb is for a hub that goes on when processes are killed; give --hub as well, such as examples/distributed/run.sh", nil)
		}
		return nil
	}
	path, err := exec.LookPath(o.Hub)
	if err == nil {
		o.Hub, err = filepath.Abs(path)
	}
	if err != nil {
		return hub.E(hub.Invalid, opDemo, fmt.Sprintf("%s is no program that can be run; give --hub its path", o.Hub), err)
	}
	return nil
}

// openHome makes the directory of the demonstration.
func (o *Options) openHome() (err error) {
	if o.Home == "" {
		if o.Home, err = os.MkdirTemp("", "manoward-demo-"); err != nil {
			return hub.E(hub.Unavailable, opDemo, "no directory can be made for the demonstration; name one with --home", err)
		}
		return nil
	}
	if o.Home, err = filepath.Abs(o.Home); err == nil {
		err = os.MkdirAll(o.Home, 0o700)
	}
	if err != nil {
		return hub.E(hub.Unavailable, opDemo, fmt.Sprintf("the directory %s cannot be made; name another --home", o.Home), err)
	}
	there, err := os.ReadDir(o.Home)
	if err != nil {
		return hub.E(hub.Unavailable, opDemo, fmt.Sprintf("the directory %s cannot be read; name another --home", o.Home), err)
	}
	if len(there) > 0 {
		return hub.E(hub.Conflict, opDemo, fmt.Sprintf("%s is not empty; a demonstration begins anew: name a directory that is new or empty, or leave out --home", o.Home), nil)
	}
	return nil
}

// run is one demonstration.
type run struct {
	o       *Options
	line    *timeline
	hub     *hubProcess
	devices *devices
	environ []string // of verbs
	proofs  []string
	steps   int // that succeeded
	failed  int // scenarios
}

func (r *run) all(ctx context.Context, all []Scenario) error {
	r.devices = &devices{home: r.o.Home, now: r.o.Now, pkcs11: r.o.PKCS11}
	defer r.devices.close()
	if err := r.open(ctx, all); err != nil {
		return stopped(ctx, err)
	}
	defer r.hub.stop(endWithin)
	for _, s := range all {
		if err := r.show(ctx, s); err != nil {
			return stopped(ctx, err)
		}
	}
	whole, err := r.verify(ctx)
	if ctx.Err() == nil && r.hub.gone(err) {
		return r.hubEnded()
	}
	if err != nil {
		return stopped(ctx, err)
	}
	verdict := r.verdict(whole)
	if r.o.Exit {
		if !r.hub.stop(endWithin) && verdict == nil {
			return hub.E(hub.Internal, opDemo, "the hub did not stop in order: "+r.hub.lastWords(), nil)
		}
		return verdict
	}
	r.next()
	select {
	case <-ctx.Done():
		return verdict
	case <-r.hub.ended:
		return r.hubEnded()
	}
}

// stopped is what an error means when the user asked for the end.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errStopped
	}
	return err
}

// open prepares the scenarios and starts the hub.
func (r *run) open(ctx context.Context, all []Scenario) error {
	names := make([]string, len(all))
	for i, s := range all {
		names[i] = s.Name
	}
	r.line.print(event{Kind: kindStart, Text: "manoward demo: " + strings.Join(names, ", ")})
	r.environ = r.clean()
	setup := &Setup{ctx: ctx, home: r.o.Home, devices: r.devices}
	config, err := setup.prepare(all)
	if err != nil {
		return err
	}
	for _, lack := range r.devices.lacks() {
		r.line.print(event{Kind: kindSoftware, Text: lack})
	}
	done := r.line.waiting("the hub starts")
	r.hub, err = startHub(ctx, r.o, config, r.environ)
	done()
	if err != nil {
		return err
	}
	r.environ = append(r.environ, "MANOWARD_CONTEXT="+r.hub.context)
	what := "A hub with all roles"
	if r.o.Hub != "" {
		what = "What runs the hub"
	}
	r.line.print(event{Kind: kindFact, Text: fmt.Sprintf("%s is process %d; its data and log are in %s. The infrastructure is a model, and everything else is real.", what, r.hub.cmd.Process.Pid, r.o.Home)})
	return nil
}

// clean is the environment of the hub and of verbs: what the user set for another hub
// does not reach this one, and this one is not remembered as the one started last.
func (r *run) clean() []string {
	var environ []string
	for _, v := range r.o.Environ {
		if !strings.HasPrefix(v, "MANOWARD_") && !strings.HasPrefix(v, "XDG_CONFIG_HOME=") && !strings.HasPrefix(v, softHSMConf+"=") {
			environ = append(environ, v)
		}
	}
	return append(environ, "XDG_CONFIG_HOME="+filepath.Join(r.o.Home, "config"), softHSMConf+"="+r.devices.softHSMConf())
}

// show runs the steps of a scenario until one fails. An error ends the demonstration.
func (r *run) show(ctx context.Context, s Scenario) error {
	title, err := s.title()
	if err != nil {
		return err
	}
	r.line.print(event{Kind: kindStart, Scenario: s.Name, Text: s.Name + ": " + title})
	stage := &Stage{
		Dir: filepath.Join(r.o.Home, s.Name), devices: r.devices, o: r.o, line: r.line, hub: r.hub,
		environ: r.environ, scenario: s.Name, of: len(s.Steps), proofs: &r.proofs,
	}
	for i, step := range s.Steps {
		stage.step = i + 1
		if slices.Contains(r.o.Disturb, stage.step) {
			if err := stage.disturb(ctx); err != nil {
				return err
			}
		}
		stage.print(kindStep, step.Title)
		err := step.Do(ctx, stage)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case r.hub.gone(err):
			return r.hubEnded()
		case err != nil:
			r.failed++
			stage.print(kindFailed, text(err))
			return nil
		}
		r.steps++
	}
	return nil
}

// hubEnded says what the hub said last.
func (r *run) hubEnded() error {
	err := hub.E(hub.Internal, opDemo, "the hub ended in the middle of the demonstration: "+r.hub.lastWords(), nil)
	r.line.print(event{Kind: kindFailed, Text: text(err)})
	return err
}

// text is an error with its cause, for people.
func text(err error) string {
	var e *hub.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	if e.Err != nil {
		return e.Text + ": " + e.Err.Error()
	}
	return e.Text
}

// verdict says how it went, in one line.
func (r *run) verdict(whole bool) error {
	took := ". It took " + clock(r.line.elapsed().Seconds()) + "."
	if r.failed == 0 && whole {
		r.line.print(event{Kind: kindEnd, Text: fmt.Sprintf("All %d steps succeeded, and every record is as it was sealed", r.steps) + took})
		return nil
	}
	said := fmt.Sprintf("scenarios that failed: %d; each says above why", r.failed)
	if !whole {
		said += "; records are not as they were sealed: run audit verify"
	}
	r.line.print(event{Kind: kindEnd, Text: said + took})
	return hub.E(hub.Internal, opDemo, said, nil)
}

// next says what to try on the hub that stays up.
func (r *run) next() {
	r.line.print(event{Kind: kindEnd, Text: "The hub stays up until you press Ctrl-C. To look at it, in another terminal:"})
	commands := []string{"export MANOWARD_CONTEXT=" + quoted([]string{r.hub.context})}
	commands = append(commands, r.proofs...)
	for _, verb := range []string{"sm list", "decision list", "cert list", "audit verify"} {
		commands = append(commands, r.o.Program+" "+verb)
	}
	for _, c := range commands {
		r.line.print(event{Kind: kindNext, Text: c})
	}
}
