package buildkit

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"

	"github.com/gocompose/gocompose/project"
)

const text = "FROM scratch\n\nRUN make \\\n  test\nCMD x\n# end\n"

func at(start, end int32) *errdefs.Source {
	return &errdefs.Source{
		Info:   &pb.SourceInfo{Filename: "Dockerfile", Data: []byte(text)},
		Ranges: []*pb.Range{{Start: &pb.Position{Line: start}, End: &pb.Position{Line: end}}},
	}
}

// A step that fails is told with its place, its lines, and what it printed last.
func TestAFailedStep(t *testing.T) {
	s := newSteps(Request{Service: "web", Build: project.Build{Dockerfile: "/srv/web/Dockerfile"}})
	step := digest.FromString("step")
	s.add(&client.SolveStatus{
		Vertexes: []*client.Vertex{{Digest: step, Name: "[build 2/3] RUN make   test"}},
		Logs:     []*client.VertexLog{{Vertex: step, Data: []byte("compiling\r\n10%\r")}, {Vertex: step, Data: []byte("100%\nno rule\n")}, {Vertex: "other", Data: []byte("else\n")}},
	})
	err := errors.New(`failed to solve: process "/bin/sh -c make   test" did not complete successfully: exit code: 2`)
	got := s.failure(errdefs.WithSource(errdefs.WrapVertex(err, step), at(3, 4)))
	same(t, "error", got.Error(), `building the image of service web: /srv/web/Dockerfile:3: RUN make   test: exit code 2
      1 | FROM scratch
      2 | 
  >   3 | RUN make \
  >   4 |   test
      5 | CMD x
      6 | # end
what it printed last:
  compiling
  100%
  no rule
for a shell in the container as it was before: gocompose build --debug web`)
	if !errors.Is(got, err) {
		t.Error("the cause is lost")
	}
}

// Failures are told as one when all is the same but the service.
func TestFailuresOfOneReason(t *testing.T) {
	failure := func(service, line string) *Failure {
		return &Failure{
			Service: service, Step: "RUN make", File: "Dockerfile", Line: 3, Cause: "exit code 2", Output: []string{line},
			Hint: "for a shell in the container as it was before: gocompose build --debug " + service, run: true,
		}
	}
	web, api := failure("web", "no rule"), failure("api", "no rule")
	if web.Reason() != api.Reason() || web.Reason() == failure("api", "no file").Reason() {
		t.Errorf("%q, %q", web.Reason(), api.Reason())
	}
	same(t, "error", web.Among([]error{api}), `building the images of services api, web: Dockerfile:3: RUN make: exit code 2
what it printed last:
  no rule
for a shell in the container as it was before: gocompose build --debug web`)
}

// What the frontend finds has a place and no step.
func TestAWrongDockerfile(t *testing.T) {
	s := newSteps(Request{Service: "web", Build: project.Build{Inline: text}})
	err := errdefs.WithSource(errors.New("failed to solve: dockerfile parse error on line 5: unknown instruction: CMDX"), at(5, 5))
	same(t, "error", s.failure(err).Error(), `building the image of service web: dockerfile_inline:5: unknown instruction: CMDX
      3 | RUN make \
      4 |   test
  >   5 | CMD x
      6 | # end`)
}

// An image that cannot be had is told with what it was for.
func TestAnImageThatCannotBeHad(t *testing.T) {
	lookup := errors.New(`failed to solve: x: failed to resolve source metadata for docker.io/library/x:1: failed to do request: Head "https://registry.example/x": no such host`)
	told := `image docker.io/library/x:1: Head "https://registry.example/x": no such host`
	source := &errdefs.Source{
		Info:   &pb.SourceInfo{Filename: "Dockerfile", Data: []byte("# syntax=x:1\nFROM x:1\n")},
		Ranges: []*pb.Range{{Start: &pb.Position{Line: 1}, End: &pb.Position{Line: 1}}},
	}
	from := &errdefs.Source{Info: source.Info, Ranges: []*pb.Range{{Start: &pb.Position{Line: 2}, End: &pb.Position{Line: 2}}}}
	for want, c := range map[string]struct {
		build project.Build
		err   error
	}{
		"the line with syntax= asks":   {project.Build{}, errdefs.WithSource(lookup, source)},
		"build.sbom needs the image":   {project.Build{SBOM: "true"}, lookup},
		"build.pull asks the registry": {project.Build{Pull: true}, errdefs.WithSource(lookup, from)},
		"it is not here":               {project.Build{SBOM: "true"}, errdefs.WithSource(lookup, from)},
	} {
		f := newSteps(Request{Service: "web", Build: c.build}).failure(c.err)
		if f.Cause != told || !strings.HasPrefix(f.Hint, want) {
			t.Errorf("%q, %q, want %s…", f.Cause, f.Hint, want)
		}
	}
}

