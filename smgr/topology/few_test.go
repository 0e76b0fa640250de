package topology

import (
	"encoding/json"
	"testing"
)

// A few is written as the map that it was made of, and finds what that had.
func TestFew(t *testing.T) {
	for _, m := range []map[string]link{
		{}, {"a": {}}, {"b": {Name: "<&>\u2028"}, "a\"<": {NetworkID: "n"}, "": {ProfileID: "p"}, "ü": {}, "tab\t\\": {}, "\x7f~ ": {}},
	} {
		f := fewOf(m)
		got, err := json.Marshal(struct {
			F few[link] `json:"f,omitzero"`
		}{f})
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(struct {
			F map[string]link `json:"f,omitzero"`
		}{m})
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s, want %s", got, want)
		}
		for key, val := range m {
			if f.get(key) != val {
				t.Errorf("%q has %+v, want %+v", key, f.get(key), val)
			}
		}
		if f.get("none") != (link{}) {
			t.Error("there is what there is not")
		}
	}
	if raw, err := json.Marshal(struct {
		F few[link] `json:"f,omitzero"`
	}{}); err != nil || string(raw) != "{}" {
		t.Errorf("%s, %v", raw, err)
	}
}

// UnmarshalJSON is for tests, which read inputs.
func (f *few[V]) UnmarshalJSON(raw []byte) error {
	var m map[string]V
	err := json.Unmarshal(raw, &m)
	*f = fewOf(m)
	return err
}
