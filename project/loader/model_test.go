package loader_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sirupsen/logrus"

	"github.com/gocompose/gocompose/project/loader"
)

const modelFile = `
name: shop
services:
  web:
    image: web:${TAG}
    build: .
    restart: always
    depends_on: [app]
    environment: {PRICE: "5$$", FROM: }
    env_file: web.env
  app: {build: ., profiles: [dev, other], networks: [back]}
  zoo: {image: z, volumes: ["data:/d"]}
networks: {back: , spare: }
volumes: {data: }
`

func modelOptions(t *testing.T) loader.Options {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "dir")
	write(t, filepath.Join(dir, "compose.yaml"), modelFile)
	write(t, filepath.Join(dir, "web.env"), "SECRET=from file\n")
	return loader.Options{WorkingDir: dir, Environ: []string{"TAG=7", "FROM=env"}, Profiles: []string{"dev"}}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func loadModel(t *testing.T, o loader.Options, m loader.ModelOptions) *loader.Model {
	t.Helper()
	model, err := loader.LoadModel(context.Background(), o, m)
	if err != nil {
		t.Fatal(err)
	}
	return model
}

func TestTheModelShowsWhatIsNotHonoured(t *testing.T) {
	m := loadModel(t, modelOptions(t), loader.ModelOptions{})
	out, err := m.YAML()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"restart: always", "image: web:7", "PRICE: 5$$", "SECRET: from file", "name: shop"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func TestTheModelLoadsToItself(t *testing.T) {
	o := modelOptions(t)
	first, err := loadModel(t, o, loader.ModelOptions{}).YAML()
	if err != nil {
		t.Fatal(err)
	}
	o.Files, o.Stdin = []string{"-"}, bytes.NewReader(first)
	o.Environ = nil
	second, err := loadModel(t, o, loader.ModelOptions{}).YAML()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Errorf("first\n%s\nthen\n%s", first, second)
	}
}

func TestTheModelAsJSONSaysTheSame(t *testing.T) {
	out, err := loadModel(t, modelOptions(t), loader.ModelOptions{}).JSON()
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Name     string
		Services map[string]struct{ Image string }
	}
	if err := json.Unmarshal(out, &v); err != nil {
		t.Fatal(err)
	}
	if v.Name != "shop" || v.Services["web"].Image != "web:7" {
		t.Errorf("%+v", v)
	}
}

// JSON has what begins with "x-" too, as YAML has; what gocompose reads of it counts
// in the hash.
func TestWhatGocomposeAddsIsInTheModelAsJSONAndInTheHash(t *testing.T) {
	load := func(content string) (*loader.Model, string) {
		o := loader.Options{WorkingDir: t.TempDir(), ProjectName: "shop"}
		write(t, filepath.Join(o.WorkingDir, "compose.yaml"), content)
		m := loadModel(t, o, loader.ModelOptions{NoPathResolution: true})
		out, err := m.JSON()
		if err != nil {
			t.Fatal(err)
		}
		return m, string(out)
	}
	const file = `services: {web: {image: a, x-gocompose: {restart_unhealthy: %}, x-mine: 1}, db: {image: b}}`
	on, out := load(strings.Replace(file, "%", "true", 1))
	if !strings.Contains(out, `"restart_unhealthy": true`) || !strings.Contains(out, `"x-mine": 1`) {
		t.Errorf("JSON is %s", out)
	}
	_, again := load(out)
	if out != again {
		t.Errorf("first\n%s\nthen\n%s", out, again)
	}
	off, _ := load(strings.Replace(file, "%", "false", 1))
	hashes := map[string]bool{}
	for _, m := range []*loader.Model{on, off} {
		h, err := m.Hash("web")
		if err != nil {
			t.Fatal(err)
		}
		hashes[h] = true
	}
	if len(hashes) != 2 {
		t.Error("restart_unhealthy does not change the hash")
	}
}

