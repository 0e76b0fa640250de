package vnfmapi_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/certmgmt"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol001"
	"github.com/manoward/manoward/mano-core/vnfm"
)

// life of a certificate of the fake CMF.
const certificateLife = 30 * 24 * time.Hour

// fakeCMF signs what it is asked for, once for each VNFC and descriptor.
type fakeCMF struct {
	now func() time.Time

	mu      sync.Mutex // covers what is below
	refuses error
	signed  map[string]certmgmt.Certificate // by VNFC and descriptor
	asked   []vnfm.Wanted
	renewed []string
	orphans []certmgmt.Certificate // what Orphaned says, and of it what was renewed
	looks   []bool                 // what it was asked for
}

func (c *fakeCMF) Orphaned(_ context.Context, renewed bool) (list []certmgmt.Certificate, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.looks = append(c.looks, renewed)
	for _, x := range c.orphans {
		if renewed || !slices.Contains(c.renewed, x.ID) {
			list = append(list, x)
		}
	}
	return list, c.refuses
}

func (c *fakeCMF) Certify(_ context.Context, domain string, w vnfm.Wanted) (certmgmt.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refuses != nil {
		return certmgmt.Certificate{}, c.refuses
	}
	key := w.VNFC + "/" + w.Desc
	if is, ok := c.signed[key]; ok {
		return is, nil
	}
	c.asked = append(c.asked, w)
	return c.sign(key, domain, w), nil
}

func (c *fakeCMF) sign(key, domain string, w vnfm.Wanted) certmgmt.Certificate {
	is := certmgmt.Certificate{
		ID: hub.NewID(), TrustDomain: domain, CertType: w.Type, SubjectID: w.VNFC, Assurance: "genuine", KeyHash: "00ff",
		NotBefore: c.now(), NotAfter: c.now().Add(certificateLife),
	}
	c.signed[key] = is
	return is
}

func (c *fakeCMF) Renew(_ context.Context, domain string, w vnfm.Wanted, id string) (certmgmt.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refuses != nil {
		return certmgmt.Certificate{}, c.refuses
	}
	c.renewed = append(c.renewed, id)
	return c.sign(w.VNFC+"/"+w.Desc, domain, w), nil
}

func (*fakeCMF) CMF(domain string) string { return "https://cmf." + domain + ".test/certmgmt/v1" }

func (c *fakeCMF) set(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refuses = err
}

// newCertifiedRig is a rig whose web VNFCs are to have two certificates.
func newCertifiedRig(t *testing.T, with bool) *rig {
	r := newRig(t)
	d := r.vnfds["vnfd-1"]
	d.Certificates = []sol001.CertificateDesc{
		{ID: "tls", Type: "VNFCI_CERT", Profile: map[string]any{"subject": map[string]any{"organization": "acme", "common_name": "web"}, "subject_alt_name": "web.acme.example"}},
		{ID: "oam", Type: "VNFOAM_CERT"},
	}
	for _, f := range d.Flavours {
		f.VDUs["web"].CertificateDesc = []string{"tls", "oam"}
	}
	r.stop()
	if with {
		r.cmf = &fakeCMF{signed: map[string]certmgmt.Certificate{}, now: func() time.Time { return time.Now().Add(time.Duration(r.ahead.Load())) }}
	}
	r.open()
	return r
}

// contents are the certificates that an instance shows, by VNFC and descriptor.
func contents(v *sol003.VnfInstance) map[string]sol003.CertificateContent {
	out := map[string]sol003.CertificateContent{}
	if v.CertificateInfo != nil {
		for _, c := range v.CertificateInfo.CertificateContents {
			out[c.VnfcID+"/"+c.CertificateDescID] = c
		}
	}
	return out
}

