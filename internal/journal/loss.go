package journal

import "fmt"

// Loss is what of a journal's records does not hold: findings of one kind about
// messages that follow each other, or one about no record.
type Loss struct {
	What  string `json:"what"`           // as of [Finding]
	From  uint64 `json:"from,omitempty"` // messages of the record log, both included
	To    uint64 `json:"to,omitempty"`
	Count int    `json:"count"`          // findings
	Text  string `json:"text,omitempty"` // of a finding about no record
}

// maxLosses bounds how many are told apart. Beyond, those of one kind are one, which
// says that something in its range is lost and not that all is.
const maxLosses = 200

// losses sums findings up.
type losses []Loss

func (l losses) with(f Finding) losses {
	if f.Sequence == 0 {
		for i := range l {
			if l[i].From == 0 && l[i].What == f.What && (l[i].Text == f.Text || len(l) >= maxLosses) {
				l[i].Count++
				return l
			}
		}
		return append(l, Loss{What: f.What, Count: 1, Text: f.Text})
	}
	for i := len(l) - 1; i >= 0; i-- {
		o := &l[i]
		if o.What != f.What || o.From == 0 {
			continue
		}
		if near := f.Sequence+1 >= o.From && f.Sequence <= o.To+1; near || len(l) >= maxLosses {
			o.From, o.To, o.Count = min(o.From, f.Sequence), max(o.To, f.Sequence), o.Count+1
			return l
		}
	}
	return append(l, Loss{What: f.What, From: f.Sequence, To: f.Sequence, Count: 1})
}

// cover reports whether a finding is one of these.
func (l losses) cover(f Finding) bool {
	for _, o := range l {
		if o.What == f.What && (o.From == 0 && f.Sequence == 0 && o.Text == f.Text || o.From > 0 && o.From <= f.Sequence && f.Sequence <= o.To) {
			return true
		}
	}
	return false
}

// String tells the loss in words.
func (l Loss) String() string {
	switch {
	case l.From == 0:
		return l.What + ": " + l.Text
	case l.From == l.To:
		return fmt.Sprintf("%s: message %d of the records (%d findings)", l.What, l.From, l.Count)
	}
	return fmt.Sprintf("%s: messages %d to %d of the records (%d findings)", l.What, l.From, l.To, l.Count)
}
