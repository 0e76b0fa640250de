package cli

import (
	"context"
	"fmt"
	"io"
	"iter"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/policies"
)

// decision is what the policies of a Security Manager made of one event.
type decision struct {
	ID             string               `json:"id"`
	EventID        string               `json:"eventId"`
	Kind           hub.EventKind        `json:"kind"`
	Key            string               `json:"key"`
	EventTime      time.Time            `json:"eventTime"`
	Decided        time.Time            `json:"decided"`
	InputDigest    string               `json:"inputDigest"`
	PolicyRevision string               `json:"policyRevision"`
	DataRevision   string               `json:"dataRevision"`
	Engine         string               `json:"engine"`
	Findings       []hub.Finding        `json:"findings"`
	Levels         []string             `json:"levels"` // of each finding
	Off            []string             `json:"off"`
	Undecided      []policies.Undecided `json:"undecided"`
	Conflicts      []struct {
		Findings [2]int `json:"findings"`
		Reason   string `json:"reason"`
	} `json:"conflicts"`
	Orders   []string      `json:"orders"`
	Duration time.Duration `json:"durationNs"`
}

// level is how far a finding is acted upon.
func (d *decision) level(finding int) string {
	if finding < len(d.Levels) {
		return d.Levels[finding]
	}
	return "-"
}

// says is the decision in a few words.
func (d *decision) says() string {
	const most = 3
	var parts []string
	seen := map[string]bool{}
	for i, f := range d.Findings {
		text := fmt.Sprintf("%s/%s (%s, %s)", f.Policy, f.Code, f.Severity, d.level(i))
		if !seen[text] {
			parts, seen[text] = append(parts, text), true
		}
	}
	if n := len(parts); n > most {
		parts = append(parts[:most], fmt.Sprintf("%d more", n-most))
	}
	for i, u := range d.Undecided {
		if i == most {
			parts = append(parts, fmt.Sprintf("%d more undecided", len(d.Undecided)-most))
			break
		}
		parts = append(parts, "undecided: "+u.Policy)
	}
	if len(d.Conflicts) > 0 {
		parts = append(parts, fmt.Sprintf("conflicts: %d", len(d.Conflicts)))
	}
	if len(d.Orders) > 0 {
		parts = append(parts, fmt.Sprintf("orders: %d", len(d.Orders)))
	}
	if len(parts) == 0 {
		return "nothing found"
	}
	return cell(strings.Join(parts, "; "))
}

const decisionHeader = "EVENT TIME\tDECISION\tKIND\tABOUT\tSAYS"

func (d *decision) cells() []string {
	return []string{moment(d.EventTime), d.ID, string(d.Kind), cell(d.Key), d.says()}
}

func (p *program) decision() *cobra.Command {
	c := &cobra.Command{
		Use:   "decision",
		Short: "Decisions of a Security Manager: what was judged, what was found, and why",
		Example: `  manoward decision list --since 1h --found
  manoward decision show DECISION-ID
  manoward decision explain DECISION-ID
  manoward decision watch`,
	}
	c.AddCommand(p.decisionList(), p.decisionShow(), p.decisionExplain(), p.decisionWatch())
	return c
}

// decisionFilter are the flags that say which decisions are wanted.
type decisionFilter struct {
	smChoice
	ns, vnf, host, policy, kind, event string
	found, undecided, conflict         bool
}

func (f *decisionFilter) flags(p *program, c *cobra.Command) {
	p.smFlags(c, &f.smChoice)
	c.Flags().StringVar(&f.ns, "ns", "", "only those on this network service, or with a finding on it")
	c.Flags().StringVar(&f.host, "host", "", "only those on this host, or with a finding on it")
	c.Flags().StringVar(&f.vnf, "vnf", "", "only those with a finding on this VNF")
	c.Flags().StringVar(&f.policy, "policy", "", "only those where this policy found something, or is undecided")
	c.Flags().StringVar(&f.kind, "kind", "", "only those on this kind of events")
	c.Flags().StringVar(&f.event, "event", "", "only the one on the event with this ID")
	c.Flags().BoolVar(&f.found, "found", false, "only those with a finding")
	c.Flags().BoolVar(&f.undecided, "undecided", false, "only those where a policy could not judge")
	c.Flags().BoolVar(&f.conflict, "conflict", false, "only those whose findings contradict each other")
	p.completeFlag(c, "policy", p.policyNames(&f.smChoice))
	p.completeFlag(c, "kind", fixed(hub.EventKinds()...))
}

