package webauthn

import (
	"fmt"
	"strings"
	"testing"
)

func TestDecodeMap(t *testing.T) {
	for name, tt := range map[string]struct {
		data, want string // want is empty when refused
	}{
		"empty":                {"\xa0", "map[]"},
		"all that is known":    {"\xa5\x61a\x18\x18\x61b\x38\x64\x61c\x42hi\x61d\x82\x01\x20\x61e\xa1\x61f\x61g", "map[a:24 b:-101 c:[104 105] d:[1 -1] e:map[f:g]]"},
		"largest":              {"\xa1\x61a\x1b\x7f\xff\xff\xff\xff\xff\xff\xff", "map[a:9223372036854775807]"},
		"smallest":             {"\xa1\x61a\x3b\x7f\xff\xff\xff\xff\xff\xff\xff", "map[a:-9223372036854775808]"},
		"nothing":              {"", ""},
		"not a map":            {"\x01", ""},
		"bytes behind":         {"\xa0\xa0", ""},
		"map cut":              {"\xa1", ""},
		"value cut":            {"\xa1\x61a", ""},
		"text cut":             {"\xa1\x62a", ""},
		"bytes of 2^62":        {"\xa1\x61a\x5b\x40\x00\x00\x00\x00\x00\x00\x00", ""},
		"length cut":           {"\xa1\x61a\x59\x01", ""},
		"number too large":     {"\xa1\x61a\x1b\x80\x00\x00\x00\x00\x00\x00\x00", ""},
		"number not shortest":  {"\xa1\x61a\x18\x17", ""},
		"length not shortest":  {"\xa1\x61a\x59\x00\x01x", ""},
		"32 bits not shortest": {"\xa1\x61a\x1a\x00\x00\xff\xff", ""},
		"64 bits not shortest": {"\xa1\x61a\x1b\x00\x00\x00\x00\xff\xff\xff\xff", ""},
		"indefinite map":       {"\xbf\xff", ""},
		"indefinite bytes":     {"\xa1\x61a\x5f\xff", ""},
		"key twice":            {"\xa2\x61a\x01\x61a\x02", ""},
		"number as key":        {"\xa1\x01\x01", ""},
		"list as key":          {"\xa1\x80\x01", ""},
		"text that is not":     {"\xa1\x61\xff\x01", ""},
		"tag":                  {"\xa1\x61a\xc0\x01", ""},
		"null":                 {"\xa1\x61a\xf6", ""},
		"too many items":       {"\xa1\x61a\x91" + strings.Repeat("\x01", 17), ""},
		"too many keys":        {"\xb1" + strings.Repeat("\x61a\x01", 17), ""},
		"too deep":             {"\xa1\x61a\x81\x81\x81\x80", ""},
		"just not too deep":    {"\xa1\x61a\x81\x81\x80", "map[a:[[[]]]]"},
	} {
		m, err := decodeMap([]byte(tt.data))
		if tt.want == "" && err == nil {
			t.Errorf("%s: decoded as %v", name, m)
		}
		if tt.want != "" && (err != nil || fmt.Sprint(m) != tt.want) {
			t.Errorf("%s: %v, %v, want %s", name, m, err, tt.want)
		}
	}
}
