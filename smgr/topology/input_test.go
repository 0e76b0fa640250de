package topology

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/testkit/memstate"
	"github.com/manoward/manoward/smgr"
)

// small is an NS of two VNFs on two hosts, and another NS beside it.
func small() *world {
	w := newWorld()
	w.addVnf("n1", "v1", "h1")
	w.addVnf("n1", "v2", "h2")
	w.addVnf("n2", "v3", "h1")
	return w
}

// TestInputJoins holds what the input of a review says of each element.
func TestInputJoins(t *testing.T) {
	s := built(t, small())
	in := s.input(t, review("n1", noon))
	expect(t, in, map[string]string{
		"schema": `"manoward.policy-input/1"`, "kind": `"review"`, "time": `"2026-11-22T12:00:00Z"`, "event": `{"reason":"periodic"}`,
		"sm":                                `{"mode":"PASSIVE","name":"alpha","trustDomain":"north"}`,
		"subject":                           `{"nsInstanceId":"n1"}`,
		"ns name":                           `"core"`,
		"ns vnfInstanceIds":                 `["v1","v2"]`,
		"ns pnfs p1":                        `{"pnfName":"router","pnfdId":"pnfd","profileId":"router"}`,
		"ns virtualLinks n1-l":              `{"networkId":"net-n1","profileId":"vl"}`,
		"ns replacementBars old by":         `"spiffe://north/sm/alpha/sc-or.sec-enforce"`,
		"vnfs v1 nsInstanceIds":             `["n1"]`,
		"vnfs v1 vnfProfileId":              `"amf"`,
		"vnfs v1 securityVnf":               `false`,
		"vnfs v1 minInstances":              `1`,
		"vnfs v1 integrity verdict":         `"PASSED"`,
		"vnfs v1 operationalState":          `"STARTED"`,
		"vnfs v1 computeIds":                `["v1-c"]`,
		"vnfs v1 configuration":             `{"logLevel":"info","replicas":"3"}`,
		"vnfs v1 connectivity":              `[{"cpdId":"mgmt","extCpId":"v1-x","pnfIds":["p1"],"virtualLinkInfoId":"n1-l"}]`,
		"vnfs v3":                           `absent`,
		"packages k1 onboardedChecksum":     `{"algorithm":"SHA-256","hash":"aa"}`,
		"packages k1 integrity":             `"OK"`,
		"computes v1-c vnfInstanceId":       `"v1"`,
		"computes v1-c hostId":              `"h1"`,
		"computes v1-c location site":       `"site-h1"`,
		"computes v1-c isolated":            `false`,
		"hosts h1 computeIds":               `["v1-c","v3-c"]`,
		"hosts h1 equipment":                `{"hmee":false,"hsm":false,"tpm":true}`,
		"hosts h1 otherTenants":             `false`,
		"images i1 vnfPkgId":                `"k1"`,
		"recent":                            `[]`,
		"asOf ns":                           `"2026-11-22T12:00:00Z"`,
		"asOf hosts":                        `"2026-11-22T12:00:00Z"`,
		"asOf images":                       `"2026-11-22T12:00:00Z"`,
		"asOf vnfs":                         `"2026-11-22T12:00:00Z"`,
		"packages k1 checksum hash":         `"aa"`,
		"packages k1 signer":                `absent`,
		"vnfs v1 certificates":              `absent`,
		"operation":                         `absent`,
		"source":                            `absent`,
		"vnfs v2 connectivity":              `[{"cpdId":"mgmt","extCpId":"v2-x","pnfIds":["p1"],"virtualLinkInfoId":"n1-l"}]`,
		"ns virtualLinks n1-l networkId":    `"net-n1"`,
		"computes v3-c":                     `absent`,
		"asOf computes":                     `"2026-11-22T12:00:00Z"`,
		"asOf packages":                     `"2026-11-22T12:00:00Z"`,
		"hosts h2 integrity":                `"TRUSTED"`,
		"hosts h2 trustDomains":             `[]`,
		"packages k1 operationalState":      `"ENABLED"`,
		"packages k1 usageState":            `"IN_USE"`,
		"vnfs v1 instantiationState":        `"INSTANTIATED"`,
		"images i1 checksum":                `{"algorithm":"SHA-256","hash":"bb"}`,
		"computes v1-c imageId":             `"i1"`,
		"computes v1-c flavourId":           `"small"`,
		"vnfs v1 integrity signer":          `"CN=Acme"`,
		"hosts h1 state":                    `"ENABLED"`,
		"ns replacementBars old since":      `"2026-11-22T10:00:00Z"`,
		"vnfs v1 vnfPkgId":                  `"k1"`,
		"computes v2-c operationalState":    `"ENABLED"`,
		"hosts h2 firmware":                 `"1.0"`,
		"packages k1 packageSecurityOption": `absent`,
	})
	if asked := s.world.requests(); len(asked) > 0 {
		t.Errorf("the data were at hand, and it asked for %v", asked)
	}
}

