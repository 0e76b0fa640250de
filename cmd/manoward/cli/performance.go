package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/manoward/manoward/internal/sol"
)

// performance is the performance management of SOL 005 and SOL 003, which are alike.
func (p *program) performance() *cobra.Command {
	c := &cobra.Command{
		Use:   "performance",
		Short: "Performance of network services and of VNFs: PM jobs, reports, thresholds",
		Long: `A PM job collects what was measured and reports it; a threshold tells when a value
crosses it. Both tell whoever is at their callback, an https URI. The VIM measures
(manoward vim event measured), the VNFM reports of VNFs, and the NFVO of the VNFs of
each network service. --at vnfm asks the VNFM.`,
		Example: "  manoward performance job list\n  manoward performance job show JOB-ID --at vnfm\n  manoward performance report show JOB-ID REPORT-ID\n  manoward performance threshold list",
	}
	connect := atFunction(c, "whose: nfvo (of network services) or vnfm (of VNFs)", p.nspm, p.vnfpm)
	c.AddCommand(p.pmJob(connect), p.pmReport(connect), p.pmThreshold(connect))
	return c
}

func (p *program) pmJob(connect connector) *cobra.Command {
	c := &cobra.Command{Use: "job", Short: "PM jobs: create, list, show, delete", Example: "  manoward performance job list --at vnfm"}
	list := &cobra.Command{Use: "list", Short: "List the PM jobs", Example: "  manoward performance job list\n  manoward performance job list --at vnfm -o json"}
	listVerb(p, list, connect, "/pm_jobs", noQuery, "ID\tTYPE\tOF\tMETRICS\tCOLLECTS\tREPORTS", func(j sol.PmJob) string {
		return fmt.Sprintf("%s\t%s\t%s\t%s\t%ds\t%ds", j.ID, j.ObjectType, strings.Join(j.ObjectInstanceIDs, " "), metricsOf(&j), j.Criteria.CollectionPeriod, j.Criteria.ReportingPeriod)
	})
	show := &cobra.Command{Use: "show ID", Short: "Show a PM job with its reports", Example: "  manoward performance job show JOB-ID\n  manoward performance job show JOB-ID --at vnfm -o yaml"}
	showVerb(p, show, connect, "/pm_jobs/", func(w io.Writer, j *sol.PmJob) {
		fmt.Fprintf(w, "PM job\t%s\ntype\t%s\nof\t%s\n", j.ID, j.ObjectType, strings.Join(j.ObjectInstanceIDs, " "))
		if len(j.SubObjectInstanceIDs) > 0 {
			fmt.Fprintf(w, "sub-objects\t%s\n", cell(strings.Join(j.SubObjectInstanceIDs, " ")))
		}
		fmt.Fprintf(w, "metrics\t%s\ncollects every\t%ds\nreports every\t%ds\nuntil\t%s\ncallback\t%s\n", metricsOf(j), j.Criteria.CollectionPeriod, j.Criteria.ReportingPeriod, since(j.Criteria.ReportingBoundary), j.CallbackURI)
		for _, r := range j.Reports {
			fmt.Fprintf(w, "report\t%s of %s\n", r.Href[strings.LastIndex(r.Href, "/")+1:], moment(r.ReadyTime))
		}
	})
	remove := &cobra.Command{Use: "delete ID", Short: "End a PM job and delete its reports", Example: "  manoward performance job delete JOB-ID"}
	deleteVerb(p, remove, connect, "/pm_jobs/")
	c.AddCommand(p.pmJobCreate(connect), list, show, remove)
	return c
}

func metricsOf(j *sol.PmJob) string {
	return strings.Join(append(append([]string{}, j.Criteria.PerformanceMetricGroup...), j.Criteria.PerformanceMetric...), " ")
}

