package cli

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func (p *program) nats() *cobra.Command {
	c := &cobra.Command{
		Use:     "nats",
		Short:   "Make what a NATS cluster needs that a hub can stand on",
		Example: "  manoward nats init nats/",
	}
	c.AddCommand(p.natsInit())
	return c
}

// natsCluster is what was made for a cluster.
type natsCluster struct {
	Configurations []string `json:"configurations"` // of nats-server, one for each server
	Flags          []string `json:"flags"`          // of manoward serve, of which each server has the same
	RootKey        string   `json:"rootKey"`        // seed of the operator, which no server and no hub needs
}

func (p *program) natsInit() *cobra.Command {
	var servers []string
	c := &cobra.Command{
		Use:   "init DIR",
		Short: "Make keys, certificates and configurations of a NATS cluster",
		Long: `Makes what the servers of a NATS cluster need: operator mode, so that each trust domain
has an account of its own; TLS for clients and routes; every write synced before it is
acknowledged. Each has a folder in DIR, which must be new or empty, with its nats.conf;
--server says where clients reach it, and the other servers reach it 2000 ports above.
The paths in nats.conf are those of DIR here.

DIR also has what every process of the hub needs: hub.creds, sys.creds, operator.nk and
nats-ca.pem. root.nk is the seed of the operator itself: keep it elsewhere. The
certificates end after two years and the key of their CA is not kept; for a cluster
with servers that come and go use nsc, and certificates of your own.`,
		Example: `  manoward nats init nats/
  manoward nats init nats/ --server 10.0.0.1:4222 --server 10.0.0.2:4222 --server 10.0.0.3:4222`,
		Args: exactly("DIR"),
		RunE: func(_ *cobra.Command, args []string) error {
			flags, err := p.parts.NewBusCluster(args[0], servers, time.Now())
			if err != nil {
				return err
			}
			made := natsCluster{Flags: flags, RootKey: filepath.Join(args[0], "root.nk")}
			for i := range servers {
				made.Configurations = append(made.Configurations, filepath.Join(args[0], fmt.Sprintf("server-%d", i+1), "nats.conf"))
			}
			return p.print(made, made.table)
		},
	}
	c.Flags().StringArrayVar(&servers, "server", []string{"127.0.0.1:4222", "127.0.0.1:4223", "127.0.0.1:4224"}, "host:port of a server for clients; give it for each of three")
	return c
}

func (n natsCluster) table(w io.Writer) {
	for _, file := range n.Configurations {
		fmt.Fprintf(w, "Start\tnats-server -c %s\n", file)
	}
	fmt.Fprintf(w, "The hub\tmanoward serve %s\n", strings.Join(n.Flags, " "))
	fmt.Fprintf(w, "Keep elsewhere\t%s\n", n.RootKey)
}
