package e2e_test

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// loadAverage is what the system says of its load.
func loadAverage(t testing.TB) string {
	t.Helper()
	raw, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(string(raw))[:3], " ")
}

// machine names the processors, the memory and what the test was built with.
func machine(t testing.TB) string {
	t.Helper()
	read := func(path, pattern string) string {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if m := regexp.MustCompile(pattern).FindStringSubmatch(string(raw)); m != nil {
			return m[1]
		}
		return "unknown"
	}
	return fmt.Sprintf("%d processors (%s), %s kB of memory, %s, %s/%s", runtime.NumCPU(), read("/proc/cpuinfo", `model name\s*: (.*)`),
		read("/proc/meminfo", `MemTotal:\s*(\d+)`), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// report is what the run has measured, as Markdown.
func (m *mixed) report(seed uint64, lasted time.Duration) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("| | |\n|---|---|")
	line("| run | %s UTC, seed %d, %s with the checks at the end |", time.Now().UTC().Format("2006-01-02 15:04"), seed, lasted.Round(time.Second))
	line("| machine | %s |", machine(m.t))
	line("| load of the machine | %s before, %s after |", m.load, loadAverage(m.t))
	starts := []time.Duration{}
	for _, l := range m.lives {
		starts = append(starts, l.start)
	}
	line("| kills | %d; start of a process until it is ready: median %s, longest %s |", m.kills, ms(median(starts)), ms(slices.Max(starts)))
	line("| full disk | once, for %s and more: %s |", m.size.full, m.wasFull)
	line("| operations on NSs | %d accepted; %d orders repeated after a kill; %d recorded whose answer was never given and that never began |", m.ledger.accepted(), m.ledger.repeats, m.cutOff)
	line("| certificates | %v |", m.cmf.counts())
	line("| sets of policies | %d |", len(m.pushes.sets))
	notes, _ := m.lcm.notes()
	line("| told to a Security Manager | %d notifications of NSs, %d of the infrastructure |", len(notes), len(m.vi.got()))
	for _, d := range []string{"hub", "north", "south"} {
		r := m.awaitSealed(d)
		line("| journal of %s | %d records, verified, no findings |", d, r.Records)
	}
	line("| stored | %d MB |", treeSize(m.t, m.file("bus"))>>20)
	line("\n| request, as far as it was acknowledged | times | p50 | p99 | longest |\n|---|---|---|---|---|")
	for _, kind := range slices.Sorted(maps.Keys(m.times.took)) {
		took := m.times.took[kind]
		line("| %s | %d | %s | %s | %s |", kind, len(took), ms(median(took)), ms(perfQuantile(took, 0.99)), ms(slices.Max(took)))
	}
	rss, stored := m.aged()
	line("\nResident memory, MB, %d s after the start of each process:\n\n%s", mixedAge, megabytes(rss, 1))
	line("\nwith so many MB stored:\n\n%s", megabytes(stored, 1))
	last := m.lives[len(m.lives)-1].rss
	line("\nand every 10 s within the last process, which was not killed:\n\n%s", megabytes(last, 10))
	m.reportRests(line)
	return b.String()
}

// reportRests prints the memory of a hub that nobody asks for anything.
func (m *mixed) reportRests(line func(format string, args ...any)) {
	line("\nAfter %s without load, at the end of each third of the run:\n", m.size.rest)
	line("| requests acknowledged | stored | resident |\n|---|---|---|")
	for _, r := range m.rests {
		line("| %d | %d MB | %d MB |", r.done, r.stored>>20, r.rss>>20)
	}
	line("\n| resident, MB | median of the middle third | of the last |\n|---|---|---|")
	rss, _ := m.aged()
	a, b := thirds(rss)
	line("| %d s after the start of each process | %d | %d |", mixedAge, a>>20, b>>20)
	a, b = thirds(m.lives[len(m.lives)-1].rss)
	line("| each second of the last process | %d | %d |", a>>20, b>>20)
}

func ms(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }

// megabytes prints every nth of sizes.
func megabytes(sizes []int64, nth int) string {
	var words []string
	for n := 0; n < len(sizes); n += nth {
		words = append(words, fmt.Sprint(sizes[n]>>20))
	}
	return strings.Join(words, " ")
}
