package buildkit

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/grpcerrors"
	"github.com/opencontainers/go-digest"
	"google.golang.org/grpc/codes"

	"github.com/gocompose/gocompose/project"
)

// Failure is a build that failed by what its sources say.
type Failure struct {
	Service string
	Step    string // "RUN make test"; empty: before any step
	File    string // of the Dockerfile; empty: it has no place
	Line    int
	Source  []SourceLine // the lines around it
	Output  []string     // the last lines that the step printed, unless they were shown
	Cause   string
	Hint    string // what to do next; empty: nothing better than reading the cause
	run     bool   // it is a program of RUN that failed
	err     error
}

// SourceLine is a line of a Dockerfile.
type SourceLine struct {
	Number int
	Text   string
	Failed bool
}

func (f *Failure) Unwrap() error { return f.err }

func (f *Failure) Error() string { return f.Among(nil) }

// Reason is what failed and why, whose image ever it was.
func (f *Failure) Reason() string {
	of := *f
	of.Service = ""
	if f.run { // how to look at it, which is said of one
		of.Hint = ""
	}
	return of.Error()
}

// Among tells of this failure and of those of other services with the same reason.
func (f *Failure) Among(others []error) string {
	var b strings.Builder
	services := []string{f.Service}
	for _, o := range others {
		var f *Failure
		if errors.As(o, &f) {
			services = append(services, f.Service)
		}
	}
	if slices.Sort(services); len(services) > 1 {
		fmt.Fprintf(&b, "building the images of services %s: ", strings.Join(services, ", "))
	} else {
		fmt.Fprintf(&b, "building the image of service %s: ", f.Service)
	}
	if f.File != "" {
		fmt.Fprintf(&b, "%s:%d: ", f.File, f.Line)
	}
	if f.Step != "" {
		fmt.Fprintf(&b, "%s: ", f.Step)
	}
	b.WriteString(f.Cause)
	for _, l := range f.Source {
		mark := " "
		if l.Failed {
			mark = ">"
		}
		fmt.Fprintf(&b, "\n  %s %3d | %s", mark, l.Number, l.Text)
	}
	if len(f.Output) > 0 {
		b.WriteString("\nwhat it printed last:")
		for _, line := range f.Output {
			b.WriteString("\n  " + line)
		}
	}
	if f.Hint != "" {
		b.WriteString("\n" + f.Hint)
	}
	return b.String()
}

// failed is a build that could not begin.
func (r Request) failed(err error) error {
	return &Failure{Service: r.Service, Cause: err.Error(), err: err}
}

// failure puts together what is known of a solve that failed.
func (s *steps) failure(err error) *Failure {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := &Failure{Service: s.request.Service, err: err}
	var at *errdefs.VertexError
	if errors.As(err, &at) {
		f.Step = instruction(s.named[digest.Digest(at.Digest)])
		if !s.request.Progress.shows() {
			f.Output = s.output[digest.Digest(at.Digest)].lines()
		}
	}
	if sources := errdefs.Sources(err); len(sources) > 0 {
		f.from(s.request, sources[len(sources)-1])
	}
	if f.File == "" {
		f.search(s.request)
	}
	f.Cause, f.run = cause(err)
	if said := strings.Join(f.Output, "\n"); strings.Contains(f.Cause, said) {
		f.Output = nil // as git's
	}
	f.Hint = s.hint(f)
	return f
}

// numbered is what stands before an instruction in the name of its step.
const numbered = `^\[[^\]]*\] `

func instruction(name string) string {
	if strings.HasPrefix(name, "[internal]") {
		return ""
	}
	return regexp.MustCompile(numbered).ReplaceAllString(name, "")
}

const around = 2 // lines before and after the instruction that are told too

