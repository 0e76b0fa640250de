package nfvo_test

import (
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/ifa006"
	"github.com/manoward/manoward/internal/sol/sol005"
	"github.com/manoward/manoward/mano-core/nfvo"
)

func TestScaleNs(t *testing.T) {
	w := newWorld(t)
	n := w.instantiated(north, "shop")
	steps := func(direction string, count int) sol005.ScaleNsRequest {
		return sol005.ScaleNsRequest{ScaleType: "SCALE_NS", ScaleNsData: &sol005.ScaleNsData{ScaleNsByStepsData: &sol005.ScaleNsByStepsData{ScalingDirection: direction, AspectID: "webs", NumberOfSteps: count}}}
	}
	w.run(north, n.ID, "scale", steps("SCALE_OUT", 2))
	out := w.show(n.ID)
	if len(out.VnfInstance) != 4 || out.NsScaleStatus[0].NsScaleLevelID != "2" {
		t.Errorf("scaled out: %d VNFs, %+v", len(out.VnfInstance), out.NsScaleStatus)
	}
	last := out.VnfInstance[3].ID
	o := w.run(north, n.ID, "scale", steps("SCALE_IN", 1))
	if a := o.ResourceChanges.AffectedVnfs; len(a) != 1 || a[0].VnfInstanceID != last || a[0].ChangeType != "TERMINATE" {
		t.Errorf("scaled in: %+v, want the last, %s", a, last)
	}
	level := sol005.ScaleNsRequest{ScaleType: "SCALE_NS", ScaleNsData: &sol005.ScaleNsData{ScaleNsToLevelData: &sol005.ScaleNsToLevelData{NsInstantiationLevel: "large"}}}
	w.run(north, n.ID, "scale", level)
	if now := w.show(n.ID); len(now.VnfInstance) != 4 || now.NsScaleStatus[0].NsScaleLevelID != "2" {
		t.Errorf("level large: %d VNFs, %+v", len(now.VnfInstance), now.NsScaleStatus)
	}
	aspects := sol005.ScaleNsRequest{ScaleType: "SCALE_NS", ScaleNsData: &sol005.ScaleNsData{ScaleNsToLevelData: &sol005.ScaleNsToLevelData{NsScaleInfo: []sol005.NsScaleInfo{{NsScalingAspectID: "webs", NsScaleLevelID: "0"}}}}}
	w.run(north, n.ID, "scale", aspects)
	if now := w.show(n.ID); len(now.VnfInstance) != 2 {
		t.Errorf("level 0: %d VNFs", len(now.VnfInstance))
	}
	vnf := sol005.ScaleNsRequest{ScaleType: "SCALE_VNF", ScaleVnfData: []sol005.ScaleVnfData{{VnfInstanceID: vnfOf(t, n, "db").ID, ScaleVnfType: "SCALE_OUT", ScaleByStepData: &sol005.ScaleByStepData{AspectID: "a"}}}}
	o = w.run(north, n.ID, "scale", vnf)
	if a := o.ResourceChanges.AffectedVnfs; len(a) != 1 || a[0].ChangeType != "SCALE" {
		t.Errorf("scaled VNF: %+v", a)
	}
	changes := w.out.of("north", "NsChangeNotification")
	if c := changes[len(changes)-1]; c["lcmOpNameImpactingNsComponent"] != "VNF_SCALE" || len(c["manoward.change"].(map[string]any)["vnfcsAdded"].([]any)) != 1 {
		t.Errorf("what changed: %v", c)
	}
}

