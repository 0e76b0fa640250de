package wire

import (
	"net"
	"strconv"
	"testing"

	"github.com/manoward/manoward/internal/config"
	"github.com/manoward/manoward/internal/hub"
)

// A port that is chosen can be taken by no outgoing connection, and is the same at
// the next start.
func TestOpenListeners_ChosenPorts(t *testing.T) {
	dir := &dataDir{path: t.TempDir()}
	chosen := map[hub.ReferencePoint]string{}
	for start := range 2 {
		l, err := openListeners(config.Listen{Host: "127.0.0.1"}, dir, hub.ReferencePoints())
		if err != nil {
			t.Fatal(err)
		}
		for rp, open := range l.open {
			_, text, err := net.SplitHostPort(open.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			if port, err := strconv.Atoi(text); err != nil || port < firstPort || port > lastPort {
				t.Errorf("%s has port %s, %v", rp, text, err)
			}
			if start > 0 && chosen[rp] != open.Addr().String() {
				t.Errorf("%s is at %s, and was at %s", rp, open.Addr(), chosen[rp])
			}
			chosen[rp] = open.Addr().String()
		}
		l.close()
	}
	if len(chosen) != len(hub.ReferencePoints()) {
		t.Errorf("%d of %d are open", len(chosen), len(hub.ReferencePoints()))
	}
}
