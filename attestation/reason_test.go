package attestation

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"testing"
)

// Every code has a mend, and no mend is for a code that is gone.
func TestMends(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "reason.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	codes := 0
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			if id, ok := spec.Type.(*ast.Ident); ok && id.Name == "Code" {
				codes++
			}
		}
		return true
	})
	if codes < 40 || len(mends) != codes {
		t.Errorf("%d codes, %d mends", codes, len(mends))
	}
}

func TestReasonOf(t *testing.T) {
	if r := ReasonOf(errors.New("broken"), CSRMalformed); r.Error() != "csr-malformed: broken" {
		t.Errorf("a plain error: %v", r)
	}
	if r := ReasonOf(errors.Join(Because(KeyWeak, "")), CSRMalformed); r.Error() != "key-weak" {
		t.Errorf("a reason: %v", r)
	}
}