// TestSubjects holds, for each kind of event, what it is about and what it takes
// along, and that nothing is asked for.
func TestSubjects(t *testing.T) {
	opOcc := map[string]any{"id": "x", "notificationType": "NsLcmOperationOccurrenceNotification", "timestamp": noon, "nsInstanceId": "n1", "nsLcmOpOccId": "o", "operation": "SCALE",
		"notificationStatus": "START", "operationState": "PROCESSING"}
	identifier := map[string]any{"id": "x", "notificationType": "NsIdentifierDeletionNotification", "timestamp": noon, "nsInstanceId": "n2"}
	attempt := func(target string) map[string]any {
		return map[string]any{"id": "x", "notificationType": "manoward.UnauthorizedAttemptNotification", "timestamp": noon, "attempt": map[string]any{
			"recordId": "r", "time": noon, "actor": "spiffe://south/sm/beta/sc-or.sec-enforce", "operation": "ns.update:REMOVE_VNF", "target": target, "reason": "no", "count": 3}}
	}
	alarm := func(object, host string) map[string]any {
		return map[string]any{"id": "x", "notificationType": "AlarmNotification", "timeStamp": noon, "alarm": map[string]any{
			"alarmId": "a", "managedObjectId": object, "alarmRaisedTime": noon, "state": "FIRED", "hostId": host}}
	}
	for _, tt := range []struct {
		name  string
		event smgr.Event
		want  map[string]string
	}{
		{"operation", event(hub.EventNsOperation, smgr.KeyNs("n1"), noon, opOcc), map[string]string{
			"subject": `{"nsInstanceId":"n1"}`, "operation": `"SCALE"`, "phase": `"START"`, "outcome": "absent", "vnfs v2 id": `"v2"`,
		}},
		{"change", nsChange("n1", "v1", "VNF_OPERATE", "COMPLETED", noon, nil), map[string]string{
			"subject":   `{"nsInstanceId":"n1","vnfInstanceId":"v1","vnfPkgId":"k1","vnfProfileId":"amf"}`,
			"operation": `"VNF_OPERATE"`, "phase": `"RESULT"`, "outcome": `"COMPLETED"`, "source": `{"identity":"spiffe://north/oss/portal","kind":"OSS"}`,
		}},
		{"identifier", event(hub.EventNsIdentifier, smgr.KeyNs("n2"), noon, identifier), map[string]string{
			"operation": `"DELETE"`, "ns": "absent", "asOf ns": "absent", "subject": `{"nsInstanceId":"n2"}`,
		}},
		{"attempt on an NS", event(hub.EventUnauthorizedAttempt, smgr.KeyNs("n1"), noon, attempt("ns/n1")), map[string]string{
			"subject": `{"nsInstanceId":"n1"}`, "operation": `"ns.update:REMOVE_VNF"`, "source": `{"identity":"spiffe://south/sm/beta/sc-or.sec-enforce","kind":"SM"}`, "vnfs v1 id": `"v1"`,
		}},
		{"attempt on a VNF", event(hub.EventUnauthorizedAttempt, smgr.KeyDomain, noon, attempt("vnf/v3")), map[string]string{
			"subject": `{"nsInstanceId":"n2","vnfInstanceId":"v3","vnfPkgId":"k1","vnfProfileId":"amf"}`, "ns id": `"n2"`,
		}},
		{"attempt on a package", event(hub.EventUnauthorizedAttempt, smgr.KeyDomain, noon, attempt("vnf-package/k1")), map[string]string{
			"subject": `{"vnfPkgId":"k1"}`, "ns": "absent", "packages k1 id": `"k1"`, "vnfs": "{}",
		}},
		{"attempt on nothing", event(hub.EventUnauthorizedAttempt, smgr.KeyDomain, noon, attempt("trust-domain")), map[string]string{"subject": `{}`, "ns": "absent"}},
		{"compute", change(hub.EventComputeChange, smgr.KeyHost("h1"), "COMPUTE", "v1-c", "OPERATED", noon, map[string]any{"runningState": "HALTED"}, map[string]any{"hostId": "h1"}), map[string]string{
			"subject":   `{"computeId":"v1-c","hostId":"h1","nsInstanceId":"n1","vnfInstanceId":"v1","vnfPkgId":"k1","vnfProfileId":"amf"}`,
			"operation": `"OPERATED"`, "computes v1-c runningState": `"HALTED"`, "ns id": `"n1"`,
		}},
		{"port", change(hub.EventComputeChange, smgr.KeyHost("h1"), "PORT", "port-1", "CREATED", noon, map[string]any{"networkId": "n", "attachedResourceId": "v1-c"}, nil), map[string]string{
			"subject vnfInstanceId": `"v1"`, "subject computeId": `"v1-c"`,
		}},
		{"host", change(hub.EventHostChange, smgr.KeyHost("h1"), "HOST", "h1", "INTEGRITY", noon, map[string]any{"integrityState": "UNTRUSTED"}, map[string]any{"hostId": "h1"}), map[string]string{
			"subject": `{"hostId":"h1"}`, "hosts h1 integrity": `"UNTRUSTED"`, "vnfs v1 id": `"v1"`, "vnfs v3 id": `"v3"`, "vnfs v2": "absent", "ns": "absent",
			"computes v3-c vnfInstanceId": `"v3"`,
		}},
		{"host of one NS", change(hub.EventHostChange, smgr.KeyHost("h2"), "HOST", "h2", "STATE", noon, map[string]any{"state": "FAILED"}, nil), map[string]string{
			"hosts h2 state": `"FAILED"`, "ns id": `"n1"`, "vnfs v1": "absent", "vnfs v2 id": `"v2"`,
		}},
		{"image", change(hub.EventImageChange, smgr.KeyImage("i1"), "IMAGE", "i1", "CONTENT", noon, map[string]any{"checksum": map[string]any{"algorithm": "SHA-256", "hash": "cc"}}, nil), map[string]string{
			"subject": `{"imageId":"i1"}`, "images i1 checksum hash": `"cc"`, "vnfs v1 id": `"v1"`, "vnfs v2 id": `"v2"`, "vnfs v3 id": `"v3"`,
		}},
		{"alarm of a host", event(hub.EventAlarm, smgr.KeyHost("h1"), noon, alarm("h1", "h1")), map[string]string{
			"subject": `{"hostId":"h1"}`, "vnfs v1 id": `"v1"`, "vnfs v3 id": `"v3"`, "operation": `"FIRED"`,
		}},
		{"alarm of a compute", event(hub.EventAlarm, smgr.KeyHost("h1"), noon, alarm("v1-c", "h1")), map[string]string{
			"subject computeId": `"v1-c"`, "subject vnfInstanceId": `"v1"`, "vnfs v3": "absent",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := built(t, small())
			expect(t, s.input(t, tt.event), tt.want)
			if asked := s.world.requests(); len(asked) > 0 {
				t.Errorf("the data were at hand, and it asked for %v", asked)
			}
		})
	}
}

