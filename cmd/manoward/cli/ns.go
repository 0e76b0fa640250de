package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
)

func (p *program) ns() *cobra.Command {
	c := &cobra.Command{
		Use:   "ns",
		Short: "Network services: create, instantiate, change and watch them",
		Example: `  manoward ns create --nsd NSD-ID --name edge
  manoward ns instantiate NS-ID
  manoward ns watch NS-ID`,
	}
	remove := &cobra.Command{Use: "delete ID", Short: "Delete a network service that is not instantiated", Example: "  manoward ns delete 0f0c4d6e-8f4b-4b6f-8f0c-8a106f5d2f8e"}
	deleteVerb(p, remove, p.nslcm, "/ns_instances/")
	c.AddCommand(p.nsCreate(), p.nsInstantiate(), p.nsScale(), p.nsHeal(), p.nsUpdate(), p.nsTerminate(), remove, p.nsList(), p.nsShow(), p.nsOps(), p.nsWatch(), p.nsBars())
	return c
}

func (p *program) nsCreate() *cobra.Command {
	var nsd, name, description string
	c := &cobra.Command{
		Use:     "create",
		Short:   "Create a network service of an NSD; nothing runs until it is instantiated",
		Example: "  manoward ns create --nsd b1e2d3c4-0000-4000-8000-000000000001 --name edge",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			if nsd == "" || name == "" {
				return usage("--nsd and --name are needed; the NSDs are listed by: manoward nsd list")
			}
			client, err := p.nslcm(c.Context())
			if err != nil {
				return err
			}
			var made nsInstance
			in := sol005.CreateNsRequest{NsdID: nsd, NsName: name, NsDescription: description}
			if _, err := client.Do(c.Context(), http.MethodPost, "/ns_instances", in, &made); err != nil {
				return err
			}
			return p.print(&made, func(w io.Writer) { nsTable(w, &made, nil) })
		},
	}
	c.Flags().StringVar(&nsd, "nsd", "", "NSD, as its descriptor names it (column NSD of: manoward nsd list)")
	c.Flags().StringVar(&name, "name", "", "name of the network service")
	c.Flags().StringVar(&description, "description", "", "what it is for")
	return c
}

func (p *program) nsInstantiate() *cobra.Command {
	var flavour, level string
	c := &cobra.Command{
		Use: "instantiate ID", Short: "Instantiate a network service",
		Example: "  manoward ns instantiate NS-ID\n  manoward ns instantiate NS-ID --flavour default --level large --no-wait",
	}
	c.Flags().StringVar(&flavour, "flavour", "", "NS flavour (default: the NSD's)")
	c.Flags().StringVar(&level, "level", "", "NS instantiation level (default: the flavour's)")
	return p.taskVerb(c, "instantiate", func() (any, error) {
		return map[string]string{"nsFlavourId": flavour, "nsInstantiationLevelId": level}, nil
	})
}

func (p *program) nsScale() *cobra.Command {
	var aspect, direction string
	var steps int
	c := &cobra.Command{
		Use: "scale ID", Short: "Scale a network service by steps of a scaling aspect",
		Example: "  manoward ns scale NS-ID --aspect users --steps 2\n  manoward ns scale NS-ID --aspect users --direction in",
	}
	c.Flags().StringVar(&aspect, "aspect", "", "NS scaling aspect of the NSD (required)")
	c.Flags().StringVar(&direction, "direction", "out", "out or in")
	c.Flags().IntVar(&steps, "steps", 1, "number of steps")
	return p.taskVerb(c, "scale", func() (any, error) {
		way := map[string]string{"out": "SCALE_OUT", "in": "SCALE_IN"}[direction]
		if aspect == "" || way == "" || steps < 1 {
			return nil, usage("--aspect is needed, --direction is out or in, --steps is 1 or more")
		}
		return map[string]any{"scaleType": "SCALE_NS", "scaleNsData": map[string]any{"scaleNsByStepsData": map[string]any{
			"scalingDirection": way, "aspectId": aspect, "numberOfSteps": steps,
		}}}, nil
	})
}

func (p *program) nsHeal() *cobra.Command {
	var vnf, cause string
	c := &cobra.Command{
		Use: "heal ID", Short: "Heal a network service, or one VNF of it",
		Example: "  manoward ns heal NS-ID\n  manoward ns heal NS-ID --vnf VNF-ID --cause 'does not answer'",
	}
	c.Flags().StringVar(&vnf, "vnf", "", "heal this VNF (default: restore the whole NS)")
	c.Flags().StringVar(&cause, "cause", "", "why")
	return p.taskVerb(c, "heal", func() (any, error) {
		if vnf != "" {
			return sol005.HealNsRequest{HealVnfData: []sol005.HealVnfData{{VnfInstanceID: vnf, Cause: cause}}}, nil
		}
		return sol005.HealNsRequest{HealNsData: &sol005.HealNsData{DegreeHealing: "HEAL_RESTORE", ActionsHealing: []string{"heal"}}}, nil
	})
}

