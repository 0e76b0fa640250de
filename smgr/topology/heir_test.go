package topology

import (
	"fmt"
	"reflect"
	"testing"
	"time"
	"unsafe"
)

// A reading that finds an element as it was leaves the one that there is. One that finds
// anything else, in whatever member, does not.
func TestHeir(t *testing.T) {
	testHeir(t, nsHeir)
	testHeir(t, vnfHeir)
	testHeir(t, pkgHeir)
	testHeir(t, computeHeir)
	testHeir(t, hostHeir)
	testHeir(t, imageHeir)
}

func testHeir[T any](t *testing.T, heir func(was, is *T) *T) {
	t.Helper()
	make := func() *T {
		v := new(T)
		fillAll(reflect.ValueOf(v).Elem(), new(int))
		return v
	}
	was := make()
	name := reflect.TypeFor[T]().Name()
	if is := make(); heir(was, is) == is {
		t.Errorf("%s: the same again took the place of what was there", name)
	}
	changes := 0
	for n := 0; ; n++ {
		is := make()
		what, found := changeAt(reflect.ValueOf(is).Elem(), name, new(int), n)
		if !found {
			break
		}
		changes++
		if got := heir(was, is); !reflect.DeepEqual(got, is) {
			t.Errorf("%s is another, and what came of it is %+v", what, got)
		}
	}
	if fields := reflect.TypeFor[T]().NumField(); changes < fields {
		t.Errorf("%s: %d changes of %d members", name, changes, fields)
	}
}

// settable returns a member that can be set, exported or not.
func settable(v reflect.Value) reflect.Value {
	return reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem()
}

// fillAll gives every member a value of its own, the same each time.
func fillAll(v reflect.Value, n *int) {
	v = settable(v)
	*n++
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprint("text ", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int:
		v.SetInt(int64(*n))
	case reflect.Float64:
		v.SetFloat(float64(*n))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillAll(v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fillAll(v.Index(0), n)
		fillAll(v.Index(1), n)
	case reflect.Array:
		for i := range v.Len() {
			fillAll(v.Index(i), n)
		}
	case reflect.Map:
		val := reflect.New(v.Type().Elem()).Elem()
		fillAll(val, n)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf(fmt.Sprint("key ", *n)), val)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(int64(*n), 0).UTC()))
			return
		}
		for i := range v.NumField() {
			fillAll(v.Field(i), n)
		}
	default:
		panic("a member of a kind that the test does not know: " + v.Type().String())
	}
}

// changeAt makes the change of a number to a value: each member has some, in order.
func changeAt(v reflect.Value, name string, n *int, number int) (what string, found bool) {
	v = settable(v)
	change := func(how string, to reflect.Value) bool {
		if *n++; *n <= number {
			return false
		}
		v.Set(to)
		what = name + ", " + how
		return true
	}
	switch v.Kind() {
	case reflect.String:
		return what, change("a text", reflect.ValueOf("other").Convert(v.Type())) || what != ""
	case reflect.Bool:
		return what, change("a bool", reflect.ValueOf(!v.Bool()).Convert(v.Type())) || what != ""
	case reflect.Int:
		return what, change("a number", reflect.ValueOf(int(v.Int()+1))) || what != ""
	case reflect.Float64:
		return what, change("a number", reflect.ValueOf(v.Float()+1)) || what != ""
	case reflect.Pointer:
		if change("not known", reflect.Zero(v.Type())) {
			return what, true
		}
		return changeAt(v.Elem(), name, n, number)
	case reflect.Slice:
		if change("not known", reflect.Zero(v.Type())) || change("empty", v.Slice(0, 0)) || change("shorter", v.Slice(0, 1)) {
			return what, true
		}
		for i := range v.Len() {
			if what, found := changeAt(v.Index(i), fmt.Sprintf("%s[%d]", name, i), n, number); found {
				return what, true
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			if what, found := changeAt(v.Index(i), fmt.Sprintf("%s[%d]", name, i), n, number); found {
				return what, true
			}
		}
	case reflect.Map:
		other := reflect.MakeMap(v.Type())
		other.SetMapIndex(reflect.ValueOf("other"), v.MapIndex(v.MapKeys()[0]))
		if change("not known", reflect.Zero(v.Type())) || change("empty", reflect.MakeMap(v.Type())) || change("another key", other) {
			return what, true
		}
		key := v.MapKeys()[0]
		val := reflect.New(v.Type().Elem()).Elem()
		val.Set(v.MapIndex(key))
		if what, found := changeAt(val, name+"[]", n, number); found {
			changed := reflect.MakeMap(v.Type())
			changed.SetMapIndex(key, val)
			v.Set(changed)
			return what, true
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return what, change("a time", reflect.ValueOf(time.Unix(0, 1).UTC())) || what != ""
		}
		for i := range v.NumField() {
			if what, found := changeAt(v.Field(i), name+"."+v.Type().Field(i).Name, n, number); found {
				return what, true
			}
		}
	}
	return "", false
}

// What a reading finds as it was keeps its place, with all texts, and a rebuild shares the
// texts of what was read by itself.
func TestHeir_Readings(t *testing.T) {
	w := newWorld()
	w.addVnf("n1", "v1", "h1")
	w.addVnf("n1", "v2", "h1")
	top := built(t, w)
	m := top.m
	n, v, c, k, i, h := m.nss.byID["n1"].val, m.vnfs.byID["v1"].val, m.computes.byID["v1-c"].val, m.pkgs.byID["k1"].val, m.images.byID["i1"].val, m.hosts.byID["h1"].val
	same := func(when string) {
		t.Helper()
		if m.nss.byID["n1"].val != n || m.vnfs.byID["v1"].val != v || m.computes.byID["v1-c"].val != c || m.pkgs.byID["k1"].val != k || m.images.byID["i1"].val != i {
			t.Errorf("%s: an element that nothing happened to is another", when)
		}
		if is := m.hosts.byID["h1"].val; !oneText(is.ID, h.ID) || !oneText(is.ComputeIDs[0], h.ComputeIDs[0]) {
			t.Errorf("%s: a host that nothing happened to has other texts", when)
		}
		if !oneText(m.vnfOf["v1-c"], v.ID) {
			t.Errorf("%s: the VNF of a compute has a text of its own", when)
		}
	}
	for _, r := range []ref{{kindNs, "n1"}, {kindCompute, "v1-c"}, {kindPkg, "k1"}, {kindImage, "i1"}, {kindHost, "h1"}} {
		if err := top.read(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		same("read " + r.kind)
	}
	if err := top.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	same("rebuilt")

	w.addVnf("n1", "v3", "h1")
	if err := top.read(t.Context(), ref{kindNs, "n1"}); err != nil {
		t.Fatal(err)
	}
	if is := m.nss.byID["n1"].val; is == n || len(is.VnfIDs) != 3 {
		t.Fatalf("the NS with one VNF more is %+v", is)
	}
	if e := m.vnfs.byID["v3"]; !e.own || oneText(e.val.PkgID, k.ID) {
		t.Error("the VNF was read by itself and has no texts of its own: the test shows nothing")
	}
	if err := top.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e := m.vnfs.byID["v3"]; e.own || !oneText(e.val.PkgID, k.ID) || !oneText(m.nss.byID["n1"].val.VnfIDs[0], v.ID) {
		t.Error("after a rebuild what was read by itself has texts of its own")
	}
	if m.vnfs.byID["v1"].val != v {
		t.Error("a VNF beside one that came is another")
	}
}