func TestEventsThatSayNothing(t *testing.T) {
	s := built(t, small())
	for name, e := range map[string]smgr.Event{
		"no JSON":       {Kind: hub.EventNsChange, Key: "ns/n1", Body: []byte(`{`)},
		"other shape":   {Kind: hub.EventNsChange, Key: "ns/n1", Body: []byte(`{"nsInstanceId":7}`)},
		"no NS":         {Kind: hub.EventNsOperation, Key: smgr.KeyDomain, Body: []byte(`{}`)},
		"no resource":   {Kind: hub.EventHostChange, Key: "host/h1", Body: []byte(`{}`)},
		"no attempt":    {Kind: hub.EventUnauthorizedAttempt, Key: smgr.KeyDomain, Body: []byte(`{}`)},
		"no alarm":      {Kind: hub.EventAlarm, Key: smgr.KeyDomain, Body: []byte(`{"alarm":{}}`)},
		"unknown kind":  {Kind: "weather", Key: smgr.KeyDomain, Body: []byte(`{}`)},
		"no body":       {Kind: hub.EventReview, Key: "ns/n1"},
		"review of all": {Kind: hub.EventReview, Key: "host/h1", Body: []byte(`{"reason":"periodic"}`)},
	} {
		if err := s.Apply(t.Context(), e); hub.CodeOf(err) != hub.Invalid {
			t.Errorf("%s: apply: %v", name, err)
		}
		if _, err := s.Input(t.Context(), e); hub.CodeOf(err) != hub.Invalid {
			t.Errorf("%s: input: %v", name, err)
		}
	}
}