// Each VNFC of a VDU that asks for certificates has them from the beginning to the
// end, and consumers are told.
func TestCertificates(t *testing.T) {
	r := newCertifiedRig(t, true)
	id := r.create()
	o := r.task(id, "instantiate", instantiateBody, completed)
	v := r.vnf(id)
	has := contents(&v)
	var web string
	for _, c := range v.InstantiatedVnfInfo.VnfcResourceInfo {
		if c.VduID == "web" {
			web = c.ID
			if c.CertificateContentID != has[web+"/tls"].ID || c.CertificateContentID == "" {
				t.Errorf("VNFC %s shows certificate %q, and has %v", web, c.CertificateContentID, has)
			}
		} else if c.CertificateContentID != "" {
			t.Errorf("VNFC %s of %s has a certificate", c.ID, c.VduID)
		}
	}
	if len(has) != 2 || has[web+"/tls"].CertificateType != "VNFCI_CERT" || has[web+"/oam"].CertificateType != "VNFOAM_CERT" || has[web+"/tls"].Assurance != "genuine" {
		t.Errorf("the certificates are %+v", has)
	}
	if at := v.CertificateInfo.CertificateConfigurationInfo.CmfInfo.EndPoint.Link.Href; at != "https://cmf.north.test/certmgmt/v1" {
		t.Errorf("the CMF is at %s", at)
	}
	if w := r.cmf.asked[0]; w.VNF != id || w.VNFC != web || w.VnfdID != "vnfd-1" || w.Profile.Organization != "acme" || w.Profile.CommonName != "web" || !slices.Equal(w.Profile.DNSNames, []string{"web.acme.example"}) || r.cmf.asked[1].Profile != nil {
		t.Errorf("asked for %+v", r.cmf.asked)
	}
	if a := o.ResourceChanges.AffectedCertificates; len(a) != 2 || a[0].ChangeType != "ADD" || a[0].CertificateInfoID != v.CertificateInfo.ID || a[0].CertificateContentID == "" {
		t.Errorf("the operation tells of certificates %+v", a)
	}
	o = r.task(id, "scale", `{"type":"SCALE_OUT","aspectId":"webs"}`, completed)
	v = r.vnf(id)
	now := contents(&v)
	if len(now) != 4 || now[web+"/tls"] != has[web+"/tls"] || len(o.ResourceChanges.AffectedCertificates) != 2 {
		t.Errorf("after scaling out: %+v, told %+v", now, o.ResourceChanges.AffectedCertificates)
	}
	o = r.task(id, "terminate", `{"terminationType":"FORCEFUL"}`, completed)
	if a := o.ResourceChanges.AffectedCertificates; len(a) != 4 || a[0].ChangeType != "REMOVE" {
		t.Errorf("the termination tells of certificates %+v", a)
	}
	if v = r.vnf(id); v.CertificateInfo != nil {
		t.Errorf("a VNF that ended has certificates %+v", v.CertificateInfo)
	}
}

// A VNFC whose certificate is refused does not go into service: the operation
// waits, and goes on when the cause is mended.
func TestCertificates_Refused(t *testing.T) {
	r := newCertifiedRig(t, true)
	r.cmf.set(hub.E(hub.Unprocessable, "sign", "the key is not attested", nil))
	id := r.create()
	o := r.task(id, "instantiate", instantiateBody, sol003.LcmOperationStateFailedTemp)
	if o.Error == nil || o.Error.Status != 422 || !strings.Contains(o.Error.Detail, "the key is not attested") {
		t.Errorf("the cause is %+v", o.Error)
	}
	r.cmf.set(nil)
	r.want(r.do("POST", "/vnf_lcm_op_occs/"+o.ID+"/retry", nil), 202)
	r.ended(o.ID, completed)
	v := r.vnf(id)
	if has := contents(&v); len(has) != 2 {
		t.Errorf("the certificates are %+v", has)
	}
	r.same(id)
}

// Without a generator of keys nobody asks for certificates, and the operation says so.
func TestCertificates_NobodyAsks(t *testing.T) {
	r := newCertifiedRig(t, false)
	id := r.create()
	o := r.task(id, "instantiate", instantiateBody, completed)
	if v := r.vnf(id); v.CertificateInfo != nil || !strings.Contains(fmt.Sprint(o.Warnings), "asks for certificates") {
		t.Errorf("%+v, warned %v", v.CertificateInfo, o.Warnings)
	}
}

// Certificates are renewed after two thirds of their life, and one that could not
// be is tried again.
func TestCertificates_Renewed(t *testing.T) {
	r := newCertifiedRig(t, true)
	id := r.instantiated()
	before := r.vnf(id)
	renew := func(after time.Duration) map[string]sol003.CertificateContent {
		r.ahead.Store(int64(after))
		r.service.RenewCertificates(t.Context())
		return r.settled(id)
	}
	if now := renew(certificateLife / 2); fmt.Sprint(now) != fmt.Sprint(contents(&before)) {
		t.Errorf("after half of its life: %v", now)
	}
	r.cmf.set(hub.E(hub.Unavailable, "renew", "down", nil))
	if now := renew(certificateLife * 3 / 4); fmt.Sprint(now) != fmt.Sprint(contents(&before)) {
		t.Errorf("while the CMF is down: %v", now)
	}
	r.cmf.set(nil)
	now := renew(certificateLife * 4 / 5)
	for key, was := range contents(&before) {
		if now[key].ID == was.ID || !now[key].NotAfter.After(was.NotAfter) || !slices.Contains(r.cmf.renewed, was.ID) {
			t.Errorf("%s is %+v, was %+v", key, now[key], was)
		}
	}
	r.stop() // and it is stored
	r.open()
	if v := r.vnf(id); fmt.Sprint(contents(&v)) != fmt.Sprint(now) {
		t.Errorf("after a restart: %+v", contents(&v))
	}
	// Those who follow the VNF are told, by an operation of the VNFM's own.
	o := r.lastOp(id)
	if o.Operation != sol003.LcmOperationModifyInfo || !o.IsAutomaticInvocation || o.GrantID != "" || o.ResourceChanges == nil || len(o.ResourceChanges.AffectedVnfcs) != 0 {
		t.Fatalf("the last operation is %+v", o)
	}
	changed := map[string]bool{}
	for _, a := range o.ResourceChanges.AffectedCertificates {
		changed[a.ChangeType+" "+a.CertificateContentID] = true
	}
	for key, is := range now {
		if !changed["MODIFY "+is.ID] || len(changed) != len(now) {
			t.Errorf("the operation does not tell of %s: %v", key, changed)
		}
	}
	r.same(id)
}

