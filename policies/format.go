package policies

import (
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/format"

	"github.com/manoward/manoward/internal/hub"
)

// Format returns a file of Rego as the formatter writes it, which is how [Check]
// wants it. The error has code Invalid and says that it cannot be parsed.
func Format(name string, source []byte) ([]byte, error) {
	formatted, err := format.SourceWithOpts(name, source, format.Opts{RegoVersion: ast.RegoV1})
	if err != nil {
		return nil, hub.E(hub.Invalid, "format policy", name+" cannot be parsed; `manoward policy check` says where", err)
	}
	return formatted, nil
}
