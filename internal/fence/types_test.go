package fence

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestExportedTypes reads what the compiler exported of each package, which is
// what the cache of the build holds anyway.
func TestExportedTypes(t *testing.T) {
	type listed struct{ ImportPath, Name, Export string }
	all, err := goList[listed]("-export", "-deps", "-json=ImportPath,Name,Export", "./...")
	if err != nil {
		t.Fatal(err)
	}
	exports := map[string]string{}
	for _, p := range all {
		exports[p.ImportPath] = p.Export
	}
	imports := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(exports[path])
	})
	checked := 0
	for _, p := range all {
		if _, ours := below(p.ImportPath, module); !ours || p.Name == "main" || p.Export == "" {
			continue
		}
		pkg, err := imports.Import(p.ImportPath)
		if err != nil {
			t.Fatalf("read exported names of %s: %v", p.ImportPath, err)
		}
		checked++
		for _, problem := range shown(pkg) {
			t.Error(problem)
		}
	}
	if checked == 0 {
		t.Error("no package was checked: the fence guards nothing")
	}
}

// shown lists the exported names of pkg that show a type of a hidden family.
func shown(pkg *types.Package) []string {
	v := viewer{pkg: pkg, seen: map[*types.Named]bool{}}
	for _, n := range pkg.Scope().Names() {
		if obj := pkg.Scope().Lookup(n); obj.Exported() {
			v.object(obj)
		}
	}
	return v.problems
}

// viewer walks what a user of pkg can see of it.
type viewer struct {
	pkg      *types.Package
	name     string // exported name that is looked at
	seen     map[*types.Named]bool
	problems []string
}

func (v *viewer) object(obj types.Object) {
	v.name = obj.Name()
	if named, ok := obj.Type().(*types.Named); ok && named.Obj() == obj {
		v.declared(named)
		return
	}
	v.typ(obj.Type())
}

// declared walks the declaration of a type of pkg.
func (v *viewer) declared(named *types.Named) {
	if v.seen[named] {
		return
	}
	v.seen[named] = true
	v.params(named.TypeParams())
	v.typ(named.Underlying())
	methods := types.NewMethodSet(types.NewPointer(named)) // promoted ones included
	for sel := range methods.Methods() {
		if sel.Obj().Exported() {
			v.typ(sel.Type())
		}
	}
}

func (v *viewer) typ(t types.Type) {
	switch t := t.(type) {
	case *types.Named:
		v.use(t.Obj())
		for arg := range t.TypeArgs().Types() {
			v.typ(arg)
		}
		if t.Obj().Pkg() == v.pkg && !t.Obj().Exported() {
			v.declared(t.Origin()) // its exported methods are seen through the name that returns it
		}
	case *types.Alias:
		v.use(t.Obj())
		v.typ(t.Rhs())
	case *types.Pointer:
		v.typ(t.Elem())
	case *types.Slice:
		v.typ(t.Elem())
	case *types.Array:
		v.typ(t.Elem())
	case *types.Chan:
		v.typ(t.Elem())
	case *types.Map:
		v.typ(t.Key())
		v.typ(t.Elem())
	case *types.Tuple:
		for variable := range t.Variables() {
			v.typ(variable.Type())
		}
	case *types.Signature:
		v.params(t.TypeParams())
		v.typ(t.Params())
		v.typ(t.Results())
	case *types.Struct:
		for field := range t.Fields() {
			if field.Exported() {
				v.typ(field.Type())
			}
		}
	case *types.Interface:
		for method := range t.ExplicitMethods() {
			if method.Exported() {
				v.typ(method.Type())
			}
		}
		for embedded := range t.EmbeddedTypes() {
			v.typ(embedded)
		}
	case *types.Union:
		for term := range t.Terms() {
			v.typ(term.Type())
		}
	}
}

func (v *viewer) params(list *types.TypeParamList) {
	for param := range list.TypeParams() {
		v.typ(param.Constraint())
	}
}

// use reports the type if a hidden family declares it.
func (v *viewer) use(obj *types.TypeName) {
	if obj.Pkg() == nil {
		return // error, any
	}
	for _, f := range families {
		if !f.hidden || !slices.ContainsFunc(f.prefixes, func(p string) bool { return strings.HasPrefix(obj.Pkg().Path()+"/", p+"/") }) {
			continue
		}
		problem := fmt.Sprintf("%s.%s shows %s.%s\n\tbecause a room that shows a type of %s makes everybody import it: %s",
			v.pkg.Path(), v.name, obj.Pkg().Path(), obj.Name(), f.name, f.why)
		if !slices.Contains(v.problems, problem) {
			v.problems = append(v.problems, problem)
		}
	}
}

const showing = `package p

import "github.com/nats-io/nats.go"

// What may not be.
var BadVar *nats.Conn
var BadMap map[string][]nats.Conn
type BadAlias = nats.Conn
type BadDefined nats.Shape
type BadStruct struct { Inner struct { Conn chan nats.Conn } }
type BadEmbed struct { *nats.Conn }
type BadInterface interface { Use([2]nats.Conn) }
type BadEmbedInterface interface { nats.Handler }
type BadMethod struct{}
func (*BadMethod) Get() func(nats.Conn) { return nil }
type BadPromoted struct { hidden }
type BadParam[T nats.Handler] struct{}
type BadUnion interface { ~int | nats.Conn }
type BadArg struct { Box Box[nats.Conn] }
func BadFunc() (x error, c nats.Conn) { return }
func BadGeneric[T interface{ nats.Handler }](T) {}
func BadOpaque() *opaque { return nil }

// What may.
type Box[T any] struct { V T; next *Box[T] }
type Good struct { conn *nats.Conn; Err error }
func (g *Good) dial(nats.Conn) {}
func (g *Good) Close() error { return nil }
func GoodFunc() *Good { return nil }
type goodUnseen struct{ Conn nats.Conn }
type hidden struct{}
func (hidden) Conn() nats.Conn { panic(0) }
type opaque struct{}
func (opaque) Conn() nats.Conn { panic(0) }
`

func TestShown(t *testing.T) {
	fset := token.NewFileSet()
	parse := func(name, text string) []*ast.File {
		file, err := parser.ParseFile(fset, name, text, 0)
		if err != nil {
			t.Fatal(err)
		}
		return []*ast.File{file}
	}
	nats, err := new(types.Config).Check("github.com/nats-io/nats.go", fset,
		parse("nats.go", "package nats\ntype Conn struct{}\ntype Handler interface{ Handle(*Conn) }\ntype Shape struct{ Conn *Conn }"), nil)
	if err != nil {
		t.Fatal(err)
	}
	config := types.Config{Importer: importerFunc(func(string) (*types.Package, error) { return nats, nil })}
	pkg, err := config.Check("example.test/p", fset, parse("p.go", showing), nil)
	if err != nil {
		t.Fatal(err)
	}
	problems := shown(pkg)
	for _, n := range pkg.Scope().Names() {
		want := strings.HasPrefix(n, "Bad")
		got := slices.ContainsFunc(problems, func(p string) bool { return strings.HasPrefix(p, "example.test/p."+n+" shows") })
		if got != want {
			t.Errorf("%s is reported: %t, want %t", n, got, want)
		}
	}
}

type importerFunc func(string) (*types.Package, error)

func (f importerFunc) Import(path string) (*types.Package, error) { return f(path) }
