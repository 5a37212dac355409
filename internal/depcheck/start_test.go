package depcheck_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// costly are packages whose calls take long enough that every command would wait for
// those that give package variables their values.
var costly = map[string]bool{"regexp": true, "template": true, "rand": true}

// Nothing is done before main that a command may have no use for: there is no init, and
// patterns and templates are constants, or compiled when they are first needed.
func TestNothingIsDoneBeforeMain(t *testing.T) {
	files := token.NewFileSet()
	seen := 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != "../.." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "examples" || d.Name() == "bench" || path == bundled) {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, declared := range f.Decls {
			seen++
			early(declared, func(at token.Pos, what string) { t.Errorf("%s: %s", files.Position(at), what) })
		}
		return nil
	})
	if err != nil || seen < 1000 {
		t.Fatalf("%d declarations: %v", seen, err)
	}
}

func early(declared ast.Decl, report func(token.Pos, string)) {
	switch d := declared.(type) {
	case *ast.FuncDecl:
		if d.Name.Name == "init" && d.Recv == nil {
			report(d.Pos(), "an init function")
		}
	case *ast.GenDecl:
		ast.Inspect(d, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && d.Tok == token.VAR {
				if of, ok := call.Fun.(*ast.SelectorExpr); ok {
					if name, ok := of.X.(*ast.Ident); ok && costly[name.Name] {
						report(call.Pos(), name.Name+"."+of.Sel.Name+" is called before main")
					}
				}
			}
			_, later := n.(*ast.FuncLit)
			return !later
		})
	}
}