func (f *Failure) from(r Request, at *errdefs.Source) {
	if at.Info == nil || len(at.Ranges) == 0 || at.Ranges[0].Start == nil {
		return
	}
	f.File, f.Line = r.place(at.Info.Filename), int(at.Ranges[0].Start.Line)
	lines := strings.Split(strings.TrimSuffix(string(at.Info.Data), "\n"), "\n")
	end := f.Line
	for _, p := range at.Ranges {
		end = max(end, int(p.GetEnd().GetLine()))
	}
	for n := max(1, f.Line-around); n <= min(len(lines), end+around); n++ {
		failed := slices.ContainsFunc(at.Ranges, func(p *pb.Range) bool {
			return int(p.GetStart().GetLine()) <= n && n <= max(int(p.GetStart().GetLine()), int(p.GetEnd().GetLine()))
		})
		f.Source = append(f.Source, SourceLine{n, strings.TrimSuffix(lines[n-1], "\r"), failed})
	}
}

// search finds the line of a step that failed before it could say where it stands.
func (f *Failure) search(r Request) {
	text, name := r.dockerfile()
	var at []int32
	for i, line := range strings.Split(string(text), "\n") {
		if f.Step != "" && strings.TrimSpace(line) == f.Step {
			at = append(at, int32(i+1))
		}
	}
	if len(at) == 1 {
		f.from(r, &errdefs.Source{
			Info:   &pb.SourceInfo{Filename: name, Data: text},
			Ranges: []*pb.Range{{Start: &pb.Position{Line: at[0]}, End: &pb.Position{Line: at[0]}}},
		})
	}
}

// dockerfile returns what is built by, where it is on this host, and its last name.
func (r Request) dockerfile() (text []byte, name string) {
	if r.Build.Inline != "" || !filepath.IsAbs(r.Build.Dockerfile) {
		return []byte(r.Build.Inline), "Dockerfile"
	}
	text, _ = os.ReadFile(r.Build.Dockerfile) // without it there is no place to tell
	return text, filepath.Base(r.Build.Dockerfile)
}

// place is where the user finds a Dockerfile that the frontend calls by its last name.
func (r Request) place(name string) string {
	b := r.Build
	switch {
	case b.Inline != "":
		return "dockerfile_inline"
	case !filepath.IsAbs(b.Dockerfile):
		return name
	}
	here, err := os.Getwd()
	if err != nil {
		return b.Dockerfile
	}
	if near, err := filepath.Rel(here, b.Dockerfile); err == nil && !strings.HasPrefix(near, "..") {
		return near
	}
	return b.Dockerfile
}

// noise is what BuildKit was doing when it found out, which is told by the place.
const noise = `^(failed to read (?:downloaded context|dockerfile): failed to load cache key|failed to solve|failed to run Build function|failed to load LLB|failed to load cache key|failed to compute cache key|` +
	`failed to calculate checksum of ref [^ ]+|rpc error: code = \w+ desc =|dockerfile parse error on line \d+|failed to do request|` +
	`failed to create shim task|OCI runtime create failed|runc create failed|unable to start container process|error during container init):? `

const (
	process    = `(?s)^process ".*" did not complete successfully: `
	unresolved = `^(?:[^ ]+: )?failed to resolve source metadata for ([^ ]+): (?:failed to do request: )?`
	notThere   = `^"(.*)": not found$`
	notAllowed = `^(network\.host|security\.insecure) is not allowed$`
	noSecret   = `^secret ([^ ]+): not found$`
	noKey      = `^no SSH key "(.*)" forwarded from the client$`
	noStage    = `^target stage ".*" could not be found`
	stage      = `(?im)^[ \t]*FROM[ \t][^\n]*[ \t]AS[ \t]+([^ \t\r\n]+)`
)

// cause is what was wrong, without what BuildKit was doing when it found out, and
// whether it was a program of RUN.
func cause(err error) (text string, run bool) {
	if grpcerrors.Code(err) == codes.Unavailable {
		return "buildkitd ended before the image was complete: build it again", false
	}
	text = quieter(err.Error())
	if at := regexp.MustCompile(process).FindStringIndex(text); at != nil {
		return strings.Replace(quieter(text[at[1]:]), "exit code: ", "exit code ", 1), true
	}
	return regexp.MustCompile(unresolved).ReplaceAllString(text, "image $1: "), false
}

