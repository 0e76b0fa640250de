package performance

import (
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"slices"

	"github.com/manoward/manoward/internal/httpapi"
	"github.com/manoward/manoward/internal/hub"
	"github.com/manoward/manoward/internal/notify"
	"github.com/manoward/manoward/internal/sol"
	"github.com/manoward/manoward/internal/state"
)

// Resource serves the PM jobs, reports and thresholds of a meter. All fields but
// Unbounded are needed. A consumer sees what it has made itself, and an operator of the
// hub all; a VNF measures itself alone (SOL 002, Ve-Vnfm-vnf). What a caller may not see
// answers exactly as what does not exist.
type Resource struct {
	Meter *Meter // of a function that has callbacks
	// Authorize says who sent a request and whether it may do this to what is of a
	// trust domain; an empty targetDomain is the caller's own. target is for the
	// record of a refusal. The operations are performance.create, .query, .modify and
	// .delete; with ":of-another" after it one has no row of the decision table, and is
	// asked to have it recorded what a VNF has tried.
	Authorize func(r *http.Request, operation, targetDomain, target string) (hub.Identity, error)
	// Unbounded says who bounds what it asks for itself, such as the hub's own NFVO;
	// nil: nobody.
	Unbounded func(who hub.Identity) bool
}

const (
	opCreate = "performance.create"
	opQuery  = "performance.query"
	opModify = "performance.modify"
	opDelete = "performance.delete"
)

// Routes adds the resources to the API's group.
func (x *Resource) Routes(g *httpapi.Group) {
	g.Handle("POST /pm_jobs", x.createJob)
	g.Handle("GET /pm_jobs", x.listJobs)
	g.Handle("GET /pm_jobs/{id}", x.showJob)
	g.Handle("PATCH /pm_jobs/{id}", x.patchJob)
	g.Handle("DELETE /pm_jobs/{id}", x.deleteJob)
	g.Handle("GET /pm_jobs/{id}/reports/{report}", x.showReport)
	g.Handle("POST /thresholds", x.createThreshold)
	g.Handle("GET /thresholds", x.listThresholds)
	g.Handle("GET /thresholds/{id}", x.showThreshold)
	g.Handle("PATCH /thresholds/{id}", x.patchThreshold)
	g.Handle("DELETE /thresholds/{id}", x.deleteThreshold)
}

// visible returns whose objects a caller may have measured.
func visible(who hub.Identity) func(domain string) bool {
	return func(domain string) bool { return who.TrustDomain == "hub" || who.TrustDomain == domain }
}

// may says of an object whether a caller may have it measured; hub.NotFound if not.
func (x *Resource) may(r *http.Request, who hub.Identity) func(domain, id string) error {
	return func(domain, id string) error {
		missing := hub.E(hub.NotFound, "find what is to be measured", "not found", nil)
		switch {
		case !who.MayKnow(id):
			return x.another(r, who, opCreate, domain, "vnf/"+id, missing)
		case !visible(who)(domain):
			return missing
		}
		return nil
	}
}

// another has the attempt recorded of a VNF at what is not its own, and answers as if
// there were none.
func (x *Resource) another(r *http.Request, who hub.Identity, operation, domain, target string, missing error) error {
	if who.VNFInstance() == "" {
		return missing
	}
	_, err := x.Authorize(r, operation+":of-another", domain, target)
	if code := hub.CodeOf(err); code != "" && code != hub.Denied && code != hub.NotFound {
		return err
	}
	return missing
}

// sees says whether a caller sees what is an owner's.
func sees(who hub.Identity, owner string) bool {
	return who.String() == owner || who.TrustDomain == "hub" && who.Kind == hub.KindOperator
}