// settled is what a VNF shows when no operation runs on it any more.
func (r *rig) settled(id string) map[string]sol003.CertificateContent {
	r.t.Helper()
	r.until("the end of the last operation of "+id, func() bool { return r.lastOp(id).OperationState == completed })
	v := r.vnf(id)
	return contents(&v)
}

// lastOp is the operation on a VNF that began last.
func (r *rig) lastOp(id string) (last vnfm.OpOcc) {
	r.t.Helper()
	var all []vnfm.OpOcc
	r.read("/vnf_lcm_op_occs?all_fields&filter=(eq,vnfInstanceId,"+id+")", &all)
	for _, o := range all {
		if o.StartTime.After(last.StartTime) {
			last = o
		}
	}
	return last
}

// Certificates whose issuer was revoked are renewed at once, each when it can be: a
// refusal, or an operation that holds the VNF, keeps the others not.
func TestCertificates_IssuerRevoked(t *testing.T) {
	r := newCertifiedRig(t, true)
	first, second := r.instantiated(), r.instantiated()
	orphan := func(ids ...string) {
		r.cmf.mu.Lock()
		defer r.cmf.mu.Unlock()
		for _, id := range ids {
			v := r.vnf(id)
			for _, c := range contents(&v) {
				r.cmf.orphans = append(r.cmf.orphans, certmgmt.Certificate{ID: c.ID, VnfInstanceID: id})
			}
		}
		r.cmf.orphans = append(r.cmf.orphans, certmgmt.Certificate{ID: "of-another", VnfInstanceID: "another"})
	}
	was := map[string]map[string]sol003.CertificateContent{first: r.settled(first), second: r.settled(second)}
	orphan(first, second)
	r.cmf.set(hub.E(hub.Unavailable, "renew", "down", nil))
	if err := r.service.RenewOrphaned(t.Context(), false); hub.CodeOf(err) != hub.Unavailable {
		t.Errorf("a CMF that is down: %v", err)
	}
	r.cmf.set(nil)
	r.vim.setRefuse(func(method, path string) int {
		if method == "POST" && strings.HasSuffix(path, "/computes") {
			return 409
		}
		return 0
	})
	scaling := r.task(first, "scale", `{"type":"SCALE_OUT","aspectId":"webs"}`, sol003.LcmOperationStateFailedTemp)
	if err := r.service.RenewOrphaned(t.Context(), false); err == nil || !strings.Contains(err.Error(), first) || strings.Contains(err.Error(), second) {
		t.Errorf("while an operation holds one: %v", err)
	}
	now := r.settled(second)
	for key, had := range was[second] {
		if now[key].ID == had.ID {
			t.Errorf("%s of %s is still %s", key, second, had.ID)
		}
	}
	r.vim.setRefuse(nil)
	r.want(r.do("POST", "/vnf_lcm_op_occs/"+scaling.ID+"/retry", nil), 202)
	r.ended(scaling.ID, completed)
	if err := r.service.RenewOrphaned(t.Context(), false); err != nil {
		t.Error(err)
	}
	now = r.settled(first)
	for key, had := range was[first] {
		if now[key].ID == had.ID {
			t.Errorf("%s of %s is still %s", key, first, had.ID)
		}
	}
	renewed := len(r.cmf.renewed)
	for _, all := range []bool{false, true} { // nothing holds those that were renewed any more
		if err := r.service.RenewOrphaned(t.Context(), all); err != nil || len(r.cmf.renewed) != renewed {
			t.Errorf("once more, %v: %d renewals, %v", all, len(r.cmf.renewed)-renewed, err)
		}
	}
}

// The first look of a process is at those as well that were renewed, and so is each
// after one that failed; without a VNF that has certificates nobody is asked.
func TestCertificates_Watched(t *testing.T) {
	r := newCertifiedRig(t, true)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.service.WatchCertificates(ctx) }()
	r.create()
	looks := func() []bool {
		r.cmf.mu.Lock()
		defer r.cmf.mu.Unlock()
		return slices.Clone(r.cmf.looks)
	}
	if n := len(looks()); n != 0 {
		t.Errorf("%d looks without a certificate", n)
	}
	r.instantiated()
	r.cmf.set(hub.E(hub.Unavailable, "list", "down", nil))
	n := len(looks())
	r.until("a look that fails", func() bool { return len(looks()) > n+1 })
	r.cmf.set(nil)
	n = len(looks())
	r.until("a look that succeeds", func() bool { return len(looks()) > n+2 })
	stop()
	if err := <-ended; err != context.Canceled {
		t.Errorf("it ended with %v", err)
	}
	if all := looks(); !all[0] || all[len(all)-1] {
		t.Errorf("it looked at those that were renewed: %v", all)
	}
}