func TestScalingThatIsRefused(t *testing.T) {
	w := newWorld(t)
	n := w.instantiated(north, "shop")
	vnf := vnfOf(t, n, "web").ID
	for name, c := range map[string]struct {
		body   string
		status int
		text   string
	}{
		"no type":        {`{}`, 400, "scaleType"},
		"no data":        {`{"scaleType":"SCALE_NS"}`, 400, "scaleNsData"},
		"no VNF data":    {`{"scaleType":"SCALE_VNF"}`, 400, "scaleVnfData"},
		"both":           {`{"scaleType":"SCALE_VNF","scaleNsData":{}}`, 400, "leave it out"},
		"nothing":        {`{"scaleType":"SCALE_NS","scaleNsData":{}}`, 400, "needs the attribute"},
		"direction":      {`{"scaleType":"SCALE_NS","scaleNsData":{"scaleNsByStepsData":{"scalingDirection":"UP","aspectId":"webs"}}}`, 400, "SCALE_IN or SCALE_OUT"},
		"aspect":         {`{"scaleType":"SCALE_NS","scaleNsData":{"scaleNsByStepsData":{"scalingDirection":"SCALE_OUT","aspectId":"x"}}}`, 422, "it has: webs"},
		"too far":        {`{"scaleType":"SCALE_NS","scaleNsData":{"scaleNsByStepsData":{"scalingDirection":"SCALE_OUT","aspectId":"webs","numberOfSteps":9}}}`, 422, "levels 0 to 3"},
		"huge":           {`{"scaleType":"SCALE_NS","scaleNsData":{"scaleNsByStepsData":{"scalingDirection":"SCALE_OUT","aspectId":"webs","numberOfSteps":9223372036854775807}}}`, 422, "levels 0 to 3"},
		"below":          {`{"scaleType":"SCALE_NS","scaleNsData":{"scaleNsByStepsData":{"scalingDirection":"SCALE_IN","aspectId":"webs"}}}`, 422, "levels 0 to 3"},
		"negative":       {`{"scaleType":"SCALE_NS","scaleNsData":{"scaleNsByStepsData":{"scalingDirection":"SCALE_IN","aspectId":"webs","numberOfSteps":-2}}}`, 400, "1 or more"},
		"level":          {`{"scaleType":"SCALE_NS","scaleNsData":{"scaleNsToLevelData":{"nsInstantiationLevel":"x"}}}`, 422, "large, small"},
		"level, nothing": {`{"scaleType":"SCALE_NS","scaleNsData":{"scaleNsToLevelData":{}}}`, 400, "nsScaleInfo"},
		"level no int":   {`{"scaleType":"SCALE_NS","scaleNsData":{"scaleNsToLevelData":{"nsScaleInfo":[{"nsScalingAspectId":"webs","nsScaleLevelId":"x"}]}}}`, 422, "number of a level"},
		"as it is":       {`{"scaleType":"SCALE_NS","scaleNsData":{"scaleNsToLevelData":{"nsInstantiationLevel":"small"}}}`, 422, "at this scale already"},
		"no such VNF":    {`{"scaleType":"SCALE_VNF","scaleVnfData":[{"vnfInstanceId":"x","scaleVnfType":"SCALE_IN"}]}`, 404, "no VNF instance"},
		"VNF type":       {`{"scaleType":"SCALE_VNF","scaleVnfData":[{"vnfInstanceId":"` + vnf + `","scaleVnfType":"UP"}]}`, 400, "scaleVnfType"},
		"VNF no steps":   {`{"scaleType":"SCALE_VNF","scaleVnfData":[{"vnfInstanceId":"` + vnf + `","scaleVnfType":"SCALE_IN"}]}`, 400, "scaleByStepData"},
		"VNF no level":   {`{"scaleType":"SCALE_VNF","scaleVnfData":[{"vnfInstanceId":"` + vnf + `","scaleVnfType":"SCALE_TO_INSTANTIATION_LEVEL"}]}`, 400, "scaleToLevelData"},
	} {
		if r := w.call(north, "POST", nsInstances+"/"+n.ID+"/scale", c.body); r.status != c.status || !strings.Contains(string(r.body), c.text) {
			t.Errorf("%s: %d %s, want %d with %q", name, r.status, r.body, c.status, c.text)
		}
	}
}

func TestOtherRequestsThatAreRefused(t *testing.T) {
	w := newWorld(t)
	id := w.create(north, "shop")
	cases := []struct {
		path, body string
		status     int
		text       string
	}{
		{"", `{}`, 400, "nsdId"},
		{"", `{"nsdId":"shop"}`, 400, "nsName"},
		{"", `{"nsdId":"none","nsName":"x"}`, 404, "no on-boarded NSD"},
		{"", `{"nsdId":"shop","nsName":"` + strings.Repeat("x", 2000) + `"}`, 400, "shorten"},
		{"/" + id + "/instantiate", `{"nsFlavourId":"x"}`, 422, "it has: df"},
		{"/" + id + "/instantiate", `{"nsFlavourId":"df","nsInstantiationLevelId":"x"}`, 422, "large, small"},
		{"/" + id + "/instantiate", `{"nsFlavourId":"df","sapData":[{"sapdId":"x"}]}`, 422, "access"},
		{"/" + id + "/instantiate", `{"nsFlavourId":"df","startTime":"2030-01-01T00:00:00Z"}`, 422, "startTime"},
		{"/" + id + "/instantiate", `{"nsFlavourId":"df","nestedNsInstanceData":[{"nestedNsInstanceId":"x"}]}`, 422, "nested"},
		{"/" + id + "/instantiate", `{"nsFlavourId":"df","wanConnectionData":[{"protocolData":{}}]}`, 422, "WAN"},
		{"/" + id + "/instantiate", `{"nsFlavourId":"df","additionalParamsForVnf":[{"vnfProfileId":"x"}]}`, 422, "db, fw, web"},
		{"/" + id + "/instantiate", `{"nsFlavourId":"df","locationConstraints":[{"vnfProfileId":"x"}]}`, 422, "db, fw, web"},
		{"/" + id + "/instantiate", `{"nsFlavourId":"df","additionalAffinityOrAntiAffinityRule":[{"vnfProfileId":["x"],"affinityOrAntiAffiinty":"AFFINITY","scope":"ZONE"}]}`, 422, "db, fw, web"},
		{"/" + id + "/instantiate", `{"nsFlavourId":"df","additionalAffinityOrAntiAffinityRule":[{"affinityOrAntiAffiinty":"X","scope":"ZONE"}]}`, 400, "ANTI_AFFINITY"},
		{"/" + id + "/instantiate", `{"nsFlavourId":"df","vnfInstanceData":[{"vnfInstanceId":"x","vnfProfileId":"web"}]}`, 404, "no VNF instance"},
		{"/" + id + "/heal", `{"healNsData":{"degreeHealing":"HEAL_RESTORE"}}`, 409, "instantiate it first"},
		{"/" + id + "/scale", `{"scaleType":"SCALE_NS"}`, 409, "instantiate it first"},
		{"/" + id + "/terminate", `{}`, 409, "instantiate it first"},
		{"/nowhere/terminate", `{}`, 404, "no such NS"},
	}
	for _, c := range cases {
		if r := w.call(north, "POST", nsInstances+c.path, c.body); r.status != c.status || !strings.Contains(string(r.body), c.text) {
			t.Errorf("%s %.60s: %d %s, want %d with %q", c.path, c.body, r.status, r.body, c.status, c.text)
		}
	}
	if n := w.show(id); n.NsState != "NOT_INSTANTIATED" || n.Running != "" || w.vnfm.count() != 0 || !w.uses("") {
		t.Errorf("a refused request changed something: %+v", n)
	}
}

