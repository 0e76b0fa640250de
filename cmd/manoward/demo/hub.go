package demo

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

const (
	// readyWithin is how long a hub may take to start on a machine that is busy with
	// other things; on a quiet one it takes less than a second.
	readyWithin = 2 * time.Minute
	// endWithin is how long it may take to end: its own limit is 5 s.
	endWithin = 20 * time.Second
)

// hubProcess is the hub that is demonstrated.
type hubProcess struct {
	*process
	args    []string // that the program that started it was given, but for the verb
	log     string   // path of what it logs
	context string   // path of the operator's context file
}

// startHub starts the program as a hub with all roles, or the one that is to start a hub,
// and waits until it is ready.
func startHub(ctx context.Context, o *Options, config string, environ []string) (*hubProcess, error) {
	h := &hubProcess{log: filepath.Join(o.Home, "hub.log"), args: []string{"--json", "--config", config, "--data", filepath.Join(o.Home, "data")}}
	program := o.Executable
	if o.Hub != "" {
		program = o.Hub
	}
	log, err := os.OpenFile(h.log, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, hub.E(hub.Unavailable, opDemo, fmt.Sprintf("%s cannot be written; make room there, or name another --home", h.log), err)
	}
	defer log.Close() // the process has its own
	cmd := exec.Command(program, append([]string{"up"}, h.args...)...)
	cmd.Dir, cmd.Env, cmd.Stderr = o.Home, environ, log
	out, into, err := os.Pipe()
	if err != nil {
		return nil, hub.E(hub.Unavailable, opDemo, "no pipe can be made; raise the limit of open files (ulimit -n)", err)
	}
	cmd.Stdout = into
	h.process, err = start(cmd)
	into.Close()
	if err != nil {
		out.Close()
		return nil, hub.E(hub.Unavailable, opDemo, fmt.Sprintf("%s cannot be started as a hub", program), err)
	}
	lines := make(chan string, 1)
	go func() {
		defer out.Close()
		line, _ := bufio.NewReader(out).ReadString('\n') // none: it has ended
		lines <- line
		_, _ = io.Copy(io.Discard, out) // until it ends
	}()
	if err := h.ready(ctx, lines); err != nil {
		h.stop(endWithin)
		return nil, err
	}
	return h, nil
}

// ready waits for the line that says that the hub is ready.
func (h *hubProcess) ready(ctx context.Context, lines <-chan string) error {
	late := time.NewTimer(readyWithin)
	defer late.Stop()
	select {
	case line := <-lines:
		var said struct{ Context string }
		if json.Unmarshal([]byte(line), &said) == nil && said.Context != "" {
			h.context = said.Context
			return nil
		}
		h.stop(endWithin) // it has closed its output, or is no hub
		return hub.E(hub.Internal, opDemo, "the hub did not start: "+h.lastWords(), nil)
	case <-late.C:
		return hub.E(hub.Unavailable, opDemo, fmt.Sprintf("the hub is not ready after %s; see %s", readyWithin, h.log), nil)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// lastWords is what a hub that has ended said of that, or how it was ended.
func (h *hubProcess) lastWords() string {
	where := "; its log is " + h.log
	raw, err := os.ReadFile(h.log)
	if err != nil {
		return h.cmd.ProcessState.String() + where
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	if text, told := strings.CutPrefix(lines[len(lines)-1], "manoward: "); told {
		return text + where
	}
	return h.cmd.ProcessState.String() + where
}

// gone reports whether the hub has ended, after something failed with err. That its
// connections are closed may be seen before its end is.
func (h *hubProcess) gone(err error) bool {
	const seenWithin = 10 * time.Second
	var r *refusal
	if !errors.As(err, &r) || r.code != exitUnavailable {
		return !h.running()
	}
	late := time.NewTimer(seenWithin)
	defer late.Stop()
	select {
	case <-h.ended:
		return true
	case <-late.C:
		return false
	}
}