func (p *program) pmJobCreate(connect connector) *cobra.Command {
	in := sol.CreatePmJobRequest{}
	c := &cobra.Command{
		Use: "create OBJECT-ID...", Short: "Make a PM job of network services, or with --at vnfm of VNFs",
		Example: "  manoward performance job create NS-ID --metric VCpuUsageMeanVnf --callback https://oss.example/pm\n" +
			"  manoward performance job create VNF-ID --at vnfm --type Vnfc --group VirtualisedComputeResource --collect 60 --report 300 --callback https://oss.example/pm",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("%s takes OBJECT-ID...; see: %s --help", c.CommandPath(), c.CommandPath())
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			in.ObjectInstanceIDs, in.ObjectType = args, objectType(c)
			var made sol.PmJob
			return p.pmCreate(c, connect, "/pm_jobs", in, in.CallbackURI, &made, func() string { return made.ID })
		},
	}
	c.Flags().String("type", "", "type of the objects: Ns, which is the default; with --at vnfm Vnf, the default there, Vnfc, VnfIntCp or VnfExtCp")
	c.Flags().StringSliceVar(&in.SubObjectInstanceIDs, "sub", nil, "of this sub-object alone; may be given several times")
	c.Flags().StringSliceVar(&in.Criteria.PerformanceMetric, "metric", nil, "metric; may be given several times")
	c.Flags().StringSliceVar(&in.Criteria.PerformanceMetricGroup, "group", nil, "group of metrics, instead of metrics")
	c.Flags().IntVar(&in.Criteria.CollectionPeriod, "collect", 60, "seconds of one value")
	c.Flags().IntVar(&in.Criteria.ReportingPeriod, "report", 300, "seconds from one report to the next")
	c.Flags().StringVar(&in.CallbackURI, "callback", "", "https URI that is told of reports")
	return c
}

// objectType is the type of the objects that are to be measured: as given, or the whole
// of what the function that is asked has.
func objectType(c *cobra.Command) string {
	given := c.Flag("type").Value.String()
	switch {
	case given != "":
		return given
	case c.Flag(flagAt).Value.String() == "vnfm":
		return "Vnf"
	}
	return "Ns"
}

// pmCreate sends a request to make something that tells at a callback, and says what was
// made.
func (p *program) pmCreate(c *cobra.Command, connect connector, path string, in any, callback string, made any, id func() string) error {
	if callback == "" {
		return usage("--callback is missing; name the https URI that is to be told, as in --callback https://oss.example/pm")
	}
	client, err := connect(c.Context())
	if err != nil {
		return err
	}
	if _, err := client.Do(c.Context(), http.MethodPost, path, in, made); err != nil {
		return err
	}
	return p.print(made, func(w io.Writer) { fmt.Fprintln(w, id()) })
}

func (p *program) pmReport(connect connector) *cobra.Command {
	c := &cobra.Command{Use: "report", Short: "Reports of PM jobs", Example: "  manoward performance report show JOB-ID REPORT-ID"}
	c.AddCommand(&cobra.Command{
		Use: "show JOB-ID REPORT-ID", Short: "Show a report", Example: "  manoward performance report show JOB-ID REPORT-ID\n  manoward performance report show JOB-ID REPORT-ID --at vnfm -o json", Args: exactly("JOB-ID", "REPORT-ID"),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := connect(c.Context())
			if err != nil {
				return err
			}
			var r sol.PerformanceReport
			if _, err := client.Do(c.Context(), http.MethodGet, "/pm_jobs/"+url.PathEscape(args[0])+"/reports/"+url.PathEscape(args[1]), nil, &r); err != nil {
				return err
			}
			return p.print(&r, func(w io.Writer) {
				fmt.Fprintln(w, "OF\tSUB-OBJECT\tMETRIC\tTIME\tVALUE")
				for _, e := range r.Entries {
					for _, v := range e.PerformanceValues {
						fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%v\n", e.ObjectInstanceID, dash(cell(e.SubObjectInstanceID)), e.PerformanceMetric, moment(v.TimeStamp), v.Value)
					}
				}
			})
		},
	})
	return c
}

