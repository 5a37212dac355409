package buildkit

import (
	"strings"
	"sync"

	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"
)

// steps are what was heard of the steps of one build.
type steps struct {
	request Request
	looked  bool  // the user has looked at the failed step, or is about to
	cause   error // what was looked at, once that has ended: how it has ended is another matter

	mu       sync.Mutex
	changed  chan struct{} // closed and made anew with each status
	failed   map[digest.Digest]bool
	named    map[digest.Digest]string
	output   map[digest.Digest]*tail
	warnings []Warning
}

func newSteps(r Request) *steps {
	return &steps{
		request: r, changed: make(chan struct{}),
		failed: map[digest.Digest]bool{}, named: map[digest.Digest]string{}, output: map[digest.Digest]*tail{},
	}
}

func (s *steps) add(status *client.SolveStatus) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() {
		close(s.changed)
		s.changed = make(chan struct{})
	}()
	for _, v := range status.Vertexes {
		s.named[v.Digest] = v.Name
		s.failed[v.Digest] = s.failed[v.Digest] || v.Error != ""
	}
	for _, l := range status.Logs {
		if s.output[l.Vertex] == nil {
			s.output[l.Vertex] = &tail{}
		}
		s.output[l.Vertex].add(l.Data)
	}
	for _, w := range status.Warnings {
		found := Warning{Service: s.request.Service, Text: string(w.Short), URL: w.URL}
		if w.SourceInfo != nil {
			found.File = s.request.place(w.SourceInfo.Filename)
		}
		if len(w.Range) > 0 && w.Range[0].Start != nil {
			found.Line = int(w.Range[0].Start.Line)
		}
		s.warnings = append(s.warnings, found)
	}
}

// heardOf tells whether it is known of a step that it failed, and gives what is closed
// when more is heard.
func (s *steps) heardOf(step string) (failed bool, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed[digest.Digest(step)], s.changed
}

// The end of a step's output that is kept, and told when it fails.
const (
	tailLines = 20
	tailBytes = 4096
)

// tail is the end of what a step printed.
type tail struct{ data []byte }

func (t *tail) add(data []byte) {
	t.data = append(t.data, data...)
	if extra := len(t.data) - 2*tailBytes; extra > 0 {
		t.data = append([]byte(nil), t.data[extra:]...)
	}
}

func (t *tail) lines() []string {
	if t == nil {
		return nil
	}
	data := t.data
	if extra := len(data) - tailBytes; extra > 0 {
		data = data[extra:]
		if _, rest, ok := strings.Cut(string(data), "\n"); ok {
			data = []byte(rest) // the line before it is not whole
		}
	}
	text := strings.TrimRight(string(data), "\r\n")
	if text == "" {
		return nil
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		line = strings.TrimSuffix(line, "\r")
		lines[i] = line[strings.LastIndexByte(line, '\r')+1:] // what a terminal would show
	}
	return lines[max(0, len(lines)-tailLines):]
}