func (x *Resource) createJob(w http.ResponseWriter, r *http.Request) error {
	who, err := x.Authorize(r, opCreate, "", "")
	if err != nil {
		return err
	}
	var in sol.CreatePmJobRequest
	if err := httpapi.DecodeLenient(r, &in); err != nil {
		return err
	}
	asked, err := digest(in, func(in *sol.CreatePmJobRequest) { in.Authentication = nil })
	if err != nil {
		return err
	}
	m := x.Meter
	made := func(e state.Entry[job]) error {
		return httpapi.Created(w, r, "/pm_jobs/"+e.ID, x.viewJob(r, &e))
	}
	id, err := identifier(r, "pm job of "+m.c.API, who.String())
	if err != nil {
		return err
	}
	if e, done, err := repeated(r.Context(), m.jobs, id, func(j *job) string { return j.Asked }, asked); err != nil || done {
		if err != nil {
			return err
		}
		return made(e)
	}
	kind, err := m.checkType(opJob, in.ObjectType)
	if err != nil {
		return err
	}
	now := m.now()
	if err := checkCriteria(kind, &in.Criteria, now); err != nil {
		return err
	}
	if err := m.checkObjects(r.Context(), opJob, "objectInstanceIds", kind, in.ObjectInstanceIDs, in.SubObjectInstanceIDs, x.may(r, who)); err != nil {
		return err
	}
	done, err := x.room(who, m.jobs.FindAfter(termOwner+who.String(), ""), opJob, "PM jobs", MaxJobs)
	if err != nil {
		return err
	}
	defer done()
	if err := x.attach(r, id, "/pm_jobs", who, in.CallbackURI, in.Authentication); err != nil {
		return err
	}
	c := &in.Criteria
	j := &job{
		measuring: measuring{Owner: who.String(), Type: kind.Name, Objects: in.ObjectInstanceIDs, Subs: in.SubObjectInstanceIDs, Asked: asked, Created: now, Until: now},
		Metrics:   c.PerformanceMetric, Groups: c.PerformanceMetricGroup, Collect: c.CollectionPeriod, Report: c.ReportingPeriod, Boundary: c.ReportingBoundary,
	}
	j.Due = now.Add(j.reporting())
	e, err := create(r.Context(), m.jobs, who.TrustDomain, id, j, func(j *job) string { return j.Asked })
	if err != nil {
		return err
	}
	return made(e)
}

func (x *Resource) createThreshold(w http.ResponseWriter, r *http.Request) error {
	who, err := x.Authorize(r, opCreate, "", "")
	if err != nil {
		return err
	}
	var in sol.CreateThresholdRequest
	if err := httpapi.DecodeLenient(r, &in); err != nil {
		return err
	}
	asked, err := digest(in, func(in *sol.CreateThresholdRequest) { in.Authentication = nil })
	if err != nil {
		return err
	}
	m := x.Meter
	made := func(e state.Entry[threshold]) error {
		return httpapi.Created(w, r, "/thresholds/"+e.ID, x.viewThreshold(r, &e))
	}
	id, err := identifier(r, "threshold of "+m.c.API, who.String())
	if err != nil {
		return err
	}
	if e, done, err := repeated(r.Context(), m.thresholds, id, func(t *threshold) string { return t.Asked }, asked); err != nil || done {
		if err != nil {
			return err
		}
		return made(e)
	}
	kind, err := m.checkType(opThreshold, in.ObjectType)
	if err != nil {
		return err
	}
	if err := checkThreshold(kind, &in.Criteria); err != nil {
		return err
	}
	objects := []string{in.ObjectInstanceID}
	if err := m.checkObjects(r.Context(), opThreshold, "objectInstanceId", kind, objects, in.SubObjectInstanceIDs, x.may(r, who)); err != nil {
		return err
	}
	done, err := x.room(who, m.thresholds.FindAfter(termOwner+who.String(), ""), opThreshold, "thresholds", MaxThresholds)
	if err != nil {
		return err
	}
	defer done()
	if err := x.attach(r, id, "/thresholds", who, in.CallbackURI, in.Authentication); err != nil {
		return err
	}
	now := m.now()
	t := &threshold{
		measuring: measuring{Owner: who.String(), Type: kind.Name, Objects: objects, Subs: in.SubObjectInstanceIDs, Asked: asked, Created: now, Until: now},
		Metric:    in.Criteria.PerformanceMetric, Value: in.Criteria.SimpleThresholdDetails.ThresholdValue, Hysteresis: in.Criteria.SimpleThresholdDetails.Hysteresis,
	}
	e, err := create(r.Context(), m.thresholds, who.TrustDomain, id, t, func(t *threshold) string { return t.Asked })
	if err != nil {
		return err
	}
	return made(e)
}