func TestHeal(t *testing.T) {
	w := newWorld(t)
	n := w.instantiated(north, "shop")
	db := vnfOf(t, n, "db")
	for body, status := range map[string]int{
		`{}`: 400, `{"healNsData":{"degreeHealing":"SOME"}}`: 400, `{"healNsData":{"degreeHealing":"HEAL_QOS","healScript":"x"}}`: 422,
		`{"healNsData":{"degreeHealing":"HEAL_QOS"},"healVnfData":[{"vnfInstanceId":"x"}]}`: 400, `{"healVnfData":[{"vnfInstanceId":"x"}]}`: 404,
	} {
		if r := w.call(north, "POST", nsInstances+"/"+n.ID+"/heal", body); r.status != status {
			t.Errorf("%s: %d %s, want %d", body, r.status, r.body, status)
		}
	}
	for body, want := range map[string]struct {
		status int
		text   string
	}{
		`"healScript":"mend"`: {422, "scripts of an NSD are not run"}, `"actionsHealing":["pray"]`: {422, "\\\"pray\\\""},
		`"actionsHealing":["heal","heal"]`: {422, "more than one"}, `"actionsHealing":["heal"],"healScript":"mend"`: {400, "exclude each other"},
	} {
		r := w.call(north, "POST", nsInstances+"/"+n.ID+"/heal", `{"healNsData":{"degreeHealing":"HEAL_RESTORE",`+body+`}}`)
		if r.status != want.status || !strings.Contains(string(r.body), want.text) {
			t.Errorf("%s: %d %s, want %d with %s", body, r.status, r.body, want.status, want.text)
		}
	}
	w.vim.mu.Lock()
	id := db.InstantiatedVnfInfo.VnfcResourceInfo[0].ComputeResource.ResourceID
	c := w.vim.computes[id]
	c.OperationalState = ifa006.Failed
	w.vim.computes[id] = c
	w.vim.mu.Unlock()
	o := w.run(north, n.ID, "heal", sol005.HealNsRequest{HealNsData: &sol005.HealNsData{DegreeHealing: "HEAL_RESTORE", ActionsHealing: []string{"heal"}}})
	if a := o.ResourceChanges.AffectedVnfs; len(a) != 1 || a[0].VnfInstanceID != db.ID || a[0].ChangeType != "HEAL" {
		t.Errorf("only what is broken is healed: %+v", a)
	}
	w.vnfm.mu.Lock()
	delete(w.vnfm.instances, db.ID)
	w.vnfm.mu.Unlock()
	if err := w.svc.AutoHeal(t.Context()); err != nil {
		t.Fatal(err)
	}
	for o, err := range w.svc.OpOccs(t.Context(), func(string) bool { return true }, "", nfvo.Wanted{Path: "nsInstanceId", Values: []string{n.ID}}) {
		if err == nil && o.IsAutomaticInvocation {
			w.await(o.ID, "COMPLETED")
		}
	}
	if now := vnfOf(t, w.show(n.ID), "db"); now.ID == db.ID || now.InstantiationState != "INSTANTIATED" {
		t.Errorf("made again: %+v", now)
	}
}
