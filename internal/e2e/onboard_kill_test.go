package e2e_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/testkit/nskit"
)

// onboardSeed makes the packages and the instants of the kills again.
var onboardSeed = flag.Uint64("onboard.seed", 0, "seed of TestSoak_OnboardKill; 0: a new one")

// TestSoak_OnboardKill kills the hub at random instants while a VNF package or an
// NSD is made, sent, on-boarded, disabled and deleted: 10 times, 100 with
// MANOWARD_SOAK. After each restart what there is is whole: it is ONBOARDED, and
// its content is what was sent; or it is CREATED or ERROR and nothing of it is
// left on disk. What the client was told of is there, and can be gone on with.
func TestSoak_OnboardKill(t *testing.T) {
	t.Parallel()
	seed := *onboardSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("again with: -run TestSoak_OnboardKill -args -onboard.seed=%d", seed)
	h := newNsHub(t, 1)
	s := &onboardSoak{nsHub: h, t: t, rnd: rand.New(rand.NewPCG(seed, 0)), ends: map[string]int{}}
	for _, domain := range []string{"north", "south"} {
		h.do("trust-domain", "create", domain)
	}
	h.onboard("north", nskit.New(t, "north")) // with all that its NSD names
	south := nskit.New(t, "south")
	anchor := filepath.Join(h.home, "south.pem")
	writeFile(t, anchor, south.Anchor, 0o600)
	h.do("package", "policy", "--trust-domain", "south", "--anchor", anchor)
	s.kinds = []onboardKind{
		{domain: "south", api: "/vnfpkgm/v2", version: "2.4.0", collection: "/vnf_packages", content: "/package_content", state: "operationalState", raw: south.Web},
		{domain: "north", api: "/nsd/v2", version: "2.3.0", collection: "/ns_descriptors", content: "/nsd_content", state: "nsdOperationalState", raw: h.kits["north"].NSD},
	}
	for _, info := range s.list(s.kinds[1]) { // it is in the way of another one
		s.remove(s.kinds[1], info)
	}
	for _, info := range s.list(s.kinds[0]) {
		s.stays = append(s.stays, info.ID)
	}
	began := time.Now()
	for _, k := range s.kinds {
		if err := s.cycle(t.Context(), k, bytes.NewReader(k.raw)); err != nil {
			t.Fatal(err)
		}
	}
	s.span = time.Since(began) / 2
	for range soak(10) {
		s.killOne()
		if t.Failed() {
			return
		}
	}
	t.Logf("after %d kills within %s: %v", soak(10), s.span.Round(time.Millisecond), s.ends)
}

// onboardSoak is one run of the test.
type onboardSoak struct {
	*nsHub
	t     *testing.T
	rnd   *rand.Rand
	kinds []onboardKind
	stays []string       // IDs of the packages that are never touched
	told  onboardTold    // of the cycle that was killed
	span  time.Duration  // that one cycle takes when nothing comes between
	ends  map[string]int // states after a restart, counted
}

// onboardKind is what is on-boarded over and over.
type onboardKind struct {
	domain, api, version, collection, content string
	state                                     string // name of the operational state
	raw                                       []byte // the package
}

// onboardInfo is a package or descriptor as it is shown.
type onboardInfo struct {
	ID       string `json:"id"`
	Package  string `json:"onboardingState"`
	NSD      string `json:"nsdOnboardingState"`
	PNFD     string `json:"pnfdOnboardingState"`
	Enabled  string `json:"operationalState"`
	NSDState string `json:"nsdOperationalState"`
}

func (i onboardInfo) onboarding() string  { return cmp.Or(i.Package, i.NSD, i.PNFD) }
func (i onboardInfo) operational() string { return cmp.Or(i.Enabled, i.NSDState) }

// onboardTold is what a client knows of the package that it on-boards.
type onboardTold struct {
	id                        string
	sent, onboarded, disabled bool
	deleting, deleted         bool
}

func (s *onboardSoak) client(k onboardKind) *httpapi.Client {
	c := s.osMa(k.api, k.version)
	c.Retries = -1
	return c
}

func (s *onboardSoak) list(k onboardKind) []onboardInfo {
	s.t.Helper()
	return listAll[onboardInfo](s.nsHub, s.client(k), k.collection)
}

