package e2e_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// mountNamespace runs a script of mounts in a mount namespace of its own, and makes
// the hub run there, so that nothing is mounted on the machine itself.
// It returns the root directory of that namespace as this process sees it.
func mountNamespace(t *testing.T, h *hubProcess, script string) (root string) {
	t.Helper()
	unshare := []string{"unshare", "--mount"}
	if os.Geteuid() != 0 {
		unshare = append(unshare, "--map-root-user")
	}
	line := append(unshare, "sh", "-c", script+"; echo $$; exec cat") // cat holds it until its input ends
	holder := exec.Command(line[0], line[1:]...)
	in, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errs buffer // which is written while it is read
	holder.Stderr = &errs
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = holder.Wait() // what it ends with says nothing
	})
	pid, err := bufio.NewReader(out).ReadString('\n')
	if said := errs.String(); err != nil || said != "" {
		in.Close()
		_ = holder.Wait() // for all that it says
		t.Fatalf("this test needs a mount namespace of its own (unshare --mount): %v\n%s", err, errs.String())
	}
	pid = strings.TrimSpace(pid)
	h.prefix = []string{"nsenter", "--mount=/proc/" + pid + "/ns/mnt", "--wdns=" + h.home}
	if os.Geteuid() != 0 {
		h.prefix = append(h.prefix, "--user=/proc/"+pid+"/ns/user", "--preserve-credentials")
	}
	return "/proc/" + pid + "/root"
}

// fillDisk takes all room on the disk of a directory, and returns what gives it
// back.
func fillDisk(t *testing.T, dir string) (makeRoom func()) {
	t.Helper()
	path := filepath.Join(dir, "fill")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; size /= 2 { // to the last byte
		for buf := make([]byte, size); err == nil; {
			_, err = f.Write(buf)
		}
		err = nil
	}
	return func() {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// A data directory that cannot be written is refused with the reason, whether it
// is new or has been used.
func TestOpsReadOnlyDataDirectory(t *testing.T) {
	t.Parallel()
	for _, used := range []bool{false, true} {
		t.Run(fmt.Sprintf("used %t", used), func(t *testing.T) {
			h := newHub(t)
			if used {
				h.start().stop()
			} else {
				makeDir(t, h.data, 0o700)
			}
			writable := *h
			mountNamespace(t, h, fmt.Sprintf("mount --bind %[1]s %[1]s && mount -o remount,bind,ro %[1]s", h.data))
			before := listTree(t, h.data)
			h.refusesStart(6, "data directory "+h.data+" is not writable by this user; make it so, or choose another with --data", "read-only file system")
			if after := listTree(t, h.data); after != before {
				t.Errorf("it was written:\n%s", after)
			}
			writable.start()
		})
	}
}

// A disk that is full at the start is refused, also in the middle of a first
// start; with room the same start succeeds.
func TestOpsFullDiskAtStart(t *testing.T) {
	t.Parallel()
	for _, used := range []bool{false, true} {
		t.Run(fmt.Sprintf("used %t", used), func(t *testing.T) {
			h := newHub(t)
			disk := filepath.Join(h.home, "disk")
			makeDir(t, disk, 0o700)
			h.data = filepath.Join(disk, "data")
			root := mountNamespace(t, h, "mount -t tmpfs -o size=100m,mode=0700 tmpfs "+disk)
			// The hub writes its context below the mount, which is not to be seen here.
			if used {
				h.start().stop()
			}
			makeRoom := fillDisk(t, root+disk)
			h.refusesStart(6, "full", "room")
			if err := os.Truncate(root+filepath.Join(disk, "fill"), 90<<20); err != nil { // room for files, not for a bus
				t.Fatal(err)
			}
			h.refusesStart(6, "MiB free", "free some space")
			makeRoom()
			h.start().stop()
		})
	}
}

// A disk that runs full under a running hub: what is asked is refused with the
// reason and nothing is half done; what was acknowledged, before and since, is
// there after a restart with room.
//
// "Must hold" of issue 2: a full disk.
func TestOpsDiskRunsFull(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	disk := filepath.Join(h.home, "disk")
	makeDir(t, disk, 0o700)
	h.data = filepath.Join(disk, "data")
	root := mountNamespace(t, h, "mount -t tmpfs -o size=100m,mode=0700 tmpfs "+disk)
	h.start()
	h.ready.Context = root + h.ready.Context
	copyContext(t, h)
	h.do("trust-domain", "create", "north")
	h.do("sm", "register", "alpha", "--trust-domain", "north", "--out", "alpha")
	noted := []string{h.do("trust-domain", "note", "north", "with room")}

	makeRoom := fillDisk(t, root+disk)
	h.awaitMissing("bus")
	h.fails(6, "", "trust-domain", "create", "south")
	h.fails(6, "cannot be written; see that the disk is not full", "sm", "register", "beta", "--trust-domain", "north", "--out", "beta")
	for range 2 { // one may find a place in what the disk had given already
		if id, _, code := h.cli("trust-domain", "note", "north", strings.Repeat("x", 8000)); code == 0 {
			noted = append(noted, id)
		}
	}
	h.do("sm", "show", "alpha", "--trust-domain", "north") // reading goes on
	makeRoom()
	h.stop()

	h.start()
	h.ready.Context = root + h.ready.Context
	h.awaitMissing()
	records := h.do("trust-domain", "records", "north", "-o", "json")
	for _, id := range noted {
		if id = strings.TrimSpace(id); id == "" || strings.Count(records, id) != 1 {
			t.Errorf("note %s was acknowledged and is there %d times", id, strings.Count(records, id))
		}
	}
	t.Logf("%d notes acknowledged, %d of them on the full disk", len(noted), len(noted)-1)
	if list := h.do("sm", "list", "-o", "json"); !strings.Contains(list, `"alpha"`) || strings.Contains(list, `"beta"`) {
		t.Errorf("want alpha and no beta:\n%s", list)
	}
	if list := h.do("trust-domain", "list"); strings.Contains(list, "south") {
		t.Errorf("a domain that was refused is there:\n%s", list)
	}
	h.do("sm", "renew", "--dir", "alpha", "--force")
	h.do("sm", "register", "beta", "--trust-domain", "north", "--out", "beta")
	h.do("trust-domain", "create", "south")
}

// copyContext gives the verbs of this namespace the context of a hub that has
// its data in another.
func copyContext(t *testing.T, h *hubProcess) {
	t.Helper()
	raw, err := os.ReadFile(h.ready.Context)
	if err != nil {
		t.Fatal(err)
	}
	h.context = filepath.Join(h.home, "context.json")
	writeFile(t, h.context, string(raw), 0o600)
}
