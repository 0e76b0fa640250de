package sol_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/sol"
	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol/sol005"
)

var update = flag.Bool("update", false, "write the golden files anew")

// roots are the types that no other type holds. What they hold is every type.
var roots = map[string][]any{
	"sol": {
		sol.AlarmClearedNotification{}, sol.AlarmModifications{}, sol.AlarmNotification{}, sol.FmSubscription{},
		sol.FmSubscriptionRequest{}, sol.PerceivedSeverityRequest{},
		sol.CallbackModifications{}, sol.CreatePmJobRequest{}, sol.CreateThresholdRequest{}, sol.PerformanceInformationAvailableNotification{},
		sol.PerformanceReport{}, sol.PmJob{}, sol.Threshold{}, sol.ThresholdCrossedNotification{},
	},
	"sol003": {
		sol003.Alarm{}, sol003.CancelMode{}, sol003.ChangeCurrentVnfPkgRequest{}, sol003.ChangeExtVnfConnectivityRequest{},
		sol003.ChangeVnfFlavourRequest{}, sol003.CreateVnfRequest{}, sol003.CreateVnfSnapshotInfoRequest{},
		sol003.CreateVnfSnapshotRequest{}, sol003.FmNotificationsFilter{}, sol003.Grant{}, sol003.GrantRequest{}, sol003.HealVnfRequest{},
		sol003.InstantiateVnfRequest{}, sol003.LccnSubscription{}, sol003.LccnSubscriptionRequest{},
		sol003.OperateVnfRequest{}, sol003.PkgmSubscription{}, sol003.PkgmSubscriptionRequest{},
		sol003.RevertToVnfSnapshotRequest{}, sol003.ScaleVnfRequest{}, sol003.ScaleVnfToLevelRequest{},
		sol003.SupportedIndicatorsChangeNotification{}, sol003.TerminateVnfRequest{}, sol003.VnfIdentifierCreationNotification{},
		sol003.VnfIdentifierDeletionNotification{}, sol003.VnfIndicator{}, sol003.VnfIndicatorSubscription{},
		sol003.VnfIndicatorSubscriptionRequest{}, sol003.VnfIndicatorValueChangeNotification{}, sol003.VnfInfoModificationRequest{}, sol003.VnfLcmOpOcc{},
		sol003.VnfLcmOperationOccurrenceNotification{}, sol003.VnfPackageChangeNotification{},
		sol003.VnfPackageOnboardingNotification{}, sol003.VnfPkgInfo{}, sol003.VnfSnapshotInfo{},
		sol003.VnfSnapshotInfoModificationRequest{}, sol003.VnfSnapshotInfoModifications{},
	},
	"sol005": {
		sol005.Alarm{}, sol005.CancelMode{}, sol005.CreateNsRequest{}, sol005.CreateNsdInfoRequest{}, sol005.CreatePnfdInfoRequest{},
		sol005.CreateVnfPkgInfoRequest{}, sol005.ExternalArtifactsAccessConfig{}, sol005.FmNotificationsFilter{}, sol005.HealNsRequest{},
		sol005.InstantiateNsRequest{}, sol005.LccnSubscription{}, sol005.LccnSubscriptionRequest{},
		sol005.NsChangeNotification{}, sol005.NsIdentifierCreationNotification{},
		sol005.NsIdentifierDeletionNotification{}, sol005.NsInstance{}, sol005.NsLcmCapacityShortageNotification{},
		sol005.NsLcmOpOcc{}, sol005.NsLcmOperationOccurrenceNotification{}, sol005.NsdChangeNotification{},
		sol005.NsdDeletionNotification{}, sol005.NsdInfo{}, sol005.NsdInfoModifications{},
		sol005.NsdOnBoardingFailureNotification{}, sol005.NsdOnBoardingNotification{}, sol005.NsdmSubscription{},
		sol005.NsdmSubscriptionRequest{}, sol005.PkgmSubscription{}, sol005.PkgmSubscriptionRequest{},
		sol005.PnfdDeletionNotification{}, sol005.PnfdInfo{}, sol005.PnfdInfoModifications{},
		sol005.PnfdOnBoardingFailureNotification{}, sol005.PnfdOnBoardingNotification{}, sol005.ScaleNsRequest{},
		sol005.TerminateNsRequest{}, sol005.UpdateNsRequest{}, sol005.UploadVnfPackageFromURIRequest{},
		sol005.VnfPackageChangeNotification{}, sol005.VnfPackageOnboardingNotification{}, sol005.VnfPkgInfo{},
		sol005.VnfPkgInfoModifications{}, sol005.VnfSnapshotInfo{},
	},
}

