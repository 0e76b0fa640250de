package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol005"
)

func (p *program) nsOps() *cobra.Command {
	c := &cobra.Command{
		Use:     "ops ID",
		Short:   "List the operations on a network service",
		Example: "  manoward ns ops NS-ID",
		Args:    exactly("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := p.nslcm(c.Context())
			if err != nil {
				return err
			}
			ops, err := list[sol005.NsLcmOpOcc](c.Context(), client, "/ns_lcm_op_occs", opsOf(args[0]))
			if err != nil {
				return err
			}
			if len(ops) == 0 { // of a network service that is new, or that there is not
				if _, err := client.Do(c.Context(), http.MethodGet, "/ns_instances/"+url.PathEscape(args[0]), nil, nil); err != nil {
					return err
				}
			}
			slices.SortFunc(ops, func(a, b sol005.NsLcmOpOcc) int { return a.StartTime.Compare(b.StartTime) })
			return p.print(ops, func(w io.Writer) {
				fmt.Fprintln(w, opHeader)
				for _, o := range ops {
					fmt.Fprintln(w, opLine(&o))
				}
			})
		},
	}
	for _, task := range []struct{ name, short string }{
		{"retry", "Try an operation again that failed temporarily"},
		{"rollback", "Take back what an operation did that failed temporarily"},
		{"continue", "Go on with an operation after what hindered it was mended"},
		{"fail", "Give an operation up that failed temporarily"},
		{"cancel", "Cancel an operation that is under way"},
	} {
		c.AddCommand(p.opTask(task.name, task.short))
	}
	return c
}

// opsOf selects the operations on one network service.
func opsOf(ns string) url.Values {
	return url.Values{"filter": {"(eq,nsInstanceId," + quoted(ns) + ")"}}
}

const opHeader = "ID\tOPERATION\tSTATE\tSTARTED\tERROR"

func opLine(o *sol005.NsLcmOpOcc) string {
	return fmt.Sprintf("%s\t%s\t%s\t%s\t%s", o.ID, o.LcmOperationType, o.OperationState, when(o.StartTime), opError(o))
}

// opError is why an operation failed.
func opError(o *sol005.NsLcmOpOcc) string {
	if o.Error == nil {
		return "-"
	}
	return o.Error.Detail
}

func opTable(w io.Writer, o *sol005.NsLcmOpOcc) {
	fmt.Fprintln(w, opHeader)
	fmt.Fprintln(w, opLine(o))
}

func (p *program) opTask(task, short string) *cobra.Command {
	return &cobra.Command{
		Use: task + " OPERATION-ID", Short: short, Example: "  manoward ns ops " + task + " OPERATION-ID", Args: exactly("OPERATION-ID"),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := p.nslcm(c.Context())
			if err != nil {
				return err
			}
			var in any
			if task == "cancel" {
				in = sol005.CancelMode{CancelMode: sol005.CancelModeGraceful}
			}
			path := "/ns_lcm_op_occs/" + url.PathEscape(args[0])
			if _, err := client.Do(c.Context(), http.MethodPost, path+"/"+task, in, nil); err != nil {
				return err
			}
			p.say("asked to %s %s; it is shown by: manoward ns watch NS-ID", task, args[0])
			return nil
		},
	}
}

// ended says whether an operation goes on no further by itself.
func ended(state sol005.NsLcmOperationStateType) bool {
	switch state {
	case sol005.NsLcmOperationStateProcessing, sol005.NsLcmOperationStateRollingBack:
		return false
	}
	return true
}

// followOp waits for the end of an operation and tells its states.
func (p *program) followOp(ctx context.Context, client *httpapi.Client, id string) (*sol005.NsLcmOpOcc, error) {
	var op sol005.NsLcmOpOcc
	var told sol005.NsLcmOperationStateType
	err := p.poll(ctx, func() string { return fmt.Sprintf("%s: %s", op.LcmOperationType, op.OperationState) }, func() (bool, error) {
		op = sol005.NsLcmOpOcc{}
		if _, err := client.Do(ctx, http.MethodGet, "/ns_lcm_op_occs/"+url.PathEscape(id), nil, &op); err != nil {
			return false, err
		}
		if told != "" && op.OperationState != told {
			p.say("%s: %s", op.LcmOperationType, op.OperationState)
		}
		told = op.OperationState
		return ended(op.OperationState), nil
	})
	return &op, err
}

func (p *program) nsWatch() *cobra.Command {
	var follow bool
	c := &cobra.Command{
		Use:   "watch ID",
		Short: "Follow the operations on a network service live",
		Long: `Prints each operation on a network service as its state changes. It ends when
none is under way; with --follow it goes on until it is interrupted.`,
		Example: "  manoward ns watch NS-ID\n  manoward ns watch NS-ID --follow",
		Args:    exactly("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := p.nslcm(c.Context())
			if err != nil {
				return err
			}
			var ns sol005.NsInstance
			if _, err := client.Do(c.Context(), http.MethodGet, "/ns_instances/"+url.PathEscape(args[0]), nil, &ns); err != nil {
				return err
			}
			told := map[string]sol005.NsLcmOperationStateType{}
			waiting := func() string { return "watching " + args[0] }
			if follow { // for ever, and nothing is expected
				waiting = nil
			}
			err = p.poll(c.Context(), waiting, func() (bool, error) {
				ops, err := list[sol005.NsLcmOpOcc](c.Context(), client, "/ns_lcm_op_occs", opsOf(args[0]))
				if err != nil {
					return false, err
				}
				slices.SortFunc(ops, func(a, b sol005.NsLcmOpOcc) int { return a.StartTime.Compare(b.StartTime) })
				busy := false
				for _, o := range ops {
					busy = busy || !ended(o.OperationState)
					if told[o.ID] == o.OperationState {
						continue
					}
					told[o.ID] = o.OperationState
					if err := p.print(&o, func(w io.Writer) { fmt.Fprintln(w, opLine(&o)) }); err != nil {
						return false, err
					}
				}
				return !busy && !follow, nil
			})
			if follow && c.Context().Err() != nil {
				return nil // asked to end
			}
			return err
		},
	}
	c.Flags().BoolVar(&follow, "follow", false, "go on until interrupted")
	return c
}

// quoted writes a value of a filter so that nothing in it is read as syntax.
func quoted(s string) string {
	out := "'"
	for _, r := range s {
		if r == '\'' {
			out += "'"
		}
		out += string(r)
	}
	return out + "'"
}

// readBody reads a request from a JSON or YAML file, or from standard input.
func readBody(file, what string) (any, error) {
	if file == "" {
		return nil, usage("--file is needed: a JSON or YAML file with the %s, or - for standard input", what)
	}
	raw, err := readFile(file, what)
	if err != nil {
		return nil, err
	}
	var v any
	if err := yaml.Unmarshal(raw, &v); err != nil { // JSON is YAML
		return nil, hub.E(hub.Invalid, "read "+what, fmt.Sprintf("%s is neither JSON nor YAML: %v", file, err), nil)
	}
	if v == nil {
		return nil, hub.E(hub.Invalid, "read "+what, fmt.Sprintf("%s is empty; write the %s to it", file, what), nil)
	}
	if _, named := v.(map[string]any); !named {
		return nil, hub.E(hub.Invalid, "read "+what, fmt.Sprintf("%s holds no %s, which has names and their values; see the help for one", file, what), nil)
	}
	return v, nil
}
