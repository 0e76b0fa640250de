package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/hub"
)

// order is what a Security Manager asks the NFVO for, or would.
type order struct {
	ID         string       `json:"id"`
	DecisionID string       `json:"decisionId"`
	Policy     string       `json:"policy"`
	Severity   hub.Severity `json:"severity"`
	Message    string       `json:"message"`
	Action     hub.Action   `json:"action"`
	Target     hub.Target   `json:"target"`
	Level      string       `json:"level"`
	State      string       `json:"state"`
	Reason     string       `json:"reason"` // of the state
	Steps      []orderStep  `json:"steps"`
	Approval   *struct {
		By       string    `json:"by"`
		At       time.Time `json:"at"`
		Approved bool      `json:"approved"`
		Reason   string    `json:"reason"`
	} `json:"approval"`
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
}

// orderStep is one request of an order to the NFVO.
type orderStep struct {
	Name     string     `json:"name"`
	State    string     `json:"state"`
	Resource string     `json:"resource"`
	Outcome  string     `json:"outcome"`
	Started  time.Time  `json:"started"`
	Ended    *time.Time `json:"ended"`
}

// unanswered reports whether nobody knows if the NFVO has what the step asks for.
func (s *orderStep) unanswered() bool {
	return s.State == orderRunning && s.Resource == "" && s.Ended == nil
}

// The states of orders that the verbs look at.
const (
	orderPlanned     = "planned"
	orderRecommended = "recommended"
	orderWaiting     = "waiting"
	orderRunning     = "running"
	orderCompleted   = "completed"
	orderSuperseded  = "superseded"
	orderRejected    = "rejected"
)

const orderHeader = "CREATED\tORDER\tSTATE\tLEVEL\tPOLICY\tACTION\tTARGET\tREASON"

func (o *order) line() string {
	return strings.Join([]string{moment(o.Created), o.ID, o.State, o.Level, o.Policy, string(o.Action.Type), cell(o.Target.String()), cell(o.Reason)}, "\t")
}

func (p *program) order() *cobra.Command {
	c := &cobra.Command{
		Use:   "order",
		Short: "Orders of a Security Manager: see them, approve or reject those that wait for a person",
		Long: `An order is one action of a finding on its way to the NFVO. One that is recommended
or waiting is carried out when a person approves it.`,
		Example: `  manoward order list --state waiting
  manoward order show ORDER-ID
  manoward order approve ORDER-ID --reason "seen on the host's console"`,
	}
	c.AddCommand(p.orderList(), p.orderShow(), p.orderApprove(), p.orderReject())
	return c
}

func (p *program) orderList() *cobra.Command {
	var which smChoice
	var state, ns, policy, decision string
	var limit int
	c := &cobra.Command{
		Use:   "list",
		Short: "List orders, the newest first",
		Example: `  manoward order list
  manoward order list --state recommended
  manoward order list --ns NS-ID --policy host-integrity --limit 0 -o json`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			if limit < 0 {
				return usage("--limit %d is less than nothing; 0 lists all", limit)
			}
			query := url.Values{}
			for name, value := range map[string]string{"state": state, "nsInstanceId": ns, "policy": policy, "decisionId": decision} {
				if value != "" {
					query.Set(name, value)
				}
			}
			sm, err := p.remoteSM(c.Context(), which)
			if err != nil {
				return err
			}
			all, more := []told[order]{}, false
			for o, err := range pages[told[order]](c.Context(), sm, "/orders", query) {
				if err != nil {
					return err
				}
				if more = limit > 0 && len(all) == limit; more {
					break
				}
				all = append(all, o)
			}
			if err := p.print(all, func(w io.Writer) {
				fmt.Fprintln(w, orderHeader)
				for _, o := range all {
					fmt.Fprintln(w, o.is.line())
				}
			}); err != nil {
				return err
			}
			if more {
				p.say("there are more; list all with --limit 0")
			}
			return nil
		},
	}
	p.smFlags(c, &which)
	c.Flags().StringVar(&state, "state", "", "only those in this state: planned, shadow, recommended, waiting, running, completed, ...")
	c.Flags().StringVar(&ns, "ns", "", "only those on this network service")
	c.Flags().StringVar(&policy, "policy", "", "only those of this policy")
	c.Flags().StringVar(&decision, "decision", "", "only those of this decision")
	c.Flags().IntVar(&limit, "limit", 50, "how many; 0 is all")
	p.completeFlag(c, "state", fixed("planned", "shadow", "recommended", "waiting", "running", "completed", "failed", "rejected", "superseded"))
	p.completeFlag(c, "policy", p.policyNames(&which))
	return c
}

