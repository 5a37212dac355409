package loader

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/sirupsen/logrus"

	"github.com/gocompose/gocompose/project"
)

// referenceFiles are what a test of compose-go loads: files in a folder, of which a
// later one is laid over an earlier one.
type referenceFiles struct {
	name  string
	dir   string
	files []string
	// same, when set, is a file that says what the others merged say.
	same string
}

// references are the Compose files of compose-go's tests, and those that are texts
// in them.
func references(t testing.TB) (out []referenceFiles) {
	t.Helper()
	found, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/compose-spec/compose-go/v2").Output()
	if err != nil {
		t.Fatalf("finding compose-go: %v", err)
	}
	root := strings.TrimSpace(string(found))
	texts := t.TempDir()
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch name := filepath.Base(path); {
		case err != nil || d.IsDir():
			return err
		case strings.HasSuffix(path, "_test.go"):
			of, err := textsOf(path, filepath.Join(texts, strings.ReplaceAll(strings.TrimPrefix(path, root), "/", "-")))
			out = append(out, of...)
			return err
		case strings.Contains(path, "/testdata/") && strings.HasSuffix(name, ".yaml"):
			short, err := filepath.Rel(root, path)
			out = append(out, referenceFiles{name: short, dir: filepath.Dir(path), files: []string{name}})
			return err
		}
		return nil
	})
	if err != nil || len(out) < 300 {
		t.Fatalf("%d files of compose-go: %v", len(out), err)
	}
	return out
}

// textsOf writes the texts of a Go file that are Compose files into folders of
// their own. The texts of one call, if there are three, are two files and what they
// are merged.
func textsOf(path, dir string) (out []referenceFiles, err error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		return nil, err
	}
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || err != nil {
			return err == nil
		}
		var contents []string
		for _, arg := range call.Args {
			ast.Inspect(arg, func(n ast.Node) bool {
				if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					if text, uerr := strconv.Unquote(lit.Value); uerr == nil && strings.Contains(text, "services:\n") {
						contents = append(contents, text)
					}
				}
				_, inner := n.(*ast.CallExpr)
				return !inner || n == arg
			})
		}
		if len(contents) == 0 {
			return true
		}
		r := referenceFiles{name: fmt.Sprintf("%s-%d", filepath.Base(dir), len(out))}
		r.dir = filepath.Join(dir, strconv.Itoa(len(out)))
		err = os.MkdirAll(r.dir, 0o755)
		for i, text := range contents {
			name := fmt.Sprintf("%d.yaml", i)
			err = errors.Join(err, os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o644))
			r.files = append(r.files, name)
		}
		if f, ok := call.Fun.(*ast.Ident); ok && f.Name == "assertMergeYaml" && len(contents) == 3 {
			r.same, r.files = r.files[2], r.files[:2]
		}
		out = append(out, r)
		return true
	})
	return out, err
}

func (r referenceFiles) options(files ...string) Options {
	return Options{
		Files: files, WorkingDir: r.dir, ProjectName: "reference", AllResources: true, EnvFiles: []string{os.DevNull},
		Environ: r.environ(), Profiles: []string{"*"}, Node: Node{Hostname: "here", OS: "linux", Arch: "amd64"},
	}
}

func (r referenceFiles) environ() []string {
	return []string{"HOME=/root", "PWD=" + r.dir, "GOLDEN_TAG=1.2.3", "GOLDEN_PORT=8080"}
}

// alone loads the files with compose-go by itself, and returns what it writes.
func (r referenceFiles) alone(m ModelOptions) (string, error) {
	details := types.ConfigDetails{WorkingDir: r.dir, Environment: types.NewMapping(r.environ())}
	for _, f := range r.files {
		details.ConfigFiles = append(details.ConfigFiles, types.ConfigFile{Filename: filepath.Join(r.dir, f)})
	}
	p, err := loader.LoadWithContext(context.Background(), details, func(o *loader.Options) {
		o.SetProjectName("reference", true)
		o.Profiles = []string{"*"}
		o.SkipConsistencyCheck = m.NoConsistency
		o.SkipResolveEnvironment, o.SkipResolveLabels = true, true
	})
	if err != nil {
		return "", err
	}
	if p, err = p.WithoutUnresolvedOptionalDependencies().WithServicesEnvironmentResolved(true); err != nil {
		return "", err
	}
	if p, err = p.WithServicesLabelsResolved(true); err != nil {
		return "", err
	}
	b, err := (&Model{model: p}).YAML()
	return string(b), err
}

// What is loaded is what compose-go loads by itself; of what that takes, no more is
// refused than what the table of attributes says, and what cannot be.
func TestFilesOfComposeGoLoadAsItLoadsThem(t *testing.T) {
	logrus.SetOutput(io.Discard)
	defer logrus.SetOutput(os.Stderr)
	for name, m := range map[string]ModelOptions{"whole": {}, "parts": {NoConsistency: true}} {
		loads := 0
		for _, r := range references(t) {
			t.Run(name+"/"+r.name, func(t *testing.T) {
				want, wantErr := r.alone(m)
				model, err := LoadModel(context.Background(), r.options(r.files...), m)
				if (err == nil) != (wantErr == nil) {
					t.Fatalf("compose-go alone: %v\nhere: %v", wantErr, err)
				}
				if err != nil {
					return
				}
				loads++
				got, err := model.YAML()
				if err != nil || string(got) != want {
					t.Errorf("%v\n%s\nis, by compose-go alone,\n%s", err, got, want)
				}
				if name == "whole" {
					r.refusals(t)
				}
			})
		}
		if loads < 190 {
			t.Errorf("only %d load", loads)
		}
	}
}

