package smgrapi

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/smgr"
	"github.com/manoward/manoward/smgr/decide"
)

func TestLevels(t *testing.T) {
	w := newWorld(t)
	const path = "/levels/evil-provider/ns/n1"
	w.call(ann, "GET", path, "").is(http.StatusNotFound, "advise")
	w.call(ann, "PUT", path, `{"level":"enforce"}`).is(http.StatusBadRequest, "say why")
	w.call(ann, "PUT", path, `{"level":"loud","reason":"x"}`).is(http.StatusBadRequest, "loud")
	w.call(ann, "PUT", "/levels/evil-provider/moon/n1", `{"level":"off","reason":"x"}`).is(http.StatusBadRequest, "no scope")
	w.call(ann, "PUT", path, `{"level":"off","reason":"x"}`, "If-Match: *").is(http.StatusPreconditionFailed)
	tag := w.call(ann, "PUT", path, `{"level":"shadow","reason":"try"}`, "If-None-Match: *").is(http.StatusOK, ann).header.Get("ETag")
	if got := w.call(ann, "GET", path, "").is(http.StatusOK, "shadow", "try").header.Get("ETag"); got != tag {
		t.Errorf("the tag is %s, was %s", got, tag)
	}
	w.call(ann, "PUT", path, `{"level":"off","reason":"x"}`, "If-None-Match: *").is(http.StatusPreconditionFailed)
	w.wait(time.Second)
	w.call(ann, "PUT", path, `{"level":"enforce","reason":"it is good"}`, "If-Match: "+tag).is(http.StatusOK)
	w.call(ben, "PUT", path, `{"level":"off","reason":"x"}`, "If-Match: "+tag).is(http.StatusPreconditionFailed)
	w.call(ann, "PUT", "/levels/*/*", `{"level":"advise","reason":"all"}`).is(http.StatusOK)
	if list := as[[]decide.Rule](w.call(ann, "GET", "/levels?filter=(eq,level,enforce)", "").is(http.StatusOK)); len(list) != 1 || list[0].Scope != "ns/n1" {
		t.Errorf("levels: %+v", list)
	}
	w.call(ann, "DELETE", path, "").is(http.StatusBadRequest, "say why")
	w.call(ann, "DELETE", path+"?reason=enough", "", "If-Match: "+tag).is(http.StatusPreconditionFailed)
	w.call(ann, "DELETE", path+"?reason=enough", "").is(http.StatusNoContent)
	w.call(ann, "DELETE", path+"?reason=enough", "").is(http.StatusNotFound)
	if got := w.recorded("sm.level.set"); !slices.Equal(got, []string{ann, ann, ann}) {
		t.Errorf("recorded: %v", got)
	}
	if got := w.recorded("sm.level.cleared"); len(got) != 1 {
		t.Errorf("recorded: %v", got)
	}
}

func TestParameters(t *testing.T) {
	w := active(t, smgr.LevelAdvise)
	const path = "/policies/evil-provider/parameters"
	w.call(ann, "GET", "/policies", "").is(http.StatusOK, "evil-provider")
	tag := w.call(ann, "GET", path, "").is(http.StatusOK, `"values":{"names":["evil"]}`).header.Get("ETag")
	w.call(ann, "GET", "/policies/other/parameters", "").is(http.StatusNotFound)
	w.call(ann, "PUT", "/policies/other/parameters", `{"set":{},"reason":"x"}`).is(http.StatusNotFound)
	w.call(ann, "PUT", path, `{"set":{"names":[1]},"reason":"x"}`).is(http.StatusBadRequest, "names")
	w.call(ann, "PUT", path, `{"set":{"names":["bad"]}}`).is(http.StatusBadRequest, "say why")
	w.call(ann, "PUT", path, `{"reason":"x"}`).is(http.StatusBadRequest, "set")
	w.call(ann, "PUT", path, `{"set":{"names":["bad"]},"reason":"a new name"}`, "If-Match: "+tag).is(http.StatusOK, `"values":{"names":["bad"]}`, `"set":{"names":["bad"]}`)
	w.call(ben, "PUT", path, `{"set":{"names":["worse"]},"reason":"x"}`, "If-Match: "+tag).is(http.StatusPreconditionFailed)
	w.call(ann, "DELETE", path, "").is(http.StatusBadRequest)
	w.call(ann, "DELETE", path+"?reason=undo", "").is(http.StatusOK, `"values":{"names":["evil"]}`)
	if got := w.recorded("sm.policies.parameters"); len(got) != 2 {
		t.Errorf("recorded: %v", got)
	}
	long := func(n int) string { return `{"set":{"names":["` + strings.Repeat("x", n) + `"]},"reason":"much"}` }
	w.call(ann, "PUT", path, long(4<<20)).is(http.StatusOK)
	w.call(ann, "PUT", path, long(maxParameters)).is(http.StatusRequestEntityTooLarge)
}