func (p *program) orderIDs(s *smChoice, states ...string) namer {
	query := url.Values{}
	if len(states) > 0 {
		query.Set("filter", "(in,state,"+strings.Join(states, ",")+")")
	}
	return ofSM(p, s, "/orders", query, func(o order) string {
		return fmt.Sprintf("%s\t%s %s %s", o.ID, o.State, o.Action.Type, o.Target)
	})
}

func orderPath(id string) string { return "/orders/" + url.PathEscape(id) }

func (p *program) orderShow() *cobra.Command {
	var which smChoice
	c := &cobra.Command{
		Use:     "show ID",
		Short:   "Show an order: what it does, why it is where it is, its steps at the NFVO",
		Example: "  manoward order show ORDER-ID",
		Args:    exactly("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			sm, err := p.remoteSM(c.Context(), which)
			if err != nil {
				return err
			}
			var o told[order]
			if _, err := sm.do(c.Context(), http.MethodGet, orderPath(args[0]), nil, nil, &o); err != nil {
				return err
			}
			return p.printOrder(o)
		},
	}
	p.smFlags(c, &which)
	p.completeArgs(c, p.orderIDs(&which))
	return c
}

func (p *program) printOrder(o told[order]) error {
	return p.print(o, func(w io.Writer) { o.is.write(w) })
}

func (o *order) write(w io.Writer) {
	fmt.Fprintf(w, "order\t%s\nstate\t%s\n", o.ID, o.State)
	if o.Reason != "" {
		fmt.Fprintf(w, "because\t%s\n", cell(o.Reason))
	}
	fmt.Fprintf(w, "policy\t%s (%s, %s)\nfinding\t%s\ndecision\t%s\ncreated\t%s\nupdated\t%s\n",
		o.Policy, o.Severity, o.Level, cell(o.Message), o.DecisionID, moment(o.Created), moment(o.Updated))
	for _, line := range o.effect() {
		fmt.Fprintf(w, "it does\t%s\n", cell(line))
	}
	if a := o.Approval; a != nil {
		word := "rejected"
		if a.Approved {
			word = "approved"
		}
		fmt.Fprintf(w, "%s\tby %s at %s: %s\n", word, a.By, moment(a.At), cell(a.Reason))
	}
	if len(o.Steps) == 0 {
		return
	}
	fmt.Fprintf(w, "\nSTEP\tSTATE\tSTARTED\tOUTCOME\tAT THE NFVO\n")
	for _, s := range o.Steps {
		at := cell(s.Resource)
		if s.unanswered() {
			at = "not known: no answer is stored; it is asked for again with the same Idempotency-Key"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", s.Name, s.State, moment(s.Started), cell(s.Outcome), at)
	}
}

// effect says in words what the order does, in the order in which it is done.
func (o *order) effect() []string {
	a, t := o.Action, o.Target
	var lines []string
	add := func(wanted bool, format string, args ...any) {
		if wanted {
			lines = append(lines, fmt.Sprintf(format, args...))
		}
	}
	switch a.Type {
	case hub.ActionTerminateVnf:
		add(a.Snapshot, "takes a snapshot of VNF %s", t.VnfInstanceID)
		add(a.DisablePackage, "disables package %s, of which no VNF is made any more", t.VnfPkgID)
		add(true, "terminates VNF %s in each NS that uses it", t.VnfInstanceID)
		add(a.CoHosted, "terminates the trust domain's other VNFs on its hosts")
		add(a.Erase, "erases its storages and its TPM, HSM and HMEE slots")
		add(a.Replace != nil && !*a.Replace, "nothing brings it back until an operator lifts the bar")
		add(a.Replace == nil || *a.Replace, "nothing bars it from coming back: auto-heal and scaling may make it again")
		add(a.BelowMinimum, "also when fewer instances than the least of its VNF profile are left")
	case hub.ActionStopHost:
		add(true, "ends the use of host %s", t.HostID)
		add(a.Vnfs == "migrate", "migrates its VNFs to other hosts")
		add(a.Vnfs == "terminate", "terminates its VNFs")
		add(a.Quarantine, "isolates the host with what stays on it")
	case hub.ActionInsertSecurityVnf:
		add(true, "inserts a security VNF of profile %s into NS %s", dash(t.VnfProfileID), t.NsInstanceID)
	case hub.ActionModifySecurityVnf:
		add(true, "changes %d configurable properties of security VNF %s", len(a.Properties), t.VnfInstanceID)
	case hub.ActionRemoveSecurityVnf:
		add(true, "removes security VNF %s", t.VnfInstanceID)
	default:
		add(true, "%s on %s", a.Type, t)
	}
	return lines
}
