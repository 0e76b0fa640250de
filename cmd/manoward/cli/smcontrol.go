package cli

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// smStatus is how a Security Manager stands.
type smStatus struct {
	TrustDomain string `json:"trustDomain"`
	Name        string `json:"name"`
	Enforcement struct {
		Paused       bool           `json:"paused"`
		PausedBy     string         `json:"pausedBy"`
		PausedReason string         `json:"pausedReason"`
		PausedAt     *time.Time     `json:"pausedAt"`
		LimitHit     *time.Time     `json:"limitHit"`
		LimitHitBy   string         `json:"limitHitBy"`
		Begun        int            `json:"begun"`
		Orders       map[string]int `json:"orders"`
	} `json:"enforcement"`
	Active  *activation `json:"active"`
	Problem string      `json:"problem"`
}

// activation is a set of policies with parameters that became active, and how.
type activation struct {
	ID               string    `json:"id"`
	Number           int       `json:"number"`
	Change           string    `json:"change"`
	Policy           string    `json:"policy"`
	PolicyRevision   string    `json:"policyRevision"`
	PreviousRevision string    `json:"previousRevision"`
	DataRevision     string    `json:"dataRevision"`
	By               string    `json:"by"`
	At               time.Time `json:"at"`
	Reason           string    `json:"reason"`
}

func (p *program) printStatus(s told[smStatus]) error {
	return p.print(s, func(w io.Writer) { s.is.write(w) })
}

func (s *smStatus) write(w io.Writer) {
	fmt.Fprintf(w, "Security Manager\t%s of %s\n", s.Name, s.TrustDomain)
	e := &s.Enforcement
	if e.Paused {
		since := "-"
		if e.PausedAt != nil {
			since = moment(*e.PausedAt)
		}
		fmt.Fprintf(w, "enforcement\tPAUSED by %s since %s: %s\n", e.PausedBy, since, cell(e.PausedReason))
	} else {
		fmt.Fprintf(w, "enforcement\tgoes on\n")
	}
	if e.LimitHit != nil {
		fmt.Fprintf(w, "limit\tHIT at %s by order %s: destructive orders wait for a person; manoward sm limit reset %s\n", moment(*e.LimitHit), e.LimitHitBy, s.Name)
	} else {
		fmt.Fprintf(w, "limit\tdestructive orders in the present window: %d\n", e.Begun)
	}
	var open []string
	for _, state := range slices.Sorted(maps.Keys(e.Orders)) {
		open = append(open, fmt.Sprintf("%d %s", e.Orders[state], state))
	}
	fmt.Fprintf(w, "open orders\t%s\n", dash(strings.Join(open, ", ")))
	if a := s.Active; a != nil {
		fmt.Fprintf(w, "policies\trevision %s\nparameters\trevision %s\nactive since\t%s, by %s: %s\n", a.PolicyRevision, a.DataRevision, moment(a.At), a.By, cell(a.Reason))
	} else {
		fmt.Fprintf(w, "policies\tnone are active, so every event is undecided\n")
	}
	if s.Problem != "" {
		fmt.Fprintf(w, "problem\t%s\n", cell(s.Problem))
	}
}

func (p *program) smStatus() *cobra.Command {
	var s smChoice
	return p.smVerb(&cobra.Command{
		Use:     "status NAME",
		Short:   "Show how a Security Manager that runs here stands: pause, limits, open orders, policies",
		Example: "  manoward sm status alpha\n  manoward sm status alpha --trust-domain north -o json",
		Args:    exactly("NAME"),
	}, &s, func(c *cobra.Command, sm *remoteSM, _ []string) error {
		var out told[smStatus]
		if _, err := sm.do(c.Context(), http.MethodGet, "/status", nil, nil, &out); err != nil {
			return err
		}
		return p.printStatus(out)
	})
}

// smControl is a verb that changes how a Security Manager goes on as a whole.
func (p *program) smControl(c *cobra.Command, below string) *cobra.Command {
	var s smChoice
	var reason string
	c.Args = exactly("NAME")
	reasonFlag(c, &reason)
	return p.smVerb(c, &s, func(c *cobra.Command, sm *remoteSM, _ []string) error {
		var out told[smStatus]
		if err := sm.control(c.Context(), below, reason, &out); err != nil {
			return err
		}
		return p.printStatus(out)
	})
}

func (p *program) smPause() *cobra.Command {
	return p.smControl(&cobra.Command{
		Use:   "pause NAME",
		Short: "Stop carrying orders out: the kill switch; judging and recording go on",
		Long: `Nothing more is sent to the NFVO until the Security Manager is resumed, in all of its
processes, also after a restart. What the NFVO has taken it carries out. Events are
judged and recorded as before, and orders wait.`,
		Example: `  manoward sm pause alpha --reason "policies gone wild"`,
	}, "/pause")
}

func (p *program) smResume() *cobra.Command {
	return p.smControl(&cobra.Command{
		Use:     "resume NAME",
		Short:   "Go on with carrying orders out; those that waited for it go on by themselves",
		Example: `  manoward sm resume alpha --reason "policy rolled back"`,
	}, "/resume")
}

func (p *program) smLimit() *cobra.Command {
	c := &cobra.Command{
		Use:     "limit",
		Short:   "The limit of destructive orders in a time",
		Example: `  manoward sm limit reset alpha --reason "the orders were right"`,
	}
	c.AddCommand(p.smControl(&cobra.Command{
		Use:     "reset NAME",
		Short:   "Let destructive orders begin by themselves again after the limit was hit",
		Example: `  manoward sm limit reset alpha --reason "the orders were right"`,
	}, "/limits/reset"))
	return c
}