func TestRevisions(t *testing.T) {
	w := newWorld(t)
	first, second := w.push("evil-provider", "One"), w.push("evil-provider", "Two")
	list := as[[]decide.Revision](w.call(ann, "GET", "/revisions", "").is(http.StatusOK))
	if len(list) != 2 || list[0].Revision != second || list[1].Revision != first {
		t.Errorf("revisions: %+v", list)
	}
	w.call(ann, "GET", "/revisions/"+first, "").is(http.StatusOK, `"state":"stored"`)
	w.call(ann, "GET", "/revisions/none", "").is(http.StatusNotFound)
	w.call(ann, "POST", "/revisions/none/activate", `{"reason":"x"}`).is(http.StatusNotFound)
	w.call(ann, "POST", "/revisions/"+first+"/activate", `{}`).is(http.StatusBadRequest, "say why")
	w.call(ann, "POST", "/rollback", `{"from":"x","reason":"x"}`).is(http.StatusPreconditionFailed)

	one := as[decide.Activation](w.call(ann, "POST", "/revisions/"+first+"/activate", `{"reason":"start"}`).is(http.StatusOK))
	again := as[decide.Activation](w.call(ann, "POST", "/revisions/"+first+"/activate", `{"reason":"start"}`).is(http.StatusOK))
	if one.ID != again.ID || one.Number != 1 || one.By != ann {
		t.Errorf("activated: %+v, again %+v", one, again)
	}
	w.call(ann, "POST", "/rollback", `{"from":"`+one.ID+`","reason":"x"}`).is(http.StatusConflict, "no other policies")
	two := as[decide.Activation](w.call(ann, "POST", "/revisions/"+second+"/activate", `{"reason":"better"}`).is(http.StatusOK))
	w.call(ann, "POST", "/rollback", `{"reason":"x"}`).is(http.StatusBadRequest, "from")
	back := as[decide.Activation](w.call(ben, "POST", "/rollback", `{"from":"`+two.ID+`","reason":"worse"}`).is(http.StatusOK))
	if back.PolicyRevision != first || back.Change != decide.ChangeRollback {
		t.Errorf("rolled back: %+v", back)
	}
	same := as[decide.Activation](w.call(ben, "POST", "/rollback", `{"from":"`+two.ID+`","reason":"worse"}`).is(http.StatusOK))
	if same.ID != back.ID {
		t.Errorf("a rollback that is sent again rolled back twice: %+v", same)
	}
	w.call(ann, "POST", "/rollback", `{"from":"`+one.ID+`","reason":"x"}`).is(http.StatusPreconditionFailed)

	var numbers []int
	a := w.call(ann, "GET", "/activations", "").is(http.StatusOK)
	for _, v := range as[[]decide.Activation](a) {
		numbers = append(numbers, v.Number)
	}
	if !slices.Equal(numbers, []int{3, 2}) || a.header.Get("Link") == "" {
		t.Errorf("the first page of activations: %v", numbers)
	}
	if w.recorded("sm.policies.rollback")[0] != ben {
		t.Error("recorded")
	}
}
