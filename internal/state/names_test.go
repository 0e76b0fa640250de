package state

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// What has a number is found by its text and has it until it is dropped, whatever else
// comes and goes, and memory is given back for what goes.
func TestNames(t *testing.T) {
	var n names
	if number, there := n.find(""); there {
		t.Errorf("nothing is there, and the empty text has the number %d", number)
	}
	rnd := rand.New(rand.NewPCG(7, 7))
	there := map[string]uint32{}
	read := map[string]string{} // what was read once
	check := func() {
		t.Helper()
		if n.len() != len(there) {
			t.Fatalf("%d texts, want %d", n.len(), len(there))
		}
		seen := 0
		for number := range n.all() {
			if seen++; there[n.text(number)] != number {
				t.Fatalf("%q has the number %d, want %d", n.text(number), number, there[n.text(number)])
			}
		}
		if seen != len(there) {
			t.Fatalf("%d numbers are given, want %d", seen, len(there))
		}
		room, live := 0, 0
		for i, s := range n.sheets {
			if room += s.room; s.dead > s.room || int32(i) != n.filling && s.room > 0 && len(s.texts) == 0 {
				t.Fatalf("sheet %d: %d bytes, %d of them dead, texts of %d", i, s.room, s.dead, len(s.texts))
			}
		}
		for text := range there {
			live += len(text)
		}
		if room != n.size || room > 4*live+4*mostPiece {
			t.Fatalf("sheets of %d bytes, said to be %d, for %d", room, n.size, live)
		}
		for text, was := range read {
			if was != text {
				t.Fatalf("what was read as %q is %q now", text, was)
			}
		}
	}
	const steps = 200_000
	for step := range steps {
		text := fmt.Sprintf("%d/%s", rnd.IntN(20_000), strings.Repeat("x", rnd.IntN(200)/(1+rnd.IntN(20))))
		if rnd.IntN(1000) == 0 {
			text = "" // a text like others
		}
		number, known := there[text]
		if got, is := n.find(text); is != known || got != number {
			t.Fatalf("%q: number %d, %v; want %d, %v", text, got, is, number, known)
		}
		adding := rnd.IntN(10) < 7
		if step/(steps/4)%2 == 1 { // a time in which most goes
			adding = false
		}
		switch {
		case adding && !known:
			there[text] = n.take(text)
			if step%500 == 0 {
				read[text] = n.text(there[text])
			}
		case !adding && known:
			n.drop(number)
			delete(there, text)
		case !adding: // any other
			for text, number := range there {
				n.drop(number)
				delete(there, text)
				break
			}
		}
		if step%5000 == 0 {
			check()
		}
	}
	for text, number := range there {
		n.drop(number)
		delete(there, text)
	}
	check()
	if long := strings.Repeat("long", mostPiece); n.text(n.take(long)) != long {
		t.Error("a text that is larger than a sheet is another")
	}
}

// Texts can be dropped while all are gone through.
func TestNames_DropAll(t *testing.T) {
	var n names
	for i := range 10_000 {
		n.take(fmt.Sprint("a text ", i))
	}
	for number := range n.all() {
		n.drop(number)
	}
	if n.len() != 0 || n.size > mostPiece {
		t.Errorf("%d texts, %d bytes", n.len(), n.size)
	}
}

// Texts that come and go while their sheet is being filled leave nothing behind: nobody drops
// anything of it once it is full.
func TestNames_Passing(t *testing.T) {
	var n names
	stays := n.take("what stays")
	for i := range 200_000 {
		n.drop(n.take(fmt.Sprint("what comes and goes, number ", i)))
	}
	if n.size > 2*mostPiece || n.len() != 1 || n.text(stays) != "what stays" {
		t.Errorf("%d texts, %d bytes in %d sheets", n.len(), n.size, len(n.sheets))
	}
}