// digest stands for what a request asks for, without its secrets.
func digest[T any](in T, without func(*T)) (string, error) {
	without(&in)
	raw, err := json.Marshal(in)
	if err != nil {
		return "", hub.E(hub.Internal, "read request", "the request cannot be encoded", err)
	}
	return hub.DeriveID(string(raw)), nil
}

// room refuses one more than a consumer may have. Until done is called the one that is
// being made counts too: its callback is tested, which takes a while.
func (x *Resource) room(who hub.Identity, ids iter.Seq[string], op, what string, most int) (done func(), err error) {
	if x.Unbounded != nil && x.Unbounded(who) {
		return func() {}, nil
	}
	m, key := x.Meter, op+" "+who.String()
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.making[key]
	for range ids {
		n++
	}
	if n >= most {
		return nil, tooMany(op, what, most)
	}
	m.making[key]++
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.making[key]--; m.making[key] == 0 {
			delete(m.making, key)
		}
	}, nil
}

// attach keeps the callback of what is about to be made.
func (x *Resource) attach(r *http.Request, id, collection string, who hub.Identity, uri string, authentication *sol.SubscriptionAuthentication) error {
	return x.Meter.c.Callbacks.Attach(r, id, notify.Input{
		API: x.Meter.c.API, TrustDomain: who.TrustDomain, Owner: who, CallbackURI: uri, Authentication: authentication,
		Collection: httpapi.ResourceURI(r, collection),
	})
}

// callback is where a job or a threshold tells: empty while it is being deleted.
func (x *Resource) callback(r *http.Request, id string) string {
	s, _ := x.Meter.c.Callbacks.Subscription(r.Context(), x.Meter.c.API, id) // zero when it is gone
	return s.CallbackURI
}

func (j *job) criteria() sol.PmJobCriteria {
	return sol.PmJobCriteria{
		PerformanceMetric: j.Metrics, PerformanceMetricGroup: j.Groups, CollectionPeriod: j.Collect, ReportingPeriod: j.Report, ReportingBoundary: j.Boundary,
	}
}

func (x *Resource) viewJob(r *http.Request, e *state.Entry[job]) sol.PmJob {
	j, self := &e.Value, httpapi.ResourceURI(r, "/pm_jobs/"+e.ID)
	out := sol.PmJob{
		ID: e.ID, ObjectType: j.Type, ObjectInstanceIDs: j.Objects, SubObjectInstanceIDs: j.Subs, Criteria: j.criteria(),
		CallbackURI: x.callback(r, e.ID), Links: sol.PmJobLinks{Self: sol.Link{Href: self}},
	}
	for _, id := range j.Objects {
		out.Links.Objects = append(out.Links.Objects, sol.Link{Href: httpapi.URI(r, x.Meter.c.Objects+id)})
	}
	for _, m := range j.Reports {
		end := m.At.Add(KeepReports)
		out.Reports = append(out.Reports, sol.PmJobReport{Href: self + "/reports/" + m.ID, ReadyTime: m.At, ExpiryTime: &end})
	}
	return out
}

func (x *Resource) viewThreshold(r *http.Request, e *state.Entry[threshold]) sol.Threshold {
	t := &e.Value
	return sol.Threshold{
		ID: e.ID, ObjectType: t.Type, ObjectInstanceID: t.Objects[0], SubObjectInstanceIDs: t.Subs, CallbackURI: x.callback(r, e.ID),
		Criteria: sol.ThresholdCriteria{
			PerformanceMetric: t.Metric, ThresholdType: sol.ThresholdSimple,
			SimpleThresholdDetails: &sol.SimpleThresholdDetails{ThresholdValue: t.Value, Hysteresis: t.Hysteresis},
		},
		Links: sol.ThresholdLinks{Self: sol.Link{Href: httpapi.ResourceURI(r, "/thresholds/"+e.ID)}, Object: &sol.Link{Href: httpapi.URI(r, x.Meter.c.Objects+t.Objects[0])}},
	}
}

