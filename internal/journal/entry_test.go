package journal

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
)

// What is kept of a record is the same whether its line was read before or is read now.
func TestEntries_Read(t *testing.T) {
	b := Batch{Sequence: 3, Stored: time.Unix(1, 2), Header: map[string][]string{"A": {"b"}}, Lines: [][]byte{
		[]byte(`{"id":"a","kind":"k"}`), []byte(`{"kind":"\u00e9","id":"b\"","ID":"c"}`), []byte(`{"id":"","data":{"id":"d"}}`),
	}}
	alone := b.entries()
	for _, line := range b.Lines {
		var r hub.Record
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		b.Records = append(b.Records, r)
	}
	if read := b.entries(); !slices.Equal(alone, read) || len(read) != 3 || read[0].ID != "a" {
		t.Errorf("%+v, and %+v", read, alone)
	}
}
