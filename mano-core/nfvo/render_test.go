package nfvo

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/manoward/manoward/internal/sol/sol003"
	"github.com/manoward/manoward/internal/sol/sol005"
)

// A port that is being made has no address. SOL 003 says so by leaving the address
// out; SOL 005 demands one in each element, so the element is left out.
func TestConvert_PortWithoutAddress(t *testing.T) {
	in := sol003.VnfExtCpInfo{ID: "cp", CpdID: "cpd", CpProtocolInfo: []sol003.CpProtocolInfo{{LayerProtocol: "IP_OVER_ETHERNET"}}}
	if out := convert[sol005.VnfExtCpInfo](in); out.ID != "cp" || out.CpProtocolInfo != nil {
		t.Errorf("without an address it is shown as %+v", out)
	}
	in.CpProtocolInfo = append(in.CpProtocolInfo, sol003.CpProtocolInfo{LayerProtocol: "IP_OVER_ETHERNET", IpOverEthernet: &sol003.IpOverEthernetAddressInfo{MacAddress: "fa:16:3e:00:00:01"}})
	if out := convert[sol005.VnfExtCpInfo](in); len(out.CpProtocolInfo) != 1 || out.CpProtocolInfo[0].IpOverEthernet.MacAddress != "fa:16:3e:00:00:01" {
		t.Errorf("with one address it is shown as %+v", out.CpProtocolInfo)
	}
}

// A VNF that is converted field by field is what it is when it is converted as JSON,
// whatever of it is there.
func TestShownVnf(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 7))
	for n := range 300 {
		var in sol003.VnfInstance
		fillAny(rnd, reflect.ValueOf(&in).Elem())
		want, err := json.MarshalIndent(convert[sol005.VnfInstance](&in), "", " ")
		if err != nil {
			t.Fatal(err)
		}
		got, err := json.MarshalIndent(shownVnf(&in), "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Fatalf("%d:\n%s\nwant\n%s", n, got, want)
		}
	}
}

// fillAny fills a value at random: now and then what may be absent is, and a list or an
// object is empty.
func fillAny(rnd *rand.Rand, v reflect.Value) {
	texts := []string{"", "7", "vimConnectionId", "x y"}
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Unix(rnd.Int64N(1<<32), 0).UTC()))
		return
	case sol003.KeyValuePairs:
		if rnd.IntN(3) > 0 {
			v.Set(reflect.ValueOf(sol003.KeyValuePairs{"vimConnectionId": "v", "n": 1.5, "deep": map[string]any{"scaleToLevel": "2", "cpProtocolInfo": []any{}}}))
		}
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(texts[rnd.IntN(len(texts))])
	case reflect.Int:
		v.SetInt(rnd.Int64N(3))
	case reflect.Bool:
		v.SetBool(rnd.IntN(2) > 0)
	case reflect.Pointer:
		if rnd.IntN(4) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fillAny(rnd, v.Elem())
		}
	case reflect.Slice:
		if n := rnd.IntN(4); n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n-1, n-1))
			for i := range n - 1 {
				fillAny(rnd, v.Index(i))
			}
		}
	case reflect.Map:
		if rnd.IntN(3) > 0 {
			v.Set(reflect.MakeMap(v.Type()))
			value := reflect.New(v.Type().Elem()).Elem()
			fillAny(rnd, value)
			v.SetMapIndex(reflect.ValueOf("key"), value)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fillAny(rnd, v.Field(i))
		}
	default:
		panic("a VNF has a " + v.Kind().String())
	}
}
