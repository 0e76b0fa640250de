package demo

import (
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// process is a program that runs beside us until we end it. It is in a process group of
// its own: Ctrl-C in the terminal reaches us alone, and we end it in order.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed once it has ended
}

// start starts a program. Where the system can do that, the program ends as well when we
// are killed.
func start(cmd *exec.Cmd) (*process, error) {
	cmd.SysProcAttr = attributes()
	p := &process{cmd, make(chan struct{})}
	started := make(chan error)
	go func() {
		// The kernel takes the end of the thread that started it for our end.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // its outcome is in ProcessState
			close(p.ended)
		}
	}()
	return p, <-started
}

// stop asks the process to end and waits for that; after a while it is killed. It
// reports whether the process ended by itself, with exit code 0.
func (p *process) stop(within time.Duration) bool {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended before
	late := time.NewTimer(within)
	defer late.Stop()
	select {
	case <-p.ended:
	case <-late.C:
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
	return p.cmd.ProcessState.Success()
}

// running reports whether the process goes on.
func (p *process) running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}