func (p *program) nsUpdate() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use: "update ID", Short: "Update a network service: add, remove, operate, snapshot or change its VNFs",
		Long: `Sends an UpdateNsRequest of SOL 005, read from a file or, with --file -, from
standard input. The kinds of update and the parameters that manoward adds to
them are described in docs/extensions.`,
		Example: `  echo '{"updateType":"OPERATE_VNF","operateVnfData":[{"vnfInstanceId":"VNF-ID","changeStateTo":"STOPPED"}]}' |
    manoward ns update NS-ID --file -`,
	}
	c.Flags().StringVar(&file, "file", "", "JSON or YAML file with the request; - is standard input (required)")
	return p.taskVerb(c, "update", func() (any, error) { return readBody(file, "UpdateNsRequest") })
}

func (p *program) nsTerminate() *cobra.Command {
	c := &cobra.Command{Use: "terminate ID", Short: "Terminate a network service", Example: "  manoward ns terminate NS-ID"}
	return p.taskVerb(c, "terminate", func() (any, error) { return sol005.TerminateNsRequest{}, nil })
}

// taskVerb starts an operation on a network service and, unless told not to,
// follows it to its end.
func (p *program) taskVerb(c *cobra.Command, task string, body func() (any, error)) *cobra.Command {
	var noWait bool
	c.Flags().BoolVar(&noWait, "no-wait", false, "do not wait for the operation's end")
	c.Args = exactly("ID")
	c.RunE = func(c *cobra.Command, args []string) error {
		in, err := body()
		if err != nil {
			return err
		}
		client, err := p.nslcm(c.Context())
		if err != nil {
			return err
		}
		answer, err := client.Do(c.Context(), http.MethodPost, "/ns_instances/"+url.PathEscape(args[0])+"/"+task, in, nil)
		if err != nil {
			return err
		}
		id := lastSegment(answer.Location)
		if noWait {
			return p.print(map[string]string{"nsLcmOpOccId": id}, func(w io.Writer) { fmt.Fprintf(w, "operation\t%s\n", id) })
		}
		op, err := p.followOp(c.Context(), client, id)
		if err != nil {
			if outOfSight(c.Context(), err) {
				p.say("the hub has taken the operation %s and goes on with it by itself; follow it with: manoward ns watch %s", id, args[0])
			}
			return err
		}
		if err := p.print(op, func(w io.Writer) { opTable(w, op) }); err != nil {
			return err
		}
		if op.OperationState != sol005.NsLcmOperationStateCompleted {
			return hub.E(hub.Conflict, task, fmt.Sprintf("the operation %s is %s: %s", op.ID, op.OperationState, opError(op)), nil)
		}
		return nil
	}
	return c
}

// bar keeps a VNF from coming back.
type bar struct {
	VnfProfileID  string    `json:"vnfProfileId"`
	VnfInstanceID string    `json:"vnfInstanceId"`
	OpOccID       string    `json:"nsLcmOpOccId"`
	By            string    `json:"by"`
	Since         time.Time `json:"since"`
}

func (p *program) nsBars() *cobra.Command {
	var lift string
	c := &cobra.Command{
		Use:   "bars ID",
		Short: "Show which VNFs may not come back to a network service, or lift a bar",
		Long: `A VNF that was terminated "without replacement" is barred: neither auto-heal nor
scaling brings it back. An operator lifts the bar here.`,
		Example: "  manoward ns bars NS-ID\n  manoward ns bars NS-ID --lift firewall",
		Args:    exactly("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := p.nfvoExtensions(c.Context())
			if err != nil {
				return err
			}
			path := "/ns_instances/" + url.PathEscape(args[0]) + "/replacement_bars"
			if lift != "" {
				if _, err := client.Do(c.Context(), http.MethodDelete, path+"/"+url.PathEscape(lift), nil, nil); err != nil {
					return err
				}
				p.say("VNF profile %s may be made again", lift)
				return nil
			}
			bars, err := list[bar](c.Context(), client, path, nil)
			if err != nil {
				return err
			}
			return p.print(bars, func(w io.Writer) {
				fmt.Fprintln(w, "VNF PROFILE\tTERMINATED VNF\tSINCE\tBY")
				for _, b := range bars {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", b.VnfProfileID, b.VnfInstanceID, when(b.Since), b.By)
				}
			})
		},
	}
	c.Flags().StringVar(&lift, "lift", "", "VNF profile whose bar is lifted")
	return c
}
