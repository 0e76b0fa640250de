package policies

import (
	"archive/zip"
	"bytes"
	"context"

	"github.com/manoward/manoward/internal/hub"
)

// LoadContent loads a set as it was kept when it was pushed, for those who judge it
// later, such as an auditor: a bundle, whose signature is not verified here, or a zip
// of files. The rules are those of [Load]. The error has code Invalid for what is
// neither.
func LoadContent(ctx context.Context, content []byte, o Options) (*Set, []Problem, error) {
	var set *Set
	var ps *problems
	if bytes.HasPrefix(content, []byte("PK")) {
		files, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
		if err != nil {
			return nil, nil, hub.E(hub.Invalid, "read policies", "the zip of policies is damaged", err)
		}
		set, ps = load(ctx, files, o)
	} else {
		files, err := unpack(content)
		if err != nil {
			return nil, nil, err
		}
		sources, err := checkManifest(files)
		if err != nil {
			return nil, nil, err
		}
		set, ps = loadSources(ctx, sources, o)
	}
	if ps.bad() {
		return nil, ps.sorted(), nil
	}
	return set, ps.sorted(), nil
}