// killOne kills the hub within a cycle of one kind, starts it again, and wants
// all to be whole.
func (s *onboardSoak) killOne() {
	s.t.Helper()
	k := s.kinds[s.rnd.IntN(len(s.kinds))]
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	body := io.Reader(bytes.NewReader(k.raw))
	if s.rnd.IntN(3) == 0 { // the sender falls silent in the middle
		body = &stalled{bytes.NewReader(k.raw[:s.rnd.IntN(len(k.raw))]), ctx}
	}
	done := make(chan struct{})
	var early error // of a cycle that was not killed
	go func() { early = s.cycle(ctx, k, body); close(done) }()
	instant := time.NewTimer(time.Duration(s.rnd.Int64N(int64(s.span))))
	defer instant.Stop()
	select {
	case <-done:
		if early != nil {
			s.t.Fatal(early)
		}
	case <-instant.C:
	}
	s.kill()
	cancel()
	<-done
	if s.rnd.IntN(4) == 0 { // and once more while it goes on with what it finds
		killStarting(s.t, s.hubProcess, time.Duration(s.rnd.Int64N(int64(500*time.Millisecond))))
	}
	s.start()
	s.check(k)
	s.goOn(k)
	s.check(k)
}

// cycle on-boards a package and deletes it, and notes what it is told.
func (s *onboardSoak) cycle(ctx context.Context, k onboardKind, body io.Reader) error {
	s.told = onboardTold{}
	api := s.client(k)
	var info onboardInfo
	in := map[string]any{"userDefinedData": map[string]string{"manoward.trustDomain": k.domain}}
	if _, err := api.Do(ctx, http.MethodPost, k.collection, in, &info); err != nil {
		return fmt.Errorf("create: %w", err)
	}
	s.told.id = info.ID
	if err := s.send(ctx, api, k, info.ID, body); err != nil {
		return err
	}
	s.told.sent = true
	if err := s.await(ctx, api, k, info.ID); err != nil {
		return err
	}
	s.told.onboarded = true
	if err := s.disable(ctx, api, k, info.ID); err != nil {
		return err
	}
	s.told.disabled = true
	s.told.deleting = true
	if _, err := api.Do(ctx, http.MethodDelete, k.collection+"/"+info.ID, nil, nil); err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	s.told.deleted = true
	return nil
}

func (s *onboardSoak) send(ctx context.Context, api *httpapi.Client, k onboardKind, id string, body io.Reader) error {
	if _, err := api.Upload(ctx, k.collection+"/"+id+k.content, "application/zip", body, int64(len(k.raw))); err != nil {
		return fmt.Errorf("upload: %w", err)
	}
	return nil
}

// await waits until a package is on-boarded.
func (s *onboardSoak) await(ctx context.Context, api *httpapi.Client, k onboardKind, id string) error {
	for {
		var info onboardInfo
		if _, err := api.Do(ctx, http.MethodGet, k.collection+"/"+id, nil, &info); err != nil {
			return fmt.Errorf("await: %w", err)
		}
		switch info.onboarding() {
		case "ONBOARDED":
			return nil
		case "ERROR", "CREATED":
			return fmt.Errorf("%s was sent and is %s", id, info.onboarding())
		}
	}
}

func (s *onboardSoak) disable(ctx context.Context, api *httpapi.Client, k onboardKind, id string) error {
	if _, err := api.Do(ctx, http.MethodPatch, k.collection+"/"+id, map[string]string{k.state: "DISABLED"}, nil); err != nil {
		return fmt.Errorf("disable: %w", err)
	}
	return nil
}

// stalled is a sender that falls silent before the end.
type stalled struct {
	io.Reader
	ctx context.Context
}

func (r *stalled) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err == io.EOF {
		<-r.ctx.Done()
		err = r.ctx.Err()
	}
	return n, err
}

// left lists what is there of a kind, beside what stays.
func (s *onboardSoak) left(k onboardKind) []onboardInfo {
	s.t.Helper()
	return slices.DeleteFunc(s.list(k), func(i onboardInfo) bool { return slices.Contains(s.stays, i.ID) })
}

// check waits until nothing goes on, and wants all that is there to be whole, the
// disk to hold the content of what is on-boarded and nothing else, and what the
// client was told to be so.
func (s *onboardSoak) check(k onboardKind) {
	s.t.Helper()
	var left []onboardInfo
	eventually(s.t, "nothing is being on-boarded", 20*time.Second, func() bool {
		left = s.left(k)
		return !slices.ContainsFunc(left, func(i onboardInfo) bool {
			return !slices.Contains([]string{"CREATED", "ERROR", "ONBOARDED"}, i.onboarding())
		})
	})
	for _, info := range left {
		s.ends[info.onboarding()]++
	}
	s.checkTold(k, left)
	want := s.contents()
	var found []string
	eventually(s.t, "the disk holds what is on-boarded and nothing else", 10*time.Second, func() bool {
		found = s.files()
		return slices.Equal(found, want)
	})
}

