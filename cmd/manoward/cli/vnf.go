package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol003"
)

// vnf is what is asked of one VNF instance at the VNFM.
func (p *program) vnf() *cobra.Command {
	c := &cobra.Command{
		Use:     "vnf",
		Short:   "VNF instances: what they are configured with",
		Example: "  manoward vnf configuration show VNF-ID\n  manoward vnf configuration set VNF-ID colour=blue",
	}
	configuration := &cobra.Command{
		Use:   "configuration",
		Short: "What a VNF is configured with, and whether it has taken it",
		Long: `A VNF is configured with its vnfConfigurableProperties. The VNFM sends it what differs
from what it has, until the VNF has taken it, if the VNF says where it can be reached:
the property manoward.configuration has that address. The state is then

  PENDING  it is sent until the VNF has taken it
  TAKEN    the VNF has what is wanted
  REFUSED  the VNF does not want it; it is sent again, less and less often
  NONE     the VNF does not say where, or is not instantiated`,
		Example: "  manoward vnf configuration show VNF-ID\n  manoward vnf configuration set VNF-ID colour=blue",
	}
	configuration.AddCommand(p.vnfConfigurationShow(), p.vnfConfigurationSet())
	c.AddCommand(configuration)
	return c
}

// vnfConfiguration is our resource of that name (docs/extensions/configuration.md).
type vnfConfiguration struct {
	VnfInstanceID string          `json:"vnfInstanceId"`
	State         string          `json:"state"`
	Since         *time.Time      `json:"since,omitempty"`
	Problem       string          `json:"problem,omitempty"`
	Wanted        map[string]any  `json:"wanted"`
	Configuration json.RawMessage `json:"configuration,omitempty"`
	ReadProblem   string          `json:"readProblem,omitempty"`
}

func (p *program) vnfConfigurationShow() *cobra.Command {
	return &cobra.Command{
		Use: "show VNF-ID", Short: "Show what a VNF is to be configured with, and what it says that it has",
		Example: "  manoward vnf configuration show VNF-ID\n  manoward vnf configuration show VNF-ID -o json", Args: exactly("VNF-ID"),
		RunE: func(c *cobra.Command, args []string) error { return p.showConfiguration(c.Context(), args[0]) },
	}
}

func (p *program) showConfiguration(ctx context.Context, id string) error {
	client, err := p.clientFor(ctx, hub.VNFM, apiOwn, apiVersion)
	if err != nil {
		return err
	}
	var v vnfConfiguration
	if _, err := client.Do(ctx, http.MethodGet, "/vnf_configurations/"+url.PathEscape(id), nil, &v); err != nil {
		return err
	}
	return p.print(&v, func(w io.Writer) {
		fmt.Fprintf(w, "VNF\t%s\nstate\t%s\nsince\t%s\nproblem\t%s\n", v.VnfInstanceID, v.State, since(v.Since), cell(v.Problem))
		for _, name := range slices.Sorted(maps.Keys(v.Wanted)) {
			raw, _ := json.Marshal(v.Wanted[name]) // it was decoded from JSON
			fmt.Fprintf(w, "wanted\t%s = %s\n", cell(name), cell(string(raw)))
		}
		fmt.Fprintf(w, "the VNF says\t%s\n", cell(string(v.Configuration)+v.ReadProblem))
	})
}

func (p *program) vnfConfigurationSet() *cobra.Command {
	var unset []string
	c := &cobra.Command{
		Use:   "set VNF-ID [NAME=VALUE ...]",
		Short: "Change what a VNF is to be configured with",
		Long: `Changes the vnfConfigurableProperties of a VNF instance and waits until that is recorded;
the VNF is sent it then. A VALUE that is JSON is taken as such, and any other as text.`,
		Example: `  manoward vnf configuration set VNF-ID manoward.configuration=https://198.51.100.7:8443
  manoward vnf configuration set VNF-ID colour=blue 'limits={"users": 5}'
  manoward vnf configuration set VNF-ID --unset colour`,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 || len(args) == 1 && len(unset) == 0 {
				return usage("name the VNF instance and what is to be set, as NAME=VALUE; see: %s --help", c.CommandPath())
			}
			properties, err := propertiesOf(args[1:], unset)
			if err != nil {
				return err
			}
			if err := p.modifyVNF(c.Context(), args[0], map[string]any{"vnfConfigurableProperties": properties}); err != nil {
				return err
			}
			return p.showConfiguration(c.Context(), args[0])
		},
	}
	c.Flags().StringArrayVar(&unset, "unset", nil, "take this one away; may be given several times")
	return c
}

// propertiesOf reads NAME=VALUE as a merge patch.
func propertiesOf(set, unset []string) (map[string]any, error) {
	properties := map[string]any{}
	for _, s := range set {
		name, text, ok := strings.Cut(s, "=")
		if !ok || name == "" {
			return nil, usage("%q is not NAME=VALUE", s)
		}
		var value any
		if json.Unmarshal([]byte(text), &value) != nil {
			value = text
		}
		if value == nil {
			return nil, usage("%s is to be null; take it away with --unset %s", name, name)
		}
		properties[name] = value
	}
	for _, name := range unset {
		if _, both := properties[name]; both {
			return nil, usage("%s is both set and taken away", name)
		}
		properties[name] = nil
	}
	return properties, nil
}

// modifyVNF changes a VNF instance and waits for the end of that.
func (p *program) modifyVNF(ctx context.Context, id string, patch any) error {
	client, err := p.clientFor(ctx, hub.VNFM, apiVnfLcm, "2.3.0")
	if err != nil {
		return err
	}
	a, err := client.Do(ctx, http.MethodPatch, "/vnf_instances/"+url.PathEscape(id), patch, nil)
	if err != nil {
		return err
	}
	var op sol003.VnfLcmOpOcc
	err = p.poll(ctx, func() string { return fmt.Sprintf("%s: %s", op.Operation, op.OperationState) }, func() (bool, error) {
		op = sol003.VnfLcmOpOcc{}
		_, err := client.Do(ctx, http.MethodGet, "/vnf_lcm_op_occs/"+url.PathEscape(lastSegment(a.Location)), nil, &op)
		return op.OperationState != sol003.LcmOperationStateStarting && op.OperationState != sol003.LcmOperationStateProcessing, err
	})
	if err == nil && op.OperationState != sol003.LcmOperationStateCompleted {
		text := fmt.Sprintf("the change is %s", op.OperationState)
		if op.Error != nil {
			text += ": " + op.Error.Detail
		}
		err = hub.E(hub.Conflict, "modify VNF", text, nil)
	}
	return err
}
