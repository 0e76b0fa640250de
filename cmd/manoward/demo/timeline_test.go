package demo

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"
)

func newTimeline(width int, colour, asJSON bool) (*timeline, *bytes.Buffer) {
	var out bytes.Buffer
	began := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	now := func() time.Time { return began.Add(62300 * time.Millisecond) }
	return &timeline{out: &out, progress: &out, json: asJSON, colour: colour, width: width, now: now, began: began}, &out
}

func TestTimeline_Text(t *testing.T) {
	t.Parallel()
	line, out := newTimeline(0, false, false)
	line.print(event{Kind: kindStep, Step: 2, Of: 7, Text: "Something happens"})
	line.print(event{Kind: kindProof, Text: "decision", ID: "d1", Command: "manoward decision explain d1"})
	line.print(event{Kind: kindFailed, Text: "no\x1b[2Jroom\u202e; make room"})
	want := " 1:02.3    2/7 Something happens\n" +
		"                decision d1\n" +
		"                FAILED: no?[2Jroom?; make room\n"
	if out.String() != want {
		t.Errorf("printed\n%q, want\n%q", out, want)
	}
}

// What is not for a terminal has no escapes, and a terminal gets lines that fit it
// unless it is narrower than a word.
func TestTimeline_Terminal(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("words of a sentence ", 20)
	for _, width := range []int{0, 10, 50, 200} {
		for _, kind := range []string{kindStart, kindStep, kindCommand, kindFact, kindProof, kindSoftware, kindFailed, kindJournal, kindNext, kindEnd} {
			plain, out := newTimeline(width, false, false)
			plain.print(event{Kind: kind, Text: text})
			if strings.Contains(out.String(), "\x1b") {
				t.Errorf("%s: an escape without colours: %q", kind, out)
			}
			for row := range strings.Lines(out.String()) {
				if n := utf8.RuneCountInString(strings.TrimRight(row, "\n")); width >= 50 && kind != kindNext && n > width {
					t.Errorf("%s: a line of %d on a terminal of %d: %q", kind, n, width, row)
				}
			}
		}
	}
	coloured, out := newTimeline(80, true, false)
	coloured.print(event{Kind: kindFailed, Text: "no"})
	if !strings.Contains(out.String(), "\x1b[31mFAILED: no\x1b[0m\n") {
		t.Errorf("printed %q, want red", out)
	}
}

func TestTimeline_JSON(t *testing.T) {
	t.Parallel()
	line, out := newTimeline(40, true, true)
	line.print(event{Kind: kindProof, Scenario: "rogue-package", Step: 1, Of: 2, Text: "order", ID: "o1", Command: "manoward order show o1"})
	var got event
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if want := (event{62.3, kindProof, "rogue-package", 1, 2, "order", "o1", "manoward order show o1"}); got != want || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("printed %s, want %+v on one line", out, want)
	}
}

// What takes longer than a second is told, and what does not is not.
func TestTimeline_Waiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		line := &timeline{progress: &out, now: time.Now, began: time.Now()}
		done := line.waiting("a thing")
		time.Sleep(900 * time.Millisecond)
		done()
		if out.Len() > 0 {
			t.Errorf("told %q before a second was over", &out)
		}
		done = line.waiting("a thing")
		time.Sleep(7 * time.Second)
		done()
		if want := "... a thing (1 s)\n... a thing (6 s)\n"; out.String() != want {
			t.Errorf("told %q, want %q", &out, want)
		}
	})
}