// TestSameBytes holds that the same model and event make the same input, in the
// same process and in one that read the same.
func TestSameBytes(t *testing.T) {
	w := small()
	e := nsChange("n1", "v1", "VNF_OPERATE", "COMPLETED", noon, nil)
	var first []byte
	for range 20 {
		s := built(t, w)
		if err := s.Apply(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			raw, err := s.Input(t.Context(), e)
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = raw
			}
			if !bytes.Equal(raw, first) {
				t.Fatalf("another input:\n%s\n%s", first, raw)
			}
			if err := s.Apply(t.Context(), e); err != nil { // repeated after a crash
				t.Fatal(err)
			}
		}
	}
}

// TestUnknownNs holds that an event of an NS that was never read asks for it, with
// all that belongs to it, and gets a whole input.
func TestUnknownNs(t *testing.T) {
	s := start1(t, small(), &memstate.Bus{}, nil)
	in := s.input(t, nsChange("n1", "v1", "VNF_INSTANTIATE", "COMPLETED", noon, nil))
	expect(t, in, map[string]string{
		"ns name": `"core"`, "vnfs v1 provider": `"Acme"`, "computes v1-c hostId": `"h1"`, "hosts h1 integrity": `"TRUSTED"`, "images i1 name": `"amf-os"`, "packages k1 integrity": `"OK"`,
		"asOf ns": `"2026-11-22T12:00:00Z"`, "asOf hosts": `"2026-11-22T12:00:00Z"`,
	})
}

// TestDoesNotWait holds that an NFVO that does not answer holds an input up once
// and not for longer than the timeout, and that the input says what it lacks.
func TestDoesNotWait(t *testing.T) {
	w := small()
	w.arrived = make(chan *heldAnswer) // nobody takes: every request waits for its end
	s := start1(t, w, &memstate.Bus{}, func(c *Config) { c.Timeout = 20 * time.Millisecond })
	began := time.Now()
	in := s.input(t, nsChange("n1", "v1", "VNF_INSTANTIATE", "COMPLETED", noon, nil))
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it waited for %v", took)
	}
	expect(t, in, map[string]string{
		"ns id": `"n1"`, "ns name": "absent", "vnfs v1 vnfPkgId": `"k1"`, "vnfs v1 provider": "absent", "packages": "{}", "computes": "{}",
		"asOf vnfs": "absent", "asOf packages": "absent", "asOf computes": "absent", "asOf hosts": "absent",
	})
	if n := len(w.requests()); n != 1 {
		t.Errorf("it asked %d times", n)
	}
}

