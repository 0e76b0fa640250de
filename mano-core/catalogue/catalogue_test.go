package catalogue_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/testkit/csartest"
	"github.com/manoward/manoward/internal/testkit/memstate"
	"github.com/manoward/manoward/mano-core/catalogue"
)

var alice = hub.Identity{TrustDomain: "north", Kind: hub.KindOSS, Name: "alice"}

// world is what survives a crash of the catalogue.
type world struct {
	mu      sync.Mutex
	bus     memstate.Bus
	dir     string
	ca      *csartest.CA
	signer  *csartest.Signer
	records map[string]hub.Record
	told    map[string]int         // events by API and ID
	broken  bool                   // nothing can be recorded, told or stored
	writes  int                    // of the bus, so far
	breakAt int                    // the write at which it breaks; 0 is never
	uses    atomic.Pointer[string] // the package that is in use; nil if none is
}

var errBroken = hub.E(hub.Unavailable, "write", "the disk is gone", nil)

func newWorld(t testing.TB) *world {
	w := &world{dir: t.TempDir(), records: map[string]hub.Record{}, told: map[string]int{}, ca: csartest.NewCA(t, "ca")}
	w.signer = w.ca.Signer(t, "vendor", nil)
	w.bus.Fail = func(string, string, string) error { return w.touch() }
	return w
}

// touch counts something that is written, and fails when the time has come.
func (w *world) touch() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writes++
	if w.breakAt > 0 && w.writes >= w.breakAt {
		w.broken = true
	}
	if w.broken {
		return errBroken
	}
	return nil
}

func (w *world) Append(_ context.Context, _ string, r hub.Record) error {
	if err := w.touch(); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.records[r.ID] = r
	return nil
}

func (w *world) Publish(_ context.Context, e notify.Event) error {
	if e.Key == "" {
		return hub.E(hub.Internal, "publish", "an event of "+e.API+" does not say what it is about", nil)
	}
	if err := w.touch(); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if e.API == catalogue.APIPackages {
		w.told[e.ID]++
	}
	return nil
}

func (w *world) recorded(kind string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, r := range w.records {
		if r.Kind == kind {
			n++
		}
	}
	return n
}

func (w *world) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken, w.breakAt, w.writes = false, 0, 0
}

func (w *world) used(p *catalogue.Package) bool {
	id := w.uses.Load()
	return id != nil && p.ID == *id
}

// open starts a catalogue over the world; close ends its work.
func (w *world) open(t testing.TB) (s *catalogue.Service, close func()) {
	t.Helper()
	work, cancel := context.WithCancel(context.Background())
	s = catalogue.New(catalogue.Config{Tables: &w.bus, Dir: w.dir, Publisher: w, Records: w, InUse: w.used, MaxPackage: 8 << 20, Retry: time.Millisecond})
	if err := s.Open(context.Background(), work, "hub", "north", "south"); err != nil {
		cancel()
		t.Fatal(err)
	}
	return s, func() { cancel(); s.Wait() }
}

func (w *world) trust(t testing.TB, s *catalogue.Service) {
	t.Helper()
	anchor := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.ca.Cert.Raw}))
	if err := s.SetPolicy(context.Background(), alice, "north", catalogue.Policy{Anchors: []string{anchor}}); err != nil {
		t.Fatal(err)
	}
}

const image = "the bytes of a disk"

func (w *world) pack(t testing.TB, vnfd string) []byte {
	sum := sha256.Sum256([]byte(image))
	definition := strings.NewReplacer("ID", vnfd, "HASH", hex.EncodeToString(sum[:])).Replace(`topology_template:
  node_templates:
    vnf:
      type: tosca.nodes.nfv.VNF
      properties: {descriptor_id: ID, descriptor_version: "1", provider: Acme, product_name: Web, software_version: "2", flavour_id: simple}
    web:
      type: tosca.nodes.nfv.Vdu.Compute
      properties: {sw_image_data: {name: disk, version: "1", checksum: HASH, container_format: bare, disk_format: qcow2}}
      artifacts: {sw_image: {type: tosca.artifacts.nfv.SwImage, file: Files/disk.img}}
`)
	return csartest.Build(t, csartest.Spec{Option: csartest.Option1, Signer: w.signer, Definition: []byte(definition), Store: true, Files: map[string][]byte{"Files/disk.img": []byte(image)}})
}

