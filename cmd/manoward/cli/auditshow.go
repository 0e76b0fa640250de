package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/journal"
	"github.com/manoward/manoward/internal/journal/trail"
)

func (p *program) auditShow() *cobra.Command {
	var domain, pack, from, to string
	c := &cobra.Command{
		Use:   "show ID",
		Short: "Walk the chain of an event, decision, order, operation or certificate, link by link",
		Long: `Shows what led to a thing and what came of it: event, input, policies and rules, decision,
order, operation, outcome; or registration, statement, verdict, policies, certificate. The
ID is that of a record, notification, event, decision, order, operation occurrence,
registration, signing request or certificate, or a certificate's serial number. Each link
names its record, that record's index in the journal, and whether it is sealed; a link
that no record tells of is named with the reason.

Of a hub it reads the records about the times at which the hub says that things happened,
and the whole log when nobody there knows the ID. With --pack it needs no hub.`,
		Example: `  manoward audit show ORDER-ID
  manoward audit show CERTIFICATE-ID --trust-domain north -o json
  manoward audit show DECISION-ID --pack evidence.tar`,
		Args: exactly("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			if pack != "" && (domain != "" || from != "" || to != "") {
				return usage("--pack is all that is read then: leave out --trust-domain, --from and --to")
			}
			var t *trail.Trail
			var err error
			if pack != "" {
				t, err = showInPack(c.Context(), pack, args[0])
			} else {
				t, err = p.showInHub(c.Context(), domain, from, to, args[0])
			}
			if err != nil {
				return err
			}
			return p.print(t, func(w io.Writer) { writeTrail(w, t) })
		},
	}
	c.Flags().StringVar(&domain, "trust-domain", "", "whose records; hub is the hub's own (default: the only trust domain)")
	c.Flags().StringVar(&pack, "pack", "", "evidence pack to read instead: a tar file or a folder")
	c.Flags().StringVar(&from, "from", "", "read what was stored then or later, and no other time")
	c.Flags().StringVar(&to, "to", "", "read what was stored then or before, and no other time")
	return c
}

func showInPack(ctx context.Context, path, id string) (*trail.Trail, error) {
	origin, err := journal.PackOrigin(path)
	if err != nil {
		return nil, err
	}
	source := trail.Pack(path)
	also, err := source.EventIDs(ctx, id)
	if err != nil {
		return nil, err
	}
	return trail.Walk(ctx, source, journal.DomainOf(origin), id, also...)
}

func (p *program) showInHub(ctx context.Context, domain, from, to, id string) (*trail.Trail, error) {
	source, err := p.hubRecords(ctx, domain)
	if err != nil {
		return nil, err
	}
	defer source.close()
	if source.only, err = timesOf(from, to); err != nil {
		return nil, err
	}
	var also []string
	for _, sm := range source.managers {
		also = append(also, trail.EventIDs(&sm, id)...)
	}
	t, err := trail.Walk(ctx, source, source.domain, id, also...)
	for _, who := range source.silent {
		p.say("%s", who)
	}
	if err != nil {
		return nil, err
	}
	for _, op := range source.absent {
		t.NeverBegan(op)
	}
	return t, nil
}

// writeTrail writes a chain in words.
func writeTrail(w io.Writer, t *trail.Trail) {
	fmt.Fprintf(w, "%s %s, trust domain %s\n", t.Is, t.ID, t.TrustDomain)
	for _, l := range t.Links {
		fmt.Fprintf(w, "\n%s\t%s\n", strings.ToUpper(l.Step), cell(l.Thing))
		if l.Text != "" {
			fmt.Fprintf(w, "\t%s\n", cell(l.Text))
		}
		if r := l.Record; r != nil {
			if !l.Time.IsZero() {
				fmt.Fprintf(w, "\tat %s by %s\n", l.Time.UTC().Format(recordTime), dash(l.Actor))
			}
			fmt.Fprintf(w, "\trecord %s %s, %s\n", placeOf(r), r.Kind, sealedWords(r))
		}
		if l.Missing != "" {
			fmt.Fprintf(w, "\tmissing: %s\n", cell(l.Missing))
		}
	}
}

const recordTime = "2006-01-02 15:04:05.000Z"

// placeOf names a record by its place in the log, with the epoch from the second on.
func placeOf(r *trail.Place) string {
	at := fmt.Sprintf("%d/%d", r.Sequence, r.Index)
	if r.Epoch > 1 {
		at += fmt.Sprintf(" of epoch %d", r.Epoch)
	}
	return at
}

func sealedWords(r *trail.Place) string {
	switch {
	case r.Leaf == nil:
		return "not sealed"
	case r.Altered:
		return fmt.Sprintf("NOT WHAT WAS SEALED as index %d of the journal: run manoward audit verify", *r.Leaf)
	}
	return fmt.Sprintf("sealed as index %d of the journal", *r.Leaf)
}

// theDomain is the trust domain that is meant when none is named.
func theDomain(list []hub.TrustDomain) (string, error) {
	var names []string
	for _, d := range list {
		if d.State != hub.StateDeleted {
			names = append(names, d.Name)
		}
	}
	if len(names) == 1 {
		return names[0], nil
	}
	return "", usage("say whose records with --trust-domain: hub, or one of %s", dash(strings.Join(names, ", ")))
}
