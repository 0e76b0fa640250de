package cli

import (
	"fmt"
	"io"
	"os"

	"github.com/manoward/manoward/internal/hub"
)

// maxInput bounds a file that a verb sends as a request, in bytes. The hub takes
// less of most.
const maxInput = 64 << 20

// readFile reads a file that holds what, for a verb; - is standard input.
func readFile(file, what string) ([]byte, error) {
	op := "read " + what
	in := io.ReadCloser(os.Stdin)
	if file != "-" {
		var err error
		if in, err = os.Open(file); err != nil {
			return nil, hub.E(hub.Invalid, op, fmt.Sprintf("%s cannot be read: %v", file, pathCause(err)), nil)
		}
		defer in.Close()
	}
	raw, err := io.ReadAll(io.LimitReader(in, maxInput+1))
	switch {
	case err != nil:
		return nil, hub.E(hub.Invalid, op, fmt.Sprintf("%s cannot be read: %v", file, pathCause(err)), nil)
	case len(raw) > maxInput:
		return nil, hub.E(hub.Invalid, op, fmt.Sprintf("%s is larger than %d MiB; is it the right file?", file, maxInput>>20), nil)
	}
	return raw, nil
}