// TestWire holds what each type looks like on the wire, filled and empty: the names
// of its attributes, how they nest, and which of them may be absent.
func TestWire(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(roots)) {
		var got bytes.Buffer
		for _, root := range roots[name] {
			empty := reflect.New(reflect.TypeOf(root)).Elem()
			filled := reflect.New(reflect.TypeOf(root)).Elem()
			fill(t, filled)
			for _, v := range []reflect.Value{empty, filled} {
				raw := wire(t, v.Interface())
				got.WriteString(empty.Type().Name() + " " + string(raw) + "\n")
				read := reflect.New(empty.Type())
				if err := json.Unmarshal(raw, read.Interface()); err != nil {
					t.Fatalf("%s.%s cannot be read back: %v", name, empty.Type().Name(), err)
				}
				if again := wire(t, read.Interface()); !bytes.Equal(again, raw) {
					t.Errorf("%s.%s read back:\n got %s\nwant %s", name, empty.Type().Name(), again, raw)
				}
			}
		}
		path := filepath.Join("testdata", name+".wire")
		if *update {
			if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		lines, wantLines := strings.Split(got.String(), "\n"), strings.Split(string(want), "\n")
		for i := range max(len(lines), len(wantLines)) {
			if line, wantLine := at(lines, i), at(wantLines, i); line != wantLine {
				t.Errorf("%s:%d differs (go test ./internal/sol -update writes it anew):\n got %s\nwant %s", path, i+1, line, wantLine)
			}
		}
	}
}

// TestEveryTypeIsOnTheWire holds that roots reaches each struct there is.
func TestEveryTypeIsOnTheWire(t *testing.T) {
	reached := map[string]bool{}
	for _, types := range roots {
		for _, root := range types {
			reach(reached, reflect.TypeOf(root))
		}
	}
	for dir, pkg := range map[string]string{".": "sol", "sol003": "sol003", "sol005": "sol005"} {
		for _, name := range structs(t, dir) {
			if !reached[pkg+"."+name] {
				t.Errorf("no value of %s.%s is looked at: add it to roots, or take out what nobody uses", pkg, name)
			}
		}
	}
}

// at is line i, or nothing past the end.
func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

// wire is v as JSON, with the attributes in the order of their names.
func wire(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		t.Fatal(err)
	}
	if raw, err = json.Marshal(tree); err != nil {
		t.Fatal(err)
	}
	return raw
}

// fill gives every attribute a value, and every list and map one element.
func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Date(2021, 6, 1, 12, 0, 0, 0, time.UTC)))
		return
	case json.RawMessage:
		v.SetBytes([]byte(`{"any":1}`))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(t, v.Index(0))
	case reflect.Map:
		e := reflect.New(v.Type().Elem()).Elem()
		fill(t, e)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("key").Convert(v.Type().Key()), e)
	case reflect.String:
		v.SetString("s")
	case reflect.Int:
		v.SetInt(7)
	case reflect.Float64:
		v.SetFloat(1.5)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Interface:
		v.Set(reflect.ValueOf("any"))
	default:
		t.Fatalf("%s is no plain data", v.Type())
	}
}

// reach notes v and all types that it holds.
func reach(seen map[string]bool, v reflect.Type) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		reach(seen, v.Elem())
	case reflect.Struct:
		if !seen[v.String()] {
			seen[v.String()] = true
			for i := range v.NumField() {
				reach(seen, v.Field(i).Type)
			}
		}
	}
}

// structs are the names of the struct types that the files of a folder declare.
func structs(t *testing.T, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok {
				if _, ok := spec.Type.(*ast.StructType); ok {
					names = append(names, spec.Name.Name)
				}
			}
			return true
		})
	}
	return names
}

// A list of which one element may stand alone is read in both forms, and written as
// the official file has it.
func TestOneOrMore(t *testing.T) {
	for _, x := range []struct{ in, out string }{{`"a"`, `"a"`}, {`["a"]`, `"a"`}, {`["a","b"]`, `["a","b"]`}, {`[]`, `[]`}, {`3`, ""}, {`{"a":1}`, ""}, {`[3]`, ""}} {
		var o sol003.OneOrMore
		if err := json.Unmarshal([]byte(x.in), &o); (err != nil) != (x.out == "") {
			t.Errorf("%s: %v", x.in, err)
		} else if err == nil {
			if raw, err := json.Marshal(o); err != nil || string(raw) != x.out {
				t.Errorf("%s is written as %s, want %s; %v", x.in, raw, x.out, err)
			}
		}
	}
}
