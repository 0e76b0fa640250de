// Command manoward is a policy-as-code security and certificate hub for ETSI
// NFV-MANO.
package main

import (
	"os"

	"github.com/manoward/manoward/cmd/manoward/cli"
	"github.com/manoward/manoward/cmd/manoward/wire"
)

func main() {
	os.Exit(cli.Main(wire.Parts()))
}