func create(t testing.TB, s *catalogue.Service) string {
	t.Helper()
	p, err := s.Create(context.Background(), catalogue.Creation{Kind: catalogue.VNF, Domain: "north"})
	if err != nil {
		t.Fatal(err)
	}
	return p.ID
}

// until waits until a package is as wanted.
func until(t testing.TB, s *catalogue.Service, id string, what string, ok func(p catalogue.Package, err error) bool) catalogue.Package {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		p, err := s.Get(context.Background(), catalogue.VNF, id)
		if ok(p, err) {
			return p
		}
		if time.Now().After(deadline) {
			t.Fatalf("package never is %s: %s, %v, %+v", what, p.State, err, p.Failure)
		}
		<-time.After(time.Millisecond)
	}
}

func settled(state catalogue.State) func(catalogue.Package, error) bool {
	return func(p catalogue.Package, err error) bool {
		return err == nil && p.State == state && len(p.Pending) == 0
	}
}

func (w *world) onboard(t testing.TB, s *catalogue.Service, vnfd string) string {
	t.Helper()
	id := create(t, s)
	if err := s.Upload(context.Background(), alice, catalogue.VNF, id, bytes.NewReader(w.pack(t, vnfd))); err != nil {
		t.Fatal(err)
	}
	until(t, s, id, "on-boarded", settled(catalogue.Onboarded))
	return id
}

func (w *world) files(t testing.TB) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(w.dir, "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestUse(t *testing.T) {
	w := newWorld(t)
	s, end := w.open(t)
	defer end()
	w.trust(t, s)
	id := w.onboard(t, s, "d1")
	ctx := t.Context()

	if _, _, err := s.Use(ctx, catalogue.VNF, "north", "d2"); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("use of what is not there is %v", err)
	}
	if _, _, err := s.Use(ctx, catalogue.VNF, "south", "d1"); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("use of another domain's is %v", err)
	}
	for range 2 {
		p, sum, err := s.Use(ctx, catalogue.VNF, "north", "d1")
		if err != nil || p.ID != id || p.VNFD.ID != "d1" || sum.Result != "OK" || sum.SecurityOption != "OPTION_1" || len(sum.Signers) != 1 || sum.Checked.IsZero() {
			t.Fatalf("use is %+v, %v", sum, err)
		}
		if p.InUse() {
			t.Error("in use without a user")
		}
	}
	w.uses.Store(&id)
	if p, err := s.Get(ctx, catalogue.VNF, id); err != nil || !p.InUse() {
		t.Errorf("not in use: %v", err)
	}
	for p, err := range s.List(ctx, catalogue.VNF, func(string) bool { return true }, "") {
		if err != nil || !p.InUse() {
			t.Errorf("listed as not in use: %v", err)
		}
	}
	if err := s.SetState(ctx, alice, catalogue.VNF, id, false); err != nil {
		t.Fatal(err)
	}
	if err := s.SetState(ctx, alice, catalogue.VNF, id, false); err != nil {
		t.Errorf("disabled twice: %v", err)
	}
	if _, _, err := s.Use(ctx, catalogue.VNF, "north", "d1"); hub.CodeOf(err) != hub.Conflict {
		t.Errorf("use of a disabled package is %v", err)
	}
	if err := s.Delete(ctx, alice, catalogue.VNF, id); hub.CodeOf(err) != hub.Conflict {
		t.Errorf("deletion of a used package is %v", err)
	}
	w.uses.Store(nil)
	if err := s.Delete(ctx, alice, catalogue.VNF, id); err != nil {
		t.Errorf("deletion: %v", err)
	}
}