// cannotBe are what compose-go's tests ask for and no runtime can do.
var cannotBe = []string{
	"services.linked.external_links: conflicts with network_mode service:kitchen-sink",
	"services.linked.links: conflicts with network_mode service:kitchen-sink",
	`services.foo.deploy.placement.constraints[0]: is no constraint`, // node=foo
	`services.foo.networks.net1.driver_opts.com.docker.network.endpoint.sysctls: "ipv6.conf.accept_ra=0" is not a setting`,
	"networks.network1.ipam.config[1].subnet: 172.28.0.0/16 overlaps with 172.28.0.0/16",
	"_over_short: is not one of as, core,", "_over_long: is not one of as, core,", // ulimits of no kernel
	"services.test2.memswap_limit: limits memory and swap together, and there is no limit of memory",
	"services.with_ipc.ipc: the IPC namespace of service zot is its own alone",
	"services.kitchen-sink.cpu_period: conflicts with cpus", "services.kitchen-sink.cpu_quota: conflicts with cpus",
	"services.kitchen-sink.domainname: conflicts with uts host", "services.kitchen-sink.hostname: conflicts with uts host",
	"secrets.db_password.file: there is no file", "configs.redis_conf.file: there is no file",
	"services.test.pre_start[2]: what runs once for the service comes before what runs for each replica",
	`the path in the container is "a:/a"`, `the path in the container is "c:/c"`, // a drive of Windows
}

func (r referenceFiles) refusals(t *testing.T) {
	t.Helper()
	_, err := Load(context.Background(), r.options(r.files...))
	var problems Problems
	if err != nil && !errors.As(err, &problems) {
		t.Fatal(err)
	}
	for _, p := range problems {
		known := strings.HasPrefix(p.Text, notYet)
		for _, text := range cannotBe {
			known = known || strings.Contains(p.String(), text)
		}
		if !known {
			t.Error(p)
		}
	}
}

// Files that are merged are what compose-go's tests say they are, but for those that
// its own loader would not take.
func TestFilesOfComposeGoAreMergedAsItSays(t *testing.T) {
	logrus.SetOutput(io.Discard)
	defer logrus.SetOutput(os.Stderr)
	merged := 0
	for _, r := range references(t) {
		if r.same == "" {
			continue
		}
		m := ModelOptions{NoConsistency: true, NoEnvResolution: true}
		var texts []string
		for _, files := range [][]string{r.files, {r.same}} {
			model, err := LoadModel(context.Background(), r.options(files...), m)
			if err != nil {
				continue
			}
			b, err := model.YAML()
			if err != nil {
				t.Fatal(err)
			}
			texts = append(texts, string(b))
		}
		if len(texts) < 2 {
			continue
		}
		merged++
		if texts[0] != texts[1] {
			t.Errorf("%s: merged it is\n%s\nwant\n%s", r.name, texts[0], texts[1])
		}
	}
	if merged < 30 {
		t.Errorf("only %d are merged", merged)
	}
}

// What is written of a file is written again the same, and makes the same project.
func TestWhatIsWrittenOfComposeGosFilesLoadsTheSame(t *testing.T) {
	logrus.SetOutput(io.Discard)
	defer logrus.SetOutput(os.Stderr)
	for _, r := range references(t) {
		if !slices.ContainsFunc(misread, func(of string) bool { return strings.Contains(r.name, of) }) {
			t.Run(r.name, func(t *testing.T) { writtenTwice(t, r.options(r.files...)) })
		}
	}
}

// misread are texts of compose-go's tests that it takes for something else.
var misread = []string{
	"merge_links_test.go-0", // a link "service2=alias1" is to a service of that name
	"loader_test.go-56",     // of a service's networks, one that begins with x- is an extension
}

// writtenTwice holds that what is written of the files that o names, if they load,
// says the same as they do.
func writtenTwice(t *testing.T, o Options) {
	t.Helper()
	m := ModelOptions{NoConsistency: true}
	model, err := LoadModel(context.Background(), o, m)
	if err != nil {
		return
	}
	want, wantErr := Load(context.Background(), o)
	for form, write := range map[string]func(*Model) ([]byte, error){"YAML": (*Model).YAML, "JSON": (*Model).JSON} {
		first, err := write(model)
		if err != nil {
			t.Fatal(err)
		}
		again := o
		again.Files, again.Stdin, again.ProjectName = []string{"-"}, bytes.NewReader(first), model.Name()
		model, err := LoadModel(context.Background(), again, m)
		if err != nil {
			t.Errorf("%s\nthe %s does not load: %v", first, form, err)
			continue
		}
		second, err := write(model)
		if err != nil || !bytes.Equal(first, second) {
			t.Errorf("%v\n%s\nis then, in %s,\n%s", err, first, form, second)
		}
		again.Stdin = bytes.NewReader(first)
		got, gotErr := Load(context.Background(), again)
		if (gotErr == nil) != (wantErr == nil) {
			t.Errorf("loaded: %v\nfrom its %s: %v", wantErr, form, gotErr)
		} else if a, b := comparable(want), comparable(got); a != b {
			t.Errorf("the project is\n%s\nand of its %s\n%s", a, form, b)
		}
	}
}

// comparable is a project without what says where it is from.
func comparable(p *project.Project) string {
	if p == nil {
		return ""
	}
	q := *p
	q.Known, q.Builds, q.Services = nil, nil, slices.Clone(p.Services)
	for i := range q.Services {
		q.Services[i].Template.Origin = project.Origin{}
		if q.Services[i].Build != nil {
			b := *q.Services[i].Build
			b.Lacks = nil // which has lines
			q.Services[i].Build = &b
		}
	}
	b, err := json.MarshalIndent(q, "", " ")
	if err != nil {
		return err.Error()
	}
	return string(b)
}