func (x *Resource) listJobs(w http.ResponseWriter, r *http.Request) error {
	view := func(e *state.Entry[job]) any { return x.viewJob(r, e) }
	return list(x, w, r, x.Meter.jobs, httpapi.ListOptions{Required: []string{"_links"}, ExcludeDefault: []string{"reports"}}, func(j *job) string { return j.Owner }, view)
}

func (x *Resource) listThresholds(w http.ResponseWriter, r *http.Request) error {
	view := func(e *state.Entry[threshold]) any { return x.viewThreshold(r, e) }
	return list(x, w, r, x.Meter.thresholds, httpapi.ListOptions{Required: []string{"_links"}}, func(t *threshold) string { return t.Owner }, view)
}

func list[T any](x *Resource, w http.ResponseWriter, r *http.Request, k *state.Kind[T], o httpapi.ListOptions, owner func(*T) string, view func(*state.Entry[T]) any) error {
	who, err := x.Authorize(r, opQuery, "", "")
	if err != nil {
		return err
	}
	return httpapi.List(w, r, o, func(after string) iter.Seq2[httpapi.Item, error] {
		entries := k.Among(r.Context(), visible(who), slices.Collect(k.FindAfter(termOwner+who.String(), after)))
		if sees(who, "") { // those of everybody
			entries = k.List(r.Context(), visible(who), after)
		}
		return func(yield func(httpapi.Item, error) bool) {
			for e, err := range entries {
				item := httpapi.Item{}
				if err == nil && !sees(who, owner(&e.Value)) {
					continue
				}
				if err == nil {
					item = httpapi.Item{Key: e.ID, Value: view(&e)}
				}
				if !yield(item, err) {
					return
				}
			}
		}
	})
}

// find returns the job or threshold of the path, if the caller may do the operation to
// it.
func find[T any](x *Resource, r *http.Request, k *state.Kind[T], operation, what, collection string, owner func(*T) string) (state.Entry[T], error) {
	id := r.PathValue("id")
	missing := hub.E(hub.NotFound, "find "+what, "there is no such "+what+"; list them with GET "+collection, nil)
	e, found := k.Get(r.Context(), id)
	who, err := httpapi.AuthorizeOwned(func(domain string) (hub.Identity, error) {
		return x.Authorize(r, operation, domain, what+"/"+id)
	}, e.Domain, found, missing)
	if err == nil && !sees(who, owner(&e.Value)) {
		err = x.another(r, who, operation, e.Domain, what+"/"+id, missing)
	}
	return e, err
}

func (x *Resource) findJob(r *http.Request, operation string) (state.Entry[job], error) {
	return find(x, r, x.Meter.jobs, operation, "PM job", "/pm_jobs", func(j *job) string { return j.Owner })
}

func (x *Resource) findThreshold(r *http.Request, operation string) (state.Entry[threshold], error) {
	return find(x, r, x.Meter.thresholds, operation, "threshold", "/thresholds", func(t *threshold) string { return t.Owner })
}

func (x *Resource) showJob(w http.ResponseWriter, r *http.Request) error {
	e, err := x.findJob(r, opQuery)
	if err != nil {
		return err
	}
	return httpapi.WriteEncoded(w, r, x.viewJob(r, &e))
}

func (x *Resource) showThreshold(w http.ResponseWriter, r *http.Request) error {
	e, err := x.findThreshold(r, opQuery)
	if err != nil {
		return err
	}
	return httpapi.WriteEncoded(w, r, x.viewThreshold(r, &e))
}

