package natsbus

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/manoward/manoward/internal/hub"
)

// What is made starts three servers that the bus takes, with every stream on all of
// them and every write synced, and on which trust domains can be made and removed.
func TestNewCluster(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "nats")
	var at []string
	for n := range 3 { // addresses of this process alone: ports and those of routes cannot be taken
		at = append(at, fmt.Sprintf("127.%d.%d.%d:4222", 20+os.Getpid()>>8%200, os.Getpid()%250+1, n+1))
	}
	flags, err := NewCluster(dir, at, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{vault: newVault(t)}
	for _, n := range []string{"1", "2", "3"} {
		o, err := server.ProcessConfigFile(filepath.Join(dir, "server-"+n, "nats.conf"))
		if err != nil {
			t.Fatal(err)
		}
		o.NoSigs, o.NoLog = true, true
		s, err := server.NewServer(o)
		if err != nil {
			t.Fatal(err)
		}
		go s.Start()
		t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
		c.servers = append(c.servers, s)
	}
	for _, s := range c.servers { // and no longer: a hub may start together with its servers
		if !s.ReadyForConnections(testTime) {
			t.Fatal("a server does not listen")
		}
	}
	told := map[string]string{}
	for i := 0; i < len(flags); i += 2 {
		told[flags[i]] = flags[i+1]
	}
	if told["--set"] != "nats.replicas=3" {
		t.Errorf("the hub is told %q", flags)
	}
	b := mustOpen(t, Config{Name: "test-hub", Vault: c.vault, External: &External{
		URLs: strings.Split(told["--nats"], ","), CAFile: told["--nats-ca"], CredsFile: told["--nats-creds"],
		Replicas: 3, SystemCredsFile: told["--nats-system-creds"], OperatorKeyFile: told["--nats-operator-key"],
	}})
	if d := b.Durability(testContext(t)); d.Sync != SyncAlways || len(d.Warnings) > 0 || b.replicas != 3 {
		t.Errorf("durability %+v, %d replicas", d, b.replicas)
	}
	mustCreate(t, b, "north")
	if err := b.DeleteDomain(testContext(t), "north"); err != nil {
		t.Errorf("remove the account of a trust domain: %v", err)
	}
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 && !strings.Contains(path, "/data") && !strings.Contains(path, "/jwt") {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestNewCluster_Refuses(t *testing.T) {
	full, file := t.TempDir(), filepath.Join(t.TempDir(), "file")
	for _, path := range []string{filepath.Join(full, "root.nk"), file} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, tc := range map[string]struct {
		dir, server string
		code        hub.Code
		says        string
	}{
		"no port":              {t.TempDir(), "10.0.0.1", hub.Invalid, "host:port"},
		"no host":              {t.TempDir(), ":4222", hub.Invalid, "host:port"},
		"a port without route": {t.TempDir(), "10.0.0.1:64000", hub.Invalid, "at most 63535"},
		"a host that is none":  {t.TempDir(), "a\"b:4222", hub.Invalid, "host:port"},
		"a directory in use":   {full, "10.0.0.1:4222", hub.Conflict, "not empty"},
		"a file":               {file, "10.0.0.1:4222", hub.Unavailable, "cannot be written"},
		"a path with a quote":  {filepath.Join(t.TempDir(), `a"b`), "10.0.0.1:4222", hub.Invalid, "name another"},
	} {
		if flags, err := NewCluster(tc.dir, []string{tc.server}, time.Now()); hub.CodeOf(err) != tc.code || !strings.Contains(hub.SafeText(err), tc.says) {
			t.Errorf("%s: %v, %v", name, flags, err)
		}
	}
}
