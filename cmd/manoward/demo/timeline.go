package demo

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

// Kinds of lines of the timeline.
const (
	kindStart    = "start"    // of the demonstration or of a scenario
	kindStep     = "step"     // begins
	kindCommand  = "command"  // a verb that is run, as a user would type it
	kindFact     = "fact"     // what happened
	kindProof    = "proof"    // what proves it: id, and the verb that shows it
	kindSoftware = "software" // a device of software stands in for one that is not installed
	kindFailed   = "failed"
	kindJournal  = "journal" // the verdict on a trust domain's records
	kindNext     = "next"    // a command to try
	kindEnd      = "end"
)

// event is a line of the timeline, and what -o json prints for it.
type event struct {
	Elapsed  float64 `json:"elapsed"` // seconds since the start
	Kind     string  `json:"kind"`
	Scenario string  `json:"scenario,omitempty"`
	Step     int     `json:"step,omitempty"` // of Of, from 1
	Of       int     `json:"of,omitempty"`
	Text     string  `json:"text"`
	ID       string  `json:"id,omitempty"`
	Command  string  `json:"command,omitempty"`
}

// timeline prints what happens, as it happens. It is safe for concurrent use.
type timeline struct {
	out, progress io.Writer
	json          bool
	colour        bool
	width         int // of the terminal; 0 is none
	now           func() time.Time
	began         time.Time

	mu sync.Mutex
}

func (t *timeline) elapsed() time.Duration { return t.now().Sub(t.began) }

// print prints an event. That nobody reads it any more is no reason to leave the hub
// running, and is not told.
func (t *timeline) print(e event) {
	e.Elapsed = t.elapsed().Round(time.Millisecond).Seconds()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.json {
		raw, _ := json.Marshal(e) // numbers and texts always encode
		fmt.Fprintf(t.out, "%s\n", raw)
		return
	}
	fmt.Fprint(t.out, t.render(e))
}

// The columns of the timeline: what is under a step begins at indent.
const indent = 16

// render writes an event for people.
func (t *timeline) render(e event) string {
	text, pad := printable(e.Text), strings.Repeat(" ", indent)
	switch e.Kind {
	case kindStart:
		return "\n" + t.style(bold, t.wrap(text, 0)) + "\n"
	case kindStep:
		lead := fmt.Sprintf("%7s  %5s ", clock(e.Elapsed), fmt.Sprintf("%d/%d", e.Step, e.Of))
		return lead + t.style(bold, t.wrap(text, indent)) + "\n"
	case kindCommand:
		return pad + t.style(dim, t.wrap("$ "+text, indent)) + "\n"
	case kindProof:
		return pad + t.style(cyan, t.wrap(text+" "+printable(e.ID), indent)) + "\n"
	case kindSoftware:
		return pad + t.style(yellow, t.wrap("SOFTWARE: "+text, indent)) + "\n"
	case kindFailed:
		return pad + t.style(red, t.wrap("FAILED: "+text, indent)) + "\n"
	case kindJournal:
		return pad + t.style(green, t.wrap(text, indent)) + "\n"
	case kindNext:
		return "  " + text + "\n" // to be copied: never wrapped
	case kindEnd:
		return "\n" + t.wrap(text, 0) + "\n"
	}
	return pad + t.wrap(text, indent) + "\n"
}

// clock is a time since the start, as 1:02.3.
func clock(seconds float64) string {
	tenths := int(math.Round(seconds * 10))
	return fmt.Sprintf("%d:%02d.%d", tenths/600, tenths/10%60, tenths%10)
}

// Styles of a terminal (ECMA-48, SGR).
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

func (t *timeline) style(code, text string) string {
	if !t.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// wrap breaks a text that is longer than the terminal between words; what follows is
// indented. A terminal too narrow for that gets the text as it is.
func (t *timeline) wrap(text string, indent int) string {
	const narrowest = 24
	room := t.width - indent
	if room < narrowest {
		return text
	}
	var out strings.Builder
	used := 0
	for i, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case used+1+n > room:
			out.WriteString("\n" + strings.Repeat(" ", indent))
			used = 0
		default:
			out.WriteByte(' ')
			used++
		}
		out.WriteString(word)
		used += n
	}
	return out.String()
}

// printable takes out what a terminal would obey: texts may quote what others chose.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return '?'
		}
		return r
	}, text)
}

// waiting says on standard error what takes longer than a second, until done is called.
func (t *timeline) waiting(what string) (done func()) {
	const first, then = time.Second, 5 * time.Second
	stop, stopped := make(chan struct{}), make(chan struct{})
	began := t.now()
	go func() {
		defer close(stopped)
		timer := time.NewTimer(first)
		defer timer.Stop()
		for {
			select {
			case <-stop:
				return
			case <-timer.C:
				t.mu.Lock()
				fmt.Fprintf(t.progress, "... %s (%d s)\n", printable(what), int(t.now().Sub(began).Seconds()))
				t.mu.Unlock()
				timer.Reset(then)
			}
		}
	}()
	return func() {
		close(stop)
		<-stopped
	}
}
