package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// portsCommand gives variables addresses on loopback that nothing listens on:
// ports NAME...
func portsCommand(ts *testscript.TestScript, _ bool, names []string) {
	for _, name := range names {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		ts.Check(err)
		defer l.Close()
		ts.Setenv(name, l.Addr().String())
	}
}

// untilCommand runs a command line until it succeeds and prints what is waited
// for: until PATTERN ARG...
func untilCommand(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: until PATTERN ARG...")
	}
	waitFor(ts, args[0], func() string {
		var exit *exec.ExitError
		err := ts.Exec("manoward", args[1:]...)
		if err != nil && !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		if err != nil {
			return fmt.Sprintf("%v\n%s", err, ts.ReadFile("stderr"))
		}
		return ts.ReadFile("stdout")
	})
}

// appearsCommand waits until a file holds what is waited for: appears PATTERN FILE.
func appearsCommand(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: appears PATTERN FILE")
	}
	waitFor(ts, args[0], func() string {
		raw, err := os.ReadFile(ts.MkAbs(args[1]))
		if err != nil {
			return err.Error()
		}
		return string(raw)
	})
}

// waitFor waits until a text matches.
func waitFor(ts *testscript.TestScript, pattern string, read func() string) {
	want, err := regexp.Compile("(?m)" + pattern)
	ts.Check(err)
	deadline := time.Now().Add(30 * time.Second)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		text := read()
		if want.MatchString(text) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("waited 30 s in vain for %s:\n%s", pattern, text)
		}
		<-tick.C
	}
}
