package demo

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/attestation/attester"
	"github.com/manoward/manoward/internal/hub"
)

// put writes a program of a shell into a folder that is searched first.
func put(t *testing.T, folder, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
}

// A device that is installed and does not work is told with what it said.
func TestDevices_Broken(t *testing.T) {
	folder := t.TempDir()
	put(t, folder, "swtpm", "echo no TPM today; exit 1")
	put(t, folder, "softhsm2-util", "echo no slot left; exit 1")
	t.Setenv("PATH", folder+":"+os.Getenv("PATH"))
	d := &devices{home: t.TempDir(), now: time.Now, pkcs11: true}
	defer d.close()
	if _, err := d.newTPM(t.Context()); hub.CodeOf(err) != hub.Unavailable || !strings.Contains(hub.SafeText(err), "no TPM today") {
		t.Errorf("swtpm: %v", err)
	}
	if _, err := d.newToken(t.Context(), "x"); hub.CodeOf(err) != hub.Unavailable || !strings.Contains(hub.SafeText(err), "no slot left") {
		t.Errorf("softhsm2-util: %v", err)
	}
	put(t, folder, "swtpm", "while :; do sleep 0.1; done")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.newTPM(ctx); err == nil {
		t.Error("a TPM that never answers was started")
	}
}

// A TPM of the demonstration shows the certificate of its maker.
func TestDevices_TPM(t *testing.T) {
	t.Parallel()
	d := &devices{home: t.TempDir(), now: time.Now}
	defer d.close()
	where, err := d.newTPM(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	device, err := attester.OpenTPM(where)
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	ek, err := device.Endorsement(attester.P256)
	if err != nil || len(ek.Certificate) == 0 {
		t.Errorf("the endorsement key is %+v, %v; want one with a certificate", ek, err)
	}
}

// What cannot be written says where, and how to go on.
func TestDevices_NoRoom(t *testing.T) {
	t.Parallel()
	d := &devices{home: filepath.Join(t.TempDir(), "gone"), now: time.Now, pkcs11: true}
	if _, err := d.roots(); hub.CodeOf(err) != hub.Unavailable || !strings.Contains(hub.SafeText(err), "--home") {
		t.Errorf("roots: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d.home = file
	if _, err := d.newToken(t.Context(), "x"); hub.CodeOf(err) != hub.Unavailable || !strings.Contains(hub.SafeText(err), "--home") {
		t.Errorf("newToken: %v", err)
	}
}

// A port that is taken is passed over, and where all are, it is said.
func TestListen(t *testing.T) {
	var taken net.Listener
	var free int
	for n := range 100 { // a port that is taken, and the next one free
		var err error
		if taken, err = listen(firstPort, ports); err != nil {
			t.Fatal(err)
		}
		free = taken.Addr().(*net.TCPAddr).Port + 1
		l, err := listen(free, 1)
		if err == nil {
			l.Close()
			break
		}
		if taken.Close(); n == 99 {
			t.Fatalf("no port is free beside one that is taken: %v", err)
		}
	}
	defer taken.Close()
	l, err := listen(free-1, 2)
	if err != nil || l.Addr().(*net.TCPAddr).Port != free {
		t.Fatalf("of one port that is taken and one that is free: %v, %v", l, err)
	}
	defer l.Close()
	if l, err := listen(free-1, 2); err == nil {
		t.Errorf("of two ports that are taken: %v", l.Addr())
	}
}