func TestTheModelsLists(t *testing.T) {
	for _, m := range []loader.ModelOptions{{}, {NoInterpolate: true}} {
		model := loadModel(t, modelOptions(t), m)
		tag, networks := "web:7", []string{"back", "default"}
		services := []string{"app", "web", "zoo"}
		if m.NoInterpolate {
			tag, networks = "web:${TAG}", []string{"back", "default", "spare"}
		}
		for what, pair := range map[string][2][]string{
			"services": {model.Services(), services},
			"networks": {model.Networks(), networks},
			"volumes":  {model.Volumes(), {"data"}},
			"profiles": {model.Profiles(), {"dev", "other"}},
			"images":   {model.Images(), {"shop-app", tag, "z"}},
		} {
			if !reflect.DeepEqual(pair[0], pair[1]) {
				t.Errorf("%+v: %s are %v, want %v", m, what, pair[0], pair[1])
			}
		}
	}
}

func TestNothingIsInterpolatedWhenNotAsked(t *testing.T) {
	out, err := loadModel(t, modelOptions(t), loader.ModelOptions{NoInterpolate: true}).YAML()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(out), "web:${TAG}") || !strings.Contains(string(out), "5$$\n") {
		t.Errorf("interpolated:\n%s", out)
	}
}

func TestVariablesMayStandAnywhereWhenNothingIsInterpolated(t *testing.T) {
	o := loader.Options{WorkingDir: t.TempDir()}
	write(t, filepath.Join(o.WorkingDir, "compose.yaml"), `
services:
  web:
    image: ${IMAGE:?}
    init: ${INIT}
    scale: ${N}
    ports: ["${PORT}:80", "${ALL}"]
    volumes: ["${SRC}:/a:${MODE}", "${V}"]
    environment: ["A=${A}", "${B}"]
    env_file: ${ENV_FILE}
    depends_on: ["${DEP}"]
    deploy: {replicas: "${N}", resources: {limits: {cpus: "${C}", memory: "${M}"}}}
    ulimits: {nofile: "${L}"}
    build: {context: "${CTX}"}
    healthcheck: {interval: "${I}"}
    networks: ["${NET}"]
    extra_hosts: ["${HOSTS}"]
`)
	m := loadModel(t, o, loader.ModelOptions{NoInterpolate: true})
	if _, err := m.JSON(); err != nil {
		t.Fatal(err)
	}
	got, err := loader.Variables(context.Background(), o)
	image := loader.Variable{Name: "IMAGE", Required: true}
	if err != nil || len(got) < 16 || !slices.Contains(got, image) {
		t.Errorf("variables are %v, %v", got, err)
	}
}

