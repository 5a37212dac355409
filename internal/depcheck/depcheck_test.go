package depcheck_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/gocompose/gocompose/"

// rule: packages below one of the folders in except may import what begins
// with path, no others may.
type rule struct {
	path   string
	except []string
}

var onlyImporters = []rule{
	{"github.com/compose-spec/compose-go", []string{"project/loader"}},
	{"github.com/containerd/containerd/v2/client", []string{"containerd"}},
	{"github.com/containerd/containerd/v2/cmd", []string{"shim"}},
	{"github.com/moby/buildkit/frontend/dockerfile", []string{"buildkit", "internal/dockerfile"}},
	{"github.com/moby/buildkit", []string{"buildkit", "internal/dockerfile"}},
	{"tags.cncf.io/container-device-interface/pkg/cdi", []string{"containerd/cdi"}},
	{"github.com/vishvananda/netlink", []string{"networks"}},
	{"github.com/google/nftables", []string{"networks"}},
	{"github.com/miekg/dns", []string{"dns"}},
	{"github.com/spf13/cobra", []string{"cmd"}},
	{"golang.org/x/term", []string{"view", "cmd"}},
	{"github.com/fsnotify/fsnotify", []string{"events", "logs", "watch"}},
	{"github.com/moby/patternmatcher", []string{"watch"}},
	{module + "events", []string{"cmd", "host", "shim", "supervisor"}},
	{module + "meter", []string{"cmd"}},
	{module + "processes", []string{"cmd"}},
	{module + "transfer", []string{"cmd", "host"}},
	{module + "watch", []string{"cmd", "host"}},
	{module + "cmd", []string{"cmd"}},
	{module + "host", []string{"cmd"}},
	{module + "buildkit", []string{"buildkit", "cmd", "host"}},
	{module + "namespaces", []string{"host"}},
	{module + "signatures", []string{"host"}},
	{module + "remote", []string{"cmd"}},
	{module + "provider", []string{"cmd", "host"}},
	{module + "secrets", []string{"cmd", "host", "project/loader", "secrets"}},
	{module + "containerd/cdi", []string{"containerd"}},
	{module + "shim/forward", []string{"shim"}},
	{module + "shim", []string{"cmd/containerd-shim-gocompose-v1", "cmd/gocompose-shim", "host", "shim", "containerd"}},
}

// adapters do not import each other.
var adapters = []string{"buildkit", "containerd", "networks", "namespaces", "volumes", "secrets", "signatures"}

// leaves of adapters are for all: a record, and files that namespaces of every
// kind are bound to.
var leaves = []string{module + "networks/endpoint", module + "networks/netns"}

// alone are packages that know nothing of the others, but for those that are named.
var alone = map[string][]string{
	"events":        {module + "internal"},
	"internal/near": nil,
	"logs":          {module + "internal"},
	"meter":         {module + "internal/cgroup"},
	"processes":     nil,
	"shim/attach":   {module + "logs", module + "shim/options"},
	"transfer":      nil,
	"watch":         {module + "project"},
}

// pure packages import the standard library, and of that nothing that does
// input or output or is not deterministic.
var pure = map[string][]string{
	"project": nil,
	"planner": {module + "project", module + "internal/near"},
}

// bundled are modules that are made of what we start, by other rules.
var bundled = filepath.Join("..", "..", "bundle")

var impure = []string{"os", "io/ioutil", "net", "net/http", "math/rand", "math/rand/v2", "crypto/rand", "log", "log/slog", "os/exec", "syscall", "context"}

func TestImportRules(t *testing.T) {
	for dir, imports := range importsByFolder(t, "../..") {
		for _, imp := range imports {
			check(t, dir, imp)
		}
	}
}

// The tree of ARCHITECTURE.md has every package, by its path or the end of that.
func TestTheTreeHasEveryPackage(t *testing.T) {
	text, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	for dir := range importsByFolder(t, "../..") {
		named := false
		for _, name := range []string{dir, filepath.Base(dir)} {
			named = named || strings.Contains(string(text), "`"+name+"`") || strings.Contains(string(text), "`"+name+"/`")
		}
		if !named {
			t.Errorf("ARCHITECTURE.md does not say what %s is", dir)
		}
	}
}

func check(t *testing.T, dir, imp string) {
	t.Helper()
	for _, r := range onlyImporters {
		if below(imp, r.path) && !slices.ContainsFunc(r.except, func(e string) bool { return below(dir, e) }) {
			t.Errorf("%s imports %s: only %v may", dir, imp, r.except)
		}
	}
	for _, a := range adapters {
		other := slices.ContainsFunc(adapters, func(b string) bool { return a != b && below(imp, module+b) })
		if below(dir, a) && other && !slices.Contains(leaves, imp) {
			t.Errorf("%s imports %s: adapters do not know each other", dir, imp)
		}
	}
	if known, isAlone := alone[dir]; isAlone && below(imp, strings.TrimSuffix(module, "/")) &&
		!slices.ContainsFunc(known, func(k string) bool { return below(imp, k) }) {
		t.Errorf("%s imports %s: it knows only %v", dir, imp, known)
	}
	allowed, isPure := pure[dir]
	if !isPure {
		return
	}
	std := !strings.Contains(strings.Split(imp, "/")[0], ".")
	if std && slices.Contains(impure, imp) || !std && !slices.Contains(allowed, imp) {
		t.Errorf("%s imports %s: it is pure", dir, imp)
	}
}

func below(path, folder string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }

// importsByFolder reads the imports of all code that is not a test.
func importsByFolder(t *testing.T, root string) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "examples" || path == bundled) {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		for _, i := range f.Imports {
			imp, uerr := strconv.Unquote(i.Path.Value)
			if uerr != nil {
				return uerr
			}
			found[dir] = append(found[dir], imp)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 10 {
		t.Fatalf("found only %d packages below %s", len(found), root)
	}
	return found
}