// TestTooLarge holds that an input above the bound is refused and not cut.
func TestTooLarge(t *testing.T) {
	w := small()
	for _, max := range []int{100, 3000} { // by the number of elements, by bytes
		s := start1(t, w, &memstate.Bus{}, func(c *Config) { c.MaxInput = max })
		if err := s.Rebuild(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, err := s.Input(t.Context(), review("n1", noon))
		if hub.CodeOf(err) != hub.Unprocessable || !strings.Contains(hub.SafeText(err), "raise the bound") {
			t.Errorf("%d: %v", max, err)
		}
	}
}

// TestOtherTenants holds that what is left of a host's use beside the domain's own
// is told only when it is sure.
func TestOtherTenants(t *testing.T) {
	w := small()
	use := func(vcpus int) {
		h := w.hosts["h1"]
		h.Allocated.VCPUs += vcpus
		h.Allocated.MemoryMiB += 512 * vcpus
		w.hosts["h1"] = h
	}
	use(2)
	s := built(t, w)
	tenants := func(want string) {
		t.Helper()
		expect(t, s.input(t, review("n1", noon)), map[string]string{"hosts h1 otherTenants": want})
	}
	tenants("absent") // one reading is not enough
	s.drain(t)
	tenants("true")
	if err := s.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	tenants("true")
	use(-2)
	if err := s.read(t.Context(), ref{kindHost, "h1"}); err != nil {
		t.Fatal(err)
	}
	tenants("false")
	use(-1) // less than the domain's own: the VIM counts in another way
	if err := s.read(t.Context(), ref{kindHost, "h1"}); err != nil {
		t.Fatal(err)
	}
	tenants("absent")
	c := w.computes["v1-c"]
	c.FlavourID = "huge" // that nobody shows
	w.computes["v1-c"] = c
	for _, r := range []ref{{kindCompute, "v1-c"}, {kindHost, "h1"}} {
		if err := s.read(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	tenants("absent")
}

// TestOtherTenants_Stands holds that who else is on a host stays known while the host is
// read again, as old as it is, and no longer than twice the time between two rebuilds; and
// that nothing is told of a host of which it was never known.
func TestOtherTenants_Stands(t *testing.T) {
	const path = "/sc-vi/v1/hosts/h1"
	use := func(w *world, vcpus int) { // of another trust domain
		h := w.hosts["h1"]
		h.Allocated.VCPUs += vcpus
		h.Allocated.MemoryMiB += 512 * vcpus
		w.hosts["h1"] = h
	}
	// second has something happen when the host is read for the second time.
	second := func(w *world, do func() int) {
		n := 0
		w.fail = func(p string) int {
			if p == path {
				if n++; n == 2 {
					return do()
				}
			}
			return 0
		}
	}
	down := func() int { return 503 }
	created := func() smgr.Event {
		return change(hub.EventComputeChange, smgr.KeyHost("h1"), "COMPUTE", "v9-c", ifa006.ChangeCreated, noon, nil, map[string]any{"hostId": "h1"})
	}
	readHost := func(t *testing.T, s *setup, fails bool) {
		t.Helper()
		if err := s.read(t.Context(), ref{kindHost, "h1"}); (err != nil) != fails {
			t.Fatal(err)
		}
	}
	rebuild := func(t *testing.T, s *setup) {
		t.Helper()
		if err := s.Rebuild(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for name, tt := range map[string]struct {
		before int // vCPUs that others have
		first  bool
		do     func(*testing.T, *setup)
		want   string
		learnt time.Duration // after noon
	}{
		"while the second reading fails": {2, false, func(t *testing.T, s *setup) {
			second(s.world, down)
			readHost(t, s, true)
		}, "true", 0},
		"and its use is another": {2, false, func(t *testing.T, s *setup) {
			use(s.world, 2)
			second(s.world, down)
			readHost(t, s, true)
		}, "true", 0},
		"nobody was there": {0, false, func(t *testing.T, s *setup) {
			use(s.world, 2)
			second(s.world, down)
			readHost(t, s, true)
		}, "false", 0},
		"no longer than two rebuilds": {2, false, func(t *testing.T, s *setup) {
			second(s.world, down)
			readHost(t, s, true)
			s.clock.add(2 * DefaultEvery)
		}, "absent", time.Minute},
		"two readings disagree": {2, false, func(t *testing.T, s *setup) {
			second(s.world, func() int { use(s.world, 2); return 0 })
			readHost(t, s, false)
		}, "true", time.Minute},
		"a rebuild finds another use": {2, false, func(t *testing.T, s *setup) {
			use(s.world, 2)
			rebuild(t, s)
		}, "true", 0},
		"the next rebuild does": {2, false, func(t *testing.T, s *setup) {
			use(s.world, 2)
			s.clock.add(DefaultEvery)
			rebuild(t, s)
		}, "true", 0},
		"then it is read": {2, false, func(t *testing.T, s *setup) {
			use(s.world, 2)
			rebuild(t, s)
			s.drain(t)
		}, "true", time.Minute},
		"they left": {2, false, func(t *testing.T, s *setup) {
			use(s.world, -2)
			rebuild(t, s)
		}, "false", time.Minute},
		"a compute comes": {2, false, func(t *testing.T, s *setup) {
			if err := s.Apply(t.Context(), created()); err != nil {
				t.Fatal(err)
			}
		}, "true", 0},
		"and the host is read before it": {2, false, func(t *testing.T, s *setup) {
			s.world.place("v9", "h1")
			if err := s.Apply(t.Context(), created()); err != nil {
				t.Fatal(err)
			}
			readHost(t, s, false)
		}, "true", time.Minute},
		"a compute went and nobody told": {2, false, func(t *testing.T, s *setup) {
			if err := s.Apply(t.Context(), created()); err != nil {
				t.Fatal(err)
			}
			readHost(t, s, false)
		}, "true", time.Minute},
		"the VIM counts in another way": {2, false, func(t *testing.T, s *setup) {
			use(s.world, -3)
			readHost(t, s, false)
		}, "absent", time.Minute},
		"it was never known": {2, true, func(t *testing.T, s *setup) {
			second(s.world, down)
			readHost(t, s, true)
		}, "absent", time.Minute},
		"and an operation ends": {2, true, func(t *testing.T, s *setup) {
			second(s.world, down)
			readHost(t, s, true)
			s.input(t, nsChange("n1", "v1", "VNF_INSTANTIATE", "COMPLETED", noon, nil)) // reads again what is not sure
		}, "true", time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			w := small()
			use(w, tt.before)
			s := built(t, w)
			if !tt.first {
				s.drain(t)
			}
			s.clock.add(time.Minute)
			tt.do(t, s)
			in := s.input(t, review("n2", noon)) // which is on that host alone
			expect(t, in, map[string]string{"hosts h1 otherTenants": tt.want, "asOf hosts": `"` + stamp(noon.Add(tt.learnt)) + `"`})
		})
	}
}

// TestHostForOneDomain holds that a host that is stopped or quarantined for the
// domain alone is so for its policies.
func TestHostForOneDomain(t *testing.T) {
	for _, tt := range []struct {
		state               string
		stopped, quarantine []string
		want                string
	}{
		{ifa006.Enabled, []string{"north"}, nil, ifa006.Stopped},
		{ifa006.Enabled, []string{"north"}, []string{"north"}, ifa006.Quarantined},
		{ifa006.Enabled, []string{"south"}, []string{"south"}, ifa006.Enabled},
		{ifa006.Failed, []string{"north"}, []string{"north"}, ifa006.Failed},
	} {
		h := hostOf(&ifa006.Host{ID: "h", State: tt.state, StoppedFor: tt.stopped, QuarantinedFor: tt.quarantine}, "north")
		if h.State != tt.want {
			t.Errorf("%+v: %s", tt, h.State)
		}
	}
}