func quieter(text string) string {
	prefix := regexp.MustCompile(noise)
	for prefix.MatchString(text) {
		text = prefix.ReplaceAllString(text, "")
	}
	return text
}

// hint says what to do next.
func (s *steps) hint(f *Failure) string {
	text := f.Cause
	switch {
	case strings.Contains(strings.Join(f.Output, "\n")+text, "exec format error"):
		return "this host cannot run programs of that platform: install an emulator for it (`apt install qemu-user-static`), or build it on such a host"
	case f.run && s.looked:
		return ""
	case f.run:
		return fmt.Sprintf("for a shell in the container as it was before: gocompose build --debug %s", f.Service)
	case strings.HasPrefix(text, "image "):
		return s.fetching(f)
	}
	if m := regexp.MustCompile(notAllowed).FindStringSubmatch(text); m != nil {
		return fmt.Sprintf("allow it: add %q to build.entitlements", m[1])
	}
	if m := regexp.MustCompile(notThere).FindStringSubmatch(text); m != nil && !strings.Contains(f.Step, "from=") {
		return s.absent(m[1])
	}
	return s.missing(text)
}

// missing says what the files lack that a Dockerfile asks for, or the other way round.
func (s *steps) missing(text string) string {
	b := s.request.Build
	if m := regexp.MustCompile(noSecret).FindStringSubmatch(text); m != nil && !slices.ContainsFunc(b.Secrets, func(s project.BuildSecret) bool { return s.ID == m[1] }) {
		return fmt.Sprintf("build.secrets of the service does not name it: add %s there, and to the top-level secrets", m[1])
	}
	if m := regexp.MustCompile(noKey).FindStringSubmatch(text); m != nil {
		return fmt.Sprintf("build.ssh of the service gives it no key: add %q there", cmp.Or(m[1], "default"))
	}
	if !regexp.MustCompile(noStage).MatchString(text) {
		return ""
	}
	dockerfile, name := s.request.dockerfile()
	var stages []string
	for _, m := range regexp.MustCompile(stage).FindAllSubmatch(dockerfile, -1) {
		stages = append(stages, string(m[1]))
	}
	if len(stages) == 0 {
		return "build.target asks for it: leave that out, or name a stage so (`FROM … AS " + b.Target + "`)"
	}
	return fmt.Sprintf("build.target asks for it; the stages in %s are %s", s.request.place(name), strings.Join(stages, ", "))
}

const syntax = `^(#|//)\s*syntax\s*=`

// fetching says what an image was for that cannot be had.
func (s *steps) fetching(f *Failure) string {
	failed := func(l SourceLine) bool { return l.Failed && regexp.MustCompile(syntax).MatchString(l.Text) }
	switch b := s.request.Build; {
	case slices.ContainsFunc(f.Source, failed):
		return "the line with syntax= asks a registry for a frontend: without it buildkitd's own is used"
	case f.File == "" && b.SBOM != "" && b.SBOM != "false":
		return "build.sbom needs the image of a scanner: name one that can be had (`sbom: generator=IMAGE`), or leave it out"
	case b.Pull:
		return "build.pull asks the registry in any case: without it an image that is here is taken"
	}
	return "it is not here, so its registry was asked"
}

// absent says why a file that is to be copied is not there.
func (s *steps) absent(name string) string {
	folder := s.request.Build.Context
	if !filepath.IsAbs(folder) || strings.Contains(name, "*") {
		return ""
	}
	at := filepath.Join(folder, name)
	if _, err := os.Lstat(at); err != nil {
		return fmt.Sprintf("there is no %s in the context %s", strings.TrimPrefix(name, "/"), folder)
	}
	ignore := s.request.Build.Dockerfile + ".dockerignore"
	if _, err := os.Stat(ignore); err != nil {
		ignore = filepath.Join(folder, ".dockerignore")
	}
	if _, err := os.Stat(ignore); err != nil {
		return ""
	}
	return fmt.Sprintf("%s exists, and %s leaves it out of the context", at, ignore)
}
