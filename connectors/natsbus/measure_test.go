package natsbus

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// BenchmarkOpen measures an embedded bus from nothing to ready, and again on
// its own data; the process of a bus that was only opened reports its memory.
func BenchmarkOpen(b *testing.B) {
	v, err := newVaultIn(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	for i := range b.N {
		cfg := Config{Name: "bench", Dir: filepath.Join(b.TempDir(), fmt.Sprint(i)), Vault: v}
		for range 2 {
			bus, err := Open(context.Background(), cfg)
			if err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			if err := bus.Close(context.Background()); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(2*b.N), "ms/open")
}

// An empty embedded bus is ready well within half a second, in a process of
// less than 60 MB.
func TestEmbedded_StartAndMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("resident memory is read from /proc")
	}
	dir := t.TempDir()
	childDirWithKey(t, dir)
	_, out := runChild(t, "idle", dir)
	said := map[string]string{}
	for out.Scan() {
		what, rest, _ := strings.Cut(out.Text(), " ")
		said[what] = rest
	}
	var rss int // KiB
	if _, err := fmt.Sscan(said["rss"], &rss); err != nil {
		t.Fatalf("%v: %v", said, err)
	}
	ready, err := time.ParseDuration(said["ready"])
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("ready after %v, resident %d KiB", ready, rss)
	if raceEnabled {
		return // the race detector multiplies both
	}
	if ready > 500*time.Millisecond || rss > 60<<10 {
		t.Errorf("ready after %v, resident %d KiB", ready, rss)
	}
}

// childIdles reports how long the start took and the process's resident memory.
func childIdles(opened time.Duration) error {
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	_, rest, _ := strings.Cut(string(raw), "VmRSS:")
	rss, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	fmt.Println("ready", opened)
	fmt.Println("rss", rss)
	return nil
}
