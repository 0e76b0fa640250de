package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/journal"
)

// judgeRecords prints reports, and fails when they hold findings.
func (p *program) judgeRecords(reports []*journal.Report, pinned, pack bool) error {
	bad := 0
	err := p.print(reports, func(w io.Writer) {
		fmt.Fprintln(w, "TRUST DOMAIN\tRECORDS\tSEALS\tTREE\tNOT YET SEALED\tCONTENTS\tNOT KEPT\tFINDINGS")
		for _, r := range reports {
			fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\n", nameOf(r), r.Records, r.Seals, r.Size, r.Recent, r.Contents, r.NotKept, len(r.Findings)+r.More)
		}
		for _, r := range reports {
			for _, f := range r.Findings {
				fmt.Fprintf(w, "\n%s, %s %s: %s", nameOf(r), f.What, f.File, f.Text)
			}
			if len(r.Findings) > 0 {
				fmt.Fprintln(w)
			}
			writeResealed(w, r)
		}
	})
	for _, r := range reports {
		bad += len(r.Findings) + r.More
	}
	switch {
	case err != nil:
		return err
	case bad > 0:
		text := "the records are not as they were sealed; keep this machine as it is, and compare with an earlier evidence pack and with the backups"
		if pack && ofFiles(reports) {
			text = "this pack is not as the hub wrote it; take another copy of it, or export it again, and see with \"manoward audit verify\" how the hub's own records are"
		}
		return hub.E(hub.Denied, "verify records", fmt.Sprintf("%d findings: %s", bad, text), nil)
	case !pinned:
		p.say("verified with the key that the hub names itself; to rule out that everything was signed anew, give --keys")
	}
	return nil
}

// ofFiles reports whether all findings are about files of a pack, and none about a
// record: then it is the pack that was changed or cut off.
func ofFiles(reports []*journal.Report) bool {
	for _, r := range reports {
		for _, f := range r.Findings {
			if f.Sequence > 0 || f.What != journal.BadFile && f.What != journal.BadFormat && f.File != "about.json" {
				return false
			}
		}
	}
	return true
}

// nameOf is the trust domain of a journal, with its number from the second on.
func nameOf(r *journal.Report) string { return strings.TrimPrefix(r.Origin, journal.Origin("")) }

// writeResealed tells of a journal that was begun anew what is proven, and of the one
// before it what was given up.
func writeResealed(w io.Writer, r *journal.Report) {
	if b := r.Resealed; b != nil {
		fmt.Fprintf(w, "\n%s was begun anew after %s by %s: %s\n", nameOf(r), strings.TrimPrefix(b.Previous, journal.Origin("")), b.By, cell(b.Reason))
	}
	if len(r.Accepted) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s: of its tree of %d entries this was lost, and accepted as lost; all else in it is proven:\n", nameOf(r), r.Size)
	for _, l := range r.Accepted {
		fmt.Fprintf(w, "  %s\n", cell(l.String()))
	}
}
