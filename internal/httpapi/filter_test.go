package httpapi

import (
	"fmt"
	"strings"
	"testing"

	"github.com/manoward/manoward/internal/hub"
)

func TestParseFilter_Errors(t *testing.T) {
	many := strings.TrimSuffix(strings.Repeat("(eq,a,1);", maxFilterTerms+1), ";")
	for text, want := range map[string]string{
		"":                        `byte 0: expected "("`,
		"eq,a,1":                  `byte 0: expected "("`,
		"(":                       "byte 1: expected an operator",
		"(is,a,1)":                "byte 1: expected an operator",
		"(EQ,a,1)":                "byte 1: expected an operator",
		"(eq)":                    `byte 3: expected ","`,
		"(eq,)":                   "byte 4: expected an attribute name",
		"(eq,a)":                  `byte 5: expected ","`,
		"(eq,/a,1)":               "byte 4: expected an attribute name",
		"(eq,a//b,1)":             "byte 6: expected an attribute name",
		"(eq,a@b,1)":              "byte 4: expected an attribute name",
		"(eq,a~,1)":               "byte 4: expected an attribute name",
		"(eq,a~2,1)":              "byte 4: expected an attribute name",
		"(eq,a,1":                 `byte 7: expected ")", because eq takes one`,
		"(eq,a,1,2)":              `byte 7: expected ")", because eq takes one value`,
		"(in,a,1":                 `byte 7: expected ","`,
		"(eq,a,'x)":               "byte 9: expected the closing quote",
		"(eq,a,'x'y)":             `byte 9: expected ")"`,
		"(in,a,'x'y)":             `byte 9: expected ","`,
		"(eq,a,x'y)":              `byte 7: expected ")"`,
		"(eq,a,x(y)":              `byte 7: expected ")"`,
		"(eq,a,1)(eq,b,2)":        `byte 8: expected ";"`,
		"(eq,a,1);":               `byte 9: expected "("`,
		"(eq,a,1),(eq,b,2)":       `byte 8: expected ";"`,
		many:                      "after 32 terms",
		strings.Repeat("x", 5000): "at most 4096 bytes",
		"(eq," + strings.Repeat("a/", 16) + "a,1)":              "at most 16 names",
		"(in,a" + strings.Repeat(",1", maxFilterValues+1) + ")": "after 256 values",
	} {
		_, err := ParseFilter(text)
		if err == nil || !strings.Contains(hub.SafeText(err), want) {
			t.Errorf("%.60s: %v, want %q", text, err, want)
		}
		wantCode(t, err, hub.Invalid)
	}
}

func TestParseFilter_Spelling(t *testing.T) {
	for text, want := range map[string]string{
		"(eq,a,1)":                       "(eq,a,1)",
		"(eq,a,'1')":                     "(eq,a,1)",
		"(in,a/b/@key,x,'y,z')":          "(in,a/b/@key,x,'y,z')",
		"(eq,a,'it''s')":                 "(eq,a,'it''s')",
		"(eq,a,)":                        "(eq,a,)",
		"(eq,a,'')":                      "(eq,a,)",
		"(eq,a,x;y)":                     "(eq,a,'x;y')",
		"(eq,a~1b~0~a~b,1)":              "(eq,a~1b~0~a~b,1)",
		"(cont,a,' b ',c);(gt,b,-1.5e3)": "(cont,a, b ,c);(gt,b,-1.5e3)",
	} {
		f, err := ParseFilter(text)
		if err != nil || f.String() != want {
			t.Errorf("%s: %s, %v, want %s", text, f, err, want)
			continue
		}
		again, err := ParseFilter(f.String())
		if err != nil || !again.Equal(f) {
			t.Errorf("%s read again: %s, %v", f, again, err)
		}
	}
	var none *Filter
	f, _ := ParseFilter("(eq,a,1)")
	if none.String() != "" || !none.Match(1) || !none.Equal(nil) || none.Equal(f) {
		t.Error("the nil filter matches everything and equals itself")
	}
}