// What a Dockerfile asks for and the service does not give is told with the attribute that
// would, and a stage that is not there with those that are.
func TestWhatTheServiceDoesNotGive(t *testing.T) {
	stages := "from scratch as base\nARG V\nFROM --platform=$V base AS two\n# FROM x AS three\n"
	for _, c := range []struct {
		err, want string
		build     project.Build
	}{
		{"secret tok: not found", "build.secrets of the service does not name it: add tok there, and to the top-level secrets", project.Build{}},
		{"secret tok: not found", "", project.Build{Secrets: []project.BuildSecret{{ID: "tok"}}}},
		{`no SSH key "" forwarded from the client`, `build.ssh of the service gives it no key: add "default" there`, project.Build{}},
		{`no SSH key "deploy" forwarded from the client`, `build.ssh of the service gives it no key: add "deploy" there`, project.Build{}},
		{`target stage "tow" could not be found (did you mean two?)`, "build.target asks for it; the stages in dockerfile_inline are base, two", project.Build{Target: "tow", Inline: stages}},
		{`target stage "a" could not be found`, "build.target asks for it: leave that out, or name a stage so (`FROM … AS a`)", project.Build{Target: "a", Inline: "FROM scratch\n"}},
	} {
		got := newSteps(Request{Service: "web", Build: c.build}).failure(errors.New("failed to solve: " + c.err))
		if got.Cause != c.err || got.Hint != c.want {
			t.Errorf("%q\n%q, want\n%q", got.Cause, got.Hint, c.want)
		}
	}
}

// What git has said is told once, without what it was needed for.
func TestWhatGitHasSaidIsToldOnce(t *testing.T) {
	s := newSteps(Request{Service: "web"})
	fetch := digest.FromString("fetch")
	s.add(&client.SolveStatus{
		Vertexes: []*client.Vertex{{Digest: fetch, Name: "[internal] load git source https://x/y.git"}},
		Logs:     []*client.VertexLog{{Vertex: fetch, Data: []byte("fatal: no such host\n")}},
	})
	err := errors.New("failed to solve: failed to read dockerfile: failed to load cache key: failed to fetch remote https://x/y.git: git stderr:\nfatal: no such host\n: exit status 128")
	same(t, "error", s.failure(errdefs.WrapVertex(err, fetch)).Error(),
		"building the image of service web: failed to fetch remote https://x/y.git: git stderr:\nfatal: no such host\n: exit status 128")
}

// A step that cannot say where it stands is found by its words, when they are there once.
func TestAStepIsFoundByItsWords(t *testing.T) {
	fetch := digest.FromString("fetch")
	tell := func(b project.Build) string {
		s := newSteps(Request{Service: "web", Build: b})
		s.add(&client.SolveStatus{Vertexes: []*client.Vertex{{Digest: fetch, Name: "[2/2] ADD http://x /"}}})
		return s.failure(errdefs.WrapVertex(errors.New("failed to solve: failed to load cache key: refused"), fetch)).Error()
	}
	begin := "building the image of service web: "
	same(t, "once", tell(project.Build{Inline: "FROM scratch\nADD http://x /\n"}), begin+`dockerfile_inline:2: ADD http://x /: refused
      1 | FROM scratch
  >   2 | ADD http://x /`)
	same(t, "twice", tell(project.Build{Inline: "ADD http://x /\nADD http://x /\n"}), begin+"ADD http://x /: refused")
	dir := t.TempDir()
	put(t, dir, "D", "ADD http://x /\n")
	same(t, "file", tell(project.Build{Dockerfile: filepath.Join(dir, "D")}), begin+filepath.Join(dir, "D")+":1: ADD http://x /: refused\n  >   1 | ADD http://x /")
	same(t, "no file", tell(project.Build{Dockerfile: filepath.Join(dir, "E")}), begin+"ADD http://x /: refused")
}