func TestPartsOfTheWorkCanBeLeftOut(t *testing.T) {
	o := loader.Options{WorkingDir: t.TempDir()}
	write(t, filepath.Join(o.WorkingDir, "compose.yaml"),
		"services: {web: {image: a, volumes: ['./x:/x'], env_file: missing.env, networks: [undefined]}}\n")
	if _, err := loader.LoadModel(context.Background(), o, loader.ModelOptions{}); err == nil {
		t.Error("what is missing is not noticed")
	}
	m := loadModel(t, o, loader.ModelOptions{
		NoNormalize: true, NoPathResolution: true, NoConsistency: true, NoEnvResolution: true,
	})
	out, err := m.YAML()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"source: ./x", "path: missing.env", "undefined: null"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func TestAHashChangesWithTheServiceOnly(t *testing.T) {
	hash := func(change func(*loader.Options)) string {
		o := modelOptions(t)
		o.WorkingDir = "/nowhere"
		dir := t.TempDir()
		write(t, filepath.Join(dir, "web.env"), "")
		write(t, filepath.Join(dir, "compose.yaml"), modelFile)
		o.WorkingDir = dir
		change(&o)
		h, err := loadModel(t, o, loader.ModelOptions{NoPathResolution: true}).Hash("web")
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	same := hash(func(*loader.Options) {})
	if len(same) != 64 {
		t.Fatalf("hash is %q", same)
	}
	if hash(func(o *loader.Options) { o.Scale = map[string]int{"web": 3} }) != same {
		t.Error("the scale changes the hash")
	}
	if hash(func(o *loader.Options) { o.Environ = []string{"TAG=8", "FROM=env"} }) == same {
		t.Error("the image does not change the hash")
	}
}

func TestTheVariablesOfTheFiles(t *testing.T) {
	o := loader.Options{WorkingDir: t.TempDir()}
	write(t, filepath.Join(o.WorkingDir, "compose.yaml"),
		"services: {web: {image: \"${A:-a}${B:?needed}${C:+c}\"}}\n")
	got, err := loader.Variables(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	want := []loader.Variable{
		{Name: "A", Default: "a"}, {Name: "B", Required: true}, {Name: "C", Alternate: "c"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("variables are %+v, want %+v", got, want)
	}
}

func TestTheEnvironmentHasTheEnvFilesAndTheName(t *testing.T) {
	o := modelOptions(t)
	write(t, filepath.Join(o.WorkingDir, ".env"), "COMPOSE_REMOVE_ORPHANS=1\nTAG=9\n")
	got := strings.Join(loadModel(t, o, loader.ModelOptions{}).Environment(), " ")
	if want := "COMPOSE_PROJECT_NAME=shop COMPOSE_REMOVE_ORPHANS=1 FROM=env PWD=" + o.WorkingDir + " TAG=7"; got != want {
		t.Errorf("environment is %s, want %s", got, want)
	}
	env, err := loader.Environment(context.Background(), o)
	if err != nil || !strings.Contains(strings.Join(env, " "), "COMPOSE_REMOVE_ORPHANS=1") {
		t.Errorf("environment %v, %v", env, err)
	}
}

func TestAProjectNameNeedsAFileOnlyWhenNothingElseTellsIt(t *testing.T) {
	ctx := context.Background()
	empty := loader.Options{WorkingDir: t.TempDir()}
	if _, err := loader.ProjectName(ctx, empty); !errors.Is(err, loader.ErrNoFile) {
		t.Errorf("error is %v, want ErrNoFile", err)
	}
	for want, o := range map[string]loader.Options{
		"flag": {WorkingDir: t.TempDir(), ProjectName: "flag"},
		"env":  {WorkingDir: t.TempDir(), Environ: []string{"COMPOSE_PROJECT_NAME=env"}},
		"shop": modelOptions(t),
	} {
		if got, err := loader.ProjectName(ctx, o); err != nil || got != want {
			t.Errorf("name is %q, %v; want %q", got, err, want)
		}
	}
	if _, err := loader.ProjectName(ctx, loader.Options{WorkingDir: "/", ProjectName: "No"}); err == nil {
		t.Error("an invalid name is accepted")
	}
}

func TestLoadsBesideEachOtherKeepTheirWarningsApart(t *testing.T) {
	var out bytes.Buffer
	logger := logrus.StandardLogger()
	logger.SetOutput(&out)
	defer logger.SetOutput(io.Discard)
	var wait sync.WaitGroup
	for _, name := range []string{"ONE", "TWO", "THREE", "FOUR"} {
		o := loader.Options{WorkingDir: t.TempDir()}
		write(t, filepath.Join(o.WorkingDir, "compose.yaml"), "services: {web: {image: \"a${"+name+"}\"}}\n")
		var warned []string
		o.Warn = func(text string) { warned = append(warned, text) }
		wait.Go(func() {
			if _, err := loader.Load(context.Background(), o); err != nil {
				t.Error(err)
			}
			want := []string{`The "` + name + `" variable is not set. Defaulting to a blank string.`}
			if !reflect.DeepEqual(warned, want) {
				t.Errorf("warned %q, want %q", warned, want)
			}
		})
	}
	wait.Wait()
	if out.Len() > 0 {
		t.Errorf("logged %q", out.String())
	}
}

func TestACancelledLoadStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := loader.Load(ctx, modelOptions(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}
