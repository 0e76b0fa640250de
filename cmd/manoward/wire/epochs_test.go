package wire

import (
	"testing"

	"github.com/manoward/manoward/connectors/natsbus"
)

// Positions order like the records over epochs, and those of the first are what they
// were before there were others.
func TestPositionRecords(t *testing.T) {
	last := ""
	for _, p := range []position{
		{1, natsbus.Position{Sequence: 7, Index: 2}}, {1, natsbus.Position{Sequence: 1 << 40}}, {2, natsbus.Position{Sequence: 1}}, {maxEpoch, natsbus.Position{Sequence: 3}},
	} {
		text := p.String()
		back, err := parsePosition(text)
		if err != nil || back != p || text <= last || parts(p.number()).Sequence != p.Sequence {
			t.Errorf("%+v is %s, read as %+v, %v", p, text, back, err)
		}
		last = text
	}
	if got := (position{1, natsbus.Position{Sequence: 7, Index: 2}}).String(); got != "0000000000000007-000002" {
		t.Errorf("the first epoch's position is %s", got)
	}
}