// checkTold wants what the client was told of the cycle to be so.
func (s *onboardSoak) checkTold(k onboardKind, left []onboardInfo) {
	s.t.Helper()
	i := slices.IndexFunc(left, func(i onboardInfo) bool { return i.ID == s.told.id })
	switch {
	case s.told.id == "":
	case i < 0 && !s.told.deleting:
		s.t.Errorf("%s was created and is not there", s.told.id)
	case i >= 0 && s.told.deleted:
		s.t.Errorf("%s was deleted and is there: %+v", s.told.id, left[i])
	case i >= 0 && s.told.sent && left[i].onboarding() != "ONBOARDED":
		s.t.Errorf("%s was taken and is %s", s.told.id, left[i].onboarding())
	case i >= 0 && s.told.disabled && left[i].operational() != "DISABLED":
		s.t.Errorf("%s was disabled and is %s", s.told.id, left[i].operational())
	}
	if len(left) > 1 {
		s.t.Errorf("one %s was made, and there are %+v", k.collection, left)
	}
}

// contents reads the content of everything that is on-boarded, which must be what
// was sent, and returns its files, sorted.
func (s *onboardSoak) contents() []string {
	s.t.Helper()
	var files []string
	pnfds := onboardKind{api: "/nsd/v2", version: "2.3.0", collection: "/pnf_descriptors", content: "/pnfd_content"}
	for _, k := range append(slices.Clone(s.kinds), pnfds) {
		api := s.client(k)
		for _, info := range s.list(k) {
			if info.onboarding() != "ONBOARDED" {
				continue
			}
			body, _, err := api.Download(s.t.Context(), k.collection+"/"+info.ID+k.content, "application/zip")
			if err != nil {
				s.t.Fatalf("the content of %s: %v", info.ID, err)
			}
			sum := sha256.New()
			_, err = io.Copy(sum, body)
			body.Close()
			if err != nil {
				s.t.Fatalf("the content of %s: %v", info.ID, err)
			}
			if sent := sha256.Sum256(k.raw); k.raw != nil && !slices.Contains(s.stays, info.ID) && !slices.Equal(sum.Sum(nil), sent[:]) {
				s.t.Errorf("the content of %s is not what was sent", info.ID)
			}
			files = append(files, hex.EncodeToString(sum.Sum(nil))+".csar")
		}
	}
	slices.Sort(files)
	return files
}

// files lists what is in the folders of packages, sorted.
func (s *onboardSoak) files() []string {
	s.t.Helper()
	paths, err := filepath.Glob(s.file("catalogue", "*", "*"))
	if err != nil {
		s.t.Fatal(err)
	}
	for i, p := range paths {
		paths[i] = filepath.Base(p)
	}
	slices.Sort(paths)
	return paths
}

// goOn ends the cycle that was killed, from where it is.
func (s *onboardSoak) goOn(k onboardKind) {
	s.t.Helper()
	for _, info := range s.left(k) {
		if info.onboarding() == "CREATED" {
			api := s.client(k)
			if err := errors.Join(s.send(s.t.Context(), api, k, info.ID, bytes.NewReader(k.raw)), s.await(s.t.Context(), api, k, info.ID)); err != nil {
				s.t.Fatalf("on-board %s after all: %v", info.ID, err)
			}
			info = onboardInfo{ID: info.ID, Package: "ONBOARDED", Enabled: "ENABLED"}
		}
		s.remove(k, info)
	}
	s.told = onboardTold{}
}

// remove deletes what came to rest.
func (s *onboardSoak) remove(k onboardKind, info onboardInfo) {
	s.t.Helper()
	api := s.client(k)
	if info.onboarding() == "ONBOARDED" && info.operational() == "ENABLED" {
		if err := s.disable(s.t.Context(), api, k, info.ID); err != nil {
			s.t.Fatal(err)
		}
	}
	if _, err := api.Do(s.t.Context(), http.MethodDelete, k.collection+"/"+info.ID, nil, nil); err != nil {
		s.t.Fatalf("delete %+v: %v", info, err)
	}
}
