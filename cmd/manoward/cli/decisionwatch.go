package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/hub"
)

const (
	watchEvery = time.Second
	// watchWhole is how often all decisions are looked at: one on an event of long
	// ago is not among the newest.
	watchWhole = 30 * time.Second
	// watchOverlap is how many known decisions in a row end a look at the newest.
	watchOverlap = 100
	// watchSlack is how much later than others a decision may be found that was made
	// before them. What is older was shown, or was there before.
	watchSlack = 10 * time.Minute
)

func (p *program) decisionWatch() *cobra.Command {
	var f decisionFilter
	c := &cobra.Command{
		Use:   "watch",
		Short: "Show decisions live, a line each, until it is interrupted",
		Long: `Prints each decision that is made from now on, once, until Ctrl-C. It goes on when the
hub or the Security Manager is started again, and then shows what was decided
meanwhile. A decision on an event of long ago may be shown half a minute late.

With -o json each line is one JSON document, with -o yaml each decision is one
document.`,
		Example: `  manoward decision watch
  manoward decision watch --found -o json | jq -r .id
  manoward decision watch --sm alpha --ns NS-ID`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			query, err := f.query()
			if err != nil {
				return err
			}
			w := &watcher{p: p, which: f.smChoice, query: query, seen: map[string]time.Time{}}
			return w.run(c.Context())
		},
	}
	f.flags(p, c)
	return c
}

// watcher shows decisions as they are made. All times are the hub's.
type watcher struct {
	p     *program
	which smChoice
	query url.Values

	sm    *remoteSM            // nil: to be connected to
	seen  map[string]time.Time // decisions that are known, with the time of the decision
	begin time.Time            // newest decision that was there at the beginning
	last  time.Time            // newest decision that is known
	begun bool                 // there was an answer
	lost  bool                 // there is none now, and this was told
	whole time.Time            // when all decisions were looked at, by our clock
}

func (w *watcher) run(ctx context.Context) error {
	for {
		err := w.look(ctx)
		switch {
		case ctx.Err() != nil:
			return nil // asked to end
		case err == nil && w.lost:
			w.lost = false
			w.p.say("the hub answers again")
		case err != nil && !w.passing(err):
			return err
		case err != nil:
			if w.sm != nil {
				w.sm.client.HTTP.CloseIdleConnections()
			}
			w.sm = nil // a hub that is started again may be somewhere else
			if !w.lost {
				w.p.say("%s; waiting for it", message(err))
			}
			w.lost = true
		}
		if !sleep(ctx, watchEvery) {
			return nil
		}
	}
}

// passing reports whether what failed is waited for: a hub that is started again
// does not answer for a time, and then does not know its Security Managers yet.
func (w *watcher) passing(err error) bool {
	switch hub.CodeOf(err) {
	case hub.Unavailable, hub.RateLimited, hub.NotFound:
		return w.begun
	}
	return false
}

// look shows what was decided since the last look.
func (w *watcher) look(ctx context.Context) error {
	if w.sm == nil {
		sm, err := w.p.remoteSM(ctx, w.which)
		if err != nil {
			return err
		}
		w.sm = sm
	}
	first := !w.begun
	whole := !first && (w.lost || time.Since(w.whole) >= watchWhole)
	fresh, err := w.unknown(ctx, whole)
	if err != nil {
		return err
	}
	if whole || first {
		w.whole = time.Now()
	}
	w.which, w.begun = w.sm.smChoice, true
	if first {
		for _, d := range fresh {
			w.note(d)
		}
		w.begin = w.last
		return nil
	}
	return w.show(fresh)
}

// unknown reads the decisions that are not known yet: among the newest, up to
// where many in a row are known, or among all that were made lately.
func (w *watcher) unknown(ctx context.Context, whole bool) ([]told[decision], error) {
	query := url.Values{}
	maps.Copy(query, w.query)
	if whole {
		lately := "(gte,decided," + w.last.Add(-watchSlack).UTC().Format("2006-01-02T15:04:05Z") + ")"
		query.Set("filter", strings.Trim(query.Get("filter")+";"+lately, ";"))
	}
	var fresh []told[decision]
	known := 0
	for d, err := range pages[told[decision]](ctx, w.sm, "/decisions", query) {
		if err != nil {
			return nil, err
		}
		if _, there := w.seen[d.is.ID]; there {
			known++
		} else {
			known = 0
			fresh = append(fresh, d)
		}
		if !whole && known == watchOverlap || !w.begun && len(fresh) == watchOverlap {
			break
		}
	}
	return fresh, nil
}

// note takes a decision as known.
func (w *watcher) note(d told[decision]) {
	w.seen[d.is.ID] = d.is.Decided
	if d.is.Decided.After(w.last) {
		w.last = d.is.Decided
	}
}

// show prints decisions in the order in which they were made, and forgets those
// that are too old to be taken for new ones.
func (w *watcher) show(fresh []told[decision]) error {
	old := w.last.Add(-watchSlack)
	slices.SortFunc(fresh, func(a, b told[decision]) int { return a.is.Decided.Compare(b.is.Decided) })
	for _, d := range fresh {
		w.note(d)
		if !d.is.Decided.After(w.begin) || d.is.Decided.Before(old) {
			continue
		}
		if err := w.p.line(d, d.is.cells()); err != nil {
			return err
		}
	}
	maps.DeleteFunc(w.seen, func(_ string, at time.Time) bool { return at.Before(w.last.Add(-2 * watchSlack)) })
	return nil
}

// line prints one item of a list that does not end: for people the cells in one
// line, for programs one document.
func (p *program) line(v any, cells []string) error {
	switch p.output {
	case "table":
		_, err := fmt.Fprintln(plain{p.Stdout}, strings.Join(cells, "  "))
		return err
	case "json":
		e := json.NewEncoder(p.Stdout)
		e.SetEscapeHTML(false)
		return e.Encode(v)
	}
	if _, err := fmt.Fprintln(p.Stdout, "---"); err != nil {
		return err
	}
	return printYAML(p.Stdout, v)
}
