package loader_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gocompose/gocompose/project/loader"
)

// manyServices writes a file of n services with what services commonly have.
func manyServices(tb testing.TB, n int) string {
	tb.Helper()
	var b strings.Builder
	b.WriteString("services:\n")
	for i := range n {
		fmt.Fprintf(&b, "  s%02d:\n    image: app:${TAG:-1}\n    command: [\"run\", \"%d\"]\n", i, i)
		fmt.Fprintf(&b, "    environment:\n      A: a\n      B: ${B:-b}\n      C:\n")
		fmt.Fprintf(&b, "    ports: [\"%d:80\"]\n    volumes: [\"data:/data\", \"./c:/c:ro\"]\n", 8000+i)
		fmt.Fprintf(&b, "    labels: {x: y}\n    networks: [front]\n")
		if i > 0 {
			fmt.Fprintf(&b, "    depends_on: [s%02d]\n", i-1)
		}
	}
	b.WriteString("networks:\n  front:\nvolumes:\n  data:\n")
	dir := filepath.Join(tb.TempDir(), "shop")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte(b.String()), 0o644); err != nil {
		tb.Fatal(err)
	}
	return dir
}

func BenchmarkLoad(b *testing.B) {
	for _, n := range []int{1, 50} {
		b.Run(fmt.Sprintf("services=%d", n), func(b *testing.B) {
			o := loader.Options{WorkingDir: manyServices(b, n)}
			for b.Loop() {
				if _, err := loader.Load(context.Background(), o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