func TestFilter_Match(t *testing.T) {
	resource := parseJSON(t, `{
		"id":"ns-1", "count":10, "big":9007199254740993, "huge":18446744073709551616, "ratio":0.5, "on":true, "none":null,
		"at":"2026-01-02T03:04:05Z", "text":"(a),'b'", "num":"10",
		"parts":[{"color":"red","size":1},{"color":"green","size":2,"tags":["x","y"]}],
		"meta":{"k1":"v1","a/b,c@d~e":"odd"}, "links":{"self":{"href":"https://h/x"}}, "empty":[]}`)
	for filter, want := range map[string]bool{
		"(eq,id,ns-1)": true, "(eq,id,ns-2)": false, "(neq,id,ns-2)": true, "(neq,id,ns-1)": false,
		"(eq,count,10)": true, "(eq,count,10.0)": true, "(eq,count,1e1)": true, "(eq,count,'10')": true, "(eq,count,ten)": false, "(neq,count,ten)": true,
		"(gt,count,9)": true, "(gt,count,10)": false, "(gte,count,10)": true, "(lt,count,11)": true, "(lt,count,9)": false, "(lte,count,10)": true, "(gt,count,x)": false,
		"(eq,big,9007199254740993)": true, "(eq,big,9007199254740992)": false, "(gt,big,9007199254740992)": true,
		"(gt,huge,18446744073709551615)": true, "(lt,huge,18446744073709551617)": true,
		"(eq,ratio,0.5)": true, "(lt,ratio,1)": true,
		"(eq,on,true)": true, "(eq,on,false)": false, "(neq,on,false)": true, "(eq,on,1)": false, "(gt,on,false)": false, "(in,on,x,true)": true,
		"(eq,at,2026-01-02T03:04:05Z)": true, "(eq,at,2026-01-02T04:04:05+01:00)": true, "(gt,at,2026-01-02T03:04:04.5Z)": true,
		"(lt,at,2026-01-02T03:04:05+01:00)": false, "(gt,at,2025)": true,
		"(eq,text,'(a),''b''')": true, "(cont,text,'),''')": true,
		"(lt,num,9)":       true, // a string: "10" comes before "9"
		"(in,id,a,ns-1,b)": true, "(in,id,a,b)": false, "(nin,id,a,b)": true, "(nin,id,a,ns-1)": false,
		"(cont,id,s-)": true, "(cont,id,x,1)": true, "(cont,id,x)": false, "(ncont,id,x)": true, "(ncont,id,x,1)": false,
		"(cont,count,1)": false, "(ncont,count,5)": false, // only strings contain
		"(eq,parts/color,green)": true, "(eq,parts/color,blue)": false, "(gt,parts/size,1)": true, "(eq,parts/tags,y)": true, "(eq,parts/tags,z)": false,
		"(neq,parts/color,red)": true, "(neq,parts/tags,x)": true, // any element
		"(eq,parts/color,red);(eq,parts/size,2)": true, // by two elements: terms stand alone
		"(eq,id,ns-1);(eq,count,11)":             false,
		"(eq,meta/@key,k1)":                      true, "(eq,meta/@key,k2)": false, "(cont,meta/@key,k)": true, "(eq,meta/@key/x,k1)": false,
		"(eq,meta/k1,v1)": true, "(eq,meta/a~1b~ac~bd~0e,odd)": true, "(eq,links/self/href,https://h/x)": true,
		"(eq,id/x,1)": false, "(eq,absent,1)": false, "(neq,absent,1)": false, "(nin,absent,1)": false, "(ncont,absent,1)": false,
		"(eq,none,null)": false, "(neq,none,1)": false, "(eq,meta,x)": false, "(neq,meta,x)": false, "(neq,empty,x)": false,
	} {
		f, err := ParseFilter(filter)
		if err != nil {
			t.Errorf("%s: %v", filter, err)
			continue
		}
		if got := f.Match(resource); got != want {
			t.Errorf("%s: %v, want %v", filter, got, want)
		}
	}
}

func TestFilter_MatchGoValues(t *testing.T) {
	f, _ := ParseFilter("(eq,count,3);(eq,parts/color,red)")
	if !f.Match(thing{Count: 3, Parts: []part{{Color: "red"}}}) || !f.Match(&thing{Count: 3, Parts: []part{{Color: "red"}}}) {
		t.Error("a struct does not match by its JSON names")
	}
	if f.Match(thing{Count: 2}) || f.Match(make(chan int)) {
		t.Error("what differs or cannot be encoded matches")
	}
	g, _ := ParseFilter("(gt,x,1.5)")
	if !g.Match(map[string]any{"x": 2.0}) || g.Match(map[string]any{"x": 1.0}) || g.Match(map[string]any{"x": struct{}{}}) {
		t.Error("float64 of json.Unmarshal is not compared")
	}
}

func BenchmarkFilter_Match10kItems(b *testing.B) {
	items := make([]map[string]any, 10_000)
	for i := range items {
		items[i] = parseJSON(b, fmt.Sprintf(`{"id":"vnf-%d","count":%d,"state":"STARTED","parts":[{"color":"red"},{"color":"c%d"}]}`, i, i, i%7)).(map[string]any)
	}
	f, err := ParseFilter("(gte,count,100);(eq,parts/color,c3);(in,state,STARTED,STOPPED)")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	matched := 0
	for b.Loop() {
		matched = 0
		for _, item := range items {
			if f.Match(item) {
				matched++
			}
		}
	}
	if matched != 1415 {
		b.Fatalf("%d items match, want 1415", matched)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(items)), "ns/item")
}
