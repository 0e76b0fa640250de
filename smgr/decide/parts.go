package decide

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/policies"
	"github.com/manoward/manoward/smgr"
)

// Limits of what is judged at once.
const (
	// A decision stays far below what the bus takes, with its records. Findings
	// beyond these go into further decisions on the same event.
	maxFindings = 512
	maxBytes    = 1 << 20 // of findings

	// maxJudged bounds all findings of one event, in bytes. It is far more than
	// the largest NS gives; what is beyond is undecided.
	maxJudged = 64 << 20

	// An NS with many VNFs takes longer to judge: some 0.15 ms for each KiB of its
	// input with all policies of the library where nothing is found, and several
	// times that on a busy machine where everything is.
	deadlinePerKiB = 5 * time.Millisecond
	maxDeadline    = 20 * time.Second
)

// Deadline is that of an evaluation of an input of so many bytes.
func (d *Decider) Deadline(size int) time.Duration {
	least := cmp.Or(d.c.Deadline, policies.DefaultDeadline)
	return max(least, min(time.Duration(size>>10)*deadlinePerKiB, maxDeadline))
}

// verdict is a finding with the level that it was judged at.
type verdict struct {
	Finding hub.Finding `json:"finding"`
	Level   smgr.Level  `json:"level"`
}

// bound makes policies undecided that say more than can be kept: one finding that
// no decision holds, or the most of more than all decisions on one event hold.
func bound(dec *smgr.Decision) {
	size, all := map[string]int{}, 0
	for _, f := range dec.Findings {
		n := sizeOf(&f)
		if n > maxBytes {
			n = maxJudged + 1
		}
		size[f.Policy] += n
		all += n
	}
	for all > maxJudged {
		most := ""
		for id, n := range size {
			if most == "" || n > size[most] || n == size[most] && id > most {
				most = id
			}
		}
		findings, levels := dec.Findings, dec.Levels
		dec.Findings, dec.Levels = []hub.Finding{}, nil
		for i, f := range findings {
			if f.Policy != most {
				dec.Findings, dec.Levels = append(dec.Findings, f), append(dec.Levels, levels[i])
			}
		}
		dec.Undecided = append(dec.Undecided, smgr.Undecided{Policy: most,
			Reason: fmt.Sprintf("it has %d findings that are more than is kept: %d bytes of one finding, %d of all on one event; let it say less of each", len(findings)-len(dec.Findings), maxBytes, maxJudged)})
		all -= size[most]
		delete(size, most)
	}
}

func sizeOf(f *hub.Finding) int {
	raw, err := json.Marshal(f)
	if err != nil {
		return 0 // plain texts are always JSON
	}
	return len(raw)
}

// cut divides findings among as many decisions as they need. Findings that need
// more than one are ordered by what they are about, so that those on one target
// are judged together as far as that goes.
func cut(all []verdict) [][]verdict {
	var pages [][]verdict
	count := func() {
		pages = nil
		size := 0
		for _, v := range all {
			n := sizeOf(&v.Finding)
			if len(pages) == 0 || size+n > maxBytes || len(pages[len(pages)-1]) == maxFindings {
				pages, size = append(pages, nil), 0
			}
			pages[len(pages)-1] = append(pages[len(pages)-1], v)
			size += n
		}
	}
	if count(); len(pages) > 1 {
		slices.SortStableFunc(all, func(a, b verdict) int {
			return strings.Compare(about(&a.Finding.Target), about(&b.Finding.Target))
		})
		count()
	}
	return pages
}

// about is what orders findings.
func about(t *hub.Target) string {
	return cmp.Or(t.HostID, t.VnfInstanceID, t.NsInstanceID) + " " + t.String()
}

// keepParts leaves in a decision what it holds, and keeps all findings for the
// decisions that follow it.
func (d *Decider) keepParts(ctx context.Context, dec *smgr.Decision) error {
	all := make([]verdict, len(dec.Findings))
	for i, f := range dec.Findings {
		all[i] = verdict{f, dec.Levels[i]}
	}
	pages := cut(all)
	if len(pages) < 2 {
		return nil
	}
	raw, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("keep findings: %w", err)
	}
	dec.Parts = len(pages)
	if dec.All, err = d.blobs.put(ctx, blobFindings, raw); err != nil {
		return fmt.Errorf("keep findings: %w", err)
	}
	fill(dec, pages[0])
	return nil
}

func fill(dec *smgr.Decision, page []verdict) {
	dec.Findings, dec.Levels = make([]hub.Finding, len(page)), make([]smgr.Level, len(page))
	for i, v := range page {
		dec.Findings[i], dec.Levels[i] = v.Finding, v.Level
	}
}

// findings returns all findings on the event of a decision, of all its parts.
func (d *Decider) findings(ctx context.Context, dec *smgr.Decision) ([]verdict, error) {
	raw, err := d.blobs.get(ctx, blobFindings, dec.All)
	if err != nil {
		return nil, err
	}
	var all []verdict
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, fmt.Errorf("read findings: %w", err)
	}
	return all, nil
}

// carryOnParts makes the further decisions on the event of a decision, each from
// what was kept with the first one: a repetition makes the same.
func (d *Decider) carryOnParts(ctx context.Context, first *smgr.Decision, k *known) error {
	all, err := d.findings(ctx, first)
	if err != nil {
		return err
	}
	pages := cut(all)
	for n := 1; n < len(pages); n++ {
		part, err := d.part(ctx, first, n, pages[n], k)
		if err == nil {
			err = d.carryOnOne(ctx, part, k)
		}
		if err != nil {
			return fmt.Errorf("part %d: %w", n, err)
		}
	}
	return nil
}

// part returns the n-th further decision on the event of a decision.
func (d *Decider) part(ctx context.Context, first *smgr.Decision, n int, page []verdict, k *known) (*smgr.Decision, error) {
	id := partID(first.ID, n)
	there, err := d.decisions.GetIn(ctx, d.c.TrustDomain, id)
	if hub.CodeOf(err) != hub.NotFound {
		return &there.Value.Decision, err
	}
	dec := &smgr.Decision{
		ID: id, EventID: first.EventID, Part: n, Parts: first.Parts, All: first.All, Kind: first.Kind, Key: first.Key, EventTime: first.EventTime, Decided: first.Decided,
		InputDigest: first.InputDigest, PolicyRevision: first.PolicyRevision, DataRevision: first.DataRevision, Engine: first.Engine,
	}
	fill(dec, page)
	if err := d.placeOrders(ctx, dec, k); err != nil {
		return nil, err
	}
	_, err = d.decisions.Create(ctx, d.c.TrustDomain, id, &stored{Decision: *dec})
	if hub.CodeOf(err) == hub.Conflict {
		there, err = d.decisions.GetIn(ctx, d.c.TrustDomain, id)
		return &there.Value.Decision, err
	}
	return dec, err
}

// judgedTogether lists the IDs of all decisions on the event of a decision.
func (d *Decider) judgedTogether(dec *smgr.Decision) []string {
	return d.decisions.Find(termEvent + eventOf(dec.ID))
}

// forget removes what a decision that is not kept, or not any more, has kept. Its
// parts have it together.
func (d *Decider) forget(ctx context.Context, dec *stored) error {
	if dec.Part > 0 {
		return nil
	}
	var err error
	if dec.Input == nil {
		err = d.blobs.remove(ctx, blobInput, dec.InputDigest)
	}
	if dec.All != "" {
		err = errors.Join(err, d.blobs.remove(ctx, blobFindings, dec.All))
	}
	return err
}