// query says to the hub which decisions are wanted.
func (f *decisionFilter) query() (url.Values, error) {
	q := url.Values{}
	set := func(name, value string) {
		if value != "" {
			q.Set(name, value)
		}
	}
	if f.ns != "" && f.host != "" {
		return nil, usage("--ns and --host name two things; use one of them")
	}
	set("vnfInstanceId", f.vnf)
	set("policy", f.policy)
	set("eventId", f.event)
	if f.ns != "" {
		q.Set("key", "ns/"+f.ns)
	}
	if f.host != "" {
		q.Set("key", "host/"+f.host)
	}
	for name, on := range map[string]bool{"found": f.found, "undecided": f.undecided, "conflict": f.conflict} {
		if on {
			q.Set(name, "true")
		}
	}
	if f.kind != "" {
		if _, err := kindsOf([]string{f.kind}); err != nil {
			return nil, err
		}
		q.Set("filter", "(eq,kind,"+quoted(f.kind)+")")
	}
	return q, nil
}

// pages yields what a list of the Security Manager holds, and asks for a page when
// it is needed.
func pages[T any](ctx context.Context, s *remoteSM, below string, query url.Values) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for v, err := range httpapi.All[T](ctx, s.client, s.base()+below, s.query(query)) {
			if !yield(v, s.ifItRuns(ctx, err)) {
				return
			}
		}
	}
}

func (p *program) decisionList() *cobra.Command {
	var f decisionFilter
	var since, before string
	var limit int
	c := &cobra.Command{
		Use:   "list",
		Short: "List decisions, those on the newest events first",
		Long: `Lists what the policies made of events, the newest event first. Of --ns, --vnf,
--policy and the other flags, each must hold. When there are more than --limit, the
last line on standard error says how to go on.`,
		Example: `  manoward decision list --since 24h --found
  manoward decision list --ns NS-ID --policy host-integrity
  manoward decision list --undecided --limit 0 -o json`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			query, err := f.query()
			if err != nil {
				return err
			}
			from, err := pastTime("since", since)
			if err != nil {
				return err
			}
			until, err := pastTime("before", before)
			if err != nil {
				return err
			}
			if limit < 0 {
				return usage("--limit %d is less than nothing; 0 lists all", limit)
			}
			if before != "" {
				query.Set("before", until.Format(time.RFC3339Nano))
			}
			sm, err := p.remoteSM(c.Context(), f.smChoice)
			if err != nil {
				return err
			}
			all, more, err := newest(c.Context(), sm, query, from, limit)
			if err != nil {
				return err
			}
			if err := p.print(all, func(w io.Writer) {
				fmt.Fprintln(w, decisionHeader)
				for _, d := range all {
					fmt.Fprintln(w, strings.Join(d.is.cells(), "\t"))
				}
			}); err != nil {
				return err
			}
			if more {
				p.say("there are more; go on with --before %s", all[len(all)-1].is.EventTime.UTC().Format(time.RFC3339Nano))
			}
			return nil
		},
	}
	f.flags(p, c)
	c.Flags().StringVar(&since, "since", "", "only those on events from this time on: 2026-11-22T13:00:00Z, or 24h for the last day")
	c.Flags().StringVar(&before, "before", "", "only those on events up to this time")
	c.Flags().IntVar(&limit, "limit", 50, "how many; 0 is all")
	return c
}

// newest reads decisions on events from a time on, up to limit of them, and says
// whether there are more.
func newest(ctx context.Context, sm *remoteSM, query url.Values, from time.Time, limit int) ([]told[decision], bool, error) {
	all := []told[decision]{}
	for d, err := range pages[told[decision]](ctx, sm, "/decisions", query) {
		switch {
		case err != nil:
			return nil, false, err
		case d.is.EventTime.Before(from):
			return all, false, nil
		case limit > 0 && len(all) == limit:
			return all, true, nil
		}
		all = append(all, d)
	}
	return all, false, nil
}

// pastTime reads the value of a flag that is a time, or how long ago it was.
func pastTime(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return time.Now().Add(-ago).UTC(), nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, usage("--%s %q is no time; write 2026-11-22T13:00:00Z, 2026-11-22, or 24h for the last day", flag, text)
}