func (p *program) pmThreshold(connect connector) *cobra.Command {
	c := &cobra.Command{Use: "threshold", Short: "Thresholds: create, list, show, delete", Example: "  manoward performance threshold list --at vnfm"}
	list := &cobra.Command{Use: "list", Short: "List the thresholds", Example: "  manoward performance threshold list\n  manoward performance threshold list --at vnfm -o yaml"}
	listVerb(p, list, connect, "/thresholds", noQuery, "ID\tTYPE\tOF\tMETRIC\tTHRESHOLD\tHYSTERESIS", func(t sol.Threshold) string {
		v, h := limits(&t)
		return fmt.Sprintf("%s\t%s\t%s\t%s\t%v\t%v", t.ID, t.ObjectType, t.ObjectInstanceID, t.Criteria.PerformanceMetric, v, h)
	})
	show := &cobra.Command{Use: "show ID", Short: "Show a threshold", Example: "  manoward performance threshold show THRESHOLD-ID\n  manoward performance threshold show THRESHOLD-ID --at vnfm -o json"}
	showVerb(p, show, connect, "/thresholds/", func(w io.Writer, t *sol.Threshold) {
		v, h := limits(t)
		fmt.Fprintf(w, "threshold\t%s\ntype\t%s\nof\t%s\nsub-objects\t%s\nmetric\t%s\nvalue\t%v\nhysteresis\t%v\ncallback\t%s\n", t.ID, t.ObjectType, t.ObjectInstanceID,
			dash(cell(strings.Join(t.SubObjectInstanceIDs, " "))), t.Criteria.PerformanceMetric, v, h, t.CallbackURI)
	})
	remove := &cobra.Command{Use: "delete ID", Short: "Delete a threshold", Example: "  manoward performance threshold delete THRESHOLD-ID"}
	deleteVerb(p, remove, connect, "/thresholds/")
	c.AddCommand(p.pmThresholdCreate(connect), list, show, remove)
	return c
}

// limits are the value and the hysteresis of a threshold.
func limits(t *sol.Threshold) (value, hysteresis float64) {
	if d := t.Criteria.SimpleThresholdDetails; d != nil {
		return d.ThresholdValue, d.Hysteresis
	}
	return 0, 0
}

func (p *program) pmThresholdCreate(connect connector) *cobra.Command {
	details := sol.SimpleThresholdDetails{}
	in := sol.CreateThresholdRequest{Criteria: sol.ThresholdCriteria{ThresholdType: sol.ThresholdSimple, SimpleThresholdDetails: &details}}
	c := &cobra.Command{
		Use: "create OBJECT-ID", Short: "Make a threshold of a network service, or with --at vnfm of a VNF", Args: exactly("OBJECT-ID"),
		Example: "  manoward performance threshold create NS-ID --metric VCpuUsageMeanVnf --value 80 --hysteresis 5 --callback https://oss.example/pm",
		RunE: func(c *cobra.Command, args []string) error {
			in.ObjectInstanceID, in.ObjectType = args[0], objectType(c)
			var made sol.Threshold
			return p.pmCreate(c, connect, "/thresholds", in, in.CallbackURI, &made, func() string { return made.ID })
		},
	}
	c.Flags().String("type", "", "type of the object: Ns, which is the default; with --at vnfm Vnf, the default there, Vnfc, VnfIntCp or VnfExtCp")
	c.Flags().StringSliceVar(&in.SubObjectInstanceIDs, "sub", nil, "of this sub-object alone; may be given several times")
	c.Flags().StringVar(&in.Criteria.PerformanceMetric, "metric", "", "metric")
	c.Flags().Float64Var(&details.ThresholdValue, "value", 0, "the threshold, in the unit of the metric")
	c.Flags().Float64Var(&details.Hysteresis, "hysteresis", 1, "how far beyond it a value has to go")
	c.Flags().StringVar(&in.CallbackURI, "callback", "", "https URI that is told when it is crossed")
	return c
}
