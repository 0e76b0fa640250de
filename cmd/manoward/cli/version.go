package cli

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// Set by the linker; see the Makefile.
var (
	version = "devel"
	commit  = "unknown"
)

// Version says what this binary was built from.
type Version struct {
	Version string            `json:"version"`
	Commit  string            `json:"commit"`
	Go      string            `json:"go"`
	Cgo     bool              `json:"cgo"`     // without it there is no PKCS#11
	Modules map[string]string `json:"modules"` // versions of the modules that decide and sign
}

// keyModules are the modules whose versions matter to who runs a hub.
var keyModules = []string{
	"github.com/nats-io/nats-server/v2",
	"github.com/nats-io/nats.go",
	"github.com/ThalesGroup/crypto11",
	"github.com/open-policy-agent/opa",
	"github.com/smallstep/certificates",
	"go.step.sm/crypto",
	"github.com/google/go-tpm",
}

func readVersion() Version {
	v := Version{Version: version, Commit: commit, Go: runtime.Version(), Modules: map[string]string{}}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "CGO_ENABLED" {
			v.Cgo = s.Value == "1"
		}
	}
	for _, dep := range info.Deps {
		for _, key := range keyModules {
			if dep.Path == key {
				v.Modules[key] = dep.Version
			}
		}
	}
	return v
}

func (p *program) version() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print version, commit, Go and key module versions",
		Example: "  manoward version\n  manoward version -o json",
		Args:    exactly(),
		RunE: func(*cobra.Command, []string) error {
			v := p.Version
			return p.print(v, func(w io.Writer) {
				fmt.Fprintf(w, "manoward\t%s\ncommit\t%s\ngo\t%s\ncgo\t%t\n", v.Version, v.Commit, v.Go, v.Cgo)
				for _, m := range keyModules {
					if v.Modules[m] != "" {
						fmt.Fprintf(w, "%s\t%s\n", m, v.Modules[m])
					}
				}
			})
		},
	}
}
