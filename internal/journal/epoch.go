package journal

import (
	"context"
	"encoding/json"
	"io"
	"strconv"
	"strings"

	"github.com/manoward/manoward/internal/hub"
)

// KindResealed is the kind of the record that a log begins with that takes the
// place of a damaged one. Its data is a [Resealed].
const KindResealed = "journal.resealed"

// Resealed says that a journal was begun anew, with a new log of records, because
// the one before did not hold any more, and what somebody accepted as lost.
type Resealed struct {
	Epoch      int    `json:"epoch"`                // of the new journal; that before has the number below
	Previous   string `json:"previous"`             // origin of the one before
	Key        string `json:"previousKey"`          // that verifies it
	Records    int    `json:"records"`              // that are left of the one before
	Size       uint64 `json:"size"`                 // entries in its tree
	Checkpoint string `json:"checkpoint,omitempty"` // the newest up to which all its seals hold, signed; empty: none
	Losses     []Loss `json:"losses"`
	By         string `json:"by"`     // identity of who accepted that
	Reason     string `json:"reason"` // that they gave
}

// EpochOrigin is the name of a trust domain's journal by its number: the first is
// [Origin], and one that was begun anew after it has its number there.
func EpochOrigin(trustDomain string, epoch int) string {
	if epoch <= 1 {
		return Origin(trustDomain)
	}
	return Origin(trustDomain) + "/" + strconv.Itoa(epoch)
}

// DomainOf returns the trust domain of a journal by its name.
func DomainOf(origin string) string {
	domain, _, _ := strings.Cut(strings.TrimPrefix(origin, Origin("")), "/")
	return domain
}

// Examine holds the records of a journal against it, and says what a new one after
// it is to tell of it. No losses: it is well. What is not sealed counts as lost when
// it is old by s.Now.
func Examine(ctx context.Context, s Source, trustDomain string) (Resealed, error) {
	s.Closed = true
	in, out := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := WritePack(ctx, out, s, Request{TrustDomain: trustDomain})
		written <- err
		out.CloseWithError(err)
	}()
	v := newVerifier(Trust{Key: s.Key.Public()})
	_, err := v.verify(ctx, TarFiles(in))
	in.CloseWithError(err) // so that writing ends
	if failed := <-written; err == nil {
		err = failed
	}
	if err != nil {
		return Resealed{}, err
	}
	r := v.report
	return Resealed{
		Epoch: max(1, s.Epoch) + 1, Previous: r.Origin, Key: r.Key, Records: r.Records, Size: r.Size,
		Checkpoint: v.good, Losses: append([]Loss{}, r.losses...),
	}, nil
}

// begins notes the record that a log begins with which takes another's place.
func (r *Report) begins(e Entry, line []byte) {
	if e.Sequence != 1 || e.Index != 0 || e.Kind != KindResealed {
		return
	}
	var one hub.Record
	var d Resealed
	if json.Unmarshal(line, &one) == nil && json.Unmarshal(one.Data, &d) == nil {
		r.Resealed = &d
	}
}