// A file that is to be copied is not there, or is left out.
func TestAFileThatIsNotThere(t *testing.T) {
	dir := folder(t)
	s := newSteps(Request{Service: "web", Build: project.Build{Context: dir, Dockerfile: filepath.Join(dir, "Dockerfile")}})
	err := errors.New(`failed to solve: failed to compute cache key: failed to calculate checksum of ref a::b: "/app.js": not found`)
	tell := func() string { return s.failure(err).Error() }
	begin := `building the image of service web: "/app.js": not found` + "\n"
	same(t, "absent", tell(), begin+"there is no app.js in the context "+dir)
	put(t, dir, "app.js", "")
	put(t, dir, ".dockerignore", "*.js\n")
	same(t, "ignored", tell(), begin+filepath.Join(dir, "app.js")+" exists, and "+filepath.Join(dir, ".dockerignore")+" leaves it out of the context")
	put(t, dir, "Dockerfile.dockerignore", "*.js\n")
	same(t, "ignored by the other", tell(), begin+filepath.Join(dir, "app.js")+" exists, and "+filepath.Join(dir, "Dockerfile.dockerignore")+" leaves it out of the context")
	// What comes from elsewhere is not looked for here.
	if hint := s.hint(&Failure{Step: "COPY --from=build /app.js /", Cause: `"/app.js": not found`}); hint != "" {
		t.Errorf("%q of another stage", hint)
	}
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// However much a step prints, what is kept of it is little, and whole lines.
func TestTheEndOfTheOutputIsKept(t *testing.T) {
	var all tail
	for range 10_000 {
		all.add([]byte(strings.Repeat("x", 300) + "\n"))
	}
	if len(all.data) > 2*tailBytes {
		t.Errorf("%d bytes are kept", len(all.data))
	}
	lines := all.lines()
	if len(lines) != tailBytes/301 {
		t.Errorf("%d lines", len(lines))
	}
	for _, l := range lines {
		if len(l) != 300 {
			t.Errorf("a line of %d bytes", len(l))
		}
	}
	var short tail
	short.add([]byte(strings.Repeat("a\n", 50)))
	if n := len(short.lines()); n != tailLines {
		t.Errorf("%d lines", n)
	}
}

// Several builds are one display, where each step says whose it is. A step that two share
// keeps its name.
func TestOneDisplayForSeveralBuilds(t *testing.T) {
	var out bytes.Buffer
	d, err := NewDisplay(context.Background(), &out, "plain", 2)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(0, 0)
	step := func(name string) *client.SolveStatus {
		return &client.SolveStatus{Vertexes: []*client.Vertex{{Digest: digest.FromString(name), Name: name, Started: &now, Completed: &now}}}
	}
	web, api := d.Of("web"), d.Of("api")
	web.tell(step("[internal] load build definition"))
	api.tell(step("[2/3] RUN make"))
	web.tell(step("[2/3] RUN make"))
	api.tell(step("exporting to image"))
	web.warn([]Warning{{File: "Dockerfile", Line: 3, Text: "FromAsCasing: casing"}})
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"[web internal] load build definition\n", "[api 2/3] RUN make\n", "[api] exporting to image\n", "\n 1 warning found:\n - Dockerfile:3: FromAsCasing: casing\n"} {
		if strings.Count(out.String(), want) != 1 {
			t.Errorf("no %q, or several, in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "[web 2/3]") {
		t.Errorf("a shared step is told twice:\n%s", out.String())
	}
	web.tell(step("after")) // which must not hang
}

// One build needs no names, and who asked for none sees nothing.
func TestForms(t *testing.T) {
	now := time.Unix(0, 0)
	for mode, want := range map[string]string{
		"plain":   "#1 [1/1] RUN x\n#1 DONE 0.0s\n",
		"quiet":   "",
		"rawjson": `{"vertexes":[{"digest":"d","name":"[1/1] RUN x","started":"1970-01-01T00:00:00Z","completed":"1970-01-01T00:00:00Z"}]}` + "\n",
		"json":    `{"vertexes":[{"digest":"d","name":"[1/1] RUN x","started":"1970-01-01T00:00:00Z","completed":"1970-01-01T00:00:00Z"}]}` + "\n",
	} {
		var out bytes.Buffer
		d, err := NewDisplay(context.Background(), &out, mode, 1)
		if err != nil {
			t.Fatal(err)
		}
		begin, end := now.UTC(), now.UTC()
		d.Of("web").tell(&client.SolveStatus{Vertexes: []*client.Vertex{{Digest: "d", Name: "[1/1] RUN x", Started: &begin, Completed: &end}}})
		if mode != "plain" {
			d.Of("web").warn([]Warning{{Text: "x"}})
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		same(t, mode, out.String(), want)
	}
	if _, err := NewDisplay(context.Background(), &bytes.Buffer{}, "loud", 1); err == nil {
		t.Error("a form that there is not")
	}
}

// What asks for a terminal has its progress in lines where there is none.
func TestATerminalThatIsNoneIsWrittenTo(t *testing.T) {
	d, err := NewDisplay(t.Context(), &bytes.Buffer{}, "tty", 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}
