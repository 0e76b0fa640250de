//go:build !linux

package demo

import "syscall"

// attributes keeps signals of the terminal from the process. What is killed with -9
// leaves it running here.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