func (x *Resource) patchJob(w http.ResponseWriter, r *http.Request) error {
	e, err := x.findJob(r, opModify)
	if err != nil {
		return err
	}
	return x.redirect(w, r, e.ID, x.viewJob(r, &e))
}

func (x *Resource) patchThreshold(w http.ResponseWriter, r *http.Request) error {
	e, err := x.findThreshold(r, opModify)
	if err != nil {
		return err
	}
	return x.redirect(w, r, e.ID, x.viewThreshold(r, &e))
}

// modifications is PmJobModifications and ThresholdModifications.
type modifications struct {
	CallbackURI    string                          `json:"callbackUri,omitempty"`
	Authentication *sol.SubscriptionAuthentication `json:"authentication,omitempty"`
}

// redirect changes where and how something tells. now is what its reader is shown.
func (x *Resource) redirect(w http.ResponseWriter, r *http.Request, id string, now any) error {
	patch, err := httpapi.DecodePatch(r)
	if err != nil {
		return err
	}
	to, err := httpapi.ApplyPatch(modifications{}, patch, httpapi.PatchRules{Allowed: []string{"callbackUri", "authentication"}})
	if err != nil {
		return err
	}
	uri, newURI := patch["callbackUri"]
	_, newAuthentication := patch["authentication"]
	if !newURI && !newAuthentication || newURI && (uri == nil || to.CallbackURI == "") {
		return hub.E(hub.Invalid, "change callback", "send callbackUri, which cannot be null, or authentication, or both", nil)
	}
	tag, err := httpapi.ETag(now)
	if err != nil {
		return err
	}
	if err := httpapi.CheckMatch(r, tag); err != nil {
		return err
	}
	err = x.Meter.c.Callbacks.Redirect(r, x.Meter.c.API, id, notify.Redirection{CallbackURI: to.CallbackURI, Authentication: to.Authentication, NewAuthentication: newAuthentication})
	if err != nil {
		return err
	}
	return httpapi.Write(w, http.StatusOK, sol.CallbackModifications{CallbackURI: x.callback(r, id)})
}

func (x *Resource) deleteJob(w http.ResponseWriter, r *http.Request) error {
	e, err := x.findJob(r, opDelete)
	if err != nil {
		return err
	}
	if err := end(r.Context(), x.Meter, x.Meter.jobs, e.ID); err != nil {
		return err
	}
	return httpapi.NoContent(w)
}

func (x *Resource) deleteThreshold(w http.ResponseWriter, r *http.Request) error {
	e, err := x.findThreshold(r, opDelete)
	if err != nil {
		return err
	}
	if err := end(r.Context(), x.Meter, x.Meter.thresholds, e.ID); err != nil {
		return err
	}
	return httpapi.NoContent(w)
}

func (x *Resource) showReport(w http.ResponseWriter, r *http.Request) error {
	e, err := x.findJob(r, opQuery)
	if err != nil {
		return err
	}
	id := r.PathValue("report")
	missing := hub.E(hub.NotFound, "find report", fmt.Sprintf("the PM job has no such report, or has it no more: the newest %d are kept, for %s; see reports of the PM job", MaxReports, KeepReports), nil)
	if !slices.ContainsFunc(e.Value.Reports, func(m made) bool { return m.ID == id }) {
		return missing
	}
	of, err := x.Meter.reports.Get(r.Context(), id)
	if hub.CodeOf(err) == hub.NotFound {
		return missing
	}
	if err != nil {
		return err
	}
	out := sol.PerformanceReport{Entries: []sol.PerformanceEntry{}}
	for _, n := range of.Value.Entries {
		entry := sol.PerformanceEntry{ObjectType: e.Value.Type, ObjectInstanceID: n.Object, SubObjectInstanceID: n.Sub, PerformanceMetric: n.Metric}
		for _, p := range n.Values {
			entry.PerformanceValues = append(entry.PerformanceValues, sol.PerformanceValue{TimeStamp: p.At, Value: p.Value})
		}
		out.Entries = append(out.Entries, entry)
	}
	return httpapi.Write(w, http.StatusOK, out)
}
