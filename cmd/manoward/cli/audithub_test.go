package cli

import (
	"fmt"
	"testing"
	"time"
)

// Moments that are close together are read as one time, others by themselves.
func TestBridged(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(100_000+int64(s), 0) }
	var got []string
	list := bridged([]time.Time{at(5000), at(0), at(300), at(300)})
	for _, s := range list {
		got = append(got, fmt.Sprint(s.from.Unix()-100_000, " to ", s.to.Unix()-100_000))
	}
	if want := "[-2 to 320 4998 to 5020]"; fmt.Sprint(got) != want {
		t.Errorf("the times are %v, want %s", got, want)
	}
	for moment, want := range map[int]bool{0: true, 100: true, 301: false, -1: false} {
		if got := list[0].holds(bridged([]time.Time{at(moment)})[0]); got != want {
			t.Errorf("the first holds %d: %t, want %t", moment, got, want)
		}
	}
	if open := (span{from: at(0)}); !open.holds(span{from: at(1), to: at(1e6)}) {
		t.Error("a span without an end does not hold what is later")
	}
}

func TestPlainSerial(t *testing.T) {
	for _, s := range []string{"a1b2", "A1B2", "00A1B2", "a1:b2", "00:A1:B2"} {
		if got := plainSerial(s); got != "a1b2" {
			t.Errorf("%s is asked for as %s; want a1b2", s, got)
		}
	}
}
