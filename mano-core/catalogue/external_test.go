package catalogue_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/testkit/csartest"
	"github.com/manoward/manoward/mano-core/catalogue"
)

// A server that sends an artifact slowly holds up its own package and no other,
// even where one is judged at a time.
func TestExternal_Slow(t *testing.T) {
	w := newWorld(t)
	asked, answer := make(chan struct{}), make(chan struct{})
	vendor := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(asked)
		<-answer
	}))
	defer vendor.Close()
	release := sync.OnceFunc(func() { close(answer) })
	defer release()
	work, cancel := context.WithCancel(t.Context())
	s := catalogue.New(catalogue.Config{Tables: &w.bus, Dir: w.dir, Publisher: w, Records: w, Fetch: vendor.Client(), MaxPackage: 8 << 20, Parallel: 1, Retry: time.Millisecond})
	if err := s.Open(t.Context(), work, "hub", "north"); err != nil {
		t.Fatal(err)
	}
	defer func() { cancel(); s.Wait() }()
	w.trust(t, s)

	slow := create(t, s)
	pack := csartest.Build(t, csartest.Spec{Option: csartest.Option1, Signer: w.signer, Definition: []byte(strings.Replace(definition, "ID", "slow", 1)),
		Manifest: func(text string) string {
			return text + "\nSource: " + vendor.URL + "/tool\nAlgorithm: SHA-256\nHash: " + strings.Repeat("00", 32) + "\n"
		}})
	if err := s.Upload(t.Context(), alice, catalogue.VNF, slow, bytes.NewReader(pack)); err != nil {
		t.Fatal(err)
	}
	<-asked
	w.onboard(t, s, "fast")
	release()
	until(t, s, slow, "refused", settled(catalogue.Failed))
}

const definition = `topology_template:
  node_templates:
    vnf:
      type: tosca.nodes.nfv.VNF
      properties: {descriptor_id: ID, descriptor_version: "1", provider: Acme, product_name: Web, software_version: "2", flavour_id: simple, vnfm_info: manoward}
`