func TestImage(t *testing.T) {
	w := newWorld(t)
	s, end := w.open(t)
	defer end()
	w.trust(t, s)
	id := w.onboard(t, s, "d1")
	r, size, algorithm, sum, err := s.Image(t.Context(), id, "web")
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if want := sha256.Sum256([]byte(image)); err != nil || string(data) != image || size != int64(len(image)) || algorithm != "sha-256" || sum != hex.EncodeToString(want[:]) {
		t.Errorf("image is %q, %d, %s, %s, %v", data, size, algorithm, sum, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if _, _, _, _, err := s.Image(t.Context(), id, "db"); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("an image that is not there is %v", err)
	}
	if _, _, _, _, err := s.Image(t.Context(), "none", "web"); hub.CodeOf(err) != hub.NotFound {
		t.Errorf("an image of no package is %v", err)
	}
}

// The reader of an artifact itself notices other bytes, whoever changed them
// between two checks.
func TestArtifact_Altered(t *testing.T) {
	w := newWorld(t)
	s, end := w.open(t)
	defer end()
	w.trust(t, s)
	id := w.onboard(t, s, "d1")
	name := w.files(t)[0]
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	other := bytes.Replace(data, []byte(image), []byte(strings.ToUpper(image)), 1)
	if err := os.WriteFile(name, other, 0o600); err != nil {
		t.Fatal(err)
	}
	r, _, _, _, err := s.Image(t.Context(), id, "web")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r); hub.CodeOf(err) != hub.Unprocessable || !strings.Contains(hub.SafeText(err), "Files/disk.img") {
		t.Errorf("altered image reads as %v", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	until(t, s, id, "told", settled(catalogue.Onboarded))
	if w.recorded(catalogue.RecordAltered) != 1 {
		t.Error("it is not recorded once")
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Use(t.Context(), catalogue.VNF, "north", "d1"); hub.CodeOf(err) != hub.Unprocessable {
		t.Errorf("use without a file is %v", err)
	}
}

func TestFileGone(t *testing.T) {
	w := newWorld(t)
	s, end := w.open(t)
	defer end()
	w.trust(t, s)
	id := w.onboard(t, s, "d1")
	for _, name := range w.files(t) {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Check(t.Context(), catalogue.VNF, id); hub.CodeOf(err) != hub.Unprocessable {
		t.Errorf("a package without its file is %v", err)
	}
	if _, _, err := s.Artifact(t.Context(), catalogue.VNF, id, "Files/disk.img"); hub.CodeOf(err) != hub.Unprocessable {
		t.Errorf("an artifact without the file is %v", err)
	}
}

type brokenReader struct {
	data []byte
	err  error
}

func (b *brokenReader) Read(p []byte) (int, error) {
	if len(b.data) == 0 {
		return 0, b.err
	}
	n := copy(p, b.data)
	b.data = b.data[n:]
	return n, nil
}

func TestUpload_CutOff(t *testing.T) {
	w := newWorld(t)
	s, end := w.open(t)
	defer end()
	w.trust(t, s)
	id := create(t, s)
	for _, cause := range []error{io.ErrUnexpectedEOF, context.Canceled, errors.New("disk on fire")} {
		err := s.Upload(t.Context(), alice, catalogue.VNF, id, &brokenReader{w.pack(t, "d1")[:200], cause})
		if code := hub.CodeOf(err); code != hub.Invalid && code != hub.Unavailable {
			t.Errorf("%v: error is %v", cause, err)
		}
		if left := w.files(t); len(left) != 0 {
			t.Errorf("%v: files are left: %v", cause, left)
		}
		if p, err := s.Get(t.Context(), catalogue.VNF, id); err != nil || p.State != catalogue.Created {
			t.Errorf("%v: package is %s, %v", cause, p.State, err)
		}
	}
	if err := s.Upload(t.Context(), alice, catalogue.VNF, id, bytes.NewReader(w.pack(t, "d1"))); err != nil {
		t.Fatal(err)
	}
	until(t, s, id, "on-boarded", settled(catalogue.Onboarded))
}

// Of many uploads at a time of packages with the same content, those of one
// descriptor win once, and no file is lost or left.
func TestUpload_Concurrent(t *testing.T) {
	w := newWorld(t)
	s, end := w.open(t)
	defer end()
	w.trust(t, s)
	pkg := w.pack(t, "d1")
	var ids []string
	var all sync.WaitGroup
	for range 12 {
		id := create(t, s)
		ids = append(ids, id)
		for range 2 { // two at a time for the same package: one is refused
			all.Go(func() {
				if err := s.Upload(context.Background(), alice, catalogue.VNF, id, bytes.NewReader(pkg)); err != nil && hub.CodeOf(err) != hub.Conflict {
					t.Errorf("upload: %v", err)
				}
			})
		}
	}
	all.Wait()
	won := ""
	for _, id := range ids {
		p := until(t, s, id, "settled", func(p catalogue.Package, err error) bool {
			return err == nil && len(p.Pending) == 0 && (p.State == catalogue.Onboarded || p.State == catalogue.Failed)
		})
		if p.State == catalogue.Onboarded {
			if won != "" {
				t.Error("two packages have the same descriptor")
			}
			won = id
		}
	}
	if err := s.Check(t.Context(), catalogue.VNF, won); err != nil {
		t.Errorf("the file of the one that won: %v", err)
	}
	if left := w.files(t); len(left) != 1 {
		t.Errorf("files are %v", left)
	}
}
