package policies

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestCheck(t *testing.T) {
	o := Options{Schemas: ownSchemas(t)}
	files := base()
	files["package_signer_test.rego"] = &fstest.MapFile{Data: []byte(signerTest)}
	files["package_signer.rego"].Data = []byte(strings.Replace(signer, "known(pkg.signer)", `known(object.get(pkg, "signer", ""))`, 1))
	if problems := Check(t.Context(), files, o); len(problems) != 0 {
		t.Errorf("problems = %v", problems)
	}

	add(files, "p", ns+"\nx  :=  1")
	add(files, "q", ns)
	files["q_test.rego"] = &fstest.MapFile{Data: []byte("package manoward.policies.q\n\ntest_a if true\n\n\n")}
	var lines []string
	for _, p := range Check(t.Context(), files, o) {
		lines = append(lines, p.String())
	}
	got := strings.Join(lines, "\n")
	wantText(t, got,
		"p.rego: warning: no test refers to the policy; write test_ rules in a file p_test.rego",
		"p.rego:1: warning: the policy names no control that it is for",
		"p.rego:14: warning: the file is not formatted from here on; format it with `manoward policy check --format`",
		"q.rego:1: warning: the policy names no control",
		"q_test.rego:3: warning: the file is not formatted from here on")
	if strings.Contains(got, "q.rego: warning: no test") || strings.Contains(got, "error") {
		t.Error(got)
	}
	if set, _ := Load(t.Context(), files, o); set == nil {
		t.Error("warnings keep a set from existing")
	}

	files["x_test.rego"] = &fstest.MapFile{Data: []byte("package x_test\ntest_a if {")}
	files["package_signer.rego"].Data = []byte(strings.Replace(signer, "severity: high", "severity: hihg", 1))
	problems := Check(t.Context(), files, o)
	if len(problems) != 2 || problems[0].File != "package_signer.rego" || problems[1].File != "x_test.rego" {
		t.Errorf("problems = %v", problems)
	}
}

func TestSamplesOfSet(t *testing.T) {
	set := mustLoad(t, base())
	list := set.Samples("package-signer")
	if len(list) != 2 || list[0].Name != "foreign signer" || string(list[1].Parameters) != `{"signers":["CN=evil"]}` || set.Samples("nobody") != nil {
		t.Errorf("samples = %+v", list)
	}
	again, err := ownSchemas(t).ParseInput(list[0].Input.JSON())
	if err != nil || again.value.Compare(list[0].Input.value) != 0 {
		t.Errorf("the input does not survive: %v", err)
	}
}
