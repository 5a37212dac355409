package executor_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"testing"
)

// The set of operations is closed, and the compiler does not say when a switch
// misses one.
func TestEveryOpIsHandled(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "../planner/op.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ops []string
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Name.Name == "op" {
			ops = append(ops, fn.Recv.List[0].Type.(*ast.Ident).Name)
		}
	}
	if len(ops) < 9 {
		t.Fatalf("found only %v", ops)
	}
	for _, file := range []string{"do.go", "../view/words.go"} {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, op := range ops {
			if !regexp.MustCompile(`case (planner\.\w+, )*planner\.` + op + `[,:]`).Match(src) {
				t.Errorf("%s does not handle planner.%s", file, op)
			}
		}
	}
}
